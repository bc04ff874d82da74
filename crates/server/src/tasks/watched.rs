//! What is made of files that may change while the server runs: made anew when they did. What cannot be made then is told of, and what was made
//! before goes on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use super::background::Background;

/// By what it is seen that a file has changed. Its inode tells where time and length do not, as after a file was put in its place.
type Stamp = Option<(u64, Option<SystemTime>, u64)>;

fn stamp(path: &Path) -> Stamp {
    let found = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&found);
    #[cfg(not(unix))]
    let inode = 0;
    Some((found.len(), found.modified().ok(), inode))
}

/// What was made last, and the thread that looks after it.
pub(crate) struct Watched<T> {
    current: Arc<RwLock<Arc<T>>>,
    _looks: Background,
}

impl<T: Send + Sync + 'static> Watched<T> {
    /// Makes it; an error says what is wrong with the files. From then on they are looked at after each pause, on a thread of that name, and
    /// `told` whether what they hold by then is in force.
    pub(crate) fn open(
        name: &str,
        files: Vec<PathBuf>,
        pause: Duration,
        make: impl Fn() -> Result<T, String> + Send + 'static,
        told: impl Fn(Result<(), String>) + Send + 'static,
    ) -> Result<Watched<T>, String> {
        let stamps = move || files.iter().map(|path| stamp(path)).collect::<Vec<_>>();
        // Taken before the files are read: whatever is written meanwhile is another one.
        let seen = stamps();
        let current = Arc::new(RwLock::new(Arc::new(make()?)));
        let round = move |(current, seen): &mut (Arc<RwLock<Arc<T>>>, Vec<Stamp>)| {
            let now = stamps();
            if now != *seen {
                *seen = now;
                told(make().map(|made| *current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made)));
            }
            pause
        };
        let looks = Background::start(name, (Arc::clone(&current), seen), round, drop).map_err(|error| error.to_string())?;
        Ok(Watched { current, _looks: looks })
    }

    /// What is in force.
    pub(crate) fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}
