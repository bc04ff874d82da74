//! Fastly as the ground of the loading: the source, the core cache of the POP, and where errors are told.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::time::Duration;

use bytes::Bytes;
use edgelatch_core::limits::{MAX_HEAD_BYTES, MAX_ROOT_BYTES, MAX_ROOT_CHAIN};
use edgelatch_http::Error;
use fastly::cache::core::{self, Found, InsertBuilder, Transaction};
use fastly::http::body::StreamingBody;

use crate::load::Ground;
use crate::source::Source;

/// In front of every name, so that nothing else of the service means the same; 2 is the format of snapshots.
const PREFIX: &str = "edgelatch/2/";
/// How long an object or an index may stay: its name says what it is, so it is never wrong; the cache drops what nobody asks for.
const FOR_EVER: Duration = Duration::from_secs(365 * 86_400);
/// How long the last state is at hand behind its time, for when the source is away. It is a head's longest life.
const AT_HAND: Duration = Duration::from_secs(30 * 86_400);
/// Bytes of a state: times, floor, head and roots.
const MAX_STATE: usize = 1024 + MAX_HEAD_BYTES + MAX_ROOT_CHAIN * (MAX_ROOT_BYTES + 4);

pub(crate) struct Platform {
    source: Source,
    /// The name of the realm's state.
    state: String,
    /// The state that this instance is to bring.
    owed: RefCell<Option<Transaction>>,
    on_error: Box<dyn Fn(&Error)>,
    /// Codes of errors that this instance has told of: once is enough.
    told: RefCell<Vec<&'static str>>,
}

impl Platform {
    pub(crate) fn new(source: Source, root: &[u8], on_error: Box<dyn Fn(&Error)>) -> Self {
        let state = format!("state/{}/{}", crate::load::name_of(root), source.name());
        Platform { source, state, owed: RefCell::new(None), on_error, told: RefCell::default() }
    }

    fn failed(&self, what: &str, error: impl std::fmt::Display) {
        self.report(&Error::Cache { code: "unreachable", detail: format!("{what}: {error}") });
    }

    /// All of what was found; what is cut off or too long is nothing.
    fn read(&self, found: &Found, limit: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let wide = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let body = found.to_stream().map_err(|error| self.failed("the cache", error)).ok()?;
        body.take(wide).read_to_end(&mut bytes).map_err(|error| self.failed("the cache", error)).ok()?;
        (bytes.len() <= limit).then_some(bytes)
    }

    fn write(&self, body: Result<StreamingBody, core::CacheError>, bytes: &[u8]) {
        let written = body.map_err(std::io::Error::other).and_then(|mut body| {
            body.write_all(bytes)?;
            body.finish()
        });
        if let Err(error) = written {
            self.failed("the cache takes nothing", error);
        }
    }
}

fn key(name: &str) -> Bytes {
    Bytes::from(format!("{PREFIX}{name}"))
}

impl Ground for Platform {
    fn fetch(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        self.source.fetch(path, limit)
    }

    fn stream(&self, path: &str, take: &mut dyn FnMut(&[u8]) -> Result<bool, Error>) -> Result<bool, Error> {
        self.source.stream(path, take)
    }

    fn kept(&self, name: &str, limit: usize) -> Option<Vec<u8>> {
        let found = core::lookup(key(name)).execute().map_err(|error| self.failed("the cache", error)).ok()??;
        self.read(&found, limit)
    }

    fn keep(&self, name: &str, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let insert: InsertBuilder = core::insert(key(name), FOR_EVER).known_length(length);
        self.write(insert.execute(), bytes);
    }

    fn state(&self) -> (Option<Vec<u8>>, bool) {
        let looked = match Transaction::lookup(key(&self.state)).execute() {
            Ok(looked) => looked,
            Err(error) => {
                self.failed("the cache", error);
                return (None, true);
            }
        };
        let state = looked.found().and_then(|found| self.read(&found, MAX_STATE));
        let due = looked.must_insert_or_update();
        *self.owed.borrow_mut() = due.then_some(looked);
        // One that is there and cannot be read is none.
        (state, due)
    }

    fn settle(&self, state: &[u8], fresh: Duration) {
        let Some(owed) = self.owed.borrow_mut().take() else { return };
        let length = u64::try_from(state.len()).unwrap_or(u64::MAX);
        let insert = owed.insert(fresh).stale_while_revalidate(AT_HAND).known_length(length);
        self.write(insert.execute(), state);
    }

    fn report(&self, error: &Error) {
        if !self.told.borrow().contains(&error.code()) {
            self.told.borrow_mut().push(error.code());
            (self.on_error)(error);
        }
    }
}
