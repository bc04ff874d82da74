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

/// What the thread that looks after the files knows.
struct Looks<T> {
    current: Arc<RwLock<Arc<T>>>,
    /// The files when it was made, or was last tried.
    seen: Vec<Stamp>,
    /// Why it could not be made then.
    failed: Option<String>,
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
        // What could not be made is tried again each time: a file whose mode was mended looks the same. Why it cannot be is told once.
        let round = move |looks: &mut Looks<T>| {
            let now = stamps();
            let changed = now != looks.seen;
            if changed || looks.failed.is_some() {
                looks.seen = now;
                let put = |made| *looks.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made);
                let made = make().map(put);
                let error = made.as_ref().err().cloned();
                if changed || error != looks.failed {
                    told(made);
                }
                looks.failed = error;
            }
            pause
        };
        let looks = Looks { current: Arc::clone(&current), seen, failed: None };
        let looks = Background::start(name, looks, round, drop).map_err(|error| error.to_string())?;
        Ok(Watched { current, _looks: looks })
    }

    /// What is in force.
    pub(crate) fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    /// As where a file is there before whoever reads it may: nothing about it changes when its mode does, by which it could be seen.
    #[test]
    fn what_cannot_be_made_is_tried_again_until_it_can_and_told_of_once() {
        let temp = tempfile::NamedTempFile::new().unwrap();
        let (path, attempts, (tell, told)) = (temp.path().to_owned(), AtomicUsize::new(0), mpsc::channel());
        let make = move || match attempts.fetch_add(1, Ordering::SeqCst) {
            number @ (0 | 4..) => Ok(number),
            _ => Err("it may not be read".to_owned()),
        };
        let tell = move |made| tell.send(made).unwrap();
        let watched = Watched::open("test", vec![path.clone()], Duration::from_millis(10), make, tell).unwrap();
        std::fs::write(&path, "another").unwrap();
        let next = || told.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(next(), Err("it may not be read".into()));
        assert_eq!((next(), *watched.current()), (Ok(()), 4));
        // What is in force is left alone.
        assert!(told.recv_timeout(Duration::from_millis(100)).is_err());
        assert_eq!(*watched.current(), 4);
    }
}
