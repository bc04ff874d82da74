//! What takes long to make is kept in `target/bench` for later runs, as long as they would make the same.

use crate::fresh::fingerprint;
use anyhow::{Context, Result};
use edgelatch_testkit::shell;
use std::{fs, path::PathBuf};

/// Where something made of so many keys is, or is to be made. What was made of other inputs (files and directories, as paths from the top of the
/// repository) is removed.
pub fn place(kind: &str, keys: u64, inputs: &[&str]) -> Result<PathBuf> {
    let dir = shell::target().join("bench").join(kind);
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let print = fingerprint(kind, inputs)?;
    let (own, any) = (format!("{keys}-{}", &print[..16]), format!("{keys}-"));
    for entry in fs::read_dir(&dir)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&any) && !name.starts_with(&own) {
            fs::remove_dir_all(dir.join(&*name))?;
        }
    }
    Ok(dir.join(own))
}
