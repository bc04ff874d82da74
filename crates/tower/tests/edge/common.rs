//! Servers for a test, and what is asked of them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, serve};
use edgelatch_testkit::core::build::{KeyRecord, Tree, sign_head};
use edgelatch_testkit::realm::{T0, bundle, head_fields, record, root, signers, text, tree};
use edgelatch_testkit::wire::{Answer, exchange};
use edgelatch_tower::{Error, HostConfig, HttpSource, Refresh, Verifier, VerifierBuilder};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Far above what is waited for, far below what a broken program would take.
pub const LONG: Duration = Duration::from_secs(30);

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A builder at the time of the realms of the test kit, that tells nobody.
pub fn builder(config: &str) -> VerifierBuilder {
    Verifier::builder(root()).config(HostConfig::parse(config).unwrap()).clock(|| T0).on_error(|_| {})
}

/// A verifier that serves these keys.
pub fn serving(config: &str, keys: Vec<KeyRecord>) -> Verifier {
    builder(config).serve(bundle(5, &tree(keys))).unwrap()
}

/// Serves an app of axum, with the address of each connection. Returns its port.
pub async fn axum(app: Router) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap() });
    port
}

/// Sends a request of a line and header lines over a socket.
pub async fn ask(port: u16, line: &str, headers: &[&str]) -> Answer {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!("{line} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{lines}\r\n");
    let head = line.starts_with("HEAD");
    tokio::task::spawn_blocking(move || exchange(port, request.as_bytes(), head).unwrap().unwrap()).await.unwrap()
}

pub fn bearer(key: u64) -> String {
    format!("authorization: Bearer {}", text(key))
}

/// Waits until something is so.
pub async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let waited = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, waited).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Status, type and bytes; of a redirect, where it leads to.
type File = (StatusCode, &'static str, Vec<u8>);

/// A host of static files, which a test changes as it likes.
#[derive(Clone, Default)]
pub struct Origin {
    files: Arc<Mutex<HashMap<String, File>>>,
    asked: Arc<Mutex<Vec<String>>>,
    heard: Arc<Mutex<Vec<Option<String>>>>,
    delay: Arc<Mutex<Duration>>,
    pub port: u16,
}

impl Origin {
    pub async fn start() -> Origin {
        let mut origin = Origin::default();
        origin.port = axum(Router::new().fallback(Origin::answer).with_state(origin.clone())).await;
        origin
    }

    async fn answer(State(origin): State<Origin>, uri: Uri, headers: HeaderMap) -> Response {
        let authorization = headers.get(header::AUTHORIZATION).map(|line| line.to_str().unwrap().to_owned());
        origin.heard.lock().unwrap().push(authorization);
        let path = uri.path().trim_start_matches("/r/acme/").to_owned();
        let delay = *origin.delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        let file = origin.files.lock().unwrap().get(&path).cloned();
        origin.asked.lock().unwrap().push(path);
        match file {
            None => StatusCode::NOT_FOUND.into_response(),
            Some((status, header, bytes)) if status.is_redirection() => {
                (status, [(header::LOCATION, String::from_utf8(bytes).unwrap())], header).into_response()
            }
            Some((status, kind, bytes)) => (status, [(header::CONTENT_TYPE, kind)], Bytes::from(bytes)).into_response(),
        }
    }

    pub fn source(&self) -> HttpSource {
        HttpSource::new(&format!("http://127.0.0.1:{}/r/acme", self.port)).unwrap()
    }

    /// What was asked for since the last call.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// The `Authorization` of each request so far.
    pub fn heard(&self) -> Vec<Option<String>> {
        self.heard.lock().unwrap().clone()
    }

    /// Has every answer take so long from now on.
    pub fn delay(&self, delay: Duration) {
        *self.delay.lock().unwrap() = delay;
    }

    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.say(path, StatusCode::OK, "application/octet-stream", bytes);
    }

    pub fn say(&self, path: &str, status: StatusCode, kind: &'static str, bytes: impl Into<Vec<u8>>) {
        self.files.lock().unwrap().insert(path.into(), (status, kind, bytes.into()));
    }

    /// Head and bundle of an epoch.
    pub fn publish(&self, epoch: u64, tree: &Tree) {
        self.put("head", head(epoch, tree));
        self.put("bundle", bundle(epoch, tree));
    }
}

pub fn head(epoch: u64, tree: &Tree) -> Vec<u8> {
    sign_head(&head_fields(epoch, tree), &signers(&[101])).unwrap()
}

/// Refreshes only when it is asked to, within the time of a test.
pub fn by_hand() -> Refresh {
    Refresh::default().interval(Duration::from_secs(3_600)).stream(false)
}

/// Keys of these numbers.
pub fn keys(numbers: impl IntoIterator<Item = u64>) -> Tree {
    tree(numbers.into_iter().map(record).collect())
}

/// The code of an error.
pub fn code(result: Result<bool, Error>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "ok")
}
