//! The management API: keys, orgs, owners, roles and logs of every realm, for holders of management keys.
//!
//! | module | holds |
//! |---|---|
//! | `auth` | who calls, and whether they may |
//! | `call`, `body` | a call: admitted first, read afterwards, strictly |
//! | `problem`, `answer` | what is answered |
//! | `openapi` | the document, made from the table below and the handlers' annotations |
//! | `metrics` | figures for Prometheus |
//! | `v1` | the endpoints, one file a family |
//!
//! No handler decides who may do what: [`call::Call::admit`] asks the core whether the key has the permission, and confines the
//! caller to what its scope names.

mod answer;
mod auth;
mod body;
mod call;
mod metrics;
mod openapi;
mod problem;
mod v1;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use edgelatch_registry::{Registry, UsageEvent};
use tokio::sync::Semaphore;
use tracing::{error, info};

use auth::authenticator::Gate;
pub use auth::throttle::FailureRate;
use auth::throttle::Throttle;
use call::Seen;
use metrics::{Metrics, known_method};
pub use openapi::document;
use problem::{Logged, Refusal};
use v1::{audit, bulk, explain, keys, orgs, owners, realms, roles, usage};

use crate::Error;
use crate::limits::MAX_IMPORTS;
use crate::log::{ACCESS, API};
use crate::net::concurrency::Turns;
use crate::tasks::uses::Uses;

/// How to serve the management API.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// What it manages. There must be a management realm in it.
    pub registry: Arc<Registry>,
    /// Another address to listen on than that of the published files.
    pub addr: Option<std::net::SocketAddr>,
    /// Where the client's address comes from, in the core's words, such as `trust=10.0.0.0/8`; the connection if none.
    pub client_ip: Option<String>,
    /// How many failed authentications an address may have.
    pub failures: FailureRate,
}

/// What every call needs.
pub(crate) struct Api {
    registry: Arc<Registry>,
    gate: Gate,
    throttle: Throttle,
    uses: Uses,
    metrics: Metrics,
    imports: Arc<Semaphore>,
    turns: Turns,
}

/// The table of routes: what is served, and what the document is made of.
macro_rules! routes {
    ($($path:literal { $($method:ident => $area:ident :: $handler:ident),+ $(,)? })*) => {
        fn table() -> Router<Arc<Api>> {
            Router::new()$(.route($path, MethodRouter::new()$(.$method($area::$handler))+))*
        }

        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($($area::$handler),+),*))]
        struct Paths;

        /// Method and path of every route.
        pub const ROUTES: &[(&str, &str)] = &[$($((stringify!($method), $path)),+),*];
    };
}

routes! {
    "/api/v1/openapi.json" { get => openapi::serve }
    "/api/v1/realms" { get => realms::list }
    "/api/v1/realms/{realm}" { get => realms::show }
    "/api/v1/realms/{realm}/orgs" { get => orgs::list, post => orgs::create }
    "/api/v1/realms/{realm}/orgs/{org}" { get => orgs::show, patch => orgs::edit, delete => orgs::delete }
    "/api/v1/realms/{realm}/owners" { get => owners::list, post => owners::create }
    "/api/v1/realms/{realm}/orgs/{org}/owners/{owner}" {
        get => owners::show, patch => owners::edit, delete => owners::delete
    }
    "/api/v1/realms/{realm}/roles" { get => roles::list, post => roles::create }
    "/api/v1/realms/{realm}/roles/{role}" { get => roles::show, patch => roles::edit, delete => roles::delete }
    "/api/v1/realms/{realm}/keys" { get => keys::list, post => keys::create }
    "/api/v1/realms/{realm}/keys/import" { post => bulk::keys }
    "/api/v1/realms/{realm}/keys/revoke" { post => bulk::revoke }
    "/api/v1/realms/{realm}/keys/{key_id}" { get => keys::show, patch => keys::edit, delete => keys::delete }
    "/api/v1/realms/{realm}/keys/{key_id}/revoke" { post => keys::revoke }
    "/api/v1/realms/{realm}/keys/{key_id}/enable" { post => keys::enable }
    "/api/v1/realms/{realm}/keys/{key_id}/rotate" { post => keys::rotate }
    "/api/v1/realms/{realm}/keys/{key_id}/requests" { get => usage::requests }
    "/api/v1/realms/{realm}/keys/{key_id}/explain" { post => explain::key }
    "/api/v1/realms/{realm}/explain/address" { get => explain::by_address }
    "/api/v1/realms/{realm}/activity" { get => audit::list }
    "/api/v1/realms/{realm}/activity/verify" { get => audit::verify }
    "/api/v1/realms/{realm}/usage" { post => usage::ingest }
    "/api/v1/realms/{realm}/verdicts" { get => usage::verdicts }
    "/metrics" { get => metrics::serve }
}

impl Api {
    /// The API, and the thread that writes what management keys are used for.
    pub(crate) fn start(options: &ApiOptions) -> Result<(Arc<Api>, JoinHandle<()>), Error> {
        let gate = Gate::new(options.client_ip.as_deref()).map_err(|detail| Error::ClientIp { detail })?;
        let (uses, writer) = Uses::start(Arc::clone(&options.registry))?;
        let throttle = Throttle::new(options.failures);
        let registry = Arc::clone(&options.registry);
        let (metrics, imports) = (Metrics::default(), Arc::new(Semaphore::new(MAX_IMPORTS)));
        let turns = Turns::default();
        Ok((Arc::new(Api { registry, gate, throttle, uses, metrics, imports, turns }), writer))
    }

    /// Its routes.
    pub(crate) fn routes(self: &Arc<Api>) -> Router {
        table()
            .route("/api", axum::routing::any(nothing))
            .route("/api/{*rest}", axum::routing::any(nothing))
            .method_not_allowed_fallback(wrong_method)
            .layer(from_fn_with_state(Arc::clone(self), observe))
            .with_state(Arc::clone(self))
    }

    fn note(&self, seen: &Seen, method: &str, endpoint: &str, status: StatusCode, took: Duration) {
        let known = seen.get();
        self.metrics.count(endpoint, method, status.as_u16(), known.map(|(code, ..)| code));
        let (code, key_id, ip) = (
            known.map(|(code, ..)| code.name()),
            known.and_then(|(_, key_id, _)| key_id).map(tracing::field::display),
            known.and_then(|(.., ip)| ip).map(tracing::field::display),
        );
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        info!(target: ACCESS, method, endpoint, status = status.as_u16(), code, key_id, ip, micros, "call");
        let Some((code, key_id, ip)) = known else { return };
        let Ok(at) = self.registry.env().now() else { return };
        self.uses.note(UsageEvent {
            key_id: key_id.map(|id| id.to_string()),
            at,
            method: method.into(),
            endpoint: endpoint.into(),
            ip: ip.map(|ip| ip.to_string()),
            country: None,
            status: status.as_u16(),
            code: code.name().into(),
            event: None,
        });
    }
}

async fn nothing() -> Refusal {
    Refusal::not_found()
}

async fn wrong_method() -> Refusal {
    let detail = "this path does not take this method: see /api/v1/openapi.json";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed", detail)
}

/// Around every call: nothing is cached, calls and failures are logged, uses are noted. The route stands for the path, which may
/// hold anything.
async fn observe(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let (seen, begun) = (Seen::default(), Instant::now());
    request.extensions_mut().insert(seen.clone());
    let endpoint = request.extensions().get::<MatchedPath>().map_or("/api", MatchedPath::as_str).to_owned();
    let method = known_method(request.method().as_str());
    let mut response = next.run(request).await.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(Logged(message)) = response.extensions_mut().remove::<Logged>() {
        error!(target: API, method, endpoint, error = message, "call failed");
    }
    api.note(&seen, method, &endpoint, response.status(), begun.elapsed());
    response
}
