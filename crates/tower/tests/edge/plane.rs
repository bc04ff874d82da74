//! A real control plane: `edgelatch serve` as a library, with a realm of its own.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use edgelatch_registry::{Database, Env, Handover, NewKey, NewRealm, Preset, Registry, Scope, management};
use edgelatch_server::{ApiOptions, FailureRate, Options, Publishing, Realms, serve_until};
use edgelatch_sync::{
    DEFAULT_LIFETIME, DataDir, Directory, Init, PepperSource, Publisher, Readers, Target, init_managed, key_file,
};
use edgelatch_testkit::core::signed::Role;
use edgelatch_testkit::registry::{caller, slug};
use edgelatch_tower::HttpSource;

use crate::common::runtime;

pub const REALM: &str = "acme";

/// A data directory with a published realm.
pub struct Plane {
    dir: DataDir,
    pub registry: Arc<Registry>,
    temp: tempfile::TempDir,
}

impl Plane {
    pub fn new() -> Plane {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temp.path().join("data"));
        let realm = NewRealm {
            realm: slug(REALM),
            name: REALM.parse().unwrap(),
            preset: Preset::Default,
            prefix: None,
            credentials: None,
        };
        let init = Init {
            caller: caller(),
            realm,
            org: slug("main"),
            owner: slug("admin"),
            root_lifetime: 1 << 28,
            head_lifetime: DEFAULT_LIFETIME,
        };
        init_managed(&dir, &init, &mut |_| Ok(()), Env::system).unwrap();
        let registry = Arc::new(Registry::connect(&Database::file(dir.database()), Env::system()).unwrap());
        Plane { dir, registry, temp }
    }

    pub fn root(&self) -> Vec<u8> {
        std::fs::read(self.dir.realm(&slug(REALM)).join("root/1")).unwrap()
    }

    /// A key: its id and its text.
    pub fn key(&self, name: &str) -> (edgelatch_tower::KeyId, String) {
        let new = NewKey::new(slug("main"), name.parse().unwrap());
        let created = self.registry.keys(&slug(REALM)).create(&caller(), &new, Handover::default()).unwrap().created().unwrap();
        (created.key.key_id, created.secret.to_string())
    }

    /// The text of a management key by which edges report.
    pub fn edge_key(&self) -> String {
        let mut new = NewKey::new(slug(management::ORG), "edges".parse().unwrap());
        new.roles = vec![slug("edge")];
        new.scope = Scope::List(vec![management::realm_service(&slug(REALM)).unwrap()]);
        let realm = slug(management::REALM);
        let keys = self.registry.keys(&realm);
        keys.create(&caller(), &new, Handover::default()).unwrap().created().unwrap().secret.to_string()
    }

    pub fn revoke(&self, id: edgelatch_tower::KeyId) {
        self.registry.keys(&slug(REALM)).revoke(&caller(), id, None).unwrap();
    }

    /// Serves and publishes on a port; 0 for any.
    pub fn serve(&self, port: u16) -> Served {
        let (of, here) = (Arc::clone(&self.registry), self.dir.clone());
        let begin = move |realm: &edgelatch_registry::Slug| {
            let key = key_file::load(&here.key(Role::Publisher), Role::Publisher, realm)?;
            let publisher = Publisher::new(Arc::clone(&of), realm.clone(), key, 3600, &here)?;
            let targets: Vec<Box<dyn Target>> = vec![Box::new(Directory::new(here.realm(realm)))];
            Ok((publisher, targets))
        };
        let peppers = self.dir.clone();
        let publishing = Publishing {
            registry: Arc::clone(&self.registry),
            dir: self.dir.clone(),
            node: slug("node-1"),
            realms: Realms::All,
            begin: Box::new(begin),
            peppers: Arc::new(move |realm: &edgelatch_registry::Slug| Some(PepperSource::new(&peppers, realm, Readers::Owner))),
            interval: Duration::from_millis(20),
        };
        let api = ApiOptions {
            registry: Arc::clone(&self.registry),
            addr: None,
            client_ip: None,
            failures: FailureRate::default(),
            github_keys: None,
            geoip: None,
        };
        let options = Options {
            publishing: Some(publishing),
            api: Some(api),
            ..Options::new(([127, 0, 0, 1], port).into(), self.dir.published())
        };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (ready, bound) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let stopped = async {
                let _ = stopped.await;
            };
            runtime().block_on(serve_until(options, |bound| ready.send(bound.files).unwrap(), stopped))
        });
        Served { addr: bound.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    pub fn cache(&self) -> std::path::PathBuf {
        self.temp.path().join("cache")
    }

    /// Whether the cache holds what is published.
    pub fn is_kept(&self) -> bool {
        let head = std::fs::read(self.dir.realm(&slug(REALM)).join("head")).unwrap();
        let kept = std::fs::read(self.cache().join("acme.edge")).unwrap_or_default();
        kept.windows(head.len()).any(|part| part == head)
    }
}

pub struct Served {
    pub addr: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), edgelatch_server::Error>>>,
}

impl Served {
    pub fn source(&self) -> HttpSource {
        HttpSource::new(&format!("http://{}/r/{REALM}", self.addr)).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}
