//! Keys: made, listed, shown, edited, revoked, enabled, rotated, deleted.

use axum::http::HeaderMap;
use edgelatch_registry::json::given;
use edgelatch_registry::{Handover, Idempotency, Key, KeyFilter, KeyOrder, KeyPage, Paging, Rotate, Slug, parse_span};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::key_body::{KeyEditBody, NewKeyBody};
use crate::api::answer::{Answer, ChangedKey, CreatedKey, changed, json, once, tagged};
use crate::api::call::{Call, Pass, header, if_match};
use crate::api::problem::Refusal;
use crate::limits::{MAX_BODY_BYTES, MAX_LISTS_BYTES};

/// What tells this request from another with the same idempotency key.
fn idempotency(pass: &Pass, body: &[u8]) -> Result<Option<Idempotency>, Refusal> {
    let Some(token) = header(pass.headers(), "idempotency-key")? else { return Ok(None) };
    let request = [pass.line().as_bytes(), body].concat();
    let refused = |_| Refusal::parameter("idempotency-key", "must be 1 to 128 visible ASCII characters, such as a UUID");
    Idempotency::new(token, &request).map(Some).map_err(refused)
}

/// Create a key
///
/// The secret is in this answer and nowhere else. With an `Idempotency-Key`, the same request again answers 200 with the key
/// and no secret.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys", operation_id = "createKey", tag = "keys",
    params(("realm" = Slug, Path, description = "The realm"), ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,128}$", description = "Of the client's choice, such as a UUID")),
    request_body = NewKeyBody,
    responses(
        (status = 201, description = "Made", body = CreatedKey, headers(
            ("Location" = String, description = "Where the key is"), ("ETag" = String, description = "Its revision"))),
        (status = 200, description = "Made before, by the same request", body = CreatedKey, headers(
            ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn create(call: Call) -> Answer {
    let (pass, incoming) = call.admit("key.create").await?;
    let (body, bytes) = incoming.json::<NewKeyBody>(MAX_LISTS_BYTES).await?;
    let idempotency = idempotency(&pass, &bytes)?;
    pass.run(move |pass, registry| {
        let org = pass.org(body.org.as_ref())?;
        let org = org.ok_or_else(|| Refusal::at("/org", "is missing: name the org that the key is for"))?;
        let (caller, new) = (pass.caller(Some(&org))?, body.read(registry.env().now()?, org)?);
        let done = pass.keys(registry).create(&caller, &new, Handover { once: idempotency.as_ref(), keep: None })?;
        Ok(once(done, Some(&pass.realm)))
    })
    .await
}

/// List keys
#[utoipa::path(get, path = "/api/v1/realms/{realm}/keys", operation_id = "listKeys", tag = "keys",
    params(("realm" = Slug, Path, description = "The realm"), KeyFilter, KeyOrder, Paging),
    responses((status = 200, description = "A page of them", body = KeyPage)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, (filter, order, paging), _) = call.admit_with::<(KeyFilter, KeyOrder, Paging)>("key.view").await?;
    pass.run(move |pass, registry| {
        let filter = KeyFilter { org: pass.org(filter.org.as_ref())?, ..filter };
        Ok(json(pass.keys(registry).list(&filter, order, &paging)?))
    })
    .await
}

/// Show a key
#[utoipa::path(get, path = "/api/v1/realms/{realm}/keys/{key_id}", operation_id = "getKey", tag = "keys",
    params(("realm" = Slug, Path, description = "The realm"), ("key_id" = String, Path, pattern = "^key_[0-9A-Za-z]{11}$", description = "The key's public id")),
    responses((status = 200, description = "The key", body = Key, headers(("ETag" = String, description = "Its revision")))))]
pub(crate) async fn show(call: Call) -> Answer {
    let (pass, _) = call.admit("key.view").await?;
    let key_id = pass.key_id()?;
    pass.run(move |pass, registry| {
        let key = pass.visible(registry, key_id)?;
        Ok(tagged(axum::http::StatusCode::OK, key.revision, key))
    })
    .await
}

/// A body that holds nothing.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Nothing)]
pub(crate) struct Nothing {}

/// Edit a key
///
/// Which members may be changed is up to the org's settings. A new `status` takes the permission to revoke keys as well.
#[utoipa::path(patch, path = "/api/v1/realms/{realm}/keys/{key_id}", operation_id = "editKey", tag = "keys",
    params(("realm" = Slug, Path, description = "The realm"), ("key_id" = String, Path, pattern = "^key_[0-9A-Za-z]{11}$", description = "The key's public id"), ("If-Match" = Option<String>, Header, pattern = r#"^(\*|(W/)?"[^"]*")$"#, description = "The revision to be changed, as `ETag` had it")),
    request_body = KeyEditBody,
    responses((status = 200, description = "The key as it is now", body = ChangedKey, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn edit(call: Call) -> Answer {
    let (pass, incoming) = call.admit("key.update").await?;
    let (key_id, revision) = (pass.key_id()?, if_match(pass.headers())?);
    let (body, _) = incoming.json::<KeyEditBody>(MAX_LISTS_BYTES).await?;
    pass.run(move |pass, registry| {
        let edit = body.read(registry.env().now()?, revision)?;
        if edit.status.is_some() {
            pass.demand(registry, "key.delete")?;
        }
        let caller = pass.caller_on(registry, key_id)?;
        Ok(changed(pass.keys(registry).edit(&caller, key_id, &edit)?))
    })
    .await
}

/// Revoke a key
///
/// What that means is up to the org's settings: for ever, until it is enabled again, or deleting it.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/{key_id}/revoke", operation_id = "revokeKey", tag = "keys",
    params(("realm" = Slug, Path, description = "The realm"), ("key_id" = String, Path, pattern = "^key_[0-9A-Za-z]{11}$", description = "The key's public id"), ("If-Match" = Option<String>, Header, pattern = r#"^(\*|(W/)?"[^"]*")$"#, description = "The revision to be changed, as `ETag` had it")),
    responses((status = 200, description = "The key as it is now", body = ChangedKey, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn revoke(call: Call) -> Answer {
    let (pass, incoming) = call.admit("key.delete").await?;
    let (key_id, revision) = (pass.key_id()?, if_match(pass.headers())?);
    incoming.json_or_nothing::<Nothing>(MAX_BODY_BYTES).await?;
    pass.run(move |pass, registry| {
        let caller = pass.caller_on(registry, key_id)?;
        Ok(changed(pass.keys(registry).revoke(&caller, key_id, revision)?))
    })
    .await
}

/// Enable a revoked key again
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/{key_id}/enable", operation_id = "enableKey", tag = "keys",
    params(("realm" = Slug, Path, description = "The realm"), ("key_id" = String, Path, pattern = "^key_[0-9A-Za-z]{11}$", description = "The key's public id"), ("If-Match" = Option<String>, Header, pattern = r#"^(\*|(W/)?"[^"]*")$"#, description = "The revision to be changed, as `ETag` had it")),
    responses((status = 200, description = "The key as it is now", body = ChangedKey, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn enable(call: Call) -> Answer {
    let (pass, incoming) = call.admit("key.update").await?;
    let (key_id, revision) = (pass.key_id()?, if_match(pass.headers())?);
    incoming.json_or_nothing::<Nothing>(MAX_BODY_BYTES).await?;
    pass.run(move |pass, registry| {
        let caller = pass.caller_on(registry, key_id)?;
        Ok(changed(pass.keys(registry).enable(&caller, key_id, revision)?))
    })
    .await
}

/// Seconds, or a span as text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "a number of seconds, or a span such as \"24h\"")]
#[schema(as = Overlap)]
pub(crate) enum OverlapBody {
    /// Seconds.
    Seconds(u64),
    /// A span.
    #[schema(examples("24h"))]
    Span(String),
}

/// How to rotate a key.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RotateKey)]
pub(crate) struct RotateBody {
    /// How long the old secret lives on; it ends at once if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = OverlapBody, required = false)]
    overlap: Option<OverlapBody>,
    /// The key's name, where the org's settings want it typed.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    confirm: Option<String>,
}

fn rotate_by(body: RotateBody, now: u64, headers: &HeaderMap) -> Result<Rotate, Refusal> {
    let overlap = match body.overlap {
        None => 0,
        Some(OverlapBody::Seconds(seconds)) => seconds,
        Some(OverlapBody::Span(text)) => parse_span("overlap", &text, now)?,
    };
    Ok(Rotate { overlap, confirm: body.confirm, if_revision: if_match(headers)? })
}

/// Give a key a new secret
///
/// The secret is in this answer and nowhere else. With an `Idempotency-Key`, the same request again answers with the key and
/// no secret.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/{key_id}/rotate", operation_id = "rotateKey", tag = "keys",
    params(("realm" = Slug, Path, description = "The realm"), ("key_id" = String, Path, pattern = "^key_[0-9A-Za-z]{11}$", description = "The key's public id"), ("If-Match" = Option<String>, Header, pattern = r#"^(\*|(W/)?"[^"]*")$"#, description = "The revision to be changed, as `ETag` had it"),
        ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,128}$", description = "Of the client's choice, such as a UUID")),
    request_body(content = Option<RotateBody>),
    responses((status = 200, description = "The key with its new secret", body = CreatedKey, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn rotate(call: Call) -> Answer {
    let (pass, incoming) = call.admit("key.update").await?;
    let key_id = pass.key_id()?;
    let (body, bytes) = incoming.json_or_nothing::<RotateBody>(MAX_BODY_BYTES).await?;
    let idempotency = idempotency(&pass, &bytes)?;
    pass.run(move |pass, registry| {
        let rotate = rotate_by(body, registry.env().now()?, pass.headers())?;
        let caller = pass.caller_on(registry, key_id)?;
        let handover = Handover { once: idempotency.as_ref(), keep: None };
        let done = pass.keys(registry).rotate(&caller, key_id, &rotate, handover)?;
        Ok(once(done, None))
    })
    .await
}

/// What confirms a deletion.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// The key's name, where the org's settings want it typed.
    #[param(value_type = String, required = false)]
    confirm: Option<String>,
}

/// Delete a key for ever
#[utoipa::path(delete, path = "/api/v1/realms/{realm}/keys/{key_id}", operation_id = "deleteKey", tag = "keys",
    params(("realm" = Slug, Path, description = "The realm"), ("key_id" = String, Path, pattern = "^key_[0-9A-Za-z]{11}$", description = "The key's public id"), ("If-Match" = Option<String>, Header, pattern = r#"^(\*|(W/)?"[^"]*")$"#, description = "The revision to be changed, as `ETag` had it"), DeleteQuery),
    responses((status = 200, description = "The key as it was", body = Key)))]
pub(crate) async fn delete(call: Call) -> Answer {
    let (pass, (query,), _) = call.admit_with::<(DeleteQuery,)>("key.delete").await?;
    let (key_id, revision) = (pass.key_id()?, if_match(pass.headers())?);
    pass.run(move |pass, registry| {
        let caller = pass.caller_on(registry, key_id)?;
        Ok(json(pass.keys(registry).delete(&caller, key_id, query.confirm.as_deref(), revision)?))
    })
    .await
}
