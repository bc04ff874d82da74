//! Saying that this process is at work: a thread of its own, so that no publication, however long, lets the leases end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use edgelatch_registry::{Slug, Twin};
use tracing::{error, warn};

use super::shared::Shared;
use super::workers::Idle;
use crate::limits::{END_PUBLICATION, LEASE, PRESENCE};
use crate::log::PUBLISHER;
use crate::tasks::background::Background;

/// The place in the health of trouble with this node's name.
const PLACE: &str = "node";

/// Says it again and again; at the end that it is over, once nothing is published any more, or after a moment.
pub(super) fn start(shared: Arc<Shared>, idle: Idle) -> std::io::Result<Background> {
    let last = Arc::clone(&shared);
    let round = move |known: &mut BTreeMap<Slug, u64>| {
        let begun = Instant::now();
        match shared.options.registry.at_work(&shared.node, LEASE.as_secs()) {
            Ok(twins) => {
                shared.presence.said(begun);
                tell(&shared, known, &twins);
            }
            Err(error) => error!(target: PUBLISHER, code = error.code(), %error, "this node could not say that it is at work"),
        }
        PRESENCE.saturating_sub(begun.elapsed()).max(Duration::from_millis(100))
    };
    Background::start("presence", BTreeMap::new(), round, move |_| {
        last.presence.end();
        idle.wait(END_PUBLICATION);
        // If this fails, the leases end by themselves.
        let _ = last.options.registry.leave(&last.node);
    })
}

/// Tells of other processes that are at work under the name of this node: a data directory that was copied, or a second server in the same one. One
/// that was killed is said to be at work for a moment longer, so only who has said so again since it was seen first is told of.
fn tell(shared: &Shared, known: &mut BTreeMap<Slug, u64>, twins: &[Twin]) {
    known.retain(|process, _| twins.iter().any(|twin| twin.process == *process));
    let mut alive = None;
    for twin in twins {
        let first = *known.entry(twin.process.clone()).or_insert(twin.expires_at);
        if twin.expires_at > first {
            alive = Some(&twin.process);
        }
    }
    let Some(process) = alive else { return shared.watched.health.fine(PLACE) };
    let node = &shared.node.name;
    let detail = format!(
        "another process ({process}) is at work as node `{node}`: was the data directory copied? remove the file `node` in the copy, and restart \
         it there"
    );
    if !shared.watched.health.troubles().contains_key(PLACE) {
        warn!(target: PUBLISHER, %node, %process, "another process is at work under this node's name");
    }
    shared.watched.health.warning(PLACE, "node_twice", detail);
}
