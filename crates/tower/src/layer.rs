//! The check as a layer of tower.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Full};
use tower_layer::Layer;
use tower_service::Service;

use crate::guard::{Guard, LayerBuilder};
use crate::verifier::Verifier;

/// Puts the check in front of a service over HTTP: axum's routers and routes, hyper's and tonic's services.
///
/// The service is called for accepted requests only (and preflights where they may pass), with a [`Verdict`](crate::Verdict) in the extensions and inbound
/// `X-Edgelatch-*` headers gone. Its response gets `Cache-Control: private` unless it says something else, and `Vary` on the credential headers. To copy
/// it costs nothing.
#[derive(Clone)]
pub struct EdgelatchLayer(pub(crate) Arc<Guard>);

impl EdgelatchLayer {
    /// A layer to be made over a verifier.
    pub fn builder(verifier: Verifier) -> LayerBuilder {
        LayerBuilder::new(verifier)
    }
}

impl<S> Layer<S> for EdgelatchLayer {
    type Service = Edgelatch<S>;

    fn layer(&self, inner: S) -> Edgelatch<S> {
        Edgelatch { guard: Arc::clone(&self.0), inner }
    }
}

impl fmt::Debug for EdgelatchLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgelatchLayer").field("verifier", &self.0.verifier).finish_non_exhaustive()
    }
}

/// A service behind the check; made by [`EdgelatchLayer`].
#[derive(Clone)]
pub struct Edgelatch<S> {
    guard: Arc<Guard>,
    inner: S,
}

impl<S, In, Out> Service<Request<In>> for Edgelatch<S>
where
    S: Service<Request<In>, Response = Response<Out>> + Clone + Send + 'static,
    S::Future: Send,
    In: Send + 'static,
{
    type Response = Response<Either<Out, Full<Bytes>>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        let guard = Arc::clone(&self.guard);
        // The one that was found ready, and another one for the next request.
        let next = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, next);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let verdict = guard.judge(&parts).await;
            let pending = guard.pending(&verdict, &parts);
            if let Some(refusal) = guard.refusal(&verdict, &parts) {
                pending.settle(refusal.status().as_u16());
                return Ok(refusal.map(|body| Either::Right(Full::new(body))));
            }
            Guard::admit(&verdict, &mut parts);
            let answered = inner.call(Request::from_parts(parts, body)).await;
            // What a service fails with is its server's to answer.
            pending.settle(answered.as_ref().map_or(500, |response| response.status().as_u16()));
            let mut response = answered?;
            // Of what becomes a WebSocket there is nothing to keep.
            if !verdict.preflight() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                Guard::tell_caches(&verdict, response.headers_mut());
            }
            Ok(response.map(Either::Left))
        })
    }
}

impl<S> fmt::Debug for Edgelatch<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edgelatch").finish_non_exhaustive()
    }
}
