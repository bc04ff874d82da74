//! Signing keys in files that only their owner can read, or in the same text elsewhere.
//!
//! ```text
//! edgelatch signing key 1
//! role publisher
//! realm acme
//! public <43 characters of base64url>
//! seed <43 characters of base64url>
//! ```

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_core::build::SigningKey;
use edgelatch_core::signed::Role;
use edgelatch_registry::{Env, Slug};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::files;
use crate::private::Readers;
use crate::signers::{Signer, Signers};

/// What every key file begins with; the number is the format's.
const FIRST_LINE: &str = "edgelatch signing key 1";
/// Far above the 200 bytes that a key takes.
const MAX_BYTES: u64 = 4096;

/// A signing key from a file, or from the same text elsewhere.
#[derive(Debug)]
pub struct KeyFile {
    name: PathBuf,
    key: SigningKey,
}

/// A new signing key, which is nowhere yet.
#[derive(Debug)]
pub struct NewKey {
    key: SigningKey,
    text: Zeroizing<String>,
}

impl Signer for KeyFile {
    fn name(&self) -> String {
        self.name.display().to_string()
    }

    fn public(&self) -> [u8; 32] {
        self.key.public()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        Ok(self.key.sign(message))
    }
}

impl NewKey {
    /// Draws a key.
    pub fn draw(role: Role, realm: &Slug, env: &Env) -> Result<NewKey, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        env.random(seed.as_mut_slice())?;
        let key = SigningKey::from_seed(&seed);
        let public = public_text(&key.public());
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(*seed));
        let (role, secret) = (role.name(), secret.as_str());
        let text = format!("{FIRST_LINE}\nrole {role}\nrealm {realm}\npublic {public}\nseed {secret}\n");
        Ok(NewKey { key, text: Zeroizing::new(text) })
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.key.public()
    }

    /// Writes its file, which must not exist.
    pub fn save(self, path: &Path) -> Result<KeyFile, Error> {
        write_new(path, &self.text)?;
        Ok(KeyFile { name: path.into(), key: self.key })
    }
}

/// A public key as key files, drafts and commands write it: 43 characters of base64url.
pub fn public_text(key: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// Reads a public key.
pub fn read_public(text: &str) -> Option<[u8; 32]> {
    bytes(text).map(|bytes| *bytes)
}

/// Makes a signing key and its file, which must not exist.
pub fn create(path: &Path, role: Role, realm: &Slug, env: &Env) -> Result<KeyFile, Error> {
    NewKey::draw(role, realm, env)?.save(path)
}

/// The mode by which others may read a key's file, if they may: also of one that was just made, where its file system keeps no modes.
pub fn exposed(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().and_then(|meta| forbidden(&meta, Readers::Owner))
}

#[cfg(unix)]
fn forbidden(meta: &fs::Metadata, readers: Readers) -> Option<u32> {
    let mode = std::os::unix::fs::MetadataExt::mode(meta) & 0o777;
    (mode & readers.forbidden() != 0).then_some(mode)
}

#[cfg(not(unix))]
fn forbidden(_: &fs::Metadata, _: Readers) -> Option<u32> {
    None
}

/// Puts a key that lies in the file `from` into the new file `to`, where nobody else can read it. It must be of `role` and `realm`. Where it comes
/// from, `readers` may read it.
pub fn place(from: &Path, to: &Path, role: Role, realm: &Slug, readers: Readers) -> Result<KeyFile, Error> {
    let text = read(from, role, readers)?;
    let key = parse(from, &text, role, realm)?;
    write_new(to, &text)?;
    Ok(KeyFile { name: to.into(), ..key })
}

/// Writes a key's new file, whole or not at all: what a crash or a full disk cut off would stop whoever loads the keys beside it. It is written
/// beside its name, where only its owner can read it, and goes away again where anything fails.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    let (dir, failed) = (files::parent(path), |error: &io::Error| Error::io(path, error));
    let mut aside = tempfile::Builder::new().prefix(".key-").tempfile_in(dir).map_err(|e| failed(&e))?;
    aside.write_all(text.as_bytes()).and_then(|()| aside.as_file().sync_all()).map_err(|e| failed(&e))?;
    aside.persist_noclobber(path).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => Error::KeyExists { path: path.into() },
        _ => failed(&error.error),
    })?;
    // Before a root names the key, it must be sure to be found again.
    files::sync_dir(dir)
}

/// Loads the signing key of `role` and `realm`; one that others may read, of another role or realm, or damaged is refused.
pub fn load(path: &Path, role: Role, realm: &Slug) -> Result<KeyFile, Error> {
    load_for(path, role, realm, Readers::Owner)
}

/// The same of one that `readers` may read.
pub fn load_for(path: &Path, role: Role, realm: &Slug, readers: Readers) -> Result<KeyFile, Error> {
    parse(path, &read(path, role, readers)?, role, realm)
}

/// The text of a key file.
fn read(path: &Path, role: Role, readers: Readers) -> Result<Zeroizing<String>, Error> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::KeyMissing { path: path.into(), role: role.name() },
        _ => Error::io(path, &error),
    })?;
    // Asked of the open file: the path may name another one a moment later.
    let meta = file.metadata().map_err(|e| Error::io(path, &e))?;
    let corrupt = |reason| Error::KeyCorrupt { path: path.into(), reason };
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return Err(corrupt("it is no small file"));
    }
    if let Some(mode) = forbidden(&meta, readers) {
        return Err(Error::KeyExposed { path: path.into(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES as usize));
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(|_| corrupt("it cannot be read as text"))?;
    Ok(text)
}

/// The realm that a key's text names, if it is one.
pub(crate) fn realm_of(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("realm "))
}

/// Reads a key's text. `name` says where it comes from.
pub fn parse(name: &Path, text: &str, role: Role, realm: &Slug) -> Result<KeyFile, Error> {
    let path = name;
    let corrupt = |reason| Error::KeyCorrupt { path: path.into(), reason };
    let fields = Fields::read(text).map_err(corrupt)?;
    if (fields.role, fields.realm) != (role.name(), realm.as_str()) {
        let name = |role: &str, realm: &str| format!("role {role}, realm {realm}");
        let (found, wanted) = (name(fields.role, fields.realm), name(role.name(), realm.as_str()));
        return Err(Error::KeyForeign { path: path.into(), found, wanted });
    }
    let key = SigningKey::from_seed(&*bytes(fields.seed).ok_or_else(|| corrupt("its seed is not 32 bytes of base64url"))?);
    let public = bytes(fields.public).ok_or_else(|| corrupt("its public key is not 32 bytes of base64url"))?;
    if key.public() != *public {
        return Err(corrupt("seed and public key do not belong together"));
    }
    Ok(KeyFile { name: path.into(), key })
}

/// Loads `path`, such as `publisher.key`, and every key beside it whose name goes on after a hyphen, such as
/// `publisher-2.key`: where a root wants several to sign, or while one takes over from another. The first may be missing where others are, but
/// one of them must be there. One that others than `readers` may read is refused.
pub fn load_all(path: &Path, role: Role, realm: &Slug, readers: Readers) -> Result<Signers, Error> {
    let mut all: Vec<Box<dyn Signer>> = Vec::new();
    for path in paths(path)? {
        all.push(Box::new(load_for(&path, role, realm, readers)?));
    }
    if all.is_empty() { Err(Error::KeyMissing { path: path.into(), role: role.name() }) } else { Ok(Signers::new(all)) }
}

/// `path`, and every key file beside it, of which there may be none.
pub(crate) fn paths(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let dir = files::parent(path);
    let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let beside = |name: &str| name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('-') && rest.ends_with(".key"));
    let mut paths = Vec::new();
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(paths),
        entries => entries.map_err(|e| Error::io(dir, &e))?,
    };
    for entry in entries {
        let entry = entry.map_err(|e| Error::io(dir, &e))?;
        paths.extend(entry.file_name().to_str().filter(|name| beside(name)).map(|name| dir.join(name)));
    }
    paths.sort_unstable();
    // One that cannot be looked at is there: whoever loads it says why.
    if !matches!(path.try_exists(), Ok(false)) {
        paths.insert(0, path.into());
    }
    Ok(paths)
}

/// The values of a key file's lines.
struct Fields<'a> {
    role: &'a str,
    realm: &'a str,
    public: &'a str,
    seed: &'a str,
}

impl<'a> Fields<'a> {
    fn read(text: &'a str) -> Result<Self, &'static str> {
        let mut lines = text.strip_suffix('\n').ok_or("its end is missing")?.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err("its first line is another");
        }
        let mut field = |name| lines.next().and_then(|line| line.strip_prefix(name)).ok_or("a line is missing or another");
        let fields =
            Fields { role: field("role ")?, realm: field("realm ")?, public: field("public ")?, seed: field("seed ")? };
        if lines.next().is_some() { Err("lines follow its end") } else { Ok(fields) }
    }
}

/// The 32 bytes that 43 characters of base64url stand for.
fn bytes(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut out = Zeroizing::new([0; 32]);
    let length = URL_SAFE_NO_PAD.decode_slice_unchecked(text.get(..43)?, out.as_mut_slice()).ok()?;
    (length == 32 && text.len() == 43).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> (tempfile::TempDir, std::path::PathBuf, Slug, Env) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("publisher.key");
        (dir, path, "acme".parse().unwrap(), Env::system())
    }

    #[test]
    fn comes_back_as_it_was_made() {
        let (_dir, path, realm, env) = setup();
        let made = create(&path, Role::Publisher, &realm, &env).unwrap();
        assert_eq!(load(&path, Role::Publisher, &realm).unwrap().public(), made.public());
        assert_eq!(create(&path, Role::Publisher, &realm, &env).unwrap_err().code(), "key_exists");
        assert_eq!(load(&path, Role::Publisher, &realm).unwrap().public(), made.public());
    }

    #[test]
    fn another_role_or_realm_is_refused() {
        let (_dir, path, realm, env) = setup();
        create(&path, Role::Root, &realm, &env).unwrap();
        assert_eq!(load(&path, Role::Publisher, &realm).unwrap_err().code(), "key_foreign");
        assert_eq!(load(&path, Role::Root, &"other".parse().unwrap()).unwrap_err().code(), "key_foreign");
        assert_eq!(load(&path.with_extension("none"), Role::Root, &realm).unwrap_err().code(), "key_missing");
        assert!(load(path.parent().unwrap(), Role::Root, &realm).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn one_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let (_dir, path, realm, env) = setup();
        create(&path, Role::Publisher, &realm, &env).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for (mode, sound) in [(0o640, false), (0o604, false), (0o620, false), (0o400, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let loaded = load(&path, Role::Publisher, &realm);
            assert_eq!(loaded.map_err(|e| e.code()).err(), (!sound).then_some("key_exposed"), "{mode:o}");
        }
        // Where somebody says that it is the group's too, as in a volume that is mounted for one.
        for (mode, sound) in [(0o440, true), (0o640, true), (0o660, true), (0o644, false), (0o661, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let loaded = load_all(&path, Role::Publisher, &realm, Readers::Group);
            assert_eq!(loaded.map_err(|e| e.code()).err(), (!sound).then_some("key_exposed"), "{mode:o}");
        }
        // On a stick that keeps no modes: who puts it into place takes it from there, and where it lies then it is private.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let to = path.with_file_name("placed.key");
        let placed = |readers| place(&path, &to, Role::Publisher, &realm, readers).map_err(|e| e.code());
        assert_eq!((exposed(&path), placed(Readers::Owner).err()), (Some(0o755), Some("key_exposed")));
        let key = placed(Readers::Medium).unwrap().public();
        assert_eq!((exposed(&to), load(&to, Role::Publisher, &realm).unwrap().public()), (None, key));
    }

    #[test]
    fn every_damage_is_refused() {
        let (dir, path, realm, env) = setup();
        create(&path, Role::Publisher, &realm, &env).unwrap();
        let whole = fs::read(&path).unwrap();
        let damaged = dir.path().join("damaged.key");
        let refused = |bytes: &[u8], what: String| {
            let _ = fs::remove_file(&damaged);
            fs::write(&damaged, bytes).unwrap();
            #[cfg(unix)]
            fs::set_permissions(&damaged, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            let error = load(&damaged, Role::Publisher, &realm).err();
            assert!(error.is_some(), "{what}");
            let said = error.map(|e| e.to_string()).unwrap_or_default();
            assert!(!said.contains(&String::from_utf8_lossy(&whole[whole.len() - 20..whole.len() - 1])[..]), "{said}");
        };
        for cut in 0..whole.len() {
            refused(&whole[..cut], format!("cut at {cut}"));
        }
        for i in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[i] ^= 1 << bit;
                refused(&bytes, format!("bit {bit} of {i}"));
            }
        }
        refused(&[&whole[..], b"x\n"].concat(), "a line too many".into());
        refused(&[0u8; 5000], "too long".into());
    }
}
