//! Files that are checked in and made by a command.

use anyhow::{Context, Result, ensure};
use edgelatch_testkit::shell;
use std::{fs, path::Path};

/// Path from the top of the repository, and content.
pub type File = (String, String);

/// Those that are not what they should be.
pub fn stale(root: &Path, files: &[File]) -> Vec<String> {
    let differs = |(path, text): &&File| fs::read_to_string(root.join(path)).ok().as_ref() != Some(text);
    files.iter().filter(differs).map(|(path, _)| path.clone()).collect()
}

/// Writes what differs, so that build tools see no change where there is none; or, to check, fails if anything does.
pub fn keep(files: &[File], check: bool, command: &str) -> Result<()> {
    let root = shell::root();
    let stale = stale(&root, files);
    ensure!(!check || stale.is_empty(), "not what is generated: {}; run `{command}`", stale.join(", "));
    for (path, text) in files.iter().filter(|(path, _)| stale.contains(path)) {
        let path = root.join(path);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    println!("{} files up to date", files.len());
    Ok(())
}
