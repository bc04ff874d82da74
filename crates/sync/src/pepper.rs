//! The secrets of peppers, in files that only their owner can read, or in a text such as an environment variable holds.
//!
//! ```text
//! keys/pepper-3f9a01bc.key      16 to 64 bytes in base64url: 22 to 86 characters, and perhaps a line end
//! ```
//! The name says the id, which follows from the secret: so a file that was damaged, or is another one's, is known for what it is. The text is what edges
//! are given, as it stands.

use std::fmt;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_core::key::{Pepper, PepperId};
use edgelatch_core::signed::Role;
use edgelatch_registry::{Env, Slug};
use zeroize::Zeroizing;

use crate::data_dir::DataDir;
use crate::error::Error;
use crate::files;
use crate::key_file::write_new;
use crate::private::Readers;

/// Bytes of a pepper that is drawn: as many as an HMAC of SHA-256 can be strong.
const DRAWN: usize = 32;
/// Far above the 87 bytes that a pepper's file takes.
const MAX_BYTES: u64 = 4096;

/// Where to find the peppers of a realm. `Debug` shows no text.
#[derive(Clone)]
pub struct PepperSource {
    realm: Slug,
    dir: PathBuf,
    readers: Readers,
    /// Texts of peppers, of whatever realm, and where they come from.
    text: Option<(PathBuf, Arc<Zeroizing<String>>)>,
}

impl fmt::Debug for PepperSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.as_ref().map(|(name, _)| name);
        f.debug_struct("PepperSource")
            .field("realm", &self.realm)
            .field("dir", &self.dir)
            .field("text", &text)
            .finish_non_exhaustive()
    }
}

impl PepperSource {
    /// Beside the realm's signing keys.
    pub fn new(dir: &DataDir, realm: &Slug, readers: Readers) -> PepperSource {
        let dir = files::parent(&dir.key_of(realm, Role::Publisher)).to_path_buf();
        PepperSource { realm: realm.clone(), dir, readers, text: None }
    }

    /// And in a text, which holds peppers between commas or blanks; `name` says where that comes from.
    pub fn and_text(self, name: &str, text: Arc<Zeroizing<String>>) -> PepperSource {
        PepperSource { text: Some((name.into(), text)), ..self }
    }

    /// The file of a pepper.
    pub fn path(&self, pepper: PepperId) -> PathBuf {
        self.dir.join(format!("pepper-{pepper}.key"))
    }

    /// The pepper of this id, and where it is.
    pub fn find(&self, wanted: PepperId) -> Result<(Pepper, PathBuf), Error> {
        if let Some((name, text)) = &self.text {
            for text in text.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|text| !text.is_empty()) {
                let (pepper, _) = parse(name, text)?;
                if pepper.id() == wanted {
                    return Ok((pepper, name.clone()));
                }
            }
        }
        let path = self.path(wanted);
        let (pepper, _) = match read(&path, self.readers)? {
            Some(text) => parse(&path, &text)?,
            None => return Err(Error::PepperMissing { pepper: wanted.to_string(), realm: self.realm.to_string(), path }),
        };
        if pepper.id() == wanted {
            return Ok((pepper, path));
        }
        Err(Error::PepperCorrupt { path, reason: "it holds another pepper than its name says" })
    }

    /// Draws a pepper and keeps it in a file, which must not exist.
    pub fn draw(&self, env: &Env) -> Result<(PepperId, PathBuf), Error> {
        let mut secret = Zeroizing::new([0; DRAWN]);
        env.random(secret.as_mut_slice())?;
        self.keep(&*secret)
    }

    /// Puts a pepper that lies in the file `from` where the realm's peppers are, unless it is there already.
    pub fn import(&self, from: &Path) -> Result<(PepperId, PathBuf), Error> {
        let text = read(from, self.readers)?.ok_or_else(|| Error::io(from, &ErrorKind::NotFound.into()))?;
        let (pepper, secret) = parse(from, &text)?;
        match self.find(pepper.id()) {
            Ok((_, path)) => Ok((pepper.id(), path)),
            Err(Error::PepperMissing { .. }) => self.keep(&secret),
            Err(error) => Err(error),
        }
    }

    /// Removes the file of a pepper, if there is one.
    pub fn remove(&self, pepper: PepperId) -> Result<(), Error> {
        let path = self.path(pepper);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|error| Error::io(&path, &error)).and_then(|()| files::sync_dir(&self.dir)),
        }
    }

    fn keep(&self, secret: &[u8]) -> Result<(PepperId, PathBuf), Error> {
        let id = Pepper::new(secret).map(|pepper| pepper.id()).ok_or_else(|| corrupt(&self.dir, LENGTH))?;
        files::own_dir(&self.dir)?;
        let mut text = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret));
        text.push('\n');
        let path = self.path(id);
        write_new(&path, &text)?;
        Ok((id, path))
    }
}

const LENGTH: &str = "it is not 16 to 64 bytes of base64url";

fn corrupt(path: &Path, reason: &'static str) -> Error {
    Error::PepperCorrupt { path: path.into(), reason }
}

/// Reads a pepper's text. `name` says where it comes from.
fn parse(name: &Path, text: &str) -> Result<(Pepper, Zeroizing<Vec<u8>>), Error> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let secret = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).map_err(|_| corrupt(name, LENGTH))?);
    let pepper = Pepper::new(&secret).ok_or_else(|| corrupt(name, LENGTH))?;
    Ok((pepper, secret))
}

/// The text of a pepper's file; none where there is no file.
fn read(path: &Path, readers: Readers) -> Result<Option<Zeroizing<String>>, Error> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| Error::io(path, &error))?,
    };
    // Asked of the open file: the path may name another one a moment later.
    let meta = file.metadata().map_err(|error| Error::io(path, &error))?;
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return Err(corrupt(path, "it is no small file"));
    }
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::MetadataExt::mode(&meta) & 0o777;
        if mode & readers.forbidden() != 0 {
            let [what, mend] = ["read the pepper", if readers == Readers::Group { "o=" } else { "600" }];
            return Err(Error::Exposed { path: path.into(), mode, what, mend });
        }
    }
    let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES as usize));
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(|_| corrupt(path, "it cannot be read as text"))?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> (tempfile::TempDir, PepperSource) {
        let temp = tempfile::tempdir().unwrap();
        let source = PepperSource::new(&DataDir::new(temp.path().join("data")), &"acme".parse().unwrap(), Readers::Owner);
        (temp, source)
    }

    fn code<T>(result: Result<T, Error>) -> &'static str {
        result.err().map_or("fine", |error| error.code())
    }

    #[test]
    fn comes_back_as_it_was_made() {
        let (temp, source) = source();
        let (id, path) = source.draw(&Env::system()).unwrap();
        assert_eq!((source.find(id).unwrap().0.id(), &path), (id, &source.path(id)));
        let other = PepperSource::new(&DataDir::new(temp.path().join("other")), &"acme".parse().unwrap(), Readers::Owner);
        assert_eq!(code(other.find(id)), "pepper_missing");
        assert_eq!(other.import(&path).unwrap(), (id, other.path(id)));
        assert_eq!(other.import(&path).unwrap(), (id, other.path(id)));
        assert_eq!(fs::read(&path).unwrap(), fs::read(other.path(id)).unwrap());
        other.remove(id).unwrap();
        other.remove(id).unwrap();
        assert_eq!(code(other.find(id)), "pepper_missing");
        // The same from the environment, among others.
        let text = format!("{}, {}\n", URL_SAFE_NO_PAD.encode([7; 16]), fs::read_to_string(&path).unwrap().trim());
        let other = other.and_text("EDGELATCH_PEPPER", Arc::new(Zeroizing::new(text)));
        assert_eq!(other.find(id).unwrap().0.id(), id);
    }

    #[cfg(unix)]
    #[test]
    fn one_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let (_temp, source) = source();
        let (id, path) = source.draw(&Env::system()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let group = PepperSource { readers: Readers::Group, ..source.clone() };
        for (mode, alone, grouped) in
            [(0o640, "exposed", "fine"), (0o604, "exposed", "exposed"), (0o400, "fine", "fine"), (0o440, "exposed", "fine")]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!((code(source.find(id)), code(group.find(id))), (alone, grouped), "{mode:o}");
        }
    }

    #[test]
    fn every_damage_is_told_and_no_secret() {
        let (temp, source) = source();
        let (id, path) = source.draw(&Env::system()).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        let own_mode = |path: &Path| {
            #[cfg(unix)]
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        };
        let (mut damaged, canary) = (Vec::new(), &whole[2..20]);
        for at in 0..whole.len() - 1 {
            damaged.push(whole[..at].to_owned());
            let other = if &whole[at..=at] == "A" { "B" } else { "A" };
            damaged.push([&whole[..at], other, &whole[at + 1..]].concat());
        }
        damaged.extend([
            format!("{whole}\n"),
            format!(" {whole}"),
            format!("{whole}{whole}"),
            "=".repeat(43),
            "A".repeat(87),
            whole.repeat(100),
        ]);
        for text in damaged {
            fs::write(&path, &text).unwrap();
            let error = source.find(id).unwrap_err();
            assert_eq!(error.code(), "pepper_corrupt", "{text:?}");
            let said = format!("{error} {error:?}");
            assert!(!said.contains(canary), "{said}");
        }
        let from = temp.path().join("short");
        for short in [0, 1, 15, 65] {
            fs::write(&from, URL_SAFE_NO_PAD.encode(vec![7; short])).unwrap();
            own_mode(&from);
            assert_eq!(code(source.import(&from)), "pepper_corrupt", "{short}");
        }
        let text = Arc::new(Zeroizing::new(format!("{canary} not base64!")));
        let source = source.and_text("EDGELATCH_PEPPER", text);
        let error = source.find(id).unwrap_err();
        assert_eq!(error.code(), "pepper_corrupt");
        assert!(error.to_string().contains("EDGELATCH_PEPPER") && !format!("{error:?}").contains(canary), "{error:?}");
        assert!(!format!("{source:?}").contains(canary));
    }
}
