//! The registry: a store, a clock and randomness. Its operations are in [`crate::ops`].

use std::path::Path;

use crate::database::{Database, Place};
use crate::env::Env;
use crate::error::{Error, Kind};
use crate::store::{CopyProgress, Postgres, Row, Session, Sqlite, Store, Value, args, copy};
use crate::text::Slug;

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
        let store: Box<dyn Store> = match &database.0 {
            Place::File(path) => Box::new(Sqlite::create(path)?),
            Place::Postgres(config) => Box::new(Postgres::create(&database.to_string(), config)?),
        };
        Ok(Registry { store, env, database: database.clone() })
    }

    /// Opens a registry and brings its schema up to date. With PostgreSQL, this and every operation must be called where
    /// blocking is allowed: not in an asynchronous task, but in one of its runtime's blocking threads.
    pub fn connect(database: &Database, env: Env) -> Result<Registry, Error> {
        let store: Box<dyn Store> = match &database.0 {
            Place::File(path) => Box::new(Sqlite::open(path)?),
            Place::Postgres(config) => Box::new(Postgres::open(&database.to_string(), config)?),
        };
        Ok(Registry { store, env, database: database.clone() })
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

/// Row ids of one realm: proof that it exists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealmId(pub(crate) u64);

/// Finds a realm.
pub(crate) fn realm_id(session: &mut dyn Session, realm: &Slug) -> Result<RealmId, Error> {
    let found = session.row("SELECT id FROM realms WHERE slug = $1", args![realm.as_str()], |row| row.int(0))?;
    found.map(RealmId).ok_or_else(|| missing(Kind::Realm, realm.as_str()))
}

/// Finds an org of a realm.
pub(crate) fn org_id(session: &mut dyn Session, realm: RealmId, org: &Slug) -> Result<u64, Error> {
    let sql = "SELECT id FROM orgs WHERE realm_id = $1 AND slug = $2";
    id_of(session, sql, args![realm.0, org.as_str()])?.ok_or_else(|| missing(Kind::Org, org.as_str()))
}

/// Finds an owner of an org.
pub(crate) fn owner_id(session: &mut dyn Session, org: u64, owner: &Slug) -> Result<u64, Error> {
    let sql = "SELECT id FROM owners WHERE org_id = $1 AND slug = $2";
    id_of(session, sql, args![org, owner.as_str()])?.ok_or_else(|| missing(Kind::Owner, owner.as_str()))
}

/// Finds a role: the org's own, or else the realm's.
pub(crate) fn role_id(session: &mut dyn Session, realm: RealmId, org: u64, role: &Slug) -> Result<u64, Error> {
    let sql = "SELECT id FROM roles WHERE realm_id = $1 AND slug = $2 AND (org_id = $3 OR org_id IS NULL) \
               ORDER BY coalesce(org_id, 0) DESC LIMIT 1";
    id_of(session, sql, args![realm.0, role.as_str(), org])?.ok_or_else(|| missing(Kind::Role, role.as_str()))
}

fn id_of(session: &mut dyn Session, sql: &str, args: &[Value]) -> Result<Option<u64>, Error> {
    session.row(sql, args, |row: &Row<'_>| row.int(0))
}

/// Notes that the realm's next snapshot differs.
pub(crate) fn touch(session: &mut dyn Session, realm: RealmId) -> Result<(), Error> {
    session.run("UPDATE realms SET changes = changes + 1 WHERE id = $1", args![realm.0]).map(|_| ())
}

pub(crate) fn missing(kind: Kind, id: &str) -> Error {
    let mend = match kind {
        Kind::Realm => "list them with `edgelatch realms`, or check --realm",
        Kind::Org => "list them with `edgelatch orgs list`, or create it with `edgelatch orgs create`",
        Kind::Owner => "list them with `edgelatch owners list`, or create it with `edgelatch owners create`",
        Kind::Role => "list them with `edgelatch roles list`, or create it with `edgelatch roles create`",
        Kind::Key => "list them with `edgelatch keys list`",
        Kind::Root => "the realm was not initialised; run `edgelatch init`",
    };
    // A digest is a sound name too, and in a column of names it got there by mistake.
    let is_digest = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    Error::NotFound { kind, id: if is_digest { "…".into() } else { id.into() }, mend }
}
