//! Who did what: the audit log, which the API calls activity.

use edgelatch_registry::{Anchor, AuditFilter, AuditPage, Name, Paging, Slug, Window};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::answer::{Answer, json};
use crate::api::call::Call;
use crate::api::path::InRealm;
use crate::problem::{Details, Problem};

/// Which acts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only this org's.
    org: Option<Slug>,
    /// Only by this key id, or `cli:` and a user.
    actor: Option<Name>,
    /// Only what was done to this.
    target: Option<Name>,
    /// Only acts of this kind.
    #[param(example = "key.edit")]
    action: Option<Name>,
}

/// List acts of administrators, newest first
#[utoipa::path(get, path = "/api/v1/realms/{realm}/activity", operation_id = "listActivity", tag = "logs",
    params(InRealm, AuditQuery, Window, Paging),
    responses((status = 200, description = "A page of them", body = AuditPage)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, InRealm {}, (query, window, paging), _) = call.admit::<_, (AuditQuery, _, Paging)>("audit.view").await?;
    pass.run(move |pass| {
        let text = |name: Option<Name>| name.map(|name| name.to_string());
        let filter = AuditFilter {
            org: pass.reach.org(query.org.as_ref())?,
            actor: text(query.actor),
            target: text(query.target),
            action: text(query.action),
            window,
        };
        json(pass.audit().list(&filter, &paging)?)
    })
    .await
}

/// An end of the log that is known.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnchorQuery {
    /// `seq` of an earlier answer, which must still lie on the chain.
    #[param(minimum = 0)]
    seq: Option<u64>,
    /// The `hash` that goes with it.
    #[param(pattern = "^[0-9a-f]{64}$")]
    hash: Option<String>,
}

/// Verify that no row of the audit log is missing or was altered
///
/// Answers the end of the chain, to be kept elsewhere and given the next time; 409 with `activity_altered` names the first row
/// that is not as it was written.
#[utoipa::path(get, path = "/api/v1/realms/{realm}/activity/verify", operation_id = "verifyActivity", tag = "logs",
    params(InRealm, AnchorQuery),
    responses(
        (status = 200, description = "The log is as it was written; this is its end", body = Anchor),
        (status = 409, description = "A row is missing or was altered", body = Details,
            content_type = "application/problem+json")))]
pub(crate) async fn verify(call: Call) -> Answer {
    let (pass, InRealm {}, (AnchorQuery { seq, hash },), _) = call.admit("audit.view").await?;
    pass.reach.whole_realm()?;
    let anchor = match (seq, hash) {
        (None, None) => None,
        (Some(seq), Some(hash)) if hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
            Some(Anchor { seq, hash })
        }
        _ => return Err(Problem::parameter("hash", "must be 64 hexadecimal digits, and go with `seq`")),
    };
    pass.run(move |pass| json(pass.audit().verify(anchor.as_ref())?)).await
}
