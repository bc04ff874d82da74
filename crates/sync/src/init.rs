//! A new control plane: registry, signing keys, first root, first epoch.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use edgelatch_core::build::{RoleFields, RootFields, SigningKey, sign_root};
use edgelatch_core::signed::Role;
use edgelatch_registry::{Caller, Env, Name, NewOrg, NewOwner, NewRealm, OwnerKind, Registry, RootRow, Slug};

use crate::data_dir::DataDir;
use crate::directory::Directory;
use crate::error::Error;
use crate::publisher::{Published, Publisher};
use crate::target::Target;
use crate::{files, key_file};

/// A root's lifetime unless told otherwise, in seconds: ten years.
pub const DEFAULT_ROOT_LIFETIME: u64 = 10 * 365 * 24 * 3600;

/// What it takes to begin.
#[derive(Clone, Debug)]
pub struct Init {
    /// Who begins, for the activity log.
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

/// Entries that are moved into place, the database last: without it there is no registry, and a second attempt may follow.
const ENTRIES: [&str; 3] = ["keys", "published", "registry.db"];

/// Begins a control plane in `dir`. It is made aside and moved into place, so that a failure leaves nothing behind.
pub fn init(dir: &DataDir, init: &Init, env: impl Fn() -> Env) -> Result<Begun, Error> {
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
    let begun = begin(&aside, init, env).and_then(|begun| {
        for name in ENTRIES {
            let (from, to) = (aside.path().join(name), dir.path().join(name));
            fs::rename(&from, &to).map_err(|e| Error::io(&to, &e))?;
        }
        files::sync_dir(dir.path())?;
        Ok(begun)
    });
    // Only what was made here is removed; on success that is an empty directory and the lock.
    let _ = fs::remove_dir_all(aside.path());
    if begun.is_err() && new {
        let _ = fs::remove_dir(dir.path());
    }
    begun
}

fn begin(dir: &DataDir, init: &Init, env: impl Fn() -> Env) -> Result<Begun, Error> {
    files::make_dir(dir.path())?;
    private_dir(&dir.keys())?;
    let registry = Arc::new(Registry::create(&dir.database(), env())?);
    let realm = registry.create_realm(&init.caller, &init.realm)?.realm;
    let org = NewOrg { org: init.org.clone(), name: Name::parse("org", init.org.as_str())?, preset: None };
    registry.create_org(&init.caller, &realm, &org)?;
    let name = Name::parse("owner", init.owner.as_str())?;
    let owner = NewOwner { org: init.org.clone(), owner: init.owner.clone(), kind: OwnerKind::User, name, roles: Vec::new() };
    registry.create_owner(&init.caller, &realm, &owner)?;

    let root_key = key_file::create(&dir.key(Role::Root), Role::Root, &realm, registry.env())?;
    let publisher_key = key_file::create(&dir.key(Role::Publisher), Role::Publisher, &realm, registry.env())?;
    let root = first_root(&realm, root_key, &publisher_key, registry.env().now()?, init.root_lifetime)?;
    registry.add_root(&realm, &RootRow { version: 1, object: root.clone() })?;

    let publisher = Publisher::new(registry, realm.clone(), publisher_key, init.head_lifetime, dir.lock())?;
    let mut target = Directory::new(dir.realm(&realm));
    let published = publisher.publish(&mut [&mut target as &mut dyn Target])?;
    Ok(Begun { root, published })
}

fn first_root(realm: &Slug, root: SigningKey, publisher: &SigningKey, now: u64, lifetime: u64) -> Result<Vec<u8>, Error> {
    let only = |key: &SigningKey| RoleFields { threshold: 1, keys: vec![key.public()] };
    let fields = RootFields {
        realm: realm.to_string(),
        version: 1,
        issued_at: now,
        expires_at: now.saturating_add(lifetime),
        root: only(&root),
        publisher: only(publisher),
    };
    sign_root(&fields, &[root]).map_err(|e| Error::Build { detail: e.to_string() })
}

fn private_dir(dir: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|e| Error::io(dir, &e))
}
