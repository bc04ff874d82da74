//! The management API: keys, orgs, owners, roles and logs of every realm, for holders of management keys.
//!
//! | read | for |
//! |---|---|
//! | `v1` | the endpoints, one file a family |
//! | `call` | a call: admitted first, read afterwards |
//! | `auth` | who calls, and whether they may |
//! | `path`, `query`, `headers`, `incoming` | what a call brings, read strictly: its path, query, headers and body |
//! | `takes` | what an operation takes: where a refusal points |
//! | `answer` | what is answered when it went well |
//! | `openapi` | the document, made from the table below and the endpoints' annotations |
//! | `metrics`, `figures`, `counters` | figures for Prometheus |
//! | `blocking` | work beside the threads that answer |
//! | `state` | what every call needs |
//!
//! No endpoint decides who may do what: [`Call::admit`](call::Call::admit) asks the core whether the key has the permission, and
//! says where its scope lets it act.

mod answer;
pub(crate) mod auth;
pub(crate) mod blocking;
mod call;
mod counters;
mod figures;
mod headers;
pub(crate) mod incoming;
mod metrics;
mod openapi;
mod path;
mod query;
mod state;
mod takes;
mod v1;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use edgelatch_registry::UsageEvent;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info};
use utoipa::OpenApi;

use answer::Quiet;
pub use auth::throttle::FailureRate;
use call::{Seen, Sight};
use state::Api;
pub use state::ApiOptions;
use v1::{
    audit, bulk, by_secret, edit_many, events, explain, export, fleet, imports, keys, leaks, orgs, owners, people, publishing,
    realms, roles, rotate, services, usage, whoami,
};

use crate::error::Error;
use crate::files::stream::places::Places;
use crate::log::{ACCESS, API};
use crate::problem::{Logged, Problem};
use crate::tasks::background::Waker;
use crate::tasks::publishing::known::Known;
use crate::tasks::watch::Watched;
use crate::traces::{CallTrace, parent};

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
    "/api/v1/whoami" { get => whoami::show }
    "/api/v1/realms" { get => realms::list, post => realms::create }
    "/api/v1/realms/{realm}" { get => realms::show, patch => realms::edit, delete => realms::delete }
    "/api/v1/realms/{realm}/orgs" { get => orgs::list, post => orgs::create }
    "/api/v1/realms/{realm}/orgs/{org}" { get => orgs::show, patch => orgs::edit, delete => orgs::delete }
    "/api/v1/realms/{realm}/owners" { get => owners::list, post => owners::create }
    "/api/v1/realms/{realm}/orgs/{org}/owners/{owner}" {
        get => owners::show, patch => owners::edit, delete => owners::delete
    }
    "/api/v1/realms/{realm}/people" { get => people::list, post => people::invite }
    "/api/v1/realms/{realm}/people/{person}" { get => people::show, patch => people::edit, delete => people::remove }
    "/api/v1/realms/{realm}/people/{person}/link" { post => people::renew }
    "/api/v1/people/accept" { post => people::accept }
    "/api/v1/realms/{realm}/roles" { get => roles::list, post => roles::create }
    "/api/v1/realms/{realm}/roles/{role}" { get => roles::show, patch => roles::edit, delete => roles::delete }
    "/api/v1/realms/{realm}/services" { get => services::list }
    "/api/v1/realms/{realm}/imports" { get => imports::list, post => imports::begin }
    "/api/v1/realms/{realm}/imports/{import}" { get => imports::show }
    "/api/v1/realms/{realm}/keys" { get => keys::list, post => keys::create }
    "/api/v1/realms/{realm}/keys/import" { post => bulk::keys }
    "/api/v1/realms/{realm}/keys/revoke" { post => bulk::revoke }
    "/api/v1/realms/{realm}/keys/edit" { post => edit_many::edit }
    "/api/v1/realms/{realm}/keys/by-secret" { post => by_secret::find }
    "/api/v1/realms/{realm}/keys/by-secret/revoke" { post => by_secret::revoke }
    "/api/v1/realms/{realm}/keys/{key_id}" { get => keys::show, patch => keys::edit, delete => keys::delete }
    "/api/v1/realms/{realm}/keys/{key_id}/revoke" { post => keys::revoke }
    "/api/v1/realms/{realm}/keys/{key_id}/enable" { post => keys::enable }
    "/api/v1/realms/{realm}/keys/{key_id}/rotate" { post => rotate::rotate }
    "/api/v1/realms/{realm}/keys/{key_id}/requests" { get => usage::requests }
    "/api/v1/realms/{realm}/keys/{key_id}/explain" { post => explain::key }
    "/api/v1/realms/{realm}/explain/address" { get => explain::by_address }
    "/api/v1/realms/{realm}/activity" { get => audit::list }
    "/api/v1/realms/{realm}/activity/verify" { get => audit::verify }
    "/api/v1/realms/{realm}/events" { get => events::list }
    "/api/v1/realms/{realm}/events/{event}" { get => events::show }
    "/api/v1/realms/{realm}/events/{event}/redeliver" { post => events::redeliver }
    "/api/v1/realms/{realm}/usage" { get => usage::series, post => usage::ingest }
    "/api/v1/realms/{realm}/requests/export" { get => export::requests }
    "/api/v1/realms/{realm}/activity/export" { get => export::activity }
    "/api/v1/realms/{realm}/verdicts" { get => usage::verdicts }
    "/api/v1/realms/{realm}/edges" { get => fleet::list, post => fleet::report }
    "/api/v1/realms/{realm}/publishing" { get => publishing::show }
    "/api/v1/realms/{realm}/fleet" { get => fleet::standing }
    "/api/v1/leaks/github" { post => leaks::report }
    "/metrics" { get => metrics::serve }
}

/// The API's document (OpenAPI 3.1).
pub fn document() -> utoipa::openapi::OpenApi {
    openapi::complete(Paths::openapi())
}

/// The API's routes, and the task that writes down what management keys are used for. `streams` and `watched` are what its metrics tell of;
/// `publisher` is woken by what may have changed something; calls that wait end when `stop` turns true.
pub(crate) fn start(
    options: &ApiOptions,
    streams: Arc<Places>,
    watched: Watched,
    publisher: Option<Waker>,
    known: &Known,
    stop: watch::Receiver<bool>,
) -> Result<(Router, JoinHandle<()>), Error> {
    let document = document().to_json().map_err(std::io::Error::other)?;
    let (api, writer) = Api::start(options, document, streams, watched, publisher, known, stop)?;
    let api = Arc::new(api);
    let routes = table()
        .route("/api", any(nothing))
        .route("/api/{*rest}", any(nothing))
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&api), observe))
        .with_state(api);
    Ok((routes, writer))
}

async fn nothing() -> Problem {
    Problem::not_found()
}

async fn wrong_method() -> Problem {
    let detail = "this path does not take this method: see /api/v1/openapi.json";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed", detail)
}

/// Methods that are told apart.
const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "PATCH", "DELETE"];

/// Around every call: nothing is cached, calls and failures are logged, uses are noted. The route stands for the path, which may
/// hold anything.
async fn observe(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let (seen, began, begun) = (Seen::default(), SystemTime::now(), Instant::now());
    let parent = api.watched.traces.as_ref().and_then(|_| parent(request.headers()));
    request.extensions_mut().insert(seen.clone());
    let endpoint = request.extensions().get::<MatchedPath>().map_or("/api", MatchedPath::as_str).to_owned();
    // The client may have made up a method.
    let method = METHODS.into_iter().find(|known| *known == request.method().as_str()).unwrap_or("other");
    let mut response = next.run(request).await.into_response();
    // Acts say which change they are. What edges report changes nothing that is published.
    if response.headers().contains_key(answer::CHANGE) {
        api.publisher.iter().for_each(Waker::wake);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(Logged(message)) = response.extensions_mut().remove::<Logged>() {
        error!(target: API, method, endpoint, error = message, "call failed");
    }
    let quiet = response.extensions_mut().remove::<Quiet>().is_some();
    let (seen, took, status) = (seen.get(), begun.elapsed(), response.status().as_u16());
    if let Some(traces) = api.watched.traces.as_ref().filter(|_| !quiet) {
        let (code, key_id, realm) = (seen.code.map(|code| code.name()), seen.key_id, seen.realm.as_ref());
        let (route, parent) = (endpoint.as_str(), parent.as_deref());
        traces.call(&CallTrace { begun: began, took, method, route, status, code, key_id, realm, parent });
    }
    note(&api, seen, quiet, method, endpoint, status, took);
    response
}

/// Counts a call, logs it, and notes it in the management realm's log of requests if a key was judged. A `quiet` one is only counted.
fn note(api: &Api, seen: Sight, quiet: bool, method: &str, endpoint: String, status: u16, took: Duration) {
    let Sight { code, key_id, ip, .. } = seen;
    api.counters.count(&endpoint, method, status, code);
    if quiet {
        return;
    }
    let code = code.map(|code| code.name());
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    info!(
        target: ACCESS, method, endpoint, status, code, key_id = key_id.map(tracing::field::display), ip = ip.map(tracing::field::display), micros, "call"
    );
    let (Some(code), Ok(at)) = (code, api.registry.env().now()) else { return };
    let ip = ip.map(|ip| ip.to_string());
    api.uses.note(UsageEvent {
        key_id: key_id.map(|id| id.to_string()),
        at,
        method: method.into(),
        endpoint,
        country: api.country(ip.as_deref()),
        ip,
        status,
        code: code.into(),
        event: None,
    });
}
