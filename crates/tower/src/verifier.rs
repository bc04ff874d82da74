//! A verifier: one realm, one snapshot, verdicts without I/O.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use edgelatch_core::edge::{Edge, Floor, RequirementId};
use edgelatch_core::ip::Ip;
use edgelatch_core::limits::MAX_REQUIREMENTS;
use edgelatch_http::{Choose, Error, Judge, Judged, MAX_NEEDED, RequestInfo, Required, Requirement, Verdict};
use http::Method;
use http::request::Parts;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::builder::{Hooks, VerifierBuilder, host};
use crate::follow::pulse::{Pulse, Running};
use crate::lookups::Lookups;
use crate::request::{block_of, peer_of};
use crate::stats::{Counters, Stats};
use crate::usage::{Reporter, UsageEvent};

/// Judges keys of one realm by the snapshot that it holds. Copies of it share that; with the last one it stops to follow its source.
///
/// It never fails: whatever goes wrong is a verdict that refuses.
#[derive(Clone)]
pub struct Verifier {
    pub(crate) shared: Arc<Shared>,
    /// What brings new snapshots; `None` for a verifier that keeps the one it began with.
    pub(crate) running: Option<Arc<Running>>,
    /// Of a lazy edge: what brings the objects that verdicts ask for.
    pub(crate) lookups: Option<Arc<Lookups>>,
    pub(crate) reporter: Option<Arc<Reporter>>,
}

/// What requests and the follower of the source share.
pub(crate) struct Shared {
    /// Written to for moments only: to compile a requirement, to look at a head, to switch.
    edge: RwLock<Edge>,
    known: RwLock<HashMap<Requirement, RequirementId>>,
    judge: Judge,
    realm: String,
    lazy: bool,
    /// Another epoch has come into force.
    pub(crate) switched: Notify,
    pub(crate) hooks: Hooks,
    pub(crate) counters: Counters,
    pub(crate) pulse: Pulse,
}

impl Verifier {
    /// A verifier to be made, with the root that it is deployed with: its bytes, or their base64 or base64url text, as `edgelatch init` prints it.
    pub fn builder(root: impl Into<Vec<u8>>) -> VerifierBuilder {
        VerifierBuilder::new(root.into())
    }

    /// Judges a request by what is there now: credential, Host, client address, key, requirement. The address is that of the connection, as far as
    /// the request's extensions tell it. A lazy edge answers `shard_needed` (503) where what decides is not here.
    pub fn verify(&self, request: &Parts, requirement: &Requirement) -> Verdict {
        let required = Required::Known(self.shared.compile(requirement));
        self.shared.give(self.shared.judge(request, &required, peer_of(request)))
    }

    /// The same, after what a good answer takes: see [`Verifier::fresh`], and of a lazy edge what the key needs. Never answers `shard_needed`; what could
    /// not be had is `shard_unavailable` (503).
    pub async fn check(&self, request: &Parts, requirement: &Requirement) -> Verdict {
        let required = Required::Known(self.shared.compile(requirement));
        self.decide(|| self.shared.judge(request, &required, peer_of(request))).await
    }

    /// Judges the text of a key, used from that address; `None` says that it is not known, which every IP policy refuses.
    pub fn verify_key(&self, text: &str, requirement: &Requirement, ip: Option<IpAddr>) -> Verdict {
        self.shared.give(self.shared.judge_key(text, self.shared.compile(requirement), ip))
    }

    /// The same, after what a good answer takes, as [`Verifier::check`] says.
    pub async fn check_key(&self, text: &str, requirement: &Requirement, ip: Option<IpAddr>) -> Verdict {
        let required = self.shared.compile(requirement);
        self.decide(|| self.shared.judge_key(text, required, ip)).await
    }

    /// The final verdict, once what it takes has come.
    pub(crate) async fn decide(&self, judge: impl Fn() -> Judged) -> Verdict {
        self.fresh().await;
        // The refresh that was waited for has bounds of its own.
        let (begun, mut judged, mut tries) = (Instant::now(), judge(), 0);
        while let Some((place, returning)) = judged.needs() {
            let lookups = self.lookups.as_ref().filter(|_| tries < MAX_NEEDED);
            let brought = match lookups {
                Some(lookups) => lookups.bring(place, returning, begun).await,
                None => false,
            };
            tries += 1;
            judged = if brought { judge() } else { judged.unavailable() };
        }
        self.shared.give(judged)
    }

    /// Reports a request that no layer stands in front of: see [`UsageEvent`]. One that is reported twice counts twice.
    pub fn report(&self, event: &UsageEvent) {
        self.shared.hooks.used(event);
        if let Some(outbox) = self.reporter.as_ref().and_then(|reporter| reporter.outbox.as_ref()) {
            outbox.put(event);
        }
    }

    /// Whether anybody is told of requests.
    pub(crate) fn reports(&self) -> bool {
        self.shared.hooks.hears_usage() || self.reporter.as_ref().is_some_and(|reporter| reporter.outbox.is_some())
    }

    /// Sends the events that wait now. `true` when the control plane has answered for all of them, `false` after the first attempt that failed: then they go on
    /// waiting and are tried again.
    pub async fn flush(&self) -> bool {
        match self.reporter.as_ref().and_then(|reporter| reporter.outbox.as_ref()) {
            Some(outbox) => outbox.flush().await,
            None => true,
        }
    }

    /// For a shutdown, behind the last request: takes no more events, tries to send those that wait for about one deadline, drops the rest, and tells the control
    /// plane that this edge ends. A verifier that is merely dropped loses what waits, and is missed by the control plane for a while. Verdicts go on.
    pub async fn close(&self) {
        if let Some(reporter) = &self.reporter {
            reporter.close().await;
        }
    }

    /// Resolves when a verdict may be given: at once, unless what was seen last is older than [`Refresh::max_age`](crate::Refresh::max_age), as after the
    /// process was stopped for a while. Then it waits for a refresh, [`Refresh::max_wait`](crate::Refresh::max_wait) at most; not while a source that failed is
    /// left alone. A layer does so with each request.
    pub async fn fresh(&self) {
        if let Some(running) = &self.running {
            running.fresh(&self.shared.pulse, self.ready()).await;
        }
    }

    /// Refreshes now, or joins the refresh under way; whether anything changed. An error is one that [`on_error`](VerifierBuilder::on_error) hears of as well.
    pub async fn refresh(&self) -> Result<bool, Error> {
        match &self.running {
            Some(running) => running.refresh().await,
            None => Ok(false),
        }
    }

    /// Whether a snapshot is loaded.
    pub fn ready(&self) -> bool {
        self.shared.read().is_ok_and(|edge| edge.head().is_some())
    }

    /// Name of the realm that the root vouches for.
    pub fn realm(&self) -> &str {
        &self.shared.realm
    }

    /// Epoch of the snapshot that serves, 0 for none.
    pub fn epoch(&self) -> u64 {
        self.shared.read().map_or(0, |edge| edge.head().map_or(0, |head| head.epoch))
    }

    /// The last root and epoch that were accepted: a host that keeps them hands them to its next start as `floor` of the [configuration](crate::HostConfig).
    pub fn floor(&self) -> Option<Floor> {
        self.shared.read().ok()?.floor()
    }

    /// What it has done so far, for metrics.
    pub fn stats(&self) -> Stats {
        let now = self.shared.now();
        let edge = self.shared.read().ok();
        let head = edge.as_ref().and_then(|edge| edge.head());
        self.shared.counters.fill(Stats {
            realm: self.shared.realm.clone(),
            ready: head.is_some(),
            epoch: head.map_or(0, |head| head.epoch),
            root_version: edge.as_ref().filter(|_| head.is_some()).map_or(0, |edge| edge.root_version()),
            age: head.map(|head| now.saturating_sub(head.issued_at)),
            memory: edge.as_ref().map_or(0, |edge| edge.memory()),
            streaming: false,
            verdicts: Default::default(),
            updates: 0,
            refreshes: 0,
            errors: Default::default(),
            refreshed_at: None,
            last_error: None,
            lazy: edge.as_ref().and_then(|edge| edge.lazy_stats()),
            usage: self.reporter.as_ref().and_then(|reporter| Some(reporter.outbox.as_ref()?.stats())),
        })
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("realm", &self.realm()).field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(edge: Edge, hooks: Hooks) -> Self {
        let (judge, realm, lazy) = (Judge::new(&edge), edge.realm().to_owned(), edge.config().is_lazy());
        let (known, counters, pulse, switched) = (RwLock::default(), Counters::new(), Pulse::new(), Notify::new());
        Shared { edge: RwLock::new(edge), known, judge, realm, lazy, switched, hooks, counters, pulse }
    }

    /// The edge. A thread that panicked while it changed it may have left it unfinished, and then nothing is judged by it any more.
    pub(crate) fn read(&self) -> Result<RwLockReadGuard<'_, Edge>, Error> {
        self.edge.read().map_err(|_| Error::Trap)
    }

    pub(crate) fn write(&self) -> Result<RwLockWriteGuard<'_, Edge>, Error> {
        self.edge.write().map_err(|_| Error::Trap)
    }

    pub(crate) fn realm(&self) -> &str {
        &self.realm
    }

    /// Whether a part of the snapshot is kept, and the rest fetched when a key needs it.
    pub(crate) fn is_lazy(&self) -> bool {
        self.lazy
    }

    /// Unix seconds.
    pub(crate) fn now(&self) -> u64 {
        self.hooks.now()
    }

    pub(crate) fn report(&self, error: &Error) {
        self.counters.failed(error, self.now());
        self.hooks.error(error);
    }

    /// The number of a requirement, which is compiled once. What is none is told each time.
    pub(crate) fn compile(&self, requirement: &Requirement) -> RequirementId {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(requirement).copied();
        let id = known.unwrap_or_else(|| {
            let id = self.write().map_or(RequirementId::BAD, |mut edge| requirement.compile(&mut edge));
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            // A host that makes them up for each request must not grow a map.
            if known.len() < MAX_REQUIREMENTS {
                known.insert(requirement.clone(), id);
            }
            id
        });
        if id == RequirementId::BAD {
            let why = format!("the requirement of {requirement} is not well formed, or one more than an edge keeps");
            self.report(&Error::Requirement(why));
        }
        id
    }

    /// The number of what a function chooses. What it panics about is a fault of the program.
    fn chosen(&self, choose: &Choose<Parts>, info: RequestInfo<'_>, request: &Parts) -> RequirementId {
        match host(|| choose(info, request)) {
            Some(requirement) => self.compile(&requirement),
            None => {
                self.report(&Error::Requirement("the function that chooses a requirement panicked".into()));
                RequirementId::BAD
            }
        }
    }

    pub(crate) fn judge(&self, request: &Parts, required: &Required<Parts>, peer: Option<IpAddr>) -> Judged {
        let (now, head) = (self.now(), request.method == Method::HEAD);
        let block = block_of(&self.judge, request, peer).finish();
        let chosen = |choose: &_, info: RequestInfo<'_>| self.chosen(choose, info, request);
        let requirement = Judge::required(required, request.method.as_str(), &block, chosen);
        let Ok(edge) = self.read() else { return self.trapped(head, now) };
        let (outcome, note) = edge.verify_noting(&block, requirement, now);
        self.judge.judged(&edge, outcome, note.client, head, now)
    }

    fn judge_key(&self, text: &str, requirement: RequirementId, ip: Option<IpAddr>) -> Judged {
        let (now, ip) = (self.now(), ip.map(|ip| ip.to_string()));
        let Ok(edge) = self.read() else { return self.trapped(false, now) };
        let outcome = edge.verify_key(text.as_bytes(), ip.as_deref().map(str::as_bytes), requirement, now);
        self.judge.judged(&edge, outcome, ip.and_then(|ip| Ip::parse(ip.as_bytes()).ok()), false, now)
    }

    /// Gives a verdict out, which counts.
    pub(crate) fn give(&self, judged: Judged) -> Verdict {
        self.counters.verdict(judged.code());
        judged.into()
    }

    /// Nothing can be judged.
    fn trapped(&self, head: bool, now: u64) -> Judged {
        self.report(&Error::Trap);
        self.judge.broken(head, now)
    }
}
