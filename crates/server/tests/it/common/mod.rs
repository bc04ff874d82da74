//! A control plane with a management realm and a realm `acme` of two orgs, served on a free port of this machine.

pub mod browser;
pub mod events;
pub mod idp;
pub mod log;
pub mod realm;
pub mod relay;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use edgelatch_registry::{Env, Handover, NewKey, Preset, Registry, Scope, Service, management};
use edgelatch_server::{ApiOptions, ConsoleOptions, FailureRate, Options, serve_until};
use edgelatch_testkit::registry::{Place, fill};
pub use edgelatch_testkit::registry::{caller, slug};
pub use log::Log;
use serde_json::Value;

pub struct Plane {
    pub dir: tempfile::TempDir,
    pub registry: Arc<Registry>,
    /// The first administrator's key.
    pub admin: String,
    pub admin_id: String,
}

impl Plane {
    pub fn new() -> Plane {
        Plane::at(Place::sqlite())
    }

    /// With the default preset.
    pub fn at(place: Place) -> Plane {
        Plane::with(place, Preset::Default)
    }

    pub fn with(Place { dir, database, .. }: Place, preset: Preset) -> Plane {
        let registry = Registry::establish(&database, Env::system()).unwrap();
        let created = management::establish(&registry, &caller(), &mut |_| Ok(())).unwrap().unwrap();
        fill(&registry, &slug("acme"), preset);
        let (admin, admin_id) = (created.secret.to_string(), created.key.key_id.to_string());
        Plane { dir, registry: Arc::new(registry), admin, admin_id }
    }

    /// A management key: its id and its text. Without a scope it is for everything.
    pub fn management_key(&self, role: &str, scope: &[Service]) -> (String, String) {
        let realm = slug(management::REALM);
        let number = self.registry.keys(&realm).count(&Default::default()).unwrap();
        let name = format!("{role} {number}").parse().unwrap();
        let mut new = NewKey::new(slug(management::ORG), name);
        new.roles = vec![slug(role)];
        if !scope.is_empty() {
            new.scope = Scope::List(scope.to_vec());
        }
        let created = self.registry.keys(&realm).create(&caller(), &new, Handover::default()).unwrap().created().unwrap();
        (created.key.key_id.to_string(), created.secret.to_string())
    }

    /// A management key for one org of `acme`.
    pub fn org_key(&self, role: &str, org: &str) -> String {
        self.management_key(role, &[management::org_service(&slug("acme"), &slug(org)).unwrap()]).1
    }

    pub fn options(&self) -> Options {
        let published = self.dir.path().join("published");
        std::fs::create_dir_all(published.join("r")).unwrap();
        let failures = FailureRate { burst: 1_000, per_minute: 1_000, ..FailureRate::default() };
        let api = ApiOptions {
            registry: Arc::clone(&self.registry),
            addr: None,
            client_ip: None,
            failures,
            github_keys: None,
            geoip: None,
        };
        Options {
            api: Some(api),
            console: Some(ConsoleOptions::default()),
            ..Options::new(([127, 0, 0, 1], 0).into(), published)
        }
    }

    pub fn serve(&self) -> Served {
        Served::start(self.options(), &self.admin)
    }

    pub fn serve_with(&self, change: impl FnOnce(&mut ApiOptions)) -> Served {
        let mut options = self.options();
        change(options.api.as_mut().unwrap());
        Served::start(options, &self.admin)
    }
}

pub struct Served {
    pub addr: SocketAddr,
    pub api: SocketAddr,
    admin: String,
    pub log: Log,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), edgelatch_server::Error>>>,
}

impl Served {
    pub fn start(options: Options, admin: &str) -> Served {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (ready, bound) = mpsc::channel();
        let log = Log::default();
        let dispatch = log.dispatch();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let stopped = async {
                let _ = stopped.await;
            };
            let serve = serve_until(options, |bound| ready.send(bound).unwrap(), stopped);
            tracing::dispatcher::with_default(&dispatch, || runtime.block_on(serve))
        });
        let bound = bound.recv().unwrap();
        let api = bound.api.unwrap_or(bound.files);
        Served { addr: bound.files, api, admin: admin.into(), log, stop: Some(stop), thread: Some(thread) }
    }

    /// The administrator's key.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// Sends bytes and reads what comes.
    pub fn raw(&self, bytes: &[u8]) -> Reply {
        raw(self.api, bytes)
    }

    pub fn send(&self, line: &str, key: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        if !key.is_empty() {
            request += &format!("Authorization: Bearer {key}\r\n");
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        self.raw(&[request.as_bytes(), b"\r\n", body].concat())
    }

    /// A call with a JSON body, or without one where it is null.
    pub fn call_as(&self, key: &str, line: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        if body.is_null() {
            return self.send(line, key, headers, b"");
        }
        let headers = [&[("Content-Type", "application/json")], headers].concat();
        self.send(line, key, &headers, body.to_string().as_bytes())
    }

    /// The same as the administrator.
    pub fn call(&self, line: &str, body: &Value) -> Reply {
        self.call_as(&self.admin, line, &[], body)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.call(&format!("GET {path}"), &Value::Null)
    }
}

/// Sends bytes there and reads what comes.
pub fn raw(addr: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    Reply::parse(&answer)
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

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    fn parse(bytes: &[u8]) -> Reply {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or_else(|| panic!("{}", bytes.escape_ascii()));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        Reply { status: head[9..12].parse().unwrap(), head, body: bytes[end + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v).next()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self}"))
    }

    /// The JSON of a successful answer.
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{self}");
        assert_eq!(self.header("cache-control"), Some("no-store"));
        self.json()
    }

    /// Status and code of a refusal, which is a problem in form.
    pub fn refused(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        assert_eq!(self.header("cache-control"), Some("no-store"));
        let body = self.json();
        assert_eq!(body["status"], self.status);
        let kind = body["type"].as_str().unwrap().strip_prefix("urn:edgelatch:problem:").unwrap();
        (self.status, body["code"].as_str().unwrap_or(kind).to_owned())
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}", self.head, String::from_utf8_lossy(&self.body))
    }
}
