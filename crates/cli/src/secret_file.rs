//! A file that takes a secret: made before the secret is, and gone unless the secret's key was made.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use edgelatch_registry::Error;

use crate::failure::{Failure, Result};

/// A new file that only its owner can read. It is removed again unless [`SecretFile::keep`] is called.
pub(crate) struct SecretFile {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl SecretFile {
    /// Makes the file, which must not exist.
    pub(crate) fn create(path: &Path) -> Result<SecretFile> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Failure::usage(format!("{}: exists already, and nothing was changed: name a new file", path.display()))
            }
            _ => Failure::file(path, &error),
        })?;
        Ok(SecretFile { path: path.into(), file, kept: false })
    }

    /// Writes the secret and a newline, in place of one that was written before, to stay after a power cut.
    pub(crate) fn put(&mut self, secret: &str) -> Result<(), Error> {
        let mut write = || {
            self.file.rewind()?;
            self.file.set_len(0)?;
            writeln!(self.file, "{secret}")?;
            self.file.sync_all()?;
            let dir = self.path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
        };
        write().map_err(|error| Error::Unwritable { path: self.path.clone(), detail: error.to_string() })
    }

    /// What becomes of the file when the change failed: it goes, unless nobody knows whether the change was committed. Then
    /// the secret may be a key's, so the file stays, and the failure says so.
    pub(crate) fn after(file: Option<SecretFile>, failure: Failure) -> Failure {
        match file {
            Some(file) if failure.is_commit_unknown() => {
                let path = file.keep();
                failure.and(format!("{} holds the secret, should it be a key's", path.display()))
            }
            _ => failure,
        }
    }

    /// Lets the file stay.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.kept = true;
        std::mem::take(&mut self.path)
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        if !self.kept {
            // Best effort: what it holds never became a key.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
