//! Tells of realms whose files are not served, since nobody knows whether they are the newest. A thread that asks the database nothing, for that may be
//! what does not answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use edgelatch_registry::Slug;

use super::shared::Shared;
use crate::limits::STALE_LOOK;
use crate::tasks::background::Background;

/// Looks again and again.
pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<Background> {
    let place = |realm: &Slug| format!("realm/{realm}/files");
    let round = move |told: &mut BTreeSet<Slug>| {
        let stale = shared.fresh.stale();
        for realm in told.difference(&stale) {
            shared.watched.health.fine(&place(realm));
        }
        for realm in &stale {
            let detail = "this node has lost the database, or does not keep up with the node that publishes: its files may be old, and are not served";
            shared.watched.health.failing(&place(realm), "behind", detail);
        }
        *told = stale;
        STALE_LOOK
    };
    Background::start("stale", BTreeSet::new(), round, drop)
}
