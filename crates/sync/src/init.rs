//! A new control plane, or another realm in one: registry, signing keys, first root, first epoch.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use edgelatch_core::build::{Draft, RootFields};
use edgelatch_core::signed::Role;
use edgelatch_registry::{
    Caller, Created, Env, Keep, Name, NewOrg, NewOwner, NewRealm, OwnerKind, Registry, RootRow, Slug, management,
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
    /// Seconds until the first head expires.
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

/// What was begun beside each other.
#[derive(Debug)]
pub struct Outcome {
    /// The realm, unless it was there.
    pub begun: Option<Begun>,
    /// The first administrator's key of the management realm, unless that was there.
    pub admin: Option<Created>,
}

/// Entries that are moved into place, the database last: without it there is no registry, and a second attempt may follow.
const ENTRIES: [&str; 3] = ["keys", "published", "registry.db"];

/// Begins a control plane in `dir`, with SQLite and without a management realm. It is made aside and moved into place, so that
/// a failure leaves nothing behind.
pub fn init(dir: &DataDir, init: &Init, env: impl Fn() -> Env) -> Result<Begun, Error> {
    aside(dir, |dir| {
        let registry = Arc::new(Registry::create(&dir.database(), env())?);
        begin(dir, &registry, init)
    })
}

/// The same with a management realm, whose first secret is handed to `keep` before anything is moved into place.
pub fn init_managed(dir: &DataDir, init: &Init, keep: Keep<'_>, env: impl Fn() -> Env) -> Result<Outcome, Error> {
    aside(dir, |dir| {
        let registry = Arc::new(Registry::create(&dir.database(), env())?);
        let begun = Some(begin(dir, &registry, init)?);
        Ok(Outcome { begun, admin: management::establish(&registry, &init.caller, keep)? })
    })
}

/// Begins a realm in a registry that exists, and the management realm, each unless it is there. A second call after a failure in
/// between goes on where the first one ended.
pub fn init_in(dir: &DataDir, registry: &Arc<Registry>, init: &Init, keep: Keep<'_>) -> Result<Outcome, Error> {
    let there = match registry.ledger(&init.realm.realm).newest(1) {
        Ok(epochs) => !epochs.is_empty(),
        Err(edgelatch_registry::Error::NotFound { .. }) => false,
        Err(error) => return Err(error.into()),
    };
    let begun = if there { None } else { Some(begin(dir, registry, init)?) };
    Ok(Outcome { begun, admin: management::establish(registry, &init.caller, keep)? })
}

fn aside<T>(dir: &DataDir, make: impl FnOnce(&DataDir) -> Result<T, Error>) -> Result<T, Error> {
    if let Some(path) = ENTRIES.iter().map(|name| dir.path().join(name)).find(|path| path.exists()) {
        return Err(match path.ends_with("registry.db") {
            true => edgelatch_registry::Error::AlreadyInitialised { path }.into(),
            false if dir.database().exists() => edgelatch_registry::Error::AlreadyInitialised { path: dir.database() }.into(),
            false => Error::NotEmpty { path },
        });
    }
    let new = !dir.path().exists();
    files::make_dir(dir.path())?;
    let aside = DataDir::new(dir.path().join(format!(".init-{}", std::process::id())));
    let made = files::make_dir(aside.path()).and_then(|()| make(&aside)).and_then(|made| {
        for name in ENTRIES {
            let (from, to) = (aside.path().join(name), dir.path().join(name));
            fs::rename(&from, &to).map_err(|e| Error::io(&to, &e))?;
        }
        files::sync_dir(dir.path())?;
        Ok(made)
    });
    // Only what was made here is removed; on success that is an empty directory and the lock.
    let _ = fs::remove_dir_all(aside.path());
    if made.is_err() && new {
        let _ = fs::remove_dir(dir.path());
    }
    made
}

fn begin(dir: &DataDir, registry: &Arc<Registry>, init: &Init) -> Result<Begun, Error> {
    let realm = &init.realm.realm;
    or_there(registry.create_realm(&init.caller, &init.realm))?;
    let org = NewOrg { org: init.org.clone(), name: Name::parse("org", init.org.as_str())?, preset: None };
    let tenants = registry.tenants(realm);
    or_there(tenants.create_org(&init.caller, &org))?;
    let name = Name::parse("owner", init.owner.as_str())?;
    let owner = NewOwner { org: init.org.clone(), owner: init.owner.clone(), kind: OwnerKind::User, name, roles: Vec::new() };
    or_there(tenants.create_owner(&init.caller, &owner))?;

    let keys = keys_dir(dir, registry, realm)?;
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
    let publisher = Publisher::new(Arc::clone(registry), realm.clone(), publisher, init.head_lifetime, dir.lock())?;
    let published = publisher.publish(&[&Directory::new(dir.realm(realm))])?;
    Ok(Begun { root, published })
}

/// An attempt that failed later on may have made it.
fn or_there<T>(made: Result<T, edgelatch_registry::Error>) -> Result<(), Error> {
    match made {
        Err(edgelatch_registry::Error::Exists { .. }) | Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Where the realm's keys go: the first realm's beside each other, those of every other one in a directory of its own.
fn keys_dir(dir: &DataDir, registry: &Registry, realm: &Slug) -> Result<PathBuf, Error> {
    files::make_dir(dir.path())?;
    if !dir.keys().exists() {
        private_dir(&dir.keys())?;
    }
    let realms = registry.realms()?;
    if realms.iter().all(|r| r.realm == *realm || r.realm.as_str() == management::REALM) {
        return Ok(dir.keys());
    }
    let keys = dir.other_keys(realm);
    files::make_dir(&keys)?;
    Ok(keys)
}

/// A new key, or the one that an attempt left that failed later on.
fn signing_key(path: &Path, role: Role, realm: &Slug, env: &Env) -> Result<KeyFile, Error> {
    match key_file::create(path, role, realm, env) {
        Err(Error::KeyExists { .. }) => key_file::load(path, role, realm),
        made => made,
    }
}

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

fn private_dir(dir: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|e| Error::io(dir, &e))
}
