//! Whether there is room where files lie, and whether it can be written to.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::probe::{Found, Probe};
use super::seen::Seen;
use crate::limits::{DISK_FULL, DISK_LOW, FILES_FULL, HEALTH_DEADLINE, PROBE_BYTES, WRITES_LOOK};

/// A directory that must have room.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// What lies there, as figures call it.
    pub(super) name: &'static str,
    pub(super) path: PathBuf,
    /// Whether this node writes there.
    pub(super) writes: bool,
}

/// What the system says of a disk.
#[derive(Clone, Copy, Debug)]
struct Room {
    total: u64,
    free: u64,
    /// Files that can still be made; none where the disk has no bound of its own.
    files: Option<u64>,
}

/// The place `disk`: it has one trouble, the worst of all directories'.
pub(super) fn probe(places: Vec<Place>, seen: Seen) -> Probe {
    let look = move || {
        let found: Vec<Found> = places.iter().map(|place| look(place, &seen)).collect();
        let worst = found.iter().find(|found| matches!(found, Found::Failing(..))).or_else(|| {
            let warned = |found: &&Found| matches!(found, Found::Warning(..));
            found.iter().find(warned)
        });
        vec![("disk".into(), worst.cloned().unwrap_or(Found::Fine))]
    };
    Probe { place: "disk", pause: WRITES_LOOK, deadline: HEALTH_DEADLINE, look: Box::new(look) }
}

fn look(place: &Place, seen: &Seen) -> Found {
    let shown = place.path.display();
    let room = match room(&place.path) {
        Ok(room) => room,
        Err(error) => return Found::Failing("unreadable", format!("{shown}: {error}: check that it is there, and mounted")),
    };
    if let Some(room) = room {
        seen.note(|sight| {
            sight.free.insert(place.name, room.free);
        });
        // Without room, a write may still go well this time.
        match judge(room, &place.path) {
            Found::Fine => {}
            found => return found,
        }
    }
    match place.writes.then(|| write(&place.path)).transpose() {
        Ok(_) => Found::Fine,
        Err(error) => Found::Failing("unwritable", format!("{shown}: {error}: check its owner, mode, mount and quota")),
    }
}

fn judge(room: Room, path: &Path) -> Found {
    let (shown, megabytes) = (path.display(), room.free >> 20);
    let mend = "remove what is not needed there, or give it a larger disk";
    match room {
        // A small disk that is there for this alone is not full because it is small.
        Room { free, total, .. } if free < DISK_FULL.min(total / 20) => {
            Found::Failing("full", format!("{shown}: {megabytes} MB are free: {mend}"))
        }
        Room { files: Some(files), .. } if files < FILES_FULL => {
            Found::Failing("full", format!("{shown}: {files} more files can be made: {mend}"))
        }
        Room { free, total, .. } if free < DISK_LOW.min(total / 10) => {
            Found::Warning("nearly_full", format!("{shown}: {megabytes} MB are free: {mend}"))
        }
        _ => Found::Fine,
    }
}

/// The file that is written to see whether files can be.
const PROBE: &str = ".edgelatch-probe";

/// Writes a block and removes it. Nothing but a write tells that a quota is used up, or that the disk went read-only after an error.
fn write(dir: &Path) -> io::Result<()> {
    let path = dir.join(PROBE);
    // What a process left that died in between, or put there to be written through. A new file follows no link.
    gone(fs::remove_file(&path))?;
    let mut file = match File::create_new(&path) {
        // Another node does the same there just now.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        file => file?,
    };
    let written = file.write_all(&[0; PROBE_BYTES]).and_then(|()| file.sync_all());
    written.and(gone(fs::remove_file(&path)))
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

#[cfg(unix)]
fn room(path: &Path) -> io::Result<Option<Room>> {
    let found = rustix::fs::statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    let files = (found.f_files > 0).then_some(found.f_favail);
    Ok(Some(Room { total: bytes(found.f_blocks), free: bytes(found.f_bavail), files }))
}

#[cfg(not(unix))]
fn room(path: &Path) -> io::Result<Option<Room>> {
    fs::metadata(path).map(|_| None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(total: u64, free: u64, files: Option<u64>) -> &'static str {
        match judge(Room { total, free, files }, Path::new("/x")) {
            Found::Fine => "fine",
            Found::Warning(code, _) | Found::Failing(code, _) => code,
        }
    }

    #[test]
    fn a_disk_is_full_by_its_size_and_by_what_is_free() {
        let (mega, giga) = (1_u64 << 20, 1_u64 << 30);
        for (total, free, files, says) in [
            (100 * giga, 50 * giga, Some(1_000_000), "fine"),
            (100 * giga, giga - 1, Some(1_000_000), "nearly_full"),
            (100 * giga, 100 * mega - 1, Some(1_000_000), "full"),
            (100 * giga, 50 * giga, Some(999), "full"),
            (100 * giga, 50 * giga, None, "fine"),
            // A small one, as a container's.
            (64 * mega, 60 * mega, None, "fine"),
            (64 * mega, 6 * mega, None, "nearly_full"),
            (64 * mega, 3 * mega, None, "full"),
            (0, 0, None, "fine"),
        ] {
            assert_eq!(code(total, free, files), says, "{free} of {total}, {files:?}");
        }
    }

    #[test]
    fn where_nothing_can_be_written_is_trouble_only_for_who_writes() {
        let temp = tempfile::tempdir().unwrap();
        let gone = temp.path().join("gone");
        let place = |path: &Path, writes| Place { name: "published", path: path.into(), writes };
        assert_eq!(look(&place(temp.path(), true), &Seen::default()), Found::Fine);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
        assert!(matches!(look(&place(&gone, false), &Seen::default()), Found::Failing("unreadable", _)));
        // What a dead process left is in nobody's way, and a link leads nowhere.
        let other = temp.path().join("other");
        fs::write(&other, b"kept").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&other, temp.path().join(PROBE)).unwrap();
        assert_eq!(look(&place(temp.path(), true), &Seen::default()), Found::Fine);
        assert_eq!(fs::read(&other).unwrap(), b"kept");
        // In the way of the file that is written, whoever runs this test.
        fs::create_dir(temp.path().join(PROBE)).unwrap();
        assert!(matches!(look(&place(temp.path(), true), &Seen::default()), Found::Failing("unwritable", _)));
        assert_eq!(look(&place(temp.path(), false), &Seen::default()), Found::Fine);
    }
}
