//! A published realm over HTTP. It only fetches: what it brings is the core's to believe.

mod events;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgelatch_core::limits::{MAX_HEAD_BYTES, MAX_PATCH_BYTES, MAX_ROOT_BYTES};
use edgelatch_core::tree::{ObjectId, Slot};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response, Url};
use rustls::crypto::{CryptoProvider, ring};
use serde::Deserialize;

use edgelatch_http::{Error, read_key, realm_address};
pub(crate) use events::{Event, EventReader};

/// Redirects followed for one object: a renamed path and an added slash take two; a loop ends here.
const MAX_REDIRECTS: usize = 5;
/// Time for a connection: an address that answers nothing is no source.
const CONNECT: Duration = Duration::from_secs(10);
const STREAM: &str = "text/event-stream";
/// Statuses of hosts that know no such path, or not what it is for, as those of static files are.
const NOT_THERE: [u16; 6] = [204, 404, 405, 406, 410, 501];

/// A published realm at an address such as `https://keys.example.com/r/acme`.
///
/// Redirects are followed within its origin only: what is sent is for that origin.
#[derive(Clone)]
pub struct HttpSource {
    base: Url,
    headers: HeaderMap,
}

impl HttpSource {
    /// The realm at this address. A query is kept for each request; credentials in the address are refused. Certificates are judged as the system judges
    /// them, by rustls with its provider *ring*, unless the process has installed another one.
    pub fn new(address: &str) -> Result<HttpSource, Error> {
        let base = realm_address(address)?;
        Ok(HttpSource { base, headers: HeaderMap::new() })
    }

    /// A key of the management realm with the role `edge`, for `edgelatch serve --require-read-key`: sent with every request, to that origin only, and in no
    /// error. The address must be of https, except on this machine.
    pub fn read_key(mut self, key: &str) -> Result<HttpSource, Error> {
        self.headers.insert(AUTHORIZATION, read_key(&self.base, key)?);
        Ok(self)
    }

    /// A header that is sent with every request, for instance what a proxy wants.
    #[must_use]
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> HttpSource {
        value.set_sensitive(true);
        self.headers.insert(name, value);
        self
    }

    pub(crate) fn connect(self) -> Result<Source, Error> {
        let origin = self.base.origin();
        let policy = Policy::custom(move |attempt| {
            if attempt.url().origin() == origin && attempt.previous().len() <= MAX_REDIRECTS {
                attempt.follow()
            } else {
                attempt.error("it leads to another origin, or on and on")
            }
        });
        let client = client("source", |builder| builder.default_headers(self.headers).redirect(policy))?;
        Ok(Source(Arc::new(Connected { base: self.base, client })))
    }
}

/// Not what is sent, which may be a secret.
impl std::fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSource").field("origin", &self.base.origin().ascii_serialization()).finish_non_exhaustive()
    }
}

/// A client as all of this crate are, and what is particular to it; `option` is where it was asked for.
pub(crate) fn client(option: &str, more: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Client, Error> {
    if CryptoProvider::get_default().is_none() {
        // Another thread may have been quicker, which is as good.
        let _ = ring::default_provider().install_default();
    }
    let usual = Client::builder().connect_timeout(CONNECT).user_agent(concat!("edgelatch-tower/", env!("CARGO_PKG_VERSION")));
    more(usual).build().map_err(|error| Error::Option(format!("{option}: {}", reason(&error.without_url()))))
}

/// A source that can be asked.
#[derive(Clone)]
pub(crate) struct Source(Arc<Connected>);

struct Connected {
    base: Url,
    client: Client,
}

/// A head that a stream told of.
pub(crate) struct Pushed {
    pub(crate) head: Vec<u8>,
    /// What leads to its tree from the one before.
    pub(crate) patch: Option<Vec<u8>>,
}

impl Source {
    /// The current head.
    pub(crate) async fn head(&self) -> Result<Vec<u8>, Error> {
        self.whole("head", MAX_HEAD_BYTES).await?.ok_or_else(|| self.answered("head", StatusCode::NOT_FOUND))
    }

    /// A version of the root, from 2 on.
    pub(crate) async fn root(&self, version: u32) -> Result<Option<Vec<u8>>, Error> {
        self.whole(&format!("root/{version}"), MAX_ROOT_BYTES).await
    }

    /// What leads from one tree to another.
    pub(crate) async fn patch(&self, from: ObjectId, to: ObjectId, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(MAX_PATCH_BYTES);
        self.whole(&format!("patch/{to}/{from}"), limit).await
    }

    /// An object of a tree.
    pub(crate) async fn object(&self, slot: Slot) -> Result<Option<Vec<u8>>, Error> {
        self.whole(&format!("objects/{}", slot.id), usize::try_from(slot.length).unwrap_or(usize::MAX)).await
    }

    /// Head and whole tree in one, on its way.
    pub(crate) async fn bundle(&self) -> Result<Option<Arriving<'static>>, Error> {
        Ok(self.get("bundle").await?.map(|reply| Arriving { reply, what: "bundle" }))
    }

    /// The stream of heads, from the epoch on that the edge has; with how long the source wants to be left alone.
    pub(crate) async fn stream(&self, epoch: u64) -> Result<Arriving<'static>, (Error, Option<Duration>)> {
        let mut request = self.0.client.get(self.url("stream")).header(ACCEPT, STREAM);
        if epoch > 0 {
            request = request.header("last-event-id", epoch);
        }
        let reply = request.send().await.map_err(|error| (unreachable("stream", error), None))?;
        let kind = reply.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let status = reply.status();
        let is_stream = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(STREAM));
        if status == StatusCode::OK && is_stream {
            return Ok(Arriving { reply, what: "stream" });
        }
        let after = reply.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse::<u32>().ok());
        let after = after.map(|seconds| Duration::from_secs(seconds.into()));
        if status == StatusCode::OK || NOT_THERE.contains(&status.as_u16()) {
            return Err((Error::source("no_stream", "GET stream: there is no stream of events at this source"), after));
        }
        Err((self.answered("stream", status), after))
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.0.base.clone();
        url.set_path(&format!("{}{path}", self.0.base.path()));
        url
    }

    /// The address goes without its query, which may hold what is not for logs.
    fn answered(&self, path: &str, status: StatusCode) -> Error {
        let mut url = self.url(path);
        url.set_query(None);
        Error::source("http_status", format!("GET {path} answered {} ({url})", status.as_u16()))
    }

    async fn get(&self, path: &str) -> Result<Option<Response>, Error> {
        let reply = self.0.client.get(self.url(path)).send().await.map_err(|error| unreachable(path, error))?;
        let page = reply
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"text/html"));
        match reply.status() {
            StatusCode::OK if page => Err(Error::source(
                "source",
                format!(
                    "GET {path} brought a web page (text/html) in place of a published file: see that the address is that of a realm, and that what is not there \
                     is answered with 404"
                ),
            )),
            StatusCode::OK => Ok(Some(reply)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(self.answered(path, status)),
        }
    }

    async fn whole(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        let Some(reply) = self.get(path).await? else { return Ok(None) };
        let too_large = || Error::source("too_large", format!("GET {path}: the reply is larger than {limit} bytes"));
        if reply.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let (mut arriving, mut bytes) = (Arriving { reply, what: path }, Vec::new());
        while let Some(piece) = arriving.next().await? {
            if piece.len() > limit.saturating_sub(bytes.len()) {
                return Err(too_large());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(Some(bytes))
    }
}

/// A reply whose body is on its way.
pub(crate) struct Arriving<'a> {
    reply: Response,
    what: &'a str,
}

impl Arriving<'_> {
    /// The next bytes, cut anywhere.
    pub(crate) async fn next(&mut self) -> Result<Option<bytes::Bytes>, Error> {
        self.reply.chunk().await.map_err(|error| unreachable(self.what, error))
    }
}

/// The data of an event `head`: JSON with a head in base64, and perhaps a patch. Whatever else stands beside them is for later readers.
pub(crate) fn pushed(data: &str) -> Result<Pushed, Error> {
    #[derive(Deserialize)]
    struct Data {
        head: String,
        patch: Option<serde_json::Value>,
    }
    let bytes = |text: &str| STANDARD.decode(text).ok();
    let data: Option<Data> = serde_json::from_str(data).ok();
    let read = data.and_then(|data| {
        // A patch that nobody can read is as good as none: it is asked for.
        let patch = data.patch.as_ref().and_then(|patch| bytes(patch.as_str()?));
        Some(Pushed { head: bytes(&data.head).filter(|head| head.len() <= MAX_HEAD_BYTES)?, patch })
    });
    read.ok_or_else(|| {
        Error::source("source", "GET stream: an event `head` must be JSON with the bytes of a head in base64, as `head`")
    })
}

fn unreachable(path: &str, error: reqwest::Error) -> Error {
    let code = if error.is_redirect() { "redirect" } else { "unreachable" };
    Error::source(code, format!("GET {path}: {}", reason(&error.without_url())))
}

/// What is at the bottom of an error.
pub(crate) fn reason(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).last().map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_http_and_holds_no_credentials() {
        for good in ["https://keys.example.com/r/acme", "http://127.0.0.1:8787/r/acme/", "https://h/r/acme?sig=x"] {
            HttpSource::new(good).unwrap();
        }
        for bad in ["", "keys.example.com", "ftp://h/r", "file:///r/acme", "https://canary:canary@h/r/acme"] {
            let error = HttpSource::new(bad).unwrap_err();
            assert!(error.code() == "bad_option" && !error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_read_key_is_for_sealed_connections_and_in_no_message() {
        let read = |address: &str, key: &str| HttpSource::new(address).unwrap().read_key(key);
        for good in ["https://h/r/acme?canary-query", "http://localhost:1/r/acme", "http://[::1]:1/r/acme"] {
            let shown = format!("{:?}", read(good, "canary-key").unwrap());
            assert!(!shown.contains("canary"), "{shown}");
        }
        for (address, key) in [("http://h/r/acme", "canary"), ("https://h/r/acme", "canary\nx: y"), ("https://h/r/acme", "")] {
            let error = read(address, key).unwrap_err();
            assert!(error.code() == "bad_option" && !error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn the_data_of_an_event_is_read_or_refused() {
        let read = |data: &str| pushed(data).map(|pushed| (pushed.head, pushed.patch)).ok();
        assert_eq!(read(r#"{"head":"YQ==","patch":"Yg==","more":1}"#), Some((b"a".to_vec(), Some(b"b".to_vec()))));
        assert_eq!(read(r#"{"head":"YQ==","patch":"?"}"#), Some((b"a".to_vec(), None)));
        assert_eq!(read(r#"{"head":"YQ==","patch":7}"#), Some((b"a".to_vec(), None)));
        assert_eq!(read(r#"{"head":"?"}"#), None);
        assert_eq!(read("x"), None);
        assert_eq!(read(&format!(r#"{{"head":"{}"}}"#, STANDARD.encode(vec![0; MAX_HEAD_BYTES + 1]))), None);
    }
}
