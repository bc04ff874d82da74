//! Directories and locks.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::Error;

/// Makes `dir` and everything above it.
pub(crate) fn make_dir(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(|e| Error::io(dir, &e))
}

/// The same, such that only the owner changes what lies in `dir`, however careless the umask is.
pub(crate) fn own_dir(dir: &Path) -> Result<(), Error> {
    made(dir, 0o755)
}

/// The same, such that nobody else may look into `dir`: for signing keys.
pub(crate) fn private_dir(dir: &Path) -> Result<(), Error> {
    made(dir, 0o700)
}

fn made(dir: &Path, _mode: u32) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, _mode);
    builder.create(dir).map_err(|e| Error::io(dir, &e))
}

/// The directory that `path` lies in.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes renames inside `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        File::open(dir).and_then(|d| d.sync_all()).map_err(|e| Error::io(dir, &e))?;
    }
    Ok(())
}

/// Between two attempts to take a lock that another process holds.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Takes the lock `path`, waiting for it up to `wait`. It is released when the file closes, also when the process dies.
pub(crate) fn lock(path: &Path, wait: Duration) -> Result<File, Error> {
    let mut options = File::options();
    options.create(true).append(true);
    // Whoever may open it may hold it, and so stop all publishing.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    own_dir(parent(path))?;
    let file = options.open(path).map_err(|e| Error::io(path, &e))?;
    let end = Instant::now() + wait;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(Error::io(path, &error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => return Err(Error::PublisherBusy { path: path.into() }),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
        }
    }
}
