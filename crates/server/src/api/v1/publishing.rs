//! Where a realm is published: which epoch each target holds, and what is wrong with those that fail.

use edgelatch_registry::format_time;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::answer::{Answer, json};
use crate::api::call::Call;
use crate::api::path::InRealm;
use crate::tasks::targets::Known;

/// Where a realm is published.
#[derive(Serialize, ToSchema)]
#[schema(as = Publishing)]
pub(crate) struct PublishingBody {
    /// The epoch signed last; null for none.
    epoch: Option<u64>,
    /// The number of the realm's last change.
    change: u64,
    /// The targets of the node that answers, by name; none where another node publishes.
    targets: Vec<TargetBody>,
}

/// A place that edges read from.
#[derive(Serialize, ToSchema)]
#[schema(as = PublishingTarget)]
struct TargetBody {
    /// Its path, or the address of its bucket; `the database`, where nodes copy from there what is published.
    target: String,
    /// The last epoch that it took; absent if it took none since the node began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    epoch: Option<u64>,
    /// How many changes of the realm it does not show; absent with `epoch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    behind: Option<u64>,
    /// Since when it fails; absent if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    failing_since: Option<String>,
    /// Stable name of why it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("target_unreachable"))]
    code: Option<&'static str>,
    /// Why it fails, and what would mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message: Option<String>,
    /// What it cannot promise, and what that means.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    warning: Option<&'static str>,
}

impl TargetBody {
    fn of(target: String, known: Known, change: u64) -> TargetBody {
        let (code, message) = known.trouble.as_ref().map(|trouble| (trouble.code, trouble.detail.clone())).unzip();
        TargetBody {
            target,
            epoch: known.holds.map(|(epoch, _)| epoch),
            behind: known.holds.map(|(_, shows)| change.saturating_sub(shows)),
            failing_since: known.trouble.map(|trouble| format_time(trouble.since)),
            code,
            message,
            warning: known.weakness,
        }
    }
}

/// Say where a realm is published
///
/// Only the node that publishes knows of its targets. A change is on its way to a target that is behind.
#[utoipa::path(get, path = "/api/v1/realms/{realm}/publishing", operation_id = "getPublishing", tag = "fleet",
    params(InRealm),
    responses((status = 200, description = "The targets", body = PublishingBody)))]
pub(crate) async fn show(call: Call) -> Answer {
    let (pass, InRealm {}, (), _) = call.admit("usage.view").await?;
    pass.reach.whole_realm()?;
    pass.run(move |pass| {
        let realm = pass.registry().realm(&pass.realm)?.realm;
        let ledger = pass.registry().ledger(&realm);
        let (change, epoch) = (ledger.changes()?, ledger.newest(1)?.first().map(|last| last.epoch));
        let known = pass.api().watched.targets.of(&realm, &pass.api().watched.health);
        let targets = known.into_iter().map(|(target, known)| TargetBody::of(target, known, change)).collect();
        json(PublishingBody { epoch, change, targets })
    })
    .await
}
