//! The check in front of a handler.

use std::net::IpAddr;

use bytes::Bytes;
use edgelatch_core::edge::{Edge, Outcome, RequirementId};
use edgelatch_core::ip::Ip;
use edgelatch_core::limits::MAX_GRACE;
use edgelatch_http::{Error, Judge, RequestInfo, RequestLine, Required, Requirement, Verdict, caching, is_identity, refusal};
use fastly::http::header::{CACHE_CONTROL, VARY};
use fastly::http::{HeaderName, Method};
use fastly::{Body, Request, Response};

use crate::Need;
use crate::builder::GuardBuilder;
use crate::load::{self, Ground, Loaded, Terms};
use crate::platform::Platform;
use crate::source::Source;

pub(crate) type Refuse = Box<dyn Fn(&Verdict, &Request) -> Option<Response>>;
pub(crate) type PeerOf = Box<dyn Fn(&Request) -> Option<IpAddr>>;

/// What the host says, and is asked.
pub(crate) struct Hooks {
    pub(crate) optional: bool,
    pub(crate) refuse: Option<Refuse>,
    pub(crate) peer: PeerOf,
    pub(crate) clock: Box<dyn Fn() -> u64>,
}

/// Judges keys of one realm, in front of a handler. It never fails: whatever goes wrong is a verdict that refuses.
///
/// An instance makes one for its request. One that serves several (`fastly::http::serve`) keeps it, and the guard looks for a newer head as it would
/// for the first.
pub struct Guard {
    pub(crate) platform: Platform,
    pub(crate) terms: Terms,
    pub(crate) max_age: Option<u64>,
    pub(crate) need: Need,
    pub(crate) hooks: Hooks,
    pub(crate) loaded: Loaded,
    pub(crate) required: Required<Request>,
    pub(crate) judge: Judge,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Decision {
    /// It goes on. It is accepted where the verdict is `ok`; else it is one without a key, where that is optional, or a preflight that may pass.
    Go(Verdict),
    /// This is the answer to it.
    Refused(Box<Response>),
}

impl Guard {
    /// A guard to be made, with the root that it is deployed with: its bytes, or their base64 or base64url text, as `edgelatch init` prints it.
    pub fn builder(root: impl Into<Vec<u8>>, source: Source) -> GuardBuilder {
        GuardBuilder::new(root.into(), source)
    }

    /// Answers a request: the handler is called for one that may go on, which has no inbound `X-Edgelatch-*` headers any more. Its response gets
    /// `Cache-Control: private` unless it says something else, and `Vary` on the credential headers.
    pub fn handle<E>(
        &mut self,
        mut request: Request,
        handler: impl FnOnce(Request, &Verdict) -> Result<Response, E>,
    ) -> Result<Response, E> {
        match self.check(&mut request) {
            Decision::Refused(response) => Ok(*response),
            Decision::Go(verdict) => {
                let mut response = handler(request, &verdict)?;
                tell_caches(&verdict, &mut response);
                Ok(response)
            }
        }
    }

    /// The same for programs that send their answer themselves: judges the request, and takes inbound `X-Edgelatch-*` headers off it. Give [`tell_caches`](Guard::tell_caches)
    /// the response before it is sent.
    pub fn check(&mut self, request: &mut Request) -> Decision {
        let verdict = self.verify(request);
        let refused = refusal(&verdict, self.hooks.optional, || {
            let own = self.hooks.refuse.as_ref()?(&verdict, request)?;
            Some(http::Response::from(own).map(|body: Body| Bytes::from(body.into_bytes())))
        });
        if let Some(response) = refused {
            return Decision::Refused(Box::new(response.map(|body| Body::from(body.as_ref())).into()));
        }
        let forged: Vec<HeaderName> = request.get_header_names().filter(|name| is_identity(name)).cloned().collect();
        for name in forged {
            request.remove_header(name);
        }
        Decision::Go(verdict)
    }

    /// Tells caches of a response to a request that went on.
    pub fn tell_caches(verdict: &Verdict, response: &mut Response) {
        tell_caches(verdict, response);
    }

    /// Judges a request: credential, Host, client address, key, requirement.
    pub fn verify(&mut self, request: &Request) -> Verdict {
        let (now, by) = self.fresh();
        let url = request.get_url();
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        let line = RequestLine {
            peer: (self.hooks.peer)(request),
            method: request.get_method_str(),
            target: &format!("{}{query}", url.path()),
            authority: None,
        };
        let block = self.judge.block(line, |name, line| request.get_header_all(name).for_each(line)).finish();
        let edge = &mut self.loaded.edge;
        let mut bad = None;
        let requirement = Judge::required(&self.required, request.get_method_str(), &block, |choose, info: RequestInfo<'_>| {
            compile(&choose(info, request), edge, &mut bad)
        });
        bad.iter().for_each(|error| self.platform.report(error));
        let outcome = load::answer(&self.platform, edge, now, |edge| edge.verify_block(&block, requirement, by));
        let client = edge.config().client(&block);
        self.judge.judged(edge, outcome, client, request.get_method() == Method::HEAD, now).into()
    }

    /// Judges the text of a key, used from that address; `None` says that it is not known, which every IP policy refuses.
    pub fn verify_key(&mut self, text: &str, requirement: &Requirement, ip: Option<IpAddr>) -> Verdict {
        let (now, by) = self.fresh();
        let edge = &mut self.loaded.edge;
        let mut bad = None;
        let (requirement, ip) = (compile(requirement, edge, &mut bad), ip.map(|ip| ip.to_string()));
        bad.iter().for_each(|error| self.platform.report(error));
        let ip = ip.as_ref().map(|ip| ip.as_bytes());
        let ask = |edge: &Edge| -> Outcome { edge.verify_key(text.as_bytes(), ip, requirement, by) };
        let outcome = load::answer(&self.platform, edge, now, ask);
        self.judge.judged(edge, outcome, ip.and_then(|ip| Ip::parse(ip).ok()), false, now).into()
    }

    /// Epoch of the snapshot that serves, 0 for none.
    pub fn epoch(&self) -> u64 {
        self.loaded.edge.head().map_or(0, |head| head.epoch)
    }

    /// Looks for a newer head where one is due. What time it is, as verdicts say, and the time by which is judged: the same or, where what is there is older
    /// than the host allows, one at which it has ended.
    fn fresh(&mut self) -> (u64, u64) {
        let now = (self.hooks.clock)();
        // Once a second: another instance may be asking.
        if now.saturating_sub(self.loaded.tried_at) >= self.terms.ttl
            && now > self.loaded.made_at
            && let Err(error) = self.renew(now)
        {
            self.platform.report(&error);
        }
        let age = now.saturating_sub(self.loaded.confirmed_at);
        let by = match (self.max_age, self.loaded.edge.head()) {
            (Some(max_age), Some(head)) if age > max_age => now.max(head.not_after.saturating_add(MAX_GRACE)),
            _ => now,
        };
        (now, by)
    }

    fn renew(&mut self, now: u64) -> Result<(), Error> {
        let mut loaded = load::load(&self.platform, &self.terms, self.loaded.edge.floor(), now)?;
        self.required = self.need.clone().compile(&mut loaded.edge, self.hooks.optional)?;
        self.loaded = loaded;
        Ok(())
    }
}

fn compile(requirement: &Requirement, edge: &mut Edge, bad: &mut Option<Error>) -> RequirementId {
    let id = requirement.compile(edge);
    if id == RequirementId::BAD {
        let why = format!("the requirement of {requirement} is not well formed, or one more than an edge keeps");
        *bad = Some(Error::Requirement(why));
    }
    id
}

fn tell_caches(verdict: &Verdict, response: &mut Response) {
    // Of a preflight there is nothing to keep.
    if verdict.preflight() {
        return;
    }
    let (control, vary) = caching(verdict, response.contains_header(CACHE_CONTROL), response.get_header_all(VARY));
    if let Some(line) = control {
        response.set_header(CACHE_CONTROL, line);
    }
    if let Some(line) = vary {
        response.append_header(VARY, line);
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("realm", &self.loaded.edge.realm()).field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}
