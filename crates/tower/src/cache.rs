//! Keeps what serves in a file, and begins with what is there. The core proves every byte of it again.
//!
//! ```text
//! file   := "ELTK", u32 head_len, u32 first_root, u32 roots, u32 objects, u32 root_len[roots], (u32 place, u32 length)[objects],
//!           head, root[roots], object[objects]
//! ```
//! All numbers are little-endian.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use edgelatch_core::edge::Offer;
use edgelatch_core::error::Error as CoreError;
use edgelatch_core::limits::{MAX_BUNDLE_BYTES, MAX_ROOT_CHAIN};
use edgelatch_core::tree::Place;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until};

use crate::follow::{Pace, Updater};
use crate::verifier::Shared;
use edgelatch_http::Error;

const MAGIC: &[u8; 4] = b"ELTK";
/// Bytes before the lengths.
const FIXED: usize = 20;
/// Bytes of the file beside the objects: far more than head, roots and rows have.
const FRAME: u64 = 64 << 20;
/// Between two writes; a write that takes long is followed by ten times its duration, so that a tenth of the time is spent on it at most.
const WRITE_PAUSE: Duration = Duration::from_secs(1);
const SHARE: u32 = 10;
/// Until a head that only renews the time of the same tree is worth a write.
const RENEWAL_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause after writes that failed.
const MAX_PAUSE: Duration = Duration::from_secs(300);

/// The end of a file's name until it takes its place.
const UNFINISHED: &str = "unfinished";
/// After so long an unfinished file is one that a process left behind.
const ABANDONED: Duration = Duration::from_secs(3600);

/// What was written: the number of its tree, and its epoch.
type Mark = (u32, u64);

/// Keeps what serves.
pub(crate) struct Keeper {
    directory: PathBuf,
    file: PathBuf,
    kept: Option<Mark>,
    /// When the next write may be.
    next: Instant,
    written: Instant,
    /// Whether there is something to write.
    wants: bool,
    writing: Option<(Mark, Instant, JoinHandle<io::Result<()>>)>,
    failures: u32,
}

impl Keeper {
    pub(crate) fn new(directory: PathBuf, shared: &Shared) -> Self {
        // What a lazy edge keeps is a part only, and must not take the place of what others keep.
        let file = directory.join(format!("{}.{}edge", shared.realm(), if shared.is_lazy() { "lazy." } else { "" }));
        let now = Instant::now();
        Keeper { directory, file, kept: None, next: now, written: now, wants: false, writing: None, failures: 0 }
    }

    fn trouble(&self, code: &'static str, detail: &dyn std::fmt::Display) -> Error {
        Error::Cache { code, detail: format!("{}: {detail}", self.file.display()) }
    }

    /// Takes up what was kept. Whether it serves; what is wrong with it is reported.
    pub(crate) async fn resume(&mut self, updater: &mut Updater) -> bool {
        let file = self.file.clone();
        let read = spawn_blocking(move || read(&file)).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let taken = match read {
            Ok(None) => return false,
            Ok(Some(bytes)) => take_up(&bytes, updater).await.map_err(|error| match error {
                None => self.trouble("content", &"not what an edge has kept, or damaged"),
                Some(error) => self.trouble("refused", &error),
            }),
            Err(error) => Err(self.trouble("unreachable", &error)),
        };
        match taken {
            Ok(()) => {
                self.kept = mark(updater.shared());
                true
            }
            Err(error) => {
                updater.shared().report(&error);
                false
            }
        }
    }

    /// Looks whether something else serves than what is kept.
    pub(crate) fn note(&mut self, shared: &Shared) {
        let serves = mark(shared);
        let other = serves.is_some() && serves != self.kept;
        let renewed = serves.map(|(tree, _)| tree) == self.kept.map(|(tree, _)| tree);
        self.wants = other && (!renewed || self.written.elapsed() >= RENEWAL_PAUSE);
    }

    /// Resolves when there is something to write, and it may be written. Whoever stops to wait may wait again.
    pub(crate) async fn turn(&mut self, shared: &Shared) {
        if let Some((mark, begun, handle)) = &mut self.writing {
            let done = handle.await.unwrap_or_else(|error| Err(io::Error::other(error)));
            let (mark, took) = (*mark, begun.elapsed());
            (self.writing, self.written) = (None, Instant::now());
            let pause = match done {
                Ok(()) => {
                    (self.failures, self.kept) = (0, Some(mark));
                    WRITE_PAUSE.max(took.saturating_mul(SHARE))
                }
                Err(error) => {
                    shared.report(&self.trouble("unreachable", &error));
                    self.failures = self.failures.saturating_add(1);
                    WRITE_PAUSE.saturating_mul(1u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(MAX_PAUSE)
                }
            };
            self.next = self.written + pause;
            self.note(shared);
        }
        if !self.wants {
            return std::future::pending().await;
        }
        sleep_until(self.next).await;
    }

    /// Begins to write what serves. To be awaited to its end: nothing changes until it is copied.
    pub(crate) async fn write(&mut self, updater: &Updater) {
        self.wants = false;
        let Some(mark) = mark(updater.shared()) else { return };
        let Some(bytes) = packed(updater).await else { return };
        let (directory, file) = (self.directory.clone(), self.file.clone());
        self.writing = Some((mark, Instant::now(), spawn_blocking(move || write(&directory, &file, &bytes))));
    }
}

fn mark(shared: &Shared) -> Option<Mark> {
    let edge = shared.read().ok()?;
    edge.head().map(|head| (edge.generation(), head.epoch))
}

/// The content of the file; `None` where there is none.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let most = MAX_BUNDLE_BYTES + FRAME;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than anything that an edge keeps"));
    }
    Ok(Some(bytes))
}

/// Replaces the file as a whole: a process that dies while it writes leaves the one before.
fn write(directory: &Path, file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut made = fs::DirBuilder::new();
    made.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut made, 0o700);
    made.create(directory)?;
    tidy(directory, file)?;
    // Another process may write beside this one.
    let unfinished = file.with_extension(format!("edge.{:016x}.{UNFINISHED}", getrandom::u64().map_err(io::Error::other)?));
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = (|| {
        let mut handle = options.open(&unfinished)?;
        handle.write_all(bytes)?;
        handle.sync_all()?;
        fs::rename(&unfinished, file)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    // The new name of the file is safe with this. Where directories cannot be opened, it is as safe as it gets.
    File::open(directory).map_or(Ok(()), |directory| directory.sync_all())
}

/// Removes what processes left behind that died while they wrote.
fn tidy(directory: &Path, file: &Path) -> io::Result<()> {
    let begins = file.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let unfinished =
            name.as_encoded_bytes().strip_prefix(&begins[..]).is_some_and(|rest| rest.ends_with(UNFINISHED.as_bytes()));
        let age = entry.metadata().and_then(|found| found.modified()).ok().and_then(|at| at.elapsed().ok());
        if unfinished && age.is_some_and(|age| age > ABANDONED) {
            // Another process may have been quicker.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// What serves, as the file holds it; `None` where it cannot be told.
async fn packed(updater: &Updater) -> Option<Vec<u8>> {
    let (head, first, roots) = updater.signed();
    let (mut rows, mut objects, mut pace) = (Vec::new(), Vec::new(), Pace::new());
    for group in 0.. {
        let copied = {
            let edge = updater.shared().read().ok()?;
            let Some(group) = edge.groups().nth(group) else { break };
            let before = objects.len();
            for (place, slot, bytes) in group.objects() {
                rows.push((place, slot.length));
                objects.extend_from_slice(bytes);
            }
            objects.len() - before
        };
        pace.spent(copied).await;
    }
    let count = |length: usize| u32::try_from(length).ok();
    let mut file = MAGIC.to_vec();
    let numbers = [count(head.len())?, first, count(roots.len())?, count(rows.len())?];
    let lengths = roots.iter().map(|root| count(root.len())).collect::<Option<Vec<u32>>>()?;
    let places = rows.iter().flat_map(|(place, length)| [place.number(), *length]);
    file.extend(numbers.into_iter().chain(lengths).chain(places).flat_map(u32::to_le_bytes));
    file.extend_from_slice(head);
    roots.iter().for_each(|root| file.extend_from_slice(root));
    file.append(&mut objects);
    Some(file)
}

/// Serves what a file holds. The error is the core's; `None` for what is no such file.
async fn take_up(file: &[u8], updater: &mut Updater) -> Result<(), Option<Error>> {
    let kept = Kept::read(file).ok_or(None)?;
    for (place, root) in kept.roots.iter().enumerate() {
        let version = kept.first_root.saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
        // The root that a newer program is deployed with may be one of them.
        if version > updater.shared().read()?.root_version() {
            updater.add_root(version, root.to_vec())?;
        }
    }
    if !matches!(updater.offer(kept.head)?, Offer::TreeNeeded { .. }) {
        return Err(Some(CoreError::Superseded.into()));
    }
    let (mut candidate, mut pace) = (updater.begin(kept.head)?, Pace::new());
    while let Some(need) = candidate.staged.need(Place::Top) {
        let object = kept.objects.get(&need.place).ok_or(None)?;
        candidate.staged.supply(need.place, object.to_vec()).map_err(Error::Update)?;
        pace.spent(object.len()).await;
    }
    updater.commit(candidate)?;
    if updater.shared().is_lazy() {
        // What it held of the rest, as far as its budget goes.
        for (place, object) in kept.objects.iter().filter(|(place, _)| place.is_leaf()) {
            updater.shared().write()?.supply(*place, object.to_vec()).map_err(Error::Update)?;
            pace.spent(object.len()).await;
        }
    }
    Ok(())
}

/// A file that was read.
struct Kept<'a> {
    head: &'a [u8],
    first_root: u32,
    roots: Vec<&'a [u8]>,
    objects: HashMap<Place, &'a [u8]>,
}

impl<'a> Kept<'a> {
    fn read(file: &'a [u8]) -> Option<Self> {
        let mut rest = file.strip_prefix(MAGIC)?;
        let mut take = |length: usize| {
            let (taken, after) = rest.split_at_checked(length)?;
            rest = after;
            Some(taken)
        };
        let number = |bytes: &[u8]| Some(u32::from_le_bytes(bytes.first_chunk().copied()?));
        let size = |number: u32| usize::try_from(number).ok();
        let [head, first_root, roots, objects] = take(FIXED - MAGIC.len())?.as_chunks::<4>().0 else { return None };
        let [head, first_root, roots, objects] = [head, first_root, roots, objects].map(|word| u32::from_le_bytes(*word));
        let (roots, objects) = (size(roots).filter(|roots| *roots <= MAX_ROOT_CHAIN)?, size(objects)?);
        let lengths: Vec<u32> = take(4 * roots)?.chunks(4).map(number).collect::<Option<_>>()?;
        let rows: Vec<u32> = take(objects.checked_mul(8)?)?.chunks(4).map(number).collect::<Option<_>>()?;
        let head = take(size(head)?)?;
        let roots = lengths.into_iter().map(|length| take(size(length)?)).collect::<Option<_>>()?;
        let (rows, _) = rows.as_chunks::<2>();
        let object = |[place, length]: &[u32; 2]| Some((Place::of_number(*place)?, take(size(*length)?)?));
        let objects = rows.iter().map(object).collect::<Option<_>>()?;
        rest.is_empty().then_some(Kept { head, first_root, roots, objects })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_what_was_left_behind_goes() {
        let temp = tempfile::tempdir().unwrap();
        let directory = temp.path().join("a/b");
        let file = directory.join("acme.edge");
        assert!(read(&file).unwrap().is_none());
        write(&directory, &file, b"one").unwrap();
        let left =
            ["acme.edge.1.unfinished", "acme.edge.2.unfinished", "other.edge.1.unfinished"].map(|name| directory.join(name));
        left.iter().for_each(|path| fs::write(path, b"half").unwrap());
        let old = SystemTime::now() - ABANDONED - Duration::from_secs(60);
        for path in [&left[0], &left[2]] {
            File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
        }
        write(&directory, &file, b"two").unwrap();
        assert_eq!(read(&file).unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(left.map(|path| path.exists()), [false, true, true]);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 3);
        // Where nothing can be written, what was there before stays.
        assert!(write(&directory, &directory.join("no/such/acme.edge"), b"x").is_err());
    }

    #[test]
    fn what_no_edge_has_kept_is_not_read() {
        let words =
            |words: &[u32]| [&MAGIC[..], &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>()].concat();
        assert!(Kept::read(&words(&[0, 0, 0, 0])).is_some());
        for file in [
            Vec::new(),
            MAGIC.to_vec(),
            words(&[1, 0, 0, 0]),
            words(&[0, 0, 1, 0]),
            words(&[0, 0, 65, 0]),
            words(&[0, 0, u32::MAX, 0]),
            words(&[0, 0, 0, 1]),
            words(&[0, 0, 0, u32::MAX]),
            words(&[0, 0, 1, 0, u32::MAX]),
            words(&[0, 0, 0, 0, 7]),
            words(&[0, 0, 0, 1, 0, 1]),
        ] {
            assert!(Kept::read(&file).is_none(), "{file:?}");
        }
    }
}
