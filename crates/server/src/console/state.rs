//! What every page needs.

use std::sync::Arc;

use axum::Router;
use edgelatch_registry::Registry;

use crate::oidc::Provider;
use crate::tasks::watch::Watched;

/// What every page needs.
pub(super) struct Console {
    pub(super) registry: Arc<Registry>,
    /// The management API.
    pub(super) api: Router,
    /// What is wrong with this node, and what was seen of realms.
    pub(super) watched: Watched,
    /// Where people sign in, beside with keys.
    pub(super) provider: Option<Provider>,
    /// Whether this node tells a webhook of events.
    pub(super) delivers: bool,
    /// Whether browsers reach it by `https`.
    pub(super) secure: bool,
}
