//! A control plane with a realm `acme`, whose clock the test sets, and edges of it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use edgelatch_core::build::{Draft, HeadFields};
use edgelatch_core::edge::{Edge, HostConfig, Offer, RequirementId};
use edgelatch_core::signed::Role;
use edgelatch_core::tree::ObjectId;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Created, Database, Handover, NewKey, NewRealm, Preset, Registry, Slug};
use edgelatch_sync::{
    Begun, DataDir, Directory, Error, Init, PepperSource, Published, Publisher, Readers, Reason, Signers, init, key_file,
};
use edgelatch_testkit::DAY;
use edgelatch_testkit::registry::{NOW, caller, env};

pub struct Plane {
    _temp: tempfile::TempDir,
    pub dir: DataDir,
    pub clock: Arc<AtomicU64>,
    pub realm: Slug,
    pub root: Vec<u8>,
    pub registry: Arc<Registry>,
    pub publisher: Publisher,
}

/// What a control plane with a realm begins with.
pub fn first(realm: &str) -> Init {
    let realm = realm.parse().unwrap();
    Init {
        caller: caller(),
        realm: NewRealm { realm, name: "Acme".parse().unwrap(), preset: Preset::Default, prefix: None, credentials: None },
        org: "main".parse().unwrap(),
        owner: "admin".parse().unwrap(),
        root_lifetime: 3650 * DAY,
        head_lifetime: DAY,
    }
}

pub fn begin(dir: &DataDir, clock: &Arc<AtomicU64>) -> Result<Begun, Error> {
    init(dir, &first("acme"), || env(clock))
}

pub fn publisher(dir: &DataDir, registry: &Arc<Registry>, realm: &Slug) -> Publisher {
    let key = key_file::load(&dir.key(Role::Publisher), Role::Publisher, realm).unwrap();
    Publisher::new(Arc::clone(registry), realm.clone(), key, DAY, dir).unwrap()
}

pub fn plane() -> Plane {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temp.path().join("data"));
    let clock = Arc::new(AtomicU64::new(NOW));
    let begun = begin(&dir, &clock).unwrap();
    assert_eq!((begun.published.epoch, begun.published.records), (1, 0));
    let realm: Slug = "acme".parse().unwrap();
    let registry = Arc::new(Registry::connect(&Database::file(dir.database()), env(&clock)).unwrap());
    let publisher = publisher(&dir, &registry, &realm);
    Plane { _temp: temp, dir, clock, realm, root: begun.root, registry, publisher }
}

impl Plane {
    pub fn target(&self) -> Directory {
        Directory::new(self.dir.realm(&self.realm))
    }

    pub fn publish(&self) -> Result<Published, Error> {
        self.publisher.publish(&[&self.target()])
    }

    pub fn if_due(&self) -> Option<Reason> {
        self.publisher.publish_if_due(&[&self.target()]).unwrap().map(|p| p.reason)
    }

    pub fn peppers(&self) -> PepperSource {
        PepperSource::new(&self.dir, &self.realm, Readers::Owner)
    }

    pub fn create(&self, name: &str) -> Created {
        let new =
            NewKey { roles: vec!["reader".parse().unwrap()], ..NewKey::new("main".parse().unwrap(), name.parse().unwrap()) };
        self.registry.keys(&self.realm).create(&caller(), &new, Handover::default()).unwrap().created().unwrap()
    }

    pub fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.dir.realm(&self.realm).join(name)).unwrap()
    }

    pub fn edge(&self) -> Edge {
        let mut edge = Edge::new(&self.root, HostConfig::default()).unwrap();
        self.push(&mut edge);
        edge
    }

    pub fn push(&self, edge: &mut Edge) {
        let now = self.clock.load(Ordering::SeqCst);
        let mut staged = edge.stage(&[], self.file("bundle"), now).unwrap();
        assert_eq!(staged.check(usize::MAX).unwrap(), 0);
        edge.commit(staged, now).unwrap();
        assert_eq!(edge.offer(&[], &self.file("head"), now), Ok(Offer::Unchanged));
    }

    pub fn verdict(&self, edge: &Edge, secret: &str) -> Code {
        edge.verify_key(secret.as_bytes(), None, RequirementId::NONE, self.clock.load(Ordering::SeqCst)).code
    }

    pub fn objects(&self) -> Vec<String> {
        let dir = fs::read_dir(self.dir.realm(&self.realm).join("objects")).unwrap();
        dir.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// A head of such an epoch, of nothing that can be read, as somebody signs it who has the publisher key.
pub fn head_of(p: &Plane, epoch: u64) -> Vec<u8> {
    let fields = HeadFields {
        realm: "acme".into(),
        root_version: 1,
        epoch,
        issued_at: NOW,
        not_after: NOW + DAY,
        tree: ObjectId([1; 32]),
        tree_bytes: 1,
        records: 1,
    };
    let key = Signers::from(key_file::load(&p.dir.key(Role::Publisher), Role::Publisher, &p.realm).unwrap());
    key.sign(Draft::head(&fields).unwrap(), &[&key.role(1)]).unwrap().bytes
}
