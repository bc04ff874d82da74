//! Work that is done again only when what it depends on has changed.

use anyhow::{Context, Result};
use edgelatch_testkit::shell::{self, root};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a piece of work reads and makes, as paths from the top of the repository.
pub struct Work {
    /// Name of its stamp.
    pub name: &'static str,
    /// What is done with the inputs, in a few words: raised when that changes, so that old outputs are not taken for new ones.
    pub recipe: &'static str,
    /// Files and directories that it reads.
    pub inputs: &'static [&'static str],
    /// Made by it; without them it is repeated whatever the stamp says.
    pub outputs: &'static [&'static str],
}

impl Work {
    /// Does it unless the inputs are those of the last success and the outputs exist. Says whether it was done.
    pub fn update(&self, force: bool, work: impl FnOnce() -> Result<()>) -> Result<bool> {
        let stamp = shell::scratch("stamps")?.join(self.name);
        let print = fingerprint(self.recipe, self.inputs)?;
        let whole = self.outputs.iter().all(|output| root().join(output).exists());
        if !force && whole && fs::read_to_string(&stamp).is_ok_and(|old| old == print) {
            return Ok(false);
        }
        let _ = fs::remove_file(&stamp);
        work()?;
        fs::write(&stamp, print)?;
        Ok(true)
    }
}

/// Digest of a recipe and of all files below some paths: equal digest, equal output.
pub fn fingerprint(recipe: &str, paths: &[&str]) -> Result<String> {
    let mut files = Vec::new();
    for path in paths {
        collect(&root().join(path), &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    hash.update(recipe);
    for file in files {
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(root()).unwrap_or(&file).to_string_lossy().into_owned();
        hash.update(format!("\n{name} {}\n", bytes.len()));
        hash.update(bytes);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_path_buf());
    } else if path.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_name() != "target" && entry.file_name() != "node_modules" {
                collect(&entry.path(), files)?;
            }
        }
    }
    Ok(())
}
