//! Who did what: the activity log.

use edgelatch_registry::{ActivityFilter, ActivityPage, Anchor, Name, Slug};
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::{Answer, json};
use super::call::Call;
use super::keys::{page_limit, slug, time};
use super::problem::Refusal;

/// Which acts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActivityQuery {
    /// Only this org's.
    #[param(value_type = Slug, required = false)]
    org: Option<String>,
    /// Only by this key id, or `cli:` and a user.
    #[param(value_type = Name, required = false)]
    actor: Option<String>,
    /// Only what was done to this.
    #[param(value_type = Name, required = false)]
    target: Option<String>,
    /// Only acts of this kind.
    #[param(value_type = Name, required = false, example = "key.edit")]
    action: Option<String>,
    /// Only from this time on: a span, a date or an RFC 3339 time.
    #[param(value_type = String, required = false)]
    since: Option<String>,
    /// Only before this time.
    #[param(value_type = String, required = false)]
    until: Option<String>,
    /// At most this many on a page; 50 if not said.
    #[param(value_type = u64, required = false, minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next` of the last page.
    #[param(value_type = String, required = false)]
    cursor: Option<String>,
}

fn line(name: &str, text: Option<String>) -> Result<Option<String>, Refusal> {
    Ok(text.map(|text| Name::parse(name, &text).map(|name| name.to_string())).transpose()?)
}

/// List acts of administrators, newest first
#[utoipa::path(get, path = "/api/v1/realms/{realm}/activity", operation_id = "listActivity", tag = "logs",
    params(("realm" = Slug, Path, description = "The realm"), ActivityQuery),
    responses((status = 200, description = "A page of them", body = ActivityPage)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, query, _) = call.admit_with::<ActivityQuery>("audit.view").await?;
    pass.run(move |pass, registry| {
        let filter = ActivityFilter {
            org: pass.org(slug("org", query.org.as_deref())?.as_ref())?,
            actor: line("actor", query.actor)?,
            target: line("target", query.target)?,
            action: line("action", query.action)?,
            since: time(registry, "since", query.since.as_deref())?,
            until: time(registry, "until", query.until.as_deref())?,
            limit: page_limit(query.limit)?,
            cursor: query.cursor,
        };
        Ok(json(registry.activity(&pass.realm, &filter)?))
    })
    .await
}

/// An end of the log that is known.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnchorQuery {
    /// `seq` of an earlier answer, which must still lie on the chain.
    #[param(value_type = u64, required = false, minimum = 0)]
    seq: Option<u64>,
    /// The `hash` that goes with it.
    #[param(value_type = String, required = false, pattern = "^[0-9a-f]{64}$")]
    hash: Option<String>,
}

/// Verify that no row of the activity log is missing or was altered
///
/// Answers the end of the chain, to be kept elsewhere and given the next time; 409 with `activity_altered` names the first row
/// that is not as it was written.
#[utoipa::path(get, path = "/api/v1/realms/{realm}/activity/verify", operation_id = "verifyActivity", tag = "logs",
    params(("realm" = Slug, Path, description = "The realm"), AnchorQuery),
    responses(
        (status = 200, description = "The log is as it was written; this is its end", body = Anchor),
        (status = 409, description = "A row is missing or was altered", body = super::problem::Details,
            content_type = "application/problem+json")))]
pub(crate) async fn verify(call: Call) -> Answer {
    let (pass, query, _) = call.admit_with::<AnchorQuery>("audit.view").await?;
    pass.whole_realm()?;
    let anchor = match (query.seq, query.hash) {
        (None, None) => None,
        (Some(seq), Some(hash)) if hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
            Some(Anchor { seq, hash })
        }
        _ => return Err(Refusal::parameter("hash", "must be 64 hexadecimal digits, and go with `seq`")),
    };
    pass.run(move |pass, registry| Ok(json(registry.audit_verify(&pass.realm, anchor.as_ref())?))).await
}
