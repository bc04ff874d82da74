//! A verifier that follows a real control plane: `edgelatch serve` as a library, with a realm of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use edgelatch_registry::{Database, Env, Handover, NewKey, NewRealm, Preset, Registry};
use edgelatch_server::{Options, Publishing, Realms, serve_until};
use edgelatch_sync::{
    DEFAULT_LIFETIME, DataDir, Directory, Init, PepperSource, Publisher, Readers, Target, init_managed, key_file,
};
use edgelatch_testkit::core::signed::Role;
use edgelatch_testkit::registry::{caller, slug};
use edgelatch_tower::{EdgelatchLayer, HttpSource, Identity, Refresh, Requirement, Verifier};

use crate::common::{ask, axum, by_hand, runtime, until};

const REALM: &str = "acme";

/// A data directory with a published realm.
struct Plane {
    dir: DataDir,
    registry: Arc<Registry>,
    temp: tempfile::TempDir,
}

impl Plane {
    fn new() -> Plane {
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

    fn root(&self) -> Vec<u8> {
        std::fs::read(self.dir.realm(&slug(REALM)).join("root/1")).unwrap()
    }

    /// A key: its id and its text.
    fn key(&self, name: &str) -> (edgelatch_tower::KeyId, String) {
        let new = NewKey::new(slug("main"), name.parse().unwrap());
        let created = self.registry.keys(&slug(REALM)).create(&caller(), &new, Handover::default()).unwrap().created().unwrap();
        (created.key.key_id, created.secret.to_string())
    }

    fn revoke(&self, id: edgelatch_tower::KeyId) {
        self.registry.keys(&slug(REALM)).revoke(&caller(), id, None).unwrap();
    }

    /// Serves and publishes on a port; 0 for any.
    fn serve(&self, port: u16) -> Served {
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
        let options =
            Options { publishing: Some(publishing), ..Options::new(([127, 0, 0, 1], port).into(), self.dir.published()) };
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

    fn cache(&self) -> std::path::PathBuf {
        self.temp.path().join("cache")
    }

    /// Whether the cache holds what is published.
    fn is_kept(&self) -> bool {
        let head = std::fs::read(self.dir.realm(&slug(REALM)).join("head")).unwrap();
        let kept = std::fs::read(self.cache().join("acme.edge")).unwrap_or_default();
        kept.windows(head.len()).any(|part| part == head)
    }
}

struct Served {
    addr: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), edgelatch_server::Error>>>,
}

impl Served {
    fn source(&self) -> HttpSource {
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

fn code(verifier: &Verifier, key: &str) -> &'static str {
    verifier.verify_key(key, &Requirement::none(), None).code().name()
}

#[test]
fn a_revocation_arrives_by_the_stream() {
    let plane = Plane::new();
    let ((id, key), served) = (plane.key("ci"), plane.serve(0));
    runtime().block_on(async {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        // Only the stream can be as quick as that: the source is asked again in an hour.
        let refresh = Refresh::default().interval(Duration::from_secs(3_600));
        let builder =
            Verifier::builder(plane.root()).refresh(refresh).on_update(move |update| hears.lock().unwrap().push(update.epoch));
        let verifier = builder.follow(served.source()).await.unwrap();
        until("the key is published", || code(&verifier, &key) == "valid").await;
        until("there is a stream", || verifier.stats().streaming).await;
        let layer = EdgelatchLayer::builder(verifier.clone()).build().unwrap();
        let port = axum(Router::new().route("/", get(|who: Identity| async move { who.name })).layer(layer)).await;
        let credential = format!("x-api-key: {key}");
        assert_eq!(ask(port, "GET /", &[&credential]).await.status, 200);
        let (begun, before) = (Instant::now(), verifier.epoch());
        plane.revoke(id);
        until("the key is revoked", || code(&verifier, &key) == "revoked").await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(ask(port, "GET /", &[&credential]).await.status, 401);
        // Many changes, one after another, of which none is lost.
        let more: Vec<String> = (0..20).map(|number| plane.key(&format!("key {number}")).1).collect();
        until("all keys are published", || more.iter().all(|key| code(&verifier, key) == "valid")).await;
        let (stats, heard) = (verifier.stats(), heard.lock().unwrap().clone());
        assert!(stats.errors.is_empty() && stats.epoch > before, "{stats:?}");
        assert!(heard.is_sorted() && heard.last() == Some(&stats.epoch) && stats.updates == heard.len() as u64, "{heard:?}");
    });
}

#[test]
fn without_a_stream_the_source_is_asked_again() {
    let plane = Plane::new();
    let ((id, key), served) = (plane.key("ci"), plane.serve(0));
    runtime().block_on(async {
        let refresh = Refresh::default().interval(Duration::from_millis(100)).stream(false);
        let verifier = Verifier::builder(plane.root()).refresh(refresh).follow(served.source()).await.unwrap();
        until("the key is published", || code(&verifier, &key) == "valid").await;
        plane.revoke(id);
        until("the key is revoked", || code(&verifier, &key) == "revoked").await;
        let stats = verifier.stats();
        assert!(!stats.streaming && stats.errors.is_empty() && stats.refreshed_at.is_some(), "{stats:?}");
    });
}

#[test]
fn what_was_kept_serves_while_the_source_is_away_and_the_source_is_found_again() {
    let plane = Plane::new();
    let ((id, key), served) = (plane.key("ci"), plane.serve(0));
    let port = served.addr.port();
    runtime().block_on(async {
        let builder = || Verifier::builder(plane.root()).cache(plane.cache()).on_error(|_| {});
        let file = plane.cache().join("acme.edge");
        let first = builder().follow(served.source()).await.unwrap();
        until("the key is published", || code(&first, &key) == "valid").await;
        until("it is kept", || plane.is_kept()).await;
        drop(first);
        let source = served.source();
        tokio::task::spawn_blocking(move || drop(served)).await.unwrap();

        let second = builder().follow(source).await.unwrap();
        assert_eq!((second.ready(), code(&second, &key)), (true, "valid"));
        until("the source was asked in vain", || second.stats().errors.contains_key("unreachable")).await;
        assert_eq!(code(&second, &key), "valid");
        // Nobody but the owner reads what is kept.
        #[cfg(unix)]
        for path in [&file, &plane.cache()] {
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap());
            assert_eq!(mode & 0o077, 0, "{mode:o}");
        }

        plane.revoke(id);
        let _served = tokio::task::block_in_place(|| plane.serve(port));
        until("the source is found again", || code(&second, &key) == "revoked").await;
        drop(_served);
    });
}

#[test]
fn a_cache_that_was_damaged_is_told_and_serves_nothing() {
    let plane = Plane::new();
    let (_, key) = plane.key("ci");
    let served = plane.serve(0);
    runtime().block_on(async {
        let builder = || Verifier::builder(plane.root()).refresh(by_hand()).cache(plane.cache()).on_error(|_| {});
        let often = Refresh::default().interval(Duration::from_millis(100)).stream(false);
        let first = builder().refresh(often).follow(served.source()).await.unwrap();
        until("the key is published", || code(&first, &key) == "valid").await;
        let file = plane.cache().join("acme.edge");
        until("it is kept", || plane.is_kept()).await;
        drop(first);
        drop(served);
        let nobody = || HttpSource::new("http://127.0.0.1:1/r/acme").unwrap();
        let kept = std::fs::read(&file).unwrap();
        let whole = builder().follow(nobody()).await.unwrap();
        assert_eq!(code(&whole, &key), "valid");
        drop(whole);
        let flip = |at: usize| {
            let mut bytes = kept.clone();
            bytes[at] ^= 1;
            bytes
        };
        let (short, long) = (kept[..kept.len() - 1].to_vec(), [kept.clone(), vec![0; 8]].concat());
        // Nothing, the magic, a length, the end, an object, what follows it.
        for (bytes, wanted) in [
            (Vec::new(), "content"),
            (flip(0), "content"),
            (flip(5), "content"),
            (short, "content"),
            (flip(kept.len() - 1), "refused"),
            (long, "content"),
        ] {
            std::fs::write(&file, &bytes).unwrap();
            let verifier = builder().follow(nobody()).await.unwrap();
            let errors = verifier.stats().errors;
            assert_eq!((verifier.ready(), errors.contains_key(wanted)), (false, true), "{errors:?}");
        }
        for at in (0..kept.len()).step_by(97) {
            std::fs::write(&file, flip(at)).unwrap();
            let verifier = builder().follow(nobody()).await.unwrap();
            assert!(!verifier.ready(), "byte {at} of the file is not proven");
        }
    });
}

#[test]
fn it_ends_with_the_last_of_its_verifiers() {
    let plane = Plane::new();
    let served = plane.serve(0);
    runtime().block_on(async {
        let heard = Arc::new(());
        let held = Arc::clone(&heard);
        let builder = Verifier::builder(plane.root()).on_update(move |_| drop(Arc::clone(&held)));
        let verifier = builder.follow(served.source()).await.unwrap();
        let other = verifier.clone();
        drop(verifier);
        assert!(other.refresh().await.is_ok());
        drop(other);
        until("nothing follows any more", || Arc::strong_count(&heard) == 1).await;
    });
}
