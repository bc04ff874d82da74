//! What all threads share.

use std::sync::Arc;

use edgelatch_registry::{Node, RealmState};
use tokio::sync::Notify;

use super::fresh::Fresh;
use super::known::Unpublished;
use super::options::Publishing;
use super::presence::Presence;
use crate::tasks::background::Waker;
use crate::tasks::watch::Watched;

/// What all threads share.
pub(super) struct Shared {
    pub(super) options: Publishing,
    pub(super) node: Node,
    pub(super) presence: Presence,
    pub(super) fresh: Arc<Fresh>,
    pub(super) unpublished: Arc<Unpublished>,
    pub(super) watched: Watched,
    /// Told when this node shows another epoch of some realm.
    pub(super) published: Arc<Notify>,
    pub(super) waker: Waker,
}

impl Shared {
    /// Whether this node is one of those that may publish the realm.
    pub(super) fn publishes(&self, state: &RealmState) -> bool {
        state.root_version > 0 && self.options.realms.includes(&state.realm)
    }
}
