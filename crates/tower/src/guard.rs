//! The options of the check in front of a service, the same as those of the SDK's adapters.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use edgelatch_http::{Error, Required, Requirement, Verdict, caching, is_identity, refusal};
use http::header::{CACHE_CONTROL, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Response};

use crate::Need;
use crate::builder::host;
use crate::layer::EdgelatchLayer;
use crate::request::peer_of;
use crate::usage::UsageEvent;
use crate::verifier::Verifier;

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
    /// `no-store` where it says nothing else. [`grpc`](crate::grpc()) is one for services of gRPC.
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
        let mut edge = verifier.shared.write()?;
        let required = need.compile(&mut edge, optional)?;
        drop(edge);
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
    required: Required<Parts>,
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
        refusal(verdict, self.optional, || self.refuse.as_ref()?(verdict, request))
    }

    /// Makes a request ready for its service.
    pub(crate) fn admit(verdict: &Verdict, request: &mut Parts) {
        let forged: Vec<HeaderName> = request.headers.keys().filter(|name| is_identity(name)).cloned().collect();
        for name in forged {
            request.headers.remove(name);
        }
        request.extensions.insert(verdict.clone());
    }

    /// Tells caches of a response to an accepted request.
    pub(crate) fn tell_caches(verdict: &Verdict, headers: &mut HeaderMap) {
        let (control, vary) = caching(verdict, headers.contains_key(CACHE_CONTROL), headers.get_all(VARY).iter());
        control.map(|line| headers.insert(CACHE_CONTROL, line));
        vary.map(|line| headers.append(VARY, line));
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
