//! Signing keys on their way into a backup, and out of it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use edgelatch_registry::{BackupFile, Slug};
use zeroize::Zeroizing;

use crate::data_dir::DataDir;
use crate::error::Error;
use crate::files;
use crate::key_file::write_new;

/// What the names of key files in a backup begin with.
const KEYS: &str = "keys";
/// Below it lie those of realms beside the first one.
const REALMS: &str = "r";

/// Every key file of a control plane, by its path in the data directory.
pub fn read_keys(dir: &DataDir) -> Result<Vec<BackupFile>, Error> {
    let mut all = Vec::new();
    read_dir(&dir.keys(), KEYS, &mut all)?;
    let realms = dir.keys().join(REALMS);
    for name in names(&realms)? {
        read_dir(&realms.join(&name), &format!("{KEYS}/{REALMS}/{name}"), &mut all)?;
    }
    Ok(all)
}

/// The names of what lies in a directory, sorted; none where it is not there.
fn names(dir: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Error::io(dir, &error))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(|error| Error::io(dir, &error))?.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

fn read_dir(dir: &Path, name: &str, all: &mut Vec<BackupFile>) -> Result<(), Error> {
    for file in names(dir)?.into_iter().filter(|file| file.ends_with(".key")) {
        let path = dir.join(&file);
        let content = fs::read_to_string(&path).map_err(|error| Error::io(&path, &error))?;
        all.push(BackupFile { name: format!("{name}/{file}"), content: Zeroizing::new(content) });
    }
    Ok(())
}

/// Puts key files from a backup where they belong, all or none. Those that lie there already stay, and none of them may be another one. Returns
/// those that were written, for [`take_back_keys`].
pub fn put_keys(dir: &DataDir, keys: &[BackupFile]) -> Result<Vec<PathBuf>, Error> {
    let mut new = Vec::new();
    for BackupFile { name, content } in keys {
        let path = place(dir, name).ok_or_else(|| Error::KeyName { name: name.clone() })?;
        match fs::read_to_string(&path).map(Zeroizing::new) {
            Ok(found) if found == *content => {}
            Ok(_) => return Err(Error::KeyExists { path }),
            Err(error) if error.kind() == ErrorKind::NotFound => new.push((path, content)),
            Err(error) => return Err(Error::io(&path, &error)),
        }
    }
    let mut written = Vec::new();
    for (path, content) in new {
        let put = dir.make().and_then(|()| files::private_dir(files::parent(&path))).and_then(|()| write_new(&path, content));
        put.inspect_err(|_| {
            remove_empty(dir, &path);
            take_back_keys(dir, &written);
        })?;
        written.push(path);
    }
    Ok(written)
}

/// Removes key files that were put there, where the rest of the backup could not be restored, and directories that are empty then.
pub fn take_back_keys(dir: &DataDir, written: &[PathBuf]) {
    for path in written {
        // The backup has them still; a repeat finds those that stay, and goes on.
        let _ = fs::remove_file(path);
    }
    written.iter().for_each(|path| remove_empty(dir, path));
}

/// Removes the directories of a key file that hold nothing.
fn remove_empty(dir: &DataDir, path: &Path) {
    let keys = dir.keys();
    for parent in path.ancestors().skip(1).take_while(|parent| parent.starts_with(&keys)) {
        let _ = fs::remove_dir(parent);
    }
}

/// Where a key file of this name belongs; none for a name that leads elsewhere.
fn place(dir: &DataDir, name: &str) -> Option<PathBuf> {
    let parts: Vec<&str> = name.split('/').collect();
    let is_key = |file: &str| {
        file.strip_suffix(".key").is_some_and(|stem| stem.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)))
    };
    match parts[..] {
        [KEYS, file] if is_key(file) => Some(dir.keys().join(file)),
        [KEYS, REALMS, realm, file] if is_key(file) => Some(dir.other_keys(&realm.parse::<Slug>().ok()?).join(file)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_and_never_lie_elsewhere() {
        let temp = tempfile::tempdir().unwrap();
        let (from, to) = (DataDir::new(temp.path().join("a")), DataDir::new(temp.path().join("b")));
        for (path, text) in [("keys/root.key", "1"), ("keys/publisher-2.key", "2"), ("keys/r/other/publisher.key", "3")] {
            let path = from.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::write(from.path().join("keys/notes.txt"), "no key").unwrap();
        let keys = read_keys(&from).unwrap();
        let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(names, ["keys/publisher-2.key", "keys/root.key", "keys/r/other/publisher.key"]);
        let written = put_keys(&to, &keys).unwrap();
        assert_eq!((written.len(), put_keys(&to, &keys).unwrap().len()), (3, 0));
        // Whatever was there before stays, when they are taken back.
        take_back_keys(&to, &written[1..]);
        assert_eq!(fs::read_dir(to.keys()).unwrap().count(), 1);
        assert_eq!(put_keys(&to, &keys).unwrap().len(), 2);
        assert_eq!(fs::read_to_string(to.path().join("keys/r/other/publisher.key")).unwrap(), "3");
        #[cfg(unix)]
        {
            let mode = |path: &str| std::os::unix::fs::MetadataExt::mode(&fs::metadata(to.path().join(path)).unwrap()) & 0o777;
            assert_eq!(["keys/root.key", "keys", "keys/r", "keys/r/other"].map(mode), [0o600, 0o700, 0o700, 0o700]);
        }
        fs::write(to.path().join("keys/root.key"), "another").unwrap();
        assert_eq!(put_keys(&to, &keys).unwrap_err().code(), "key_exists");
        for name in ["root.key", "keys/../x.key", "/keys/x.key", "keys/.key/x", "keys/r/../x.key", "keys/r/A B/x.key", "keys/x"]
        {
            let key = BackupFile { name: name.into(), content: String::new().into() };
            assert_eq!(put_keys(&to, &[key]).unwrap_err().code(), "key_name", "{name}");
        }
    }
}
