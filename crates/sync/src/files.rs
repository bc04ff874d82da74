//! Directories.

use std::fs::{self, File};
use std::path::Path;

use crate::error::Error;

/// Makes `dir` and everything above it.
pub(crate) fn make_dir(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(|e| Error::io(dir, &e))
}

/// Makes renames inside `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        File::open(dir).and_then(|d| d.sync_all()).map_err(|e| Error::io(dir, &e))?;
    }
    Ok(())
}
