//! Where the signing keys of a role come from: files, a text such as an environment variable holds, and programs.

use std::path::PathBuf;
use std::sync::Arc;

use edgelatch_core::signed::Role;
use edgelatch_registry::Slug;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::key_file;
use crate::private::Readers;
use crate::signer_command::SignerCommand;
use crate::signers::{Signer, Signers};

/// Where to find the keys of one role of a realm.
#[derive(Clone)]
pub struct KeySource {
    /// The role.
    pub role: Role,
    /// The realm.
    pub realm: Slug,
    /// The first key file, such as `publisher.key`; others lie beside it.
    pub path: PathBuf,
    /// Further key files.
    pub files: Vec<PathBuf>,
    /// Who may read key files.
    pub readers: Readers,
    /// The text of a key file, and where it comes from. That of another realm is left alone.
    pub text: Option<(PathBuf, Arc<Zeroizing<String>>)>,
    /// Programs that sign.
    pub commands: Vec<SignerCommand>,
}

impl KeySource {
    /// All keys that are there, which may be none. One that cannot be had is an error.
    pub fn find(&self) -> Result<Signers, Error> {
        let (found, failed) = self.gather();
        failed.into_iter().next().map_or(Ok(found), Err)
    }

    /// The keys that can be had, of which there must be one, and why others cannot: whoever publishes goes on without those where the rest suffice.
    pub fn load(&self) -> Result<Signers, Error> {
        let (found, failed) = self.gather();
        if found.iter().next().is_some() {
            return Ok(found.without(failed));
        }
        let none = || Error::KeyMissing { path: self.path.clone(), role: self.role.name() };
        Err(failed.into_iter().next().unwrap_or_else(none))
    }

    /// Asks each source on its own: one that fails stops no other. Returns why those failed, too.
    fn gather(&self) -> (Signers, Vec<Error>) {
        let (mut all, mut failed): (Vec<Box<dyn Signer>>, _) = (Vec::new(), Vec::new());
        let mut take = |got: Result<Box<dyn Signer>, Error>| match got {
            Ok(signer) => all.push(signer),
            Err(error) => failed.push(error),
        };
        if let Some((name, text)) = &self.text
            && key_file::realm_of(text).is_none_or(|realm| realm == self.realm.as_str())
        {
            // A shell takes the last newline away from what it puts into a variable.
            let whole = Zeroizing::new(format!("{}\n", text.trim_end_matches('\n')));
            take(key_file::parse(name, &whole, self.role, &self.realm).map(boxed));
        }
        for command in &self.commands {
            take(command.clone().open().map(boxed));
        }
        let beside = key_file::paths(&self.path).unwrap_or_else(|error| {
            take(Err(error));
            Vec::new()
        });
        for path in self.files.iter().chain(&beside) {
            take(key_file::load_for(path, self.role, &self.realm, self.readers).map(boxed));
        }
        (Signers::new(all), failed)
    }
}

fn boxed(signer: impl Signer + 'static) -> Box<dyn Signer> {
    Box::new(signer)
}
