//! What is reported to the control plane: which key was used for what, and which epoch this edge serves by. A control plane that fails costs a bounded
//! queue, never a request.
//!
//! | read | for |
//! |---|---|
//! | here | options, events, and what a verifier holds of it |
//! | `wire` | an event as the control plane reads it |
//! | `outbox` | events that wait, and batches of them |
//! | `fleet` | what an edge says of itself |
//! | `post` | one message, and what its answer means |

mod fleet;
mod outbox;
mod post;
mod wire;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use edgelatch_core::key::KeyId;
use edgelatch_core::verdict::Code;
use edgelatch_http::{Error, Verdict, bearer, keeps_secrets};
use http::HeaderValue;
use http::request::Parts;
use reqwest::Url;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::request::target_of;
use crate::verifier::Shared;
use fleet::Fleet;
pub(crate) use fleet::Mode;
use outbox::Outbox;
pub use outbox::UsageStats;
use post::Post;

/// Bytes of an edge's name at most, as the control plane takes it.
const MAX_NAME: usize = 128;

/// One request and what became of it: what the control plane keeps of it. No credential, no query.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageEvent {
    /// The key's public id; `None` when no key was found.
    pub key_id: Option<KeyId>,
    /// When it was judged, Unix seconds.
    pub at: u64,
    /// The method, in capitals; `-` where there is none.
    pub method: String,
    /// Path, or the path's template such as `/v1/zones/{id}`; `-` where there is none. What follows a `?` is cut off.
    pub endpoint: String,
    /// The client's address, where it is known.
    pub ip: Option<IpAddr>,
    /// Its country, two capitals, where it is known.
    pub country: Option<String>,
    /// HTTP status of the response. 499 stands for a client that did not wait for one.
    pub status: u16,
    /// What was decided.
    pub code: Code,
    /// An id of your own, up to 64 visible ASCII characters, such as a request id; without one there will be one.
    pub id: Option<String>,
}

impl UsageEvent {
    /// What a verdict says of itself. Of one over a bare key method and endpoint are `-`, unless somebody says more.
    pub fn of(verdict: &Verdict, status: u16) -> Self {
        let (none, key_id, ip) = (|| wire::NONE.to_owned(), verdict.key_id(), verdict.ip());
        let (at, code) = (verdict.at(), verdict.code());
        UsageEvent { key_id, at, method: none(), endpoint: none(), ip, country: None, status, code, id: None }
    }

    /// The same with what the request says.
    pub(crate) fn over(verdict: &Verdict, request: &Parts) -> Self {
        let endpoint = wire::endpoint(target_of(request).path()).into_owned();
        UsageEvent { method: request.method.as_str().to_owned(), endpoint, ..UsageEvent::of(verdict, 0) }
    }
}

/// Bounds of what waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    max_batch: usize,
    max_queue: usize,
    max_age: Duration,
    deadline: Duration,
    max_backoff: Duration,
}

/// Where usage is reported to, and how: see [`usage`](crate::VerifierBuilder::usage).
#[derive(Clone)]
#[must_use]
pub struct Usage {
    base: Url,
    key: HeaderValue,
    name: Option<String>,
    events: bool,
    bounds: Bounds,
}

impl Usage {
    /// Reports to the control plane whose API is at this address, such as `https://keys.example.com`, with a key of the management realm whose role is
    /// `edge`: it can report and nothing else. `http:` on this machine only.
    pub fn new(address: &str, key: &str) -> Result<Usage, Error> {
        let wrong = |why: &str| Error::Option(format!("usage: {why}"));
        let base =
            Url::parse(address).map_err(|_| wrong("the address is no absolute URL, such as https://keys.example.com"))?;
        if !keeps_secrets(&base) {
            return Err(wrong("https: is needed, except on the loopback"));
        }
        let bare = base.username().is_empty() && base.password().is_none();
        if !bare || base.query().is_some() || base.fragment().is_some() {
            return Err(wrong("no credentials, query or fragment can be part of the address"));
        }
        let key = bearer(key).ok_or_else(|| wrong("the key must be the text of a management key, without spaces"))?;
        let bounds = Bounds {
            max_batch: 1000,
            max_queue: 10_000,
            max_age: Duration::from_secs(5),
            deadline: Duration::from_secs(10),
            max_backoff: Duration::from_secs(60),
        };
        Ok(Usage { base, key, name: None, events: true, bounds })
    }

    /// What this edge is called in the list of the fleet, such as `fra-1`: one line of up to 128 bytes. Instances may share it.
    pub fn edge(self, name: impl Into<String>) -> Self {
        Usage { name: Some(name.into()), ..self }
    }

    /// Whether requests are reported; `false` reports only which epoch the edge serves by. Default `true`.
    pub fn events(self, events: bool) -> Self {
        Usage { events, ..self }
    }

    /// Events of one batch at most, 1 to 10 000. A batch that is full is sent at once. Default 1000.
    pub fn max_batch(mut self, events: usize) -> Self {
        self.bounds.max_batch = events;
        self
    }

    /// How long an event waits for its batch to fill, at most. Default 5 s.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.bounds.max_age = time;
        self
    }

    /// Events that wait at most, 1 to 1 000 000, those of the batch under way included; further ones are dropped and counted. Default 10 000.
    pub fn max_queue(mut self, events: usize) -> Self {
        self.bounds.max_queue = events;
        self
    }

    /// After that one attempt is given up. Default 10 s.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.bounds.deadline = time;
        self
    }

    /// Longest pause after failures; pauses double up to it. Default 60 s.
    pub fn max_backoff(mut self, time: Duration) -> Self {
        self.bounds.max_backoff = time;
        self
    }

    /// Refuses what is not what it must be.
    pub(crate) fn check(&self) -> Result<(), Error> {
        // A timer a year ahead is as good as none, and later ones may not be told.
        const LONGEST: Duration = Duration::from_secs(365 * 86_400);
        let Bounds { max_batch, max_queue, max_age, deadline, max_backoff } = self.bounds;
        let wrong = |what: &str, needed: &str| Err(Error::Option(format!("usage.{what}: {needed} is needed")));
        for (what, number, most) in [("max_batch", max_batch, 10_000), ("max_queue", max_queue, 1_000_000)] {
            if !(1..=most).contains(&number) {
                return wrong(what, &format!("a number from 1 to {most}"));
            }
        }
        for (what, time) in [("max_age", max_age), ("deadline", deadline), ("max_backoff", max_backoff)] {
            if time.as_millis() == 0 || time > LONGEST {
                return wrong(what, "a time from a millisecond to a year");
            }
        }
        let name = self.name.as_deref().unwrap_or("-");
        if name.is_empty() || name.len() > MAX_NAME || name.trim() != name || name.chars().any(char::is_control) {
            return wrong("edge", "a name in one line of up to 128 bytes, such as fra-1,");
        }
        Ok(())
    }

    /// The address that reports of a kind go to.
    fn address(&self, realm: &str, what: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/api/v1/realms/{realm}/{what}", self.base.path().trim_end_matches('/')));
        url
    }

    /// Begins to report, on the runtime that this is called on.
    pub(crate) fn begin(self, shared: &Arc<Shared>, mode: Mode) -> Result<Reporter, Error> {
        self.check()?;
        let runtime = Handle::try_current().map_err(|_| Error::Option("usage: reports go by a runtime of tokio".into()))?;
        let to = |what| Post::new(self.address(shared.realm(), what), self.key.clone(), self.bounds.deadline);
        let mut tasks = JoinSet::new();
        let outbox = if self.events {
            let outbox = Arc::new(Outbox::new(to("usage")?, self.bounds, Arc::clone(shared)));
            tasks.spawn_on(Arc::clone(&outbox).run(), &runtime);
            Some(outbox)
        } else {
            None
        };
        let fleet = Arc::new(Fleet::new(to("edges")?, self.name, mode, Arc::clone(shared)));
        tasks.spawn_on(Arc::clone(&fleet).run(), &runtime);
        Ok(Reporter { outbox, fleet, _tasks: tasks })
    }
}

/// Not the key.
impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.base.origin().ascii_serialization();
        f.debug_struct("Usage").field("origin", &origin).field("edge", &self.name).finish_non_exhaustive()
    }
}

/// What a verifier reports by. Its work ends with it.
pub(crate) struct Reporter {
    pub(crate) outbox: Option<Arc<Outbox>>,
    fleet: Arc<Fleet>,
    _tasks: JoinSet<()>,
}

impl Reporter {
    /// See [`Verifier::close`](crate::Verifier::close).
    pub(crate) async fn close(&self) {
        let events = async {
            if let Some(outbox) = &self.outbox {
                outbox.close().await;
            }
        };
        tokio::join!(events, self.fleet.close());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_reports_go_is_sealed_and_the_key_is_in_no_message() {
        let new = |address: &str, key: &str| Usage::new(address, key);
        for good in ["https://keys.example.com", "https://keys.example.com/base/", "http://127.0.0.1:1", "http://[::1]:1"] {
            let usage = new(good, "canary").unwrap();
            assert!(!format!("{usage:?}").contains("canary"));
            assert!(usage.address("acme", "usage").as_str().ends_with("/api/v1/realms/acme/usage"));
        }
        let bad = ["", "keys", "ftp://h", "http://h", "https://canary:canary@h", "https://h?canary", "https://h#canary"];
        for (address, key) in
            bad.map(|address| (address, "k")).into_iter().chain([("https://h", "canary x"), ("https://h", "")])
        {
            let error = new(address, key).unwrap_err();
            assert!(error.code() == "bad_option" && !error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn bounds_and_names_are_checked() {
        let usage = || Usage::new("https://h", "k").unwrap();
        usage().check().unwrap();
        usage().edge("fra-1").max_batch(1).max_queue(1).check().unwrap();
        for (bad, named) in [
            (usage().max_batch(0), "usage.max_batch: "),
            (usage().max_batch(10_001), "usage.max_batch: "),
            (usage().max_queue(0), "usage.max_queue: "),
            (usage().max_age(Duration::ZERO), "usage.max_age: "),
            (usage().deadline(Duration::MAX), "usage.deadline: "),
            (usage().max_backoff(Duration::ZERO), "usage.max_backoff: "),
            (usage().edge(""), "usage.edge: "),
            (usage().edge(" a"), "usage.edge: "),
            (usage().edge("a\nb"), "usage.edge: "),
            (usage().edge("x".repeat(129)), "usage.edge: "),
        ] {
            let error = bad.check().unwrap_err();
            assert!(error.to_string().starts_with(named), "{error}");
        }
    }
}
