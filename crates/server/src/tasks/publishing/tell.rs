//! Telling what came of a publication: in the log, in health, and to whoever keeps traces.

use std::time::{Duration, SystemTime};

use edgelatch_registry::{Slug, format_time};
use edgelatch_sync::{Error, FailedTarget, Published, Target};
use tracing::{error, info, warn};

use super::shared::Shared;
use crate::log::PUBLISHER;
use crate::tasks::targets;
use crate::traces::PublicationTrace;

/// Tells of an epoch; targets that failed are tried again after so long.
pub(super) fn tell(realm: &Slug, published: &Published, retry_seconds: u64) {
    let &Published { epoch, reason, records, tree_bytes, not_after, diverged, .. } = published;
    info!(
        target: PUBLISHER, %realm, epoch, reason = reason.name(), records, tree_bytes, not_after = %format_time(not_after), "published"
    );
    for target in &published.unproven {
        warn!(target: PUBLISHER, %realm, epoch, at = %target, "replaced a head that does not verify");
    }
    if diverged {
        error!(
            target: PUBLISHER, %realm, epoch, tree = %published.tree,
            "the tree kept up to date change by change was another than the one built anew, which was published: please report this"
        );
    }
    for error in &published.unsigned {
        warn!(target: PUBLISHER, %realm, epoch, %error, "signed without one of the signers");
    }
    if let Some(aged) = &published.root_aged {
        let (version, expires_at, life) = (aged.root_version, format_time(aged.expires_at), aged.life.words());
        warn!(target: PUBLISHER, %realm, version, %expires_at, life, "the root grows old: make one that lives longer");
    }
    for FailedTarget { target, code, message } in &published.failed {
        error!(target: PUBLISHER, %realm, epoch, at = %target, code, error = %message, retry_seconds, "not published to one target");
    }
}

/// Says of each target how it is.
pub(super) fn judge(shared: &Shared, realm: &Slug, all: &[&dyn Target], failed: &[FailedTarget]) {
    let health = &shared.watched.health;
    for target in all {
        let name = target.name();
        let place = targets::place(realm, &name);
        match (failed.iter().find(|failed| failed.target == name), target.weakness()) {
            (Some(failed), _) => health.failing(&place, failed.code, failed.message.clone()),
            (None, Some(means)) => health.warning(&place, "weak", means),
            (None, None) => health.fine(&place),
        }
    }
}

/// Tells whoever keeps traces of a publication, if it was one: when it was begun, and how long it took.
pub(super) fn trace(
    shared: &Shared,
    realm: &Slug,
    (begun, took): (SystemTime, Duration),
    published: &Result<Option<Published>, Error>,
) {
    let Some(traces) = &shared.watched.traces else { return };
    let none = PublicationTrace { begun, took, realm, epoch: None, records: 0, written: 0, outcome: "published" };
    match published {
        Ok(None) => {}
        Ok(Some(Published { epoch, reason, records, written, failed, .. })) => traces.publication(&PublicationTrace {
            epoch: Some((*epoch, reason.name())),
            records: *records,
            written: written.len(),
            outcome: if failed.is_empty() { none.outcome } else { "partly" },
            ..none
        }),
        Err(error) => traces.publication(&PublicationTrace { outcome: error.code(), ..none }),
    }
}
