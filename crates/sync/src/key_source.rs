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
#[derive(Clone, Debug)]
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
    /// All keys that are there, which may be none.
    pub fn find(&self) -> Result<Signers, Error> {
        let mut all: Vec<Box<dyn Signer>> = Vec::new();
        if let Some((name, text)) = &self.text
            && key_file::realm_of(text).is_none_or(|realm| realm == self.realm.as_str())
        {
            // A shell takes the last newline away from what it puts into a variable.
            let whole = Zeroizing::new(format!("{}\n", text.trim_end_matches('\n')));
            all.push(Box::new(key_file::parse(name, &whole, self.role, &self.realm)?));
        }
        for command in &self.commands {
            all.push(Box::new(command.clone().open()?));
        }
        for path in &self.files {
            all.push(Box::new(key_file::load_for(path, self.role, &self.realm, self.readers)?));
        }
        all.extend(key_file::load_some(&self.path, self.role, &self.realm, self.readers)?);
        Ok(Signers::new(all))
    }

    /// The same, where there must be one.
    pub fn load(&self) -> Result<Signers, Error> {
        let found = self.find()?;
        if found.iter().next().is_some() {
            return Ok(found);
        }
        Err(Error::KeyMissing { path: self.path.clone(), role: self.role.name() })
    }
}
