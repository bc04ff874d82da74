//! Where a control plane keeps its files.
//!
//! ```text
//! registry.db             the registry, unless it lies in another database
//! keys/root.key           signs the first realm's roots: move it offline once the realm is set up
//! keys/publisher.key      signs its heads; so does every keys/publisher-….key that the root names
//! keys/r/<realm>/         the same keys of every other realm
//! published/r/<realm>/    what edges read; a static web server may serve `published/`
//! publish.lock            held by the publisher at work
//! ```

use std::path::{Path, PathBuf};

use edgelatch_core::signed::Role;
use edgelatch_registry::Slug;

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

    /// What is published, for all realms.
    pub fn published(&self) -> PathBuf {
        self.0.join("published")
    }

    /// What is published of one realm.
    pub fn realm(&self, realm: &Slug) -> PathBuf {
        self.published().join("r").join(realm.as_str())
    }

    /// The publisher's lock.
    pub fn lock(&self) -> PathBuf {
        self.0.join("publish.lock")
    }
}
