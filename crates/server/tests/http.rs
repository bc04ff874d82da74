//! The endpoints over a real socket.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::Log;
use edgelatch_core::signed::Role;
use edgelatch_registry::{Caller, Env, Handover, Key, NewKey, NewRealm, Preset, Registry, Slug};
use edgelatch_server::{Options, PublisherTask, serve_until};
use edgelatch_sync::{DataDir, Directory, Init, Publisher, init, key_file};

struct Plane {
    _temp: tempfile::TempDir,
    dir: DataDir,
    realm: Slug,
    registry: Arc<Registry>,
}

fn caller() -> Caller {
    Caller::new("cli:tester".parse().unwrap())
}

fn plane() -> Plane {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temp.path().join("data"));
    let realm: Slug = "acme".parse().unwrap();
    let new = NewRealm {
        realm: realm.clone(),
        name: "Acme".parse().unwrap(),
        preset: Preset::Default,
        prefix: None,
        credentials: None,
    };
    let begin = Init {
        caller: caller(),
        realm: new,
        org: "main".parse().unwrap(),
        owner: "admin".parse().unwrap(),
        root_lifetime: 1 << 28,
        head_lifetime: 3600,
    };
    init(&dir, &begin, Env::system).unwrap();
    let registry = Arc::new(Registry::open(&dir.database(), Env::system()).unwrap());
    Plane { _temp: temp, dir, realm, registry }
}

impl Plane {
    fn publisher(&self) -> Publisher {
        let key = key_file::load(&self.dir.key(Role::Publisher), Role::Publisher, &self.realm).unwrap();
        Publisher::new(Arc::clone(&self.registry), self.realm.clone(), key, 3600, self.dir.lock()).unwrap()
    }

    fn create(&self) -> Key {
        let new = NewKey::new("main".parse().unwrap(), "ci".parse().unwrap());
        self.registry.keys(&self.realm).create(&caller(), &new, Handover::default()).unwrap().created().unwrap().key
    }

    fn serve(&self, publishing: bool) -> Served {
        let publisher = publishing.then(|| PublisherTask {
            publisher: self.publisher(),
            targets: vec![Box::new(Directory::new(self.dir.realm(&self.realm)))],
            interval: Duration::from_millis(20),
            node: "node-1".parse().unwrap(),
        });
        let options = Options { publisher, ..Options::new(([127, 0, 0, 1], 0).into(), self.dir.published()) };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (ready, bound) = mpsc::channel();
        let log = Log::default();
        let dispatch = log.dispatch();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let stopped = async {
                let _ = stopped.await;
            };
            let serve = serve_until(options, |bound| ready.send(bound.files).unwrap(), stopped);
            tracing::dispatcher::with_default(&dispatch, || runtime.block_on(serve))
        });
        let addr = bound.recv().unwrap();
        Served { addr, stop: Some(stop), thread: Some(thread), log }
    }
}

struct Served {
    addr: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), edgelatch_server::Error>>>,
    log: Log,
}

impl Served {
    fn ask(&self, method: &str, path: &str, headers: &str) -> Reply {
        let mut stream = TcpStream::connect(self.addr).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        Reply { status: head[9..12].parse().unwrap(), head, body: bytes[end + 4..].to_vec() }
    }

    fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, "")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        let result = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            result.unwrap().unwrap();
        }
    }
}

struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v).next()
    }
}

#[test]
fn files_are_served_with_their_caching_rules() {
    let p = plane();
    let s = p.serve(false);
    let directory = p.dir.realm(&p.realm);
    let object = std::fs::read_dir(directory.join("objects")).unwrap().next().unwrap().unwrap().file_name();
    let object = format!("objects/{}", object.to_str().unwrap());
    for (path, cache) in [
        ("head", "no-cache"),
        ("bundle", "no-cache"),
        ("root/1", "public, max-age=31536000, immutable"),
        (&object, "public, max-age=31536000, immutable"),
    ] {
        let url = format!("/r/acme/{path}");
        let reply = s.get(&url);
        assert_eq!((reply.status, reply.header("cache-control")), (200, Some(cache)), "{path}");
        assert_eq!(reply.body, std::fs::read(directory.join(path)).unwrap());
        assert_eq!(reply.header("content-length"), Some(&*reply.body.len().to_string()));
        assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
        let etag = reply.header("etag").unwrap();
        assert!(etag.starts_with('"') && etag.len() == 66);
        let again = s.ask("GET", &url, &format!("If-None-Match: \"x\", {etag}\r\n"));
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(etag)));
        assert_eq!(again.header("cache-control"), Some(cache));
        let head = s.ask("HEAD", &url, "");
        assert_eq!((head.status, head.body.len(), head.header("etag")), (200, 0, Some(etag)));
        assert_eq!(head.header("content-length"), reply.header("content-length"));
    }
}

#[test]
fn nothing_else_is_served() {
    let p = plane();
    let s = p.serve(false);
    for path in [
        "/",
        "/r/acme",
        "/r/acme/",
        "/r/other/head",
        "/r/acme/root/2",
        "/r/acme/root/01",
        "/r/acme/objects/x",
        "/r/acme/objects",
        "/r/acme/.edgelatch/recent",
        "/r/acme/../../../registry.db",
        "/r/acme/..%2f..%2f..%2fregistry.db",
        "/r/%2e%2e/keys/root.key",
        "/r/acme/objects/..%2f..%2f..%2f..%2fkeys%2froot.key",
        "/registry.db",
        "/r/acme/head%00",
        "/r/ACME/head",
        "/r/acme//head",
    ] {
        let reply = s.get(path);
        assert_eq!((reply.status, reply.header("content-type")), (404, Some("application/problem+json")), "{path}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((&body["status"], &body["type"]), (&404.into(), &"urn:edgelatch:problem:not-found".into()));
        assert!(!String::from_utf8_lossy(&reply.body).contains("registry"));
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let reply = s.ask(method, "/r/acme/head", "");
        assert_eq!((reply.status, reply.header("content-type")), (405, Some("application/problem+json")), "{method}");
        assert_eq!(reply.header("allow"), Some("GET,HEAD"));
    }
}

#[test]
fn what_another_process_publishes_is_served_at_once() {
    let p = plane();
    let s = p.serve(false);
    let (head, bundle) = (s.get("/r/acme/head"), s.get("/r/acme/bundle"));
    p.create();
    p.publisher().publish(&[&Directory::new(p.dir.realm(&p.realm))]).unwrap();
    for (path, before) in [("/r/acme/head", head), ("/r/acme/bundle", bundle)] {
        let after = s.ask("GET", path, &format!("If-None-Match: {}\r\n", before.header("etag").unwrap()));
        assert_eq!(after.status, 200);
        assert_ne!(after.body, before.body);
    }
}

#[test]
fn changes_are_published_while_serving() {
    let p = plane();
    let s = p.serve(true);
    let before = s.get("/r/acme/head").body;
    let key = p.create();
    let line = s.log.wait("published", 0);
    assert_eq!((&line["target"], &line["level"]), (&"edgelatch::publisher".into(), &"INFO".into()));
    assert_eq!((&line["realm"], &line["epoch"], &line["records"]), (&"acme".into(), &2.into(), &1.into()));
    assert_eq!(line["reason"], "change");
    assert_ne!(s.get("/r/acme/head").body, before);
    let start = Instant::now();
    p.registry.keys(&p.realm).revoke(&caller(), key.key_id, None).unwrap();
    s.log.wait("published", 1);
    assert!(start.elapsed() < Duration::from_secs(5));
    // A publisher in trouble says so, goes on serving, and recovers.
    let served = s.get("/r/acme/head").body;
    let away = p.dir.path().join("away");
    std::fs::rename(p.dir.realm(&p.realm).join("objects"), &away).unwrap();
    std::fs::write(p.dir.realm(&p.realm).join("objects"), b"in the way").unwrap();
    p.create();
    let line = s.log.wait("not published", 0);
    assert_eq!((&line["level"], &line["retry_seconds"]), (&"ERROR".into(), &1.into()));
    assert_eq!(s.get("/r/acme/head").body, served);
    std::fs::remove_file(p.dir.realm(&p.realm).join("objects")).unwrap();
    s.log.wait("published", 2);
    assert_ne!(s.get("/r/acme/head").body, served);
}

#[test]
fn health_says_whether_heads_live() {
    let p = plane();
    let s = p.serve(false);
    let reply = s.get("/healthz");
    let health: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, &health["status"], &health["realms"][0]["epoch"]), (200, &"ok".into(), &1.into()));
    std::fs::write(p.dir.realm(&p.realm).join("head"), b"garbage").unwrap();
    let reply = s.get("/healthz");
    let health: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, &health["realms"][0]["status"]), (503, &"missing".into()));
}

#[test]
fn a_taken_address_is_reported() {
    let p = plane();
    let s = p.serve(false);
    let options = Options::new(s.addr, p.dir.published());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(serve_until(options, |_| {}, std::future::pending())).unwrap_err();
    assert_eq!(error.code(), "listen");
    assert!(error.to_string().contains(&s.addr.to_string()));
}

#[test]
fn stopping_does_not_wait_for_idle_connections() {
    let p = plane();
    let s = p.serve(true);
    let mut stream = TcpStream::connect(s.addr).unwrap();
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let start = Instant::now();
    drop(s);
    assert!(start.elapsed() < Duration::from_secs(5));
}
