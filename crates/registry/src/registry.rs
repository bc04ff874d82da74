//! The registry: a store, a clock and randomness. Its operations are in the rooms.

use std::path::Path;

use crate::env::Env;
use crate::error::Error;
use crate::store::{CopyProgress, Database, Store, copy};

/// The control plane's state. Operations take `&self`; each is one transaction.
pub struct Registry {
    pub(crate) store: Box<dyn Store>,
    pub(crate) env: Env,
    pub(crate) database: Database,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Registry")
    }
}

impl Registry {
    /// Makes a new SQLite database at `path`, which must not exist.
    pub fn create(path: &Path, env: Env) -> Result<Registry, Error> {
        Registry::establish(&Database::file(path), env)
    }

    /// Opens the SQLite database at `path`.
    pub fn open(path: &Path, env: Env) -> Result<Registry, Error> {
        Registry::connect(&Database::file(path), env)
    }

    /// Makes a new registry: a file that must not exist, or tables in a PostgreSQL database that has none of ours.
    pub fn establish(database: &Database, env: Env) -> Result<Registry, Error> {
        Ok(Registry { store: database.open(true)?, env, database: database.clone() })
    }

    /// Opens a registry and brings its schema up to date. With PostgreSQL, this and every operation must be called where
    /// blocking is allowed: not in an asynchronous task, but in one of its runtime's blocking threads.
    pub fn connect(database: &Database, env: Env) -> Result<Registry, Error> {
        Ok(Registry { store: database.open(false)?, env, database: database.clone() })
    }

    /// Where it lies.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Copies everything into `target`, which must hold nothing yet, in one transaction there; returns the rows copied.
    /// Both registries then go by the same realms and epochs: stop this one's publishers first, and use only the copy.
    pub fn copy_to(&self, target: &Registry, progress: &mut dyn FnMut(CopyProgress)) -> Result<u64, Error> {
        copy(&*self.store, &*target.store, &target.database.to_string(), progress)
    }

    /// What the registry takes from outside.
    pub fn env(&self) -> &Env {
        &self.env
    }
}
