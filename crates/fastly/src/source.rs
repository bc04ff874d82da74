//! Where a realm's published files are fetched. What comes is the core's to believe.

use std::io::Read;

use edgelatch_http::{Error, read_key, realm_address};
use fastly::http::header::AUTHORIZATION;
use fastly::http::{HeaderName, HeaderValue, Url};
use fastly::kv_store::KVStoreError;
use fastly::{Body, KVStore, Request};

/// Bytes that are read of a file at once.
const PIECE: usize = 64 * 1024;
/// Statuses of hosts that know no such file.
const NOT_THERE: [u16; 2] = [404, 410];

/// Where the files of a published realm lie: behind a backend of the service, or in a KV store.
#[derive(Clone)]
pub struct Source {
    place: Place,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Clone)]
enum Place {
    Backend { name: String, base: Url },
    Store { name: String, prefix: String },
}

impl Source {
    /// The realm at an address such as `https://keys.example.com/r/acme`, which is asked over the backend of this name: `edgelatch serve`, or any host of
    /// static files. Its timeouts are the backend's. Redirects are not followed.
    pub fn backend(name: &str, address: &str) -> Result<Source, Error> {
        Ok(Source { place: Place::Backend { name: name.into(), base: realm_address(address)? }, headers: Vec::new() })
    }

    /// The realm whose files lie in a KV store of this name, under keys that begin so, such as `acme/` for `acme/head`. `patch/` and `bundle` need not be there.
    pub fn kv_store(name: &str, prefix: &str) -> Source {
        Source { place: Place::Store { name: name.into(), prefix: prefix.into() }, headers: Vec::new() }
    }

    /// A key of the management realm with the role `edge`, for `edgelatch serve --require-read-key`: sent with every request to the backend, and in no error.
    /// The address must be of https, except on this machine.
    pub fn read_key(self, key: &str) -> Result<Source, Error> {
        let line = match &self.place {
            Place::Backend { base, .. } => read_key(base, key)?,
            Place::Store { .. } => return Err(Error::Option("source: a KV store takes no read key".into())),
        };
        Ok(self.header(AUTHORIZATION, line))
    }

    /// A header that is sent with every request to the backend, for instance what a proxy wants.
    #[must_use]
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Source {
        value.set_sensitive(true);
        self.headers.push((name, value));
        self
    }

    /// What tells it from other sources, without what is secret.
    pub(crate) fn name(&self) -> String {
        match &self.place {
            Place::Backend { name, base } => format!("backend {name} {base}"),
            Place::Store { name, prefix } => format!("store {name} {prefix}"),
        }
    }

    /// The file at a path below the realm's address, or `None`.
    pub(crate) fn open(&self, path: &str) -> Result<Option<Body>, Error> {
        match &self.place {
            Place::Backend { name, base } => self.ask(name, base, path),
            Place::Store { name, prefix } => {
                let failed = |error: KVStoreError| Error::source("unreachable", format!("KV store {name}, {path}: {error}"));
                let store = match KVStore::open(name) {
                    Ok(Some(store)) => store,
                    Ok(None) | Err(KVStoreError::StoreNotFound(_)) => {
                        return Err(Error::source("unreachable", format!("the service has no KV store {name}")));
                    }
                    Err(error) => return Err(failed(error)),
                };
                match store.lookup(&format!("{prefix}{path}")) {
                    Ok(mut found) => Ok(Some(found.take_body())),
                    Err(KVStoreError::ItemNotFound) => Ok(None),
                    Err(error) => Err(failed(error)),
                }
            }
        }
    }

    fn ask(&self, backend: &str, base: &Url, path: &str) -> Result<Option<Body>, Error> {
        let mut url = base.clone();
        url.set_path(&format!("{}{path}", base.path()));
        // Not by the read-through cache: what is kept, and for how long, is decided by what was proven.
        let request = self
            .headers
            .iter()
            .fold(Request::get(url).with_pass(true), |request, (name, value)| request.with_header(name, value));
        let response = request.send(backend);
        let response = response.map_err(|error| Error::source("unreachable", format!("GET {path}: {}", error.root_cause())))?;
        match response.get_status().as_u16() {
            200 => Ok(Some(response.into_body())),
            status if NOT_THERE.contains(&status) => Ok(None),
            status @ 300..400 => {
                Err(Error::source("redirect", format!("GET {path}: status {status}; name the address that it leads to")))
            }
            status => Err(Error::source("http_status", format!("GET {path}: status {status}"))),
        }
    }

    /// All of a file, of no more than `limit` bytes.
    pub(crate) fn fetch(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        let Some(body) = self.open(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let wide = u64::try_from(limit).unwrap_or(u64::MAX);
        body.take(wide.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| cut(path, &error))?;
        if bytes.len() > limit {
            return Err(Error::source("too_large", format!("GET {path}: more than {limit} bytes")));
        }
        Ok(Some(bytes))
    }

    /// A file, piece by piece, until it is enough. Whether there is one.
    pub(crate) fn stream(&self, path: &str, take: &mut dyn FnMut(&[u8]) -> Result<bool, Error>) -> Result<bool, Error> {
        let Some(mut body) = self.open(path)? else { return Ok(false) };
        let mut piece = vec![0; PIECE];
        loop {
            let read = body.read(&mut piece).map_err(|error| cut(path, &error))?;
            let bytes = piece.get(..read).unwrap_or_default();
            if bytes.is_empty() || take(bytes)? {
                return Ok(true);
            }
        }
    }
}

fn cut(path: &str, error: &std::io::Error) -> Error {
    Error::source("unreachable", format!("GET {path}: the answer broke off: {error}"))
}

/// Without the headers, which may be secret.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Source").field(&self.name()).finish()
    }
}
