//! Where a realm is published: which epoch each target holds, what is wrong with those that fail and with the realm, and when what is signed ends.

use edgelatch_registry::{Registry, Slug, format_time};
use edgelatch_sync::trust::{Life, newest_root};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::answer::{Answer, json};
use crate::api::call::Call;
use crate::api::path::InRealm;
use crate::health::Health;
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
    /// The newest root; absent before there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    root: Option<SignedBody>,
    /// The head signed last; absent before there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    head: Option<SignedBody>,
    /// What else is wrong with the realm, as the node that answers sees it.
    troubles: Vec<TroubleBody>,
}

/// What is signed for a time.
#[derive(Serialize, ToSchema)]
#[schema(as = Signed)]
struct SignedBody {
    /// A root's version; a head's epoch.
    number: u64,
    #[schema(format = DateTime)]
    issued_at: String,
    /// When edges accept it no more.
    #[schema(format = DateTime)]
    ends_at: String,
    /// How much of its life is over: less than a half, a half, three quarters, seven eighths, or all of it.
    #[schema(value_type = String, pattern = "^(fresh|half|three_quarters|seven_eighths|over)$")]
    life: Life,
}

impl SignedBody {
    /// All in Unix seconds.
    fn of(number: u64, issued_at: u64, ends_at: u64, now: u64) -> SignedBody {
        let life = Life::at(issued_at, ends_at, now);
        SignedBody { number, issued_at: format_time(issued_at), ends_at: format_time(ends_at), life }
    }
}

/// Something that is wrong, or will be.
#[derive(Serialize, ToSchema)]
#[schema(as = RealmTrouble)]
struct TroubleBody {
    /// Of the realm, as in the health of a node.
    #[schema(examples("head"))]
    place: String,
    /// `warning` or `failing`.
    #[schema(pattern = "^(warning|failing)$")]
    severity: &'static str,
    #[schema(examples("half_over"))]
    code: &'static str,
    #[schema(format = DateTime)]
    since: String,
    /// What is wrong, and what would mend it.
    message: String,
}

/// Of the realm itself: targets tell of their own.
fn troubles(realm: &Slug, health: &Health) -> Vec<TroubleBody> {
    let within = format!("realm/{realm}/");
    let all = health.troubles().into_iter();
    let of = all.filter_map(|(place, trouble)| Some((place.strip_prefix(&within)?.to_owned(), trouble)));
    of.filter(|(place, _)| !place.starts_with("target/"))
        .map(|(place, trouble)| TroubleBody {
            place,
            severity: trouble.severity.name(),
            code: trouble.code,
            since: format_time(trouble.since),
            message: trouble.detail,
        })
        .collect()
}

/// A root that cannot be read is told of among the troubles.
fn root(registry: &Registry, realm: &Slug, now: u64) -> Option<SignedBody> {
    let (_, root) = newest_root(registry, realm).ok()?;
    Some(SignedBody::of(root.version.into(), root.issued_at, root.expires_at, now))
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
/// Only the node that publishes knows of its targets. A change is on its way to a target that is behind. What ends is told of at a half, three quarters
/// and seven eighths of its life, too.
#[utoipa::path(get, path = "/api/v1/realms/{realm}/publishing", operation_id = "getPublishing", tag = "fleet",
    params(InRealm),
    responses((status = 200, description = "The targets", body = PublishingBody)))]
pub(crate) async fn show(call: Call) -> Answer {
    let (pass, InRealm {}, (), _) = call.admit("usage.view").await?;
    pass.reach.whole_realm()?;
    pass.run(move |pass| {
        let realm = pass.registry().realm(&pass.realm)?.realm;
        let ledger = pass.registry().ledger(&realm);
        let (change, last, now) = (ledger.changes()?, ledger.newest(1)?, pass.registry().env().now()?);
        let (last, root) = (last.first(), root(pass.registry(), &realm, now));
        let head = last.map(|last| SignedBody::of(last.epoch, last.issued_at, last.not_after, now));
        let known = pass.api().watched.targets.of(&realm, &pass.api().watched.health);
        let targets = known.into_iter().map(|(target, known)| TargetBody::of(target, known, change)).collect();
        let troubles = troubles(&realm, &pass.api().watched.health);
        json(PublishingBody { epoch: last.map(|last| last.epoch), change, targets, root, head, troubles })
    })
    .await
}
