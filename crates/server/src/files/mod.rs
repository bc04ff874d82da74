//! Published files over HTTP, and whether edges can live on them.
//!
//! | read | for |
//! |---|---|
//! | `site` | heads, bundles, roots and objects |
//! | `health` | `/healthz`: whether each published head is alive |

mod health;
mod site;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::problem::Problem;

/// The routes over a published directory.
pub(crate) fn routes(published: PathBuf) -> Router {
    let routes = Router::new()
        .route("/r/{realm}/{*path}", get(site::serve))
        .route("/healthz", get(health::serve))
        .method_not_allowed_fallback(|| async { Problem::read_only() })
        .with_state(Arc::new(site::Site::new(published)));
    or_nothing(routes)
}

/// These routes, with an answer to paths that they do not have.
pub(crate) fn or_nothing(routes: Router) -> Router {
    routes.fallback(|| async { Problem::no_file() })
}
