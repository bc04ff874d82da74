//! Published files over HTTP, and whether edges can live on them.
//!
//! | read | for |
//! |---|---|
//! | `site` | heads, bundles, roots and objects |
//! | `stream` | heads as they are published, over a connection that stands |
//! | `health` | `/healthz`: whether each published head is alive |

mod health;
mod site;
pub(crate) mod stream;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::sync::watch;

use self::stream::Streaming;
use self::stream::places::Streams;
use crate::problem::Problem;

/// The routes over a published directory, and what its streams need: they end when `stop` changes.
pub(crate) fn routes(published: PathBuf, streams: Streams, stop: watch::Receiver<bool>) -> (Router, Arc<Streaming>) {
    let site = Arc::new(site::Site::new(published));
    let streaming = Arc::new(Streaming::new(Arc::clone(&site), streams, stop));
    let routes = Router::new()
        .route("/r/{realm}/stream", get(stream::serve).with_state(Arc::clone(&streaming)))
        .route("/r/{realm}/{*path}", get(site::serve))
        .route("/healthz", get(health::serve))
        .method_not_allowed_fallback(|| async { Problem::read_only() })
        .with_state(site);
    (or_nothing(routes), streaming)
}

/// These routes, with an answer to paths that they do not have.
pub(crate) fn or_nothing(routes: Router) -> Router {
    routes.fallback(|| async { Problem::no_file() })
}
