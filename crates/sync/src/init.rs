//! A new control plane, or another realm in one: registry, signing keys, first root, first epoch.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use edgelatch_core::build::{Draft, RootFields};
use edgelatch_core::signed::Role;
use edgelatch_registry::{
    Caller, Created, Database, Env, Keep, Name, NewOrg, NewOwner, NewRealm, OwnerKind, RealmEdit, Registry, RootRow, Slug,
    management,
};

use crate::data_dir::DataDir;
use crate::directory::Directory;
use crate::error::Error;
use crate::key_file::KeyFile;
use crate::published::Published;
use crate::publisher::Publisher;
use crate::signers::Signers;
use crate::{files, key_file};

/// A root's lifetime unless told otherwise, in seconds: ten years.
pub const DEFAULT_ROOT_LIFETIME: u64 = 10 * 365 * 24 * 3600;

/// What it takes to begin.
#[derive(Clone, Debug)]
pub struct Init {
    /// Who begins, for the audit log.
    pub caller: Caller,
    /// The realm.
    pub realm: NewRealm,
    /// Its first org.
    pub org: Slug,
    /// That org's first owner.
    pub owner: Slug,
    /// Seconds until the first root expires.
    pub root_lifetime: u64,
    /// Seconds that heads live.
    pub head_lifetime: u64,
}

/// What was begun.
#[derive(Debug)]
pub struct Begun {
    /// The first root: what edges are deployed with.
    pub root: Vec<u8>,
    /// The first epoch.
    pub published: Published,
}

/// What came of beginning a realm and the management realm.
#[derive(Debug)]
pub struct Outcome {
    /// The realm, unless it was there before.
    pub begun: Option<Begun>,
    /// The first administrator's key of the management realm, unless that was there before.
    pub admin: Option<Created>,
}

/// What is moved into place. The database comes last: what lies there without one is no control plane yet.
const ENTRIES: [&str; 3] = ["keys", "published", "registry.db"];

/// Begins a control plane in `data_dir`, with SQLite and without a management realm. It is made aside and moved into place, so
/// that a failure leaves nothing behind.
pub fn init(data_dir: &DataDir, init: &Init, env: impl Fn() -> Env) -> Result<Begun, Error> {
    aside(data_dir, |aside| {
        let registry = Arc::new(Registry::establish(&Database::file(aside.database()), env())?);
        begin(aside, &registry, init)
    })
}

/// The same with a management realm, whose first secret is handed to `keep` before anything is moved into place.
pub fn init_managed(data_dir: &DataDir, init: &Init, keep: Keep<'_>, env: impl Fn() -> Env) -> Result<Outcome, Error> {
    aside(data_dir, |aside| {
        let registry = Arc::new(Registry::establish(&Database::file(aside.database()), env())?);
        let begun = Some(begin(aside, &registry, init)?);
        Ok(Outcome { begun, admin: management::establish(&registry, &init.caller, keep)? })
    })
}

/// Begins a realm in a registry that exists, and the management realm, each unless it is there. A second call after a failure in
/// between goes on where the first one ended.
pub fn init_in(data_dir: &DataDir, registry: &Arc<Registry>, init: &Init, keep: Keep<'_>) -> Result<Outcome, Error> {
    let there = match registry.ledger(&init.realm.realm).newest(1) {
        Ok(epochs) => !epochs.is_empty(),
        Err(edgelatch_registry::Error::NotFound { .. }) => false,
        Err(error) => return Err(error.into()),
    };
    let begun = if there { None } else { Some(begin(data_dir, registry, init)?) };
    Ok(Outcome { begun, admin: management::establish(registry, &init.caller, keep)? })
}

/// Lets `make` fill a directory inside `data_dir`, and moves what it made into place.
fn aside<T>(data_dir: &DataDir, make: impl FnOnce(&DataDir) -> Result<T, Error>) -> Result<T, Error> {
    let database = data_dir.database();
    if database.exists() {
        return Err(edgelatch_registry::Error::AlreadyInitialised { path: database }.into());
    }
    // Keys without a registry are somebody's.
    if let Some(path) = ENTRIES.iter().map(|name| data_dir.path().join(name)).find(|path| path.exists()) {
        return Err(Error::NotEmpty { path });
    }
    let new = !data_dir.path().exists();
    files::own_dir(data_dir.path())?;
    let aside = DataDir::new(data_dir.path().join(format!(".init-{}", std::process::id())));
    let made = files::make_dir(aside.path()).and_then(|()| make(&aside)).and_then(|made| {
        for name in ENTRIES {
            let (from, to) = (aside.path().join(name), data_dir.path().join(name));
            fs::rename(&from, &to).map_err(|e| Error::io(&to, &e))?;
        }
        // Without it, less is noticed of a clock that jumps before the next publication.
        let _ = fs::rename(aside.clock(), data_dir.clock());
        files::sync_dir(data_dir.path())?;
        Ok(made)
    });
    // After a success, only the publisher's lock is left in it.
    let _ = fs::remove_dir_all(aside.path());
    if made.is_err() && new {
        let _ = fs::remove_dir(data_dir.path());
    }
    made
}

/// Makes the realm with its keys and first root, and publishes its first epoch. What an attempt made that failed later on is
/// taken as it is.
fn begin(data_dir: &DataDir, registry: &Arc<Registry>, init: &Init) -> Result<Begun, Error> {
    let realm = &init.realm.realm;
    or_there(registry.create_realm(&init.caller, &init.realm))?;
    let edit = RealmEdit { head_lifetime: Some(init.head_lifetime), ..RealmEdit::default() };
    registry.edit_realm(&init.caller, realm, &edit)?;
    let org = NewOrg { org: init.org.clone(), name: Name::parse("org", init.org.as_str())?, preset: None };
    let tenants = registry.tenants(realm);
    or_there(tenants.create_org(&init.caller, &org))?;
    let name = Name::parse("owner", init.owner.as_str())?;
    let owner = NewOwner { org: init.org.clone(), owner: init.owner.clone(), kind: OwnerKind::User, name, roles: Vec::new() };
    or_there(tenants.create_owner(&init.caller, &owner))?;

    let keys = keys_dir(data_dir, registry, realm)?;
    let key = |role: Role| signing_key(&keys.join(format!("{}.key", role.name())), role, realm, registry.env());
    let publisher = Signers::from(key(Role::Publisher)?);
    let root = match registry.ledger(realm).roots()?.into_iter().next() {
        Some(root) => root.object,
        None => {
            let root = first_root(realm, &key(Role::Root)?.into(), &publisher, registry.env().now()?, init.root_lifetime)?;
            registry.ledger(realm).add_root(&RootRow { version: 1, object: root.clone() })?;
            root
        }
    };
    let publisher = Publisher::new(Arc::clone(registry), realm.clone(), publisher, None, data_dir)?;
    let published = publisher.publish(&[&Directory::new(data_dir.realm(realm))])?;
    Ok(Begun { root, published })
}

/// That it is there, made now or by an attempt before.
fn or_there<T>(made: Result<T, edgelatch_registry::Error>) -> Result<(), Error> {
    match made {
        Err(edgelatch_registry::Error::Exists { .. }) | Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Where the realm's keys go, made if need be: those of the first realm into `keys` itself, those of every other one into a
/// directory of its own in there. The management realm is published to no edge and has no keys.
fn keys_dir(data_dir: &DataDir, registry: &Registry, realm: &Slug) -> Result<PathBuf, Error> {
    files::own_dir(data_dir.path())?;
    files::private_dir(&data_dir.keys())?;
    let realms = registry.realms()?;
    if realms.iter().all(|r| r.realm == *realm || r.realm.as_str() == management::REALM) {
        return Ok(data_dir.keys());
    }
    let keys = data_dir.other_keys(realm);
    files::private_dir(&keys)?;
    Ok(keys)
}

/// A new key, or the one that an attempt before made.
fn signing_key(path: &Path, role: Role, realm: &Slug, env: &Env) -> Result<KeyFile, Error> {
    match key_file::create(path, role, realm, env) {
        Err(Error::KeyExists { .. }) => key_file::load(path, role, realm),
        made => made,
    }
}

/// The root that edges are deployed with: one key of each role, and every epoch counts.
fn first_root(realm: &Slug, root: &Signers, publisher: &Signers, now: u64, lifetime: u64) -> Result<Vec<u8>, Error> {
    let fields = RootFields {
        realm: realm.to_string(),
        version: 1,
        issued_at: now,
        expires_at: now.saturating_add(lifetime),
        era: 1,
        min_epoch: 1,
        root: root.role(1),
        publisher: publisher.role(1),
    };
    let draft = Draft::root(&fields).map_err(|e| Error::Build { detail: e.to_string() })?;
    Ok(root.sign(draft, &[&fields.root])?.bytes)
}
