//! What every page needs.

use std::sync::Arc;

use axum::Router;
use edgelatch_registry::Registry;

/// What every page needs.
pub(super) struct Console {
    pub(super) registry: Arc<Registry>,
    /// The management API.
    pub(super) api: Router,
    /// Whether browsers reach it by `https`.
    pub(super) secure: bool,
}
