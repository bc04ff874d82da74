//! The registry: a store, a clock and randomness. Its operations are in [`crate::ops`].

use std::path::Path;

use crate::env::Env;
use crate::error::{Error, Kind};
use crate::store::{Row, Session, Sqlite, Store, Value, args};
use crate::text::Slug;

/// The control plane's state. Operations take `&self`; each is one transaction.
pub struct Registry {
    pub(crate) store: Box<dyn Store>,
    pub(crate) env: Env,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Registry")
    }
}

impl Registry {
    /// Makes a new SQLite database at `path`, which must not exist.
    pub fn create(path: &Path, env: Env) -> Result<Registry, Error> {
        Ok(Registry { store: Box::new(Sqlite::create(path)?), env })
    }

    /// Opens the SQLite database at `path`.
    pub fn open(path: &Path, env: Env) -> Result<Registry, Error> {
        Ok(Registry { store: Box::new(Sqlite::open(path)?), env })
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
    Error::NotFound { kind, id: id.into(), mend }
}
