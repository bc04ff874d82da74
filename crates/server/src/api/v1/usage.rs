//! What edges see: their reports, the log of a key's requests, usage over time, totals.

use edgelatch_core::key::KeyId;
use edgelatch_registry::{Ingested, Paging, RequestPage, Total, UsageBatch, UsageQuery, UsageSeries, Window};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::answer::{Answer, json};
use crate::api::auth::principal::Reach;
use crate::api::call::Call;
use crate::api::path::{InRealm, KeyPath};
use crate::limits::MAX_USAGE_BYTES;
use crate::problem::Problem;

/// Report what an edge saw
///
/// A batch is taken once, however often it comes: the same id answers `repeated`.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/usage", operation_id = "reportUsage", tag = "logs",
    params(InRealm),
    request_body = UsageBatch,
    responses((status = 200, description = "What became of it", body = Ingested)))]
pub(crate) async fn ingest(call: Call) -> Answer {
    let (pass, InRealm {}, (), incoming) = call.admit("usage.ingest").await?;
    // An edge serves all orgs of its realm.
    pass.reach.whole_realm()?;
    let (mut batch, _) = incoming.json::<UsageBatch>(MAX_USAGE_BYTES).await?;
    pass.run(move |pass| {
        for event in batch.events.iter_mut().filter(|event| event.country.is_none()) {
            event.country = pass.api().country(event.ip.as_deref());
        }
        json(pass.usage().ingest(&batch)?)
    })
    .await
}

/// List the requests made with a key, newest first
#[utoipa::path(get, path = "/api/v1/realms/{realm}/keys/{key_id}/requests", operation_id = "listRequests", tag = "logs",
    params(KeyPath, Window, Paging),
    responses((status = 200, description = "A page of them", body = RequestPage)))]
pub(crate) async fn requests(call: Call) -> Answer {
    let (pass, KeyPath { key_id }, (window, paging), _) = call.admit::<_, (Window, Paging)>("usage.view").await?;
    pass.run(move |pass| {
        // The log of a deleted key is for those who see all orgs: nobody knows whose it was.
        if pass.reach != Reach::Realm {
            pass.visible(key_id)?;
        }
        json(pass.usage().requests(key_id, &window, &paging)?)
    })
    .await
}

/// Sum up usage by hour or day
///
/// Of a key, of an org, or of the whole realm, in which also those requests count for which no key was found. Hours are kept for two weeks, days
/// for 400.
#[utoipa::path(get, path = "/api/v1/realms/{realm}/usage", operation_id = "getUsage", tag = "logs",
    params(InRealm, UsageQuery, Window),
    responses((status = 200, description = "The buckets, the earliest first", body = UsageSeries)))]
pub(crate) async fn series(call: Call) -> Answer {
    let (pass, InRealm {}, (mut query, window), _) = call.admit::<_, (UsageQuery, Window)>("usage.view").await?;
    pass.run(move |pass| {
        match &query.key_id {
            // As with its log: that of a deleted key is for those who see all orgs.
            Some(key_id) if pass.reach != Reach::Realm => {
                let key_id: KeyId = key_id.parse().map_err(|_| Problem::parameter("key_id", "is no key id"))?;
                pass.visible(key_id)?;
            }
            Some(_) => {}
            None => query.org = pass.reach.org(query.org.as_ref())?,
        }
        json(pass.usage().series(&query, &window)?)
    })
    .await
}

/// Verdicts.
#[derive(Serialize, ToSchema)]
#[schema(as = Verdicts)]
pub(crate) struct Verdicts {
    /// How often each was given.
    verdicts: Vec<Total>,
}

/// Count the verdicts that edges reported since the realm began
#[utoipa::path(get, path = "/api/v1/realms/{realm}/verdicts", operation_id = "countVerdicts", tag = "logs",
    params(InRealm),
    responses((status = 200, description = "How often each was given", body = Verdicts)))]
pub(crate) async fn verdicts(call: Call) -> Answer {
    let (pass, InRealm {}, (), _) = call.admit("usage.view").await?;
    pass.reach.whole_realm()?;
    pass.run(|pass| json(Verdicts { verdicts: pass.usage().totals()? })).await
}
