//! A realm in a data directory.

use std::sync::Arc;
use std::time::Duration;

use edgelatch_core::signed::Role;
use edgelatch_registry::{Database, Env, Handover, Key, NewKey, NewRealm, Preset, Registry};
use edgelatch_server::{Options, PublisherTask};
use edgelatch_sync::{DataDir, Directory, Init, Publisher, init_managed, key_file};

use super::{Served, caller, slug};

/// A data directory with a published realm, whose registry may be opened many times.
pub struct Realm {
    pub dir: DataDir,
    /// The first administrator's key.
    pub admin: String,
    _temp: tempfile::TempDir,
}

impl Realm {
    pub fn new() -> Realm {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temp.path().join("data"));
        let begin = Init {
            caller: caller(),
            realm: NewRealm {
                realm: slug("acme"),
                name: "Acme".parse().unwrap(),
                preset: Preset::Default,
                prefix: None,
                credentials: None,
            },
            org: slug("main"),
            owner: slug("admin"),
            root_lifetime: 1 << 28,
            head_lifetime: 3600,
        };
        let mut admin = String::new();
        let mut keep = |secret: &str| {
            admin = secret.into();
            Ok(())
        };
        init_managed(&dir, &begin, &mut keep, Env::system).unwrap();
        Realm { dir, admin, _temp: temp }
    }

    pub fn registry(&self) -> Arc<Registry> {
        Arc::new(Registry::connect(&Database::file(self.dir.database()), Env::system()).unwrap())
    }

    pub fn create(&self) -> Key {
        let new = NewKey::new(slug("main"), "k".parse().unwrap());
        self.registry().keys(&slug("acme")).create(&caller(), &new, Handover::default()).unwrap().created().unwrap().key
    }

    pub fn epochs(&self) -> Vec<(u64, bool)> {
        let rows = self.registry().ledger(&slug("acme")).newest(100).unwrap();
        rows.into_iter().map(|row| (row.epoch, row.published_at.is_some())).collect()
    }

    /// A publisher with a lock of its own, as if it ran on another machine.
    pub fn publisher(&self, name: &str) -> Publisher {
        let key = key_file::load(&self.dir.key(Role::Publisher), Role::Publisher, &slug("acme")).unwrap();
        let lock = self.dir.path().join(format!("{name}.lock"));
        Publisher::new(self.registry(), slug("acme"), key, 3600, lock).unwrap()
    }

    /// A node that publishes to these directories.
    pub fn node(&self, name: &str, targets: Vec<Directory>) -> Served {
        self.node_with(name, targets, |_| {})
    }

    /// The same with other options.
    pub fn node_with(&self, name: &str, targets: Vec<Directory>, change: impl FnOnce(&mut Options)) -> Served {
        let targets = targets.into_iter().map(|directory| Box::new(directory) as _).collect();
        let (publisher, interval) = (self.publisher(name), Duration::from_millis(20));
        let publisher = Some(PublisherTask { publisher, targets, interval, node: slug(name) });
        let mut options = Options { publisher, ..self.options() };
        change(&mut options);
        Served::start(options, &self.admin)
    }

    /// The published files only.
    pub fn options(&self) -> Options {
        Options::new(([127, 0, 0, 1], 0).into(), self.dir.published())
    }

    pub fn own(&self) -> Directory {
        Directory::new(self.dir.realm(&slug("acme")))
    }
}
