//! Published files over HTTP.
//!
//! | read | for |
//! |---|---|
//! | `site` | heads, bundles, roots and objects |
//! | `readers` | who may read them, where not everybody may |
//! | `stream` | heads as they are published, over a connection that stands |

pub(crate) mod readers;
mod site;
pub(crate) mod stream;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use edgelatch_sync::Item;
use tokio::sync::watch;

use self::readers::Guard;
use self::stream::Streaming;
use self::stream::places::Streams;
use crate::health::endpoints;
use crate::measures::Measures;
use crate::problem::Problem;
use crate::tasks::publishing::known::Known;
use crate::tasks::watch::Watched;

/// The routes over a published directory and of health, and what its streams need: they end when `stop` changes. With a `guard`, files are for those
/// whom it admits; health is for everybody.
pub(crate) fn routes(
    published: PathBuf,
    guard: Option<Arc<Guard>>,
    watched: Watched,
    streams: Streams,
    stop: watch::Receiver<bool>,
    known: &Known,
) -> (Router, Arc<Streaming>) {
    let site = Arc::new(site::Site::new(published, Arc::clone(&known.fresh), guard.is_some()));
    let streaming = Arc::new(Streaming::new(Arc::clone(&site), streams, stop.clone()));
    let measures = watched.measures.clone();
    let mut files = Router::new()
        .route("/r/{realm}/stream", get(stream::serve).with_state(Arc::clone(&streaming)))
        .route("/r/{realm}/{*path}", get(site::serve));
    if let Some(guard) = guard {
        files = files.route_layer(from_fn_with_state(guard, readers::admit));
    }
    let routes = files
        .with_state(site)
        .merge(endpoints::routes(watched, stop))
        .method_not_allowed_fallback(|| async { Problem::read_only() });
    (or_nothing(routes).layer(from_fn_with_state(measures, count)), streaming)
}

/// Counts answers by what was asked for.
async fn count(State(measures): State<Measures>, request: Request, next: Next) -> Response {
    let what = kind(request.uri().path());
    let response = next.run(request).await;
    measures.answered(what, response.status().as_u16());
    response
}

/// What a path asks for: one of a few words, whatever it holds.
fn kind(path: &str) -> &'static str {
    match path.strip_prefix("/r/").and_then(|rest| rest.split_once('/')) {
        Some((_, "stream")) => "stream",
        Some((_, name)) => match Item::published(name) {
            Some(Item::Head) => "head",
            Some(Item::Bundle) => "bundle",
            Some(Item::Root(_)) => "root",
            Some(Item::Object(_)) => "object",
            Some(Item::Patch { .. }) => "patch",
            None => "other",
        },
        None if ["/livez", "/readyz", "/readyz/files", "/healthz"].contains(&path) => "health",
        None => "other",
    }
}

/// These routes, with an answer to paths that they do not have.
pub(crate) fn or_nothing(routes: Router) -> Router {
    routes.fallback(|| async { Problem::no_file() })
}
