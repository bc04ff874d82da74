//! A realm in a data directory.

use std::sync::Arc;
use std::time::Duration;

use edgelatch_core::signed::Role;
use edgelatch_registry::{Database, Env, Handover, Key, NewKey, NewRealm, Preset, Registry};
use edgelatch_server::{Options, Peppers, Publishing, Realms};
use edgelatch_sync::{DataDir, Directory, Init, PepperSource, Publisher, Readers, Target, init_managed, key_file};

use super::{Served, caller, slug};

/// What a realm begins with.
pub fn init(realm: &str) -> Init {
    Init {
        caller: caller(),
        realm: NewRealm {
            realm: slug(realm),
            name: realm.parse().unwrap(),
            preset: Preset::Default,
            prefix: None,
            credentials: None,
        },
        org: slug("main"),
        owner: slug("admin"),
        root_lifetime: 1 << 28,
        head_lifetime: edgelatch_sync::DEFAULT_LIFETIME,
    }
}

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
        let mut admin = String::new();
        let mut keep = |secret: &str| {
            admin = secret.into();
            Ok(())
        };
        init_managed(&dir, &init("acme"), &mut keep, Env::system).unwrap();
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
        self.publisher_of(self.registry(), name)
    }

    /// The same over a registry that was opened otherwise.
    pub fn publisher_of(&self, registry: Arc<Registry>, name: &str) -> Publisher {
        let key = key_file::load(&self.dir.key(Role::Publisher), Role::Publisher, &slug("acme")).unwrap();
        Publisher::new(registry, slug("acme"), key, 3600, &self.machine(name)).unwrap()
    }

    /// The data directory of another machine.
    fn machine(&self, name: &str) -> DataDir {
        DataDir::new(self.dir.path().join("machines").join(name))
    }

    /// A node that publishes to these directories.
    pub fn node(&self, name: &str, targets: Vec<Directory>) -> Served {
        self.node_with(name, targets, |_| {})
    }

    /// The same with other options.
    pub fn node_with(&self, name: &str, targets: Vec<Directory>, change: impl FnOnce(&mut Options)) -> Served {
        let publishing =
            self.publishing(name, move |_| targets.iter().map(|to| Box::new(to.clone()) as Box<dyn Target>).collect());
        let mut options = Options { publishing: Some(publishing), ..self.options() };
        change(&mut options);
        Served::start(options, &self.admin)
    }

    /// Publishing of the realm to whatever targets.
    pub fn publishing(
        &self,
        name: &str,
        targets: impl Fn(&DataDir) -> Vec<Box<dyn Target>> + Send + Sync + 'static,
    ) -> Publishing {
        let (registry, machine) = (self.registry(), self.machine(name));
        let peppers = peppers_in(&machine);
        let (of, here, path) = (Arc::clone(&registry), machine.clone(), self.dir.key(Role::Publisher));
        let begin = move |realm: &edgelatch_registry::Slug| {
            let key = key_file::load(&path, Role::Publisher, realm)?;
            let publisher = Publisher::new(Arc::clone(&of), realm.clone(), key, 3600, &here)?;
            Ok((publisher, targets(&here)))
        };
        Publishing {
            registry,
            dir: machine,
            node: slug(name),
            realms: Realms::All,
            begin: Box::new(begin),
            peppers,
            interval: Duration::from_millis(20),
        }
    }

    /// The published files only.
    pub fn options(&self) -> Options {
        Options::new(([127, 0, 0, 1], 0).into(), self.dir.published())
    }

    pub fn own(&self) -> Directory {
        Directory::new(self.dir.realm(&slug("acme")))
    }
}

/// Where every realm's peppers are.
pub fn peppers_in(dir: &DataDir) -> Arc<Peppers> {
    let dir = dir.clone();
    Arc::new(move |realm: &edgelatch_registry::Slug| Some(PepperSource::new(&dir, realm, Readers::Owner)))
}
