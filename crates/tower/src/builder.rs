//! What a verifier is made with.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edgelatch_core::edge::{Edge, HostConfig};
use edgelatch_core::error::Error as CoreError;
use edgelatch_http::{Error, root_bytes};
use tracing::warn;

use crate::follow::follow;
use crate::lookups::Lookups;
use crate::source::HttpSource;
use crate::usage::{Mode, Usage, UsageEvent};
use crate::verifier::{Shared, Verifier};

/// Bytes of a bundle that are proven at once.
const STEP: usize = 1 << 20;

/// When the snapshot is refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refresh {
    /// Between two refreshes, before a jitter of a tenth. Default 10 s.
    pub interval: Duration,
    /// Longest pause after failures; pauses double up to it, or to 5 s while nothing is loaded. Default 5 min.
    pub max_backoff: Duration,
    /// One refresh is given up after that. Default 30 s.
    pub deadline: Duration,
    /// Whether new heads are also taken from the source's stream, as they are published. While it is open, refreshes are a safety net, a minute apart.
    /// A source without one is no error. Default `true`.
    pub stream: bool,
    /// How long what a refresh brought is good enough to answer by. When the last one that succeeded is older, requests wait for one: what was revoked
    /// while the process was frozen is not accepted once more. Default: three intervals, and while a stream is open 37.5 s at least.
    pub max_age: Option<Duration>,
    /// How long they wait at most, from the beginning of that refresh. Then the request is judged by what is there. Default 2 s.
    pub max_wait: Duration,
}

impl Default for Refresh {
    fn default() -> Self {
        Refresh {
            interval: Duration::from_secs(10),
            max_backoff: Duration::from_secs(300),
            deadline: Duration::from_secs(30),
            stream: true,
            max_age: None,
            max_wait: Duration::from_secs(2),
        }
    }
}

impl Refresh {
    /// The same with another interval.
    #[must_use]
    pub fn interval(self, interval: Duration) -> Self {
        Refresh { interval, ..self }
    }

    /// The same with another [`Refresh::max_backoff`].
    #[must_use]
    pub fn max_backoff(self, max_backoff: Duration) -> Self {
        Refresh { max_backoff, ..self }
    }

    /// The same with another deadline.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Refresh { deadline, ..self }
    }

    /// The same with or without a stream.
    #[must_use]
    pub fn stream(self, stream: bool) -> Self {
        Refresh { stream, ..self }
    }

    /// The same with another [`Refresh::max_age`].
    #[must_use]
    pub fn max_age(self, max_age: Duration) -> Self {
        Refresh { max_age: Some(max_age), ..self }
    }

    /// The same with another [`Refresh::max_wait`].
    #[must_use]
    pub fn max_wait(self, max_wait: Duration) -> Self {
        Refresh { max_wait, ..self }
    }

    fn check(&self) -> Result<(), Error> {
        // A timer a year ahead is as good as none, and later ones may not be told.
        const LONGEST: Duration = Duration::from_secs(365 * 86_400);
        let all = [
            ("interval", self.interval),
            ("max_backoff", self.max_backoff),
            ("deadline", self.deadline),
            ("max_age", self.max_age.unwrap_or(self.interval)),
            ("max_wait", self.max_wait),
        ];
        match all.into_iter().find(|(_, time)| time.as_millis() == 0 || *time > LONGEST) {
            Some((name, _)) => Err(Error::Option(format!("refresh.{name}: a time from a millisecond to a year is needed"))),
            None => Ok(()),
        }
    }
}

/// Another epoch has come into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Update {
    /// The one that serves from now on.
    pub epoch: u64,
    /// The one before it, 0 for none.
    pub previous: u64,
    /// Version of the root under which it serves.
    pub root_version: u32,
    /// When its head was issued, Unix seconds.
    pub issued_at: u64,
}

type OnUsage = Arc<dyn Fn(&UsageEvent) + Send + Sync>;

/// What the host is told, and asked.
#[derive(Clone)]
pub(crate) struct Hooks {
    on_error: Arc<dyn Fn(&Error) + Send + Sync>,
    on_update: Arc<dyn Fn(Update) + Send + Sync>,
    on_usage: Option<OnUsage>,
    clock: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Hooks {
    pub(crate) fn error(&self, error: &Error) {
        let _ = host(|| (self.on_error)(error));
    }

    fn update(&self, update: Update) {
        let _ = host(|| (self.on_update)(update));
    }

    /// Whether anybody hears of requests.
    pub(crate) fn hears_usage(&self) -> bool {
        self.on_usage.is_some()
    }

    pub(crate) fn used(&self, event: &UsageEvent) {
        if let Some(hear) = &self.on_usage {
            let _ = host(|| hear(event));
        }
    }

    /// A clock that fails gives no time, which the core answers with `clock_invalid`.
    pub(crate) fn now(&self) -> u64 {
        host(|| (self.clock)()).unwrap_or(0)
    }
}

/// Calls a function of the host's; `None` where it panics, which would otherwise end what follows the source. Nothing of ours is changed in it, so nothing is left unfinished by one that panics.
pub(crate) fn host<T>(call: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(call)).ok()
}

/// What makes a [`Verifier`].
#[must_use]
pub struct VerifierBuilder {
    root: Vec<u8>,
    config: HostConfig,
    refresh: Refresh,
    cache: Option<PathBuf>,
    usage: Option<Usage>,
    hooks: Hooks,
}

impl VerifierBuilder {
    pub(crate) fn new(root: Vec<u8>) -> Self {
        let root = root_bytes(root);
        let hooks = Hooks {
            on_error: Arc::new(|error| warn!(target: "edgelatch", code = error.code(), "{error}")),
            on_update: Arc::new(|_| {}),
            on_usage: None,
            clock: Arc::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())),
        };
        let (config, refresh) = (HostConfig::default(), Refresh::default());
        VerifierBuilder { root, config, refresh, cache: None, usage: None, hooks }
    }

    /// What the host decides, in the core's own form: `HostConfig::parse("client_ip=hops=1\nmask_ip=on")`. With `lazy=BYTES` a part of the snapshot is kept, within
    /// that many bytes, and what a key needs besides is fetched when it is first presented: at most `fetches` objects a second (100), of which half are left
    /// to keys that were found before. Such an edge gives final verdicts by [`check`](Verifier::check), [`check_key`](Verifier::check_key) and a layer.
    pub fn config(self, config: HostConfig) -> Self {
        VerifierBuilder { config, ..self }
    }

    /// When to refresh.
    pub fn refresh(self, refresh: Refresh) -> Self {
        VerifierBuilder { refresh, ..self }
    }

    /// A directory in which what serves is kept, so that a verifier which begins while its source cannot be reached serves what it served last, until the
    /// end of its head. It is made if it is not there, for its owner alone. Of several processes that write into one the last counts: give each its own.
    pub fn cache(self, directory: impl Into<PathBuf>) -> Self {
        VerifierBuilder { cache: Some(directory.into()), ..self }
    }

    /// Hears when a refresh fails, an update is refused, a cache is of no use, or a requirement is none. A panic in it is discarded. Default: a warning of [`tracing`] with the target `edgelatch`.
    pub fn on_error(mut self, hear: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.hooks.on_error = Arc::new(hear);
        self
    }

    /// Hears when another epoch has come into force: of the first one too. A panic in it is discarded.
    pub fn on_update(mut self, hear: impl Fn(Update) + Send + Sync + 'static) -> Self {
        self.hooks.on_update = Arc::new(hear);
        self
    }

    /// Reports to the control plane which key was used for what, in batches, after the responses; and which epoch this edge serves by, when it has a new one and
    /// now and then. Before the process ends: [`Verifier::close`].
    pub fn usage(self, usage: Usage) -> Self {
        VerifierBuilder { usage: Some(usage), ..self }
    }

    /// Hears of each request behind a layer once the status of its response is known, for logs and metrics of your own, and must not wait. A panic in it is discarded.
    pub fn on_usage(mut self, hear: impl Fn(&UsageEvent) + Send + Sync + 'static) -> Self {
        self.hooks.on_usage = Some(Arc::new(hear));
        self
    }

    /// The clock, in Unix seconds. Default: the system's.
    pub fn clock(mut self, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.hooks.clock = Arc::new(clock);
        self
    }

    /// A verifier that follows a published realm, on the runtime of tokio that this is called on, which must drive time and I/O. Resolves when the first refresh has ended, well or not, or
    /// when what was kept serves: until something does, every key is answered `snapshot_missing` (503), and the source is asked again within five seconds.
    /// Refuses only what was configured wrongly.
    pub async fn follow(self, source: HttpSource) -> Result<Verifier, Error> {
        self.refresh.check()?;
        let (refresh, cache, usage) = (self.refresh, self.cache.clone(), self.usage.clone());
        let (shared, source) = (Arc::new(self.shared()?), source.connect()?);
        // What is wrong with it is told before anything is begun.
        usage.as_ref().map_or(Ok(()), Usage::check)?;
        let lookups = shared.is_lazy().then(|| Lookups::new(Arc::clone(&shared), source.clone(), refresh.max_wait));
        let running = Some(Arc::new(follow(Arc::clone(&shared), source, refresh, cache).await));
        let reporter = usage.map(|usage| usage.begin(&shared, Mode::Timer)).transpose()?.map(Arc::new);
        Ok(Verifier { shared, running, lookups: lookups.map(Arc::new), reporter })
    }

    /// A verifier over one bundle, for ever: until the end of its head. Proves all of it at once. With [`usage`](Self::usage) it wants a runtime of tokio. A
    /// [lazy](Self::config) one is refused: there is no source that it could ask.
    pub fn serve(self, bundle: Vec<u8>) -> Result<Verifier, Error> {
        if self.config.is_lazy() {
            let reason = "is for edges that follow a source, out of which they fetch what they did not keep".into();
            return Err(CoreError::BadConfig { key: "lazy".into(), reason }.into());
        }
        let usage = self.usage.clone();
        let shared = Arc::new(self.shared()?);
        {
            let now = shared.now();
            let mut edge = shared.write()?;
            let mut staged = edge.stage(&[], bundle, now)?;
            while staged.check(STEP)? > 0 {}
            edge.commit(staged, now)?;
        }
        shared.updated(0);
        let reporter = usage.map(|usage| usage.begin(&shared, Mode::Manual)).transpose()?.map(Arc::new);
        Ok(Verifier { shared, running: None, lookups: None, reporter })
    }

    fn shared(self) -> Result<Shared, Error> {
        Ok(Shared::new(Edge::new(&self.root, self.config)?, self.hooks))
    }
}

impl fmt::Debug for VerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifierBuilder").field("refresh", &self.refresh).field("cache", &self.cache).finish_non_exhaustive()
    }
}

impl Shared {
    /// Tells that another epoch serves than the one before.
    pub(crate) fn updated(&self, previous: u64) {
        let Ok(edge) = self.read() else { return };
        let update = edge.head().map(|head| Update {
            epoch: head.epoch,
            previous,
            root_version: edge.root_version(),
            issued_at: head.issued_at,
        });
        drop(edge);
        if let Some(update) = update.filter(|update| update.epoch != previous) {
            self.counters.updated();
            self.switched.notify_one();
            self.hooks.update(update);
        }
    }
}
