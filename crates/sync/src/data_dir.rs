//! Where a control plane keeps its files.
//!
//! ```text
//! registry.db             the registry, unless it lies in another database
//! keys/root.key           signs the first realm's roots: move it offline once the realm is set up
//! keys/publisher.key      signs its heads; so does every keys/publisher-….key that the root names
//! keys/pepper-….key       what the digests of its keys are made with, if they are
//! keys/r/<realm>/         the same of every other realm
//! published/r/<realm>/    what edges read; a static web server may serve `published/`
//! locks/<realm>           held by whoever writes what is published of it
//! node                    the name of this node among those that publish
//! clock                   what the clock said when something was signed last, and for how long the machine had been running
//! ```

use std::path::{Path, PathBuf};

use edgelatch_core::signed::Role;
use edgelatch_registry::Slug;

use crate::error::Error;
use crate::files;

/// A control plane's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The directory at `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> DataDir {
        DataDir(path.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the directory, unless it is there.
    pub fn make(&self) -> Result<(), Error> {
        files::own_dir(&self.0)
    }

    /// The registry's database.
    pub fn database(&self) -> PathBuf {
        self.0.join("registry.db")
    }

    /// The directory of signing keys.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// The first realm's signing key of a role.
    pub fn key(&self, role: Role) -> PathBuf {
        self.keys().join(format!("{}.key", role.name()))
    }

    /// The directory with the signing keys of a realm that is not the first one.
    pub fn other_keys(&self, realm: &Slug) -> PathBuf {
        self.keys().join("r").join(realm.as_str())
    }

    /// The signing key of a role, for any realm. One without a directory of keys of its own is the first one.
    pub fn key_of(&self, realm: &Slug, role: Role) -> PathBuf {
        let other = self.other_keys(realm);
        if other.is_dir() { other.join(format!("{}.key", role.name())) } else { self.key(role) }
    }

    /// A name that is free for another key of a role, beside those that the realm has: `publisher.key`, else `publisher-2.key` and so on. The
    /// directory is made if need be.
    pub fn free_key(&self, realm: &Slug, role: Role) -> Result<PathBuf, Error> {
        let first = self.key_of(realm, role);
        self.make()?;
        files::private_dir(files::parent(&first))?;
        let others = (2_u32..).map(|n| first.with_file_name(format!("{}-{n}.key", role.name())));
        // There are not so many files.
        Ok(std::iter::once(first.clone()).chain(others).find(|path| !path.exists()).unwrap_or(first))
    }

    /// What is published, for all realms.
    pub fn published(&self) -> PathBuf {
        self.0.join("published")
    }

    /// What is published of one realm.
    pub fn realm(&self, realm: &Slug) -> PathBuf {
        self.published().join("r").join(realm.as_str())
    }

    /// The lock of whoever writes what is published of a realm.
    pub fn lock(&self, realm: &Slug) -> PathBuf {
        self.locks().join(realm.as_str())
    }

    /// The directory of locks.
    pub fn locks(&self) -> PathBuf {
        self.0.join("locks")
    }

    /// The file with what the clock said last.
    pub fn clock(&self) -> PathBuf {
        self.0.join("clock")
    }
}
