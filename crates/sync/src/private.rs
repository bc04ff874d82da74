//! What nobody else may read or change: signing keys, the registry, and the directories that they lie in. Looked at once, before anything is
//! published.

use std::path::{Path, PathBuf};

use edgelatch_registry::Slug;

use crate::data_dir::DataDir;
use crate::error::Error;

/// Whose the files of the control plane are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readers {
    /// Their owner's alone.
    #[default]
    Owner,
    /// Their group's too, as where volumes and secrets are mounted for a user who owns none of it and could not change their modes.
    Group,
    /// Whoever can read the medium: a stick whose file system keeps no modes.
    Medium,
}

impl Readers {
    /// Permissions that nobody may have on a file with secrets.
    pub(crate) fn forbidden(self) -> u32 {
        match self {
            Readers::Owner => 0o077,
            Readers::Group => 0o007,
            Readers::Medium => 0,
        }
    }

    /// Permissions that nobody may have on a directory.
    fn forbidden_in(self) -> u32 {
        match self {
            Readers::Owner => 0o022,
            Readers::Group => 0o002,
            Readers::Medium => 0,
        }
    }
}

/// In a directory with this bit, nobody removes or renames what is another's: as where secrets are mounted.
const STICKY: u32 = 0o1000;

/// A file or directory, what others may not do with it, and the command that sees to that for the owner alone, and with the group.
type Rule = (PathBuf, &'static str, [&'static str; 2]);

impl DataDir {
    /// Refuses a data directory in which others may read the registry, or may put files of their own in the place of ours. `database` is the
    /// registry's file, if it is one.
    pub fn check_private(&self, realm: &Slug, database: Option<&Path>, readers: Readers) -> Result<(), Error> {
        const FILE: [&str; 2] = ["600", "o="];
        let dirs = [self.path().to_path_buf(), self.keys(), self.other_keys(realm), self.locks()];
        let mut rules: Vec<Rule> = dirs.into_iter().map(|dir| (dir, "change what lies in it", ["go-w", "o-w"])).collect();
        rules.push((self.lock(realm), "hold it, and so stop all publishing", FILE));
        for (file, suffix) in database.into_iter().flat_map(|file| ["", "-wal", "-shm"].map(|suffix| (file, suffix))) {
            let mut file = file.as_os_str().to_owned();
            file.push(suffix);
            rules.push((file.into(), "read or change it", FILE));
        }
        rules.into_iter().try_for_each(|rule| check(rule, readers))
    }
}

#[cfg(unix)]
fn check((path, what, [alone, grouped]): Rule, readers: Readers) -> Result<(), Error> {
    // What is missing is told of by whoever needs it.
    let Ok(meta) = std::fs::metadata(&path) else { return Ok(()) };
    let mode = std::os::unix::fs::MetadataExt::mode(&meta) & 0o7777;
    let forbidden = match meta.is_dir() {
        true if mode & STICKY != 0 => 0,
        true => readers.forbidden_in(),
        false => readers.forbidden(),
    };
    let mend = if readers == Readers::Group { grouped } else { alone };
    if mode & forbidden == 0 { Ok(()) } else { Err(Error::Exposed { path, mode, what, mend }) }
}

#[cfg(not(unix))]
fn check(_: Rule, _: Readers) -> Result<(), Error> {
    Ok(())
}
