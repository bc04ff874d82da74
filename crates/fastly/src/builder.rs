//! The options of a guard.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edgelatch_http::{Error, Judge, Requirement, Verdict, root_bytes};
use fastly::log::Endpoint;
use fastly::{Request, Response};

use crate::Need;
use crate::guard::{Guard, Hooks};
use crate::load::{self, Terms};
use crate::platform::Platform;
use crate::source::Source;

/// The longest time that an option may name: a day.
const LONGEST: Duration = Duration::from_secs(86_400);

/// What makes a [`Guard`].
#[must_use]
pub struct GuardBuilder {
    root: Vec<u8>,
    source: Source,
    need: Need,
    config: String,
    ttl: Duration,
    max_age: Option<Duration>,
    on_error: Box<dyn Fn(&Error)>,
    hooks: Hooks,
}

impl GuardBuilder {
    pub(crate) fn new(root: Vec<u8>, source: Source) -> Self {
        let hooks = Hooks {
            optional: false,
            refuse: None,
            peer: Box::new(|request| request.get_client_ip_addr()),
            clock: Box::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())),
        };
        GuardBuilder {
            root: root_bytes(root),
            source,
            need: Requirement::none().into(),
            config: String::new(),
            ttl: Duration::from_secs(10),
            max_age: None,
            on_error: Box::new(|error| eprintln!("edgelatch: {error}")),
            hooks,
        }
    }

    /// What every request must fulfil: a [`Requirement`], [`Routes`](crate::Routes), or a function ([`Need::choose`](edgelatch_http::Need::choose)). Default: nothing
    /// more than a valid key.
    pub fn requirement(self, need: impl Into<Need>) -> Self {
        GuardBuilder { need: need.into(), ..self }
    }

    /// Whether a request without any credential goes on, with a verdict that is not `ok`. One with a credential is judged as ever: a wrong key is refused. It
    /// cannot be combined with a route table, whose `deny` would then hold for those with a key only.
    pub fn optional(mut self, optional: bool) -> Self {
        self.hooks.optional = optional;
        self
    }

    /// Answers refused requests in a way of your own; `None` leaves it to the usual reply. The handler is never reached. The answer's `Cache-Control` is
    /// `no-store` where it says nothing else.
    pub fn refuse(mut self, refuse: impl Fn(&Verdict, &Request) -> Option<Response> + 'static) -> Self {
        self.hooks.refuse = Some(Box::new(refuse));
        self
    }

    /// The address of the connection's other end, in place of what Fastly says; `None` says that it is not known, which every IP policy refuses. Which header
    /// counts besides is `client_ip` of the configuration.
    pub fn peer(mut self, peer: impl Fn(&Request) -> Option<IpAddr> + 'static) -> Self {
        self.hooks.peer = Box::new(peer);
        self
    }

    /// What else the host decides, as lines of the core's: `client_ip=hops=1`, `mask_ip=on`. Client address, places of the key, service, grace, least epoch,
    /// peppers. `lazy`, `fetches` and `floor` are the guard's own.
    pub fn config(self, lines: &str) -> Self {
        GuardBuilder { config: lines.into(), ..self }
    }

    /// How long the POP goes by a head before it asks for a newer one: so long a revoked key may live on, and the time of one fetch. From 1 s to a day, in
    /// whole seconds. Default 10 s.
    pub fn ttl(self, ttl: Duration) -> Self {
        GuardBuilder { ttl, ..self }
    }

    /// How long what the source said last is good enough to answer by while it cannot be asked, in whole seconds; older is refused, as `snapshot_stale`.
    /// At least [`ttl`](GuardBuilder::ttl). Default: until the head ends.
    pub fn max_age(self, max_age: Duration) -> Self {
        GuardBuilder { max_age: Some(max_age), ..self }
    }

    /// Hears of trouble, of each code once an instance. Default: a line to standard error, which `fastly log-tail` shows.
    pub fn on_error(self, hear: impl Fn(&Error) + 'static) -> Self {
        GuardBuilder { on_error: Box::new(hear), ..self }
    }

    /// Writes of trouble to the log endpoint of this name; to standard error where there is none.
    pub fn log(self, endpoint: &str) -> Self {
        let name = endpoint.to_owned();
        self.on_error(move |error| {
            let line = format!("edgelatch: {error}\n");
            let written = Endpoint::try_from_name(&name)
                .is_ok_and(|mut log| std::io::Write::write_all(&mut log, line.as_bytes()).is_ok());
            if !written {
                eprint!("{line}");
            }
        })
    }

    /// The clock, in Unix seconds. Default: the system's.
    pub fn clock(mut self, clock: impl Fn() -> u64 + 'static) -> Self {
        self.hooks.clock = Box::new(clock);
        self
    }

    /// The guard, after a look at the POP's cache, and at the source where one is due. Refuses only what was configured wrongly: while nothing can be had, every key
    /// is answered `snapshot_missing` (503).
    pub fn build(self) -> Result<Guard, Error> {
        let GuardBuilder { root, source, need, config, ttl, max_age, on_error, hooks } = self;
        if !(Duration::from_secs(1)..=LONGEST).contains(&ttl) {
            return Err(Error::Option("ttl: a time from a second to a day is needed".into()));
        }
        if max_age.is_some_and(|max_age| max_age < ttl) {
            return Err(Error::Option("max_age: it must not be shorter than ttl".into()));
        }
        let platform = Platform::new(source, &root, on_error);
        let terms = Terms { root, config, ttl: ttl.as_secs() };
        let mut loaded = load::load(&platform, &terms, None, (hooks.clock)())?;
        let required = need.clone().compile(&mut loaded.edge, hooks.optional)?;
        let judge = Judge::new(&loaded.edge);
        Ok(Guard { platform, terms, max_age: max_age.map(|age| age.as_secs()), need, hooks, loaded, required, judge })
    }
}

impl std::fmt::Debug for GuardBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardBuilder").field("source", &self.source).field("need", &self.need).finish_non_exhaustive()
    }
}
