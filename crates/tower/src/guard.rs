//! The options of the check in front of a service, the same as those of the SDK's adapters.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use edgelatch_core::edge::RequirementId;
use edgelatch_core::verdict::Code;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH};
use http::request::Parts;
use http::{Method, Response};

use crate::builder::host;
use crate::error::Error;
use crate::layer::EdgelatchLayer;
use crate::reply::{self, NO_STORE};
use crate::request::peer_of;
use crate::requirement::{Need, Requirement};
use crate::usage::UsageEvent;
use crate::verdict::Verdict;
use crate::verifier::{Required, Verifier};

type Refuse = Arc<dyn Fn(&Verdict, &Parts) -> Option<Response<Bytes>> + Send + Sync>;
type Describe = Arc<dyn Fn(&mut UsageEvent, &Parts) + Send + Sync>;
type PeerOf = Arc<dyn Fn(&Parts) -> Option<IpAddr> + Send + Sync>;

/// What makes an [`EdgelatchLayer`].
#[must_use]
pub struct LayerBuilder {
    verifier: Verifier,
    need: Need,
    optional: bool,
    refuse: Option<Refuse>,
    peer: Option<PeerOf>,
    describe: Option<Describe>,
}

impl LayerBuilder {
    pub(crate) fn new(verifier: Verifier) -> Self {
        let need = Requirement::none().into();
        LayerBuilder { verifier, need, optional: false, refuse: None, peer: None, describe: None }
    }

    /// What every request must fulfil: a [`Requirement`], [`Routes`](crate::Routes), or a function ([`Need::choose`]). Default: nothing more than a valid key.
    pub fn requirement(self, need: impl Into<Need>) -> Self {
        LayerBuilder { need: need.into(), ..self }
    }

    /// Whether a request without any credential goes on, with a verdict that is not `ok`. One with a credential is judged as ever: a wrong key is refused. It
    /// cannot be combined with a route table, whose `deny` would then hold for those with a key only.
    pub fn optional(self, optional: bool) -> Self {
        LayerBuilder { optional, ..self }
    }

    /// Answers refused requests in a way of your own; `None` leaves it to the usual reply. The service is never reached. The answer's `Cache-Control` is
    /// `no-store` where it says nothing else. [`grpc`](crate::grpc) is one for services of gRPC.
    pub fn refuse(self, refuse: impl Fn(&Verdict, &Parts) -> Option<Response<Bytes>> + Send + Sync + 'static) -> Self {
        LayerBuilder { refuse: Some(Arc::new(refuse)), ..self }
    }

    /// The address of the connection's other end, in place of what the request's extensions tell; `None` says that it is not known, which every IP policy
    /// refuses. Which header counts besides is the verifier's to say (`client_ip` of its configuration).
    pub fn peer(self, peer: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        LayerBuilder { peer: Some(Arc::new(peer)), ..self }
    }

    /// Says in reports of [usage](crate::VerifierBuilder::usage) what only the host knows of a request: the path's template, so that ids and whatever else
    /// stands in paths is not reported, a country, an id. The status is not known yet. A panic in it is discarded, with what it said.
    pub fn describe(self, describe: impl Fn(&mut UsageEvent, &Parts) + Send + Sync + 'static) -> Self {
        LayerBuilder { describe: Some(Arc::new(describe)), ..self }
    }

    /// The layer. Refuses a requirement or a route table that is not well formed.
    pub fn build(self) -> Result<EdgelatchLayer, Error> {
        let LayerBuilder { verifier, need, optional, refuse, peer, describe } = self;
        let required = match need {
            Need::Always(requirement) => match verifier.shared.compile(&requirement) {
                RequirementId::BAD => return Err(Error::Option(format!("requirement: {requirement} is not well formed"))),
                id => Required::Known(id),
            },
            Need::ByRoute(_) if optional => {
                let why = "optional: a route table may deny paths to all, which a request without a key would pass; give each route a layer of its own";
                return Err(Error::Option(why.into()));
            }
            Need::ByRoute(routes) => Required::Known(verifier.shared.compile_routes(&routes.text())?),
            Need::ByRequest(choose) => Required::Chosen(choose),
        };
        Ok(EdgelatchLayer(Arc::new(Guard { verifier, required, optional, refuse, peer, describe })))
    }
}

impl fmt::Debug for LayerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerBuilder").field("need", &self.need).field("optional", &self.optional).finish_non_exhaustive()
    }
}

/// The check itself.
pub(crate) struct Guard {
    pub(crate) verifier: Verifier,
    required: Required,
    optional: bool,
    refuse: Option<Refuse>,
    peer: Option<PeerOf>,
    describe: Option<Describe>,
}

impl Guard {
    /// The verdict over a request.
    pub(crate) async fn judge(&self, request: &Parts) -> Verdict {
        let peer = self.peer.as_ref().map_or_else(|| peer_of(request), |peer| peer(request));
        self.verifier.decide(|| self.verifier.shared.judge(request, &self.required, peer)).await
    }

    /// What is to be reported of a request once its status is known.
    pub(crate) fn pending(&self, verdict: &Verdict, request: &Parts) -> Pending {
        if !self.verifier.reports() {
            return Pending(None);
        }
        let mut event = UsageEvent::over(verdict, request);
        if let Some(describe) = &self.describe {
            let mut described = event.clone();
            // What a hook that panics has said of it does not count.
            if host(|| describe(&mut described, request)).is_some() {
                event = described;
            }
        }
        Pending(Some((self.verifier.clone(), event)))
    }

    /// The answer to a request that may not go on; `None` for one that may.
    pub(crate) fn refusal(&self, verdict: &Verdict, request: &Parts) -> Option<Response<Bytes>> {
        if verdict.preflight() || (self.optional && verdict.code() == Code::Missing) {
            return None;
        }
        let usual = verdict.reply()?;
        let Some(mut own) = self.refuse.as_ref().and_then(|refuse| refuse(verdict, request)) else { return Some(usual) };
        own.headers_mut().entry(CACHE_CONTROL).or_insert(NO_STORE);
        if request.method == Method::HEAD {
            let length = own.body().len();
            own.headers_mut().entry(CONTENT_LENGTH).or_insert(length.into());
            own.body_mut().clear();
        }
        Some(own)
    }

    /// Makes a request ready for its service.
    pub(crate) fn admit(verdict: &Verdict, request: &mut Parts) {
        reply::strip(&mut request.headers);
        request.extensions.insert(verdict.clone());
    }
}

/// A request that is not reported yet: with its status, or, if it is dropped before there is one, without it. So whoever goes away early is reported too.
pub(crate) struct Pending(Option<(Verifier, UsageEvent)>);

impl Pending {
    /// What stands for a client that did not wait for its response.
    const GONE: u16 = 499;

    /// Reports a status.
    pub(crate) fn settle(mut self, status: u16) {
        self.report(status);
    }

    fn report(&mut self, status: u16) {
        if let Some((verifier, event)) = self.0.take() {
            verifier.report(&UsageEvent { status, ..event });
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.report(if std::thread::panicking() { 500 } else { Self::GONE });
    }
}
