//! A directory as target: what a static web server or `edgelatch serve` hands out. The names of [`Item`]s are paths in it.
//!
//! Files are written aside, in `.edgelatch/tmp`, and renamed into place: each is whole or absent, also after a power cut.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use edgelatch_core::tree::ObjectId;
use tempfile::NamedTempFile;

use crate::error::Error;
use crate::files;
use crate::layout::Item;
use crate::target::Target;

/// Where files lie that must survive a power cut, below the realm's directory.
const DIRS: [&str; 3] = ["objects", "root", ""];

/// A directory that holds one realm's published files.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
    /// Which of [`DIRS`] files may have been renamed into since it was last seen to that they stay. To wait for the disk is most of
    /// the time between a change and its edges.
    unsettled: Arc<Mutex<[bool; DIRS.len()]>>,
}

impl Directory {
    /// The directory at `path`, made when first published to.
    pub fn new(path: impl Into<PathBuf>) -> Directory {
        Directory { path: path.into(), unsettled: Arc::new(Mutex::new([true; DIRS.len()])) }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, item: Item) -> PathBuf {
        self.path.join(item.to_string())
    }

    /// Where files are written before they are renamed into place.
    fn aside(&self) -> PathBuf {
        self.path.join(".edgelatch").join("tmp")
    }

    /// A file aside, by a name that no other writer has, be it of another machine: none may write into a file that is about to be renamed. It goes again
    /// where it is not renamed.
    fn temporary(&self) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        // For everybody to read whom the umask lets, as web servers that hand it out.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(self.aside())
    }

    fn unsettle(&self, dirs: [bool; DIRS.len()]) {
        let mut unsettled = self.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
        unsettled.iter_mut().zip(dirs).for_each(|(one, written)| *one |= written);
    }

    /// What is in `dir`, a directory of ours, under the name of an object: path and name. Other names are not ours.
    fn named(&self, dir: &Path) -> Result<Vec<(PathBuf, ObjectId)>, Error> {
        let fail = |error: io::Error| Error::io(dir, &error);
        let mut all = Vec::new();
        for entry in found(fs::read_dir(dir)).map_err(fail)?.into_iter().flatten() {
            let entry = entry.map_err(fail)?;
            if let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
                all.push((entry.path(), id));
            }
        }
        Ok(all)
    }
}

fn length(path: &Path) -> Result<u64, Error> {
    fs::metadata(path).map(|meta| meta.len()).map_err(|error| Error::io(path, &error))
}

impl Target for Directory {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn read(&self, item: Item) -> Result<Option<Vec<u8>>, Error> {
        let path = self.file(item);
        let read = || {
            let (mut file, mut bytes) = (File::open(&path)?, Vec::new());
            let length = file.metadata()?.len();
            if length <= item.limit() {
                bytes.reserve(usize::try_from(length).unwrap_or(0));
                Read::by_ref(&mut file).take(item.limit()).read_to_end(&mut bytes)?;
            }
            Ok(bytes)
        };
        found(read()).map_err(|e| Error::io(&path, &e))
    }

    fn has(&self, item: Item) -> Result<bool, Error> {
        let path = self.file(item);
        path.try_exists().map_err(|e| Error::io(&path, &e))
    }

    fn prepare(&self) -> Result<(), Error> {
        let aside = self.aside();
        found(fs::remove_dir_all(&aside)).map_err(|e| Error::io(&aside, &e))?;
        DIRS.map(|dir| self.path.join(dir)).iter().chain([&aside]).try_for_each(|dir| files::make_dir(dir))
    }

    fn write(&self, item: Item, bytes: &[u8]) -> Result<(), Error> {
        let path = self.file(item);
        self.unsettle([
            matches!(item, Item::Object(_)),
            matches!(item, Item::Root(_)),
            matches!(item, Item::Head | Item::Bundle),
        ]);
        let write = || -> io::Result<()> {
            let mut file = self.temporary()?;
            file.write_all(bytes)?;
            if item.is_patch() {
                // Made anew with each tree, and nothing rests on it: not worth waiting for the disk.
                fs::create_dir_all(files::parent(&path))?;
            } else {
                file.as_file().sync_all()?;
            }
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|e| Error::io(&path, &e))
    }

    fn settle(&self) -> Result<(), Error> {
        let unsettled = std::mem::take(&mut *self.unsettled.lock().unwrap_or_else(PoisonError::into_inner));
        let settled = DIRS
            .iter()
            .zip(unsettled)
            .filter(|(_, unsettled)| *unsettled)
            .try_for_each(|(dir, _)| files::sync_dir(&self.path.join(dir)));
        settled.inspect_err(|_| self.unsettle(unsettled))
    }

    fn list(&self) -> Result<Vec<(Item, u64)>, Error> {
        // Whoever put them there may have died before they were there to stay.
        self.unsettle([true; DIRS.len()]);
        let mut all = Vec::new();
        for (path, id) in self.named(&self.path.join("objects"))? {
            all.push((Item::Object(id), length(&path)?));
        }
        for (dir, to) in self.named(&self.path.join("patch"))? {
            for (path, from) in self.named(&dir)? {
                all.push((Item::Patch { to, from }, length(&path)?));
            }
        }
        Ok(all)
    }

    fn remove(&self, item: Item) -> Result<(), Error> {
        let path = self.file(item);
        fs::remove_file(&path).map_err(|e| Error::io(&path, &e))?;
        if item.is_patch() {
            // Goes with the last of its patches; until then it is not empty, and stays.
            let _ = fs::remove_dir(files::parent(&path));
        }
        Ok(())
    }
}

/// `None` for what is not there.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}
