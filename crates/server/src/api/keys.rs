//! Keys: made, listed, shown, edited, revoked, enabled, rotated, deleted.

use axum::http::HeaderMap;
use edgelatch_registry::{
    Direction, Filter, Idempotency, Key, Once, Page, Registry, Rotate, Slug, Sort, State, limits, parse_span, parse_time,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::answer::{Answer, ChangedKey, CreatedKey, changed, json, once, tagged};
use super::call::{Call, Pass, header, if_match};
use super::key_body::{KeyEditBody, NewKeyBody};
use super::problem::Refusal;
use crate::limits::{MAX_BODY_BYTES, MAX_LISTS_BYTES};

/// Which keys.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeysQuery {
    /// Only this org's.
    #[param(value_type = Slug, required = false)]
    org: Option<String>,
    /// Only this owner's.
    #[param(value_type = Slug, required = false)]
    owner: Option<String>,
    /// Only those with this role, of their own or their owner's.
    #[param(value_type = Slug, required = false)]
    role: Option<String>,
    /// Only those in this state.
    #[param(value_type = State, required = false)]
    state: Option<String>,
    /// Only those for this environment.
    #[param(value_type = Slug, required = false)]
    environment: Option<String>,
    /// Only those that expire before this time: a span, a date or an RFC 3339 time.
    #[param(value_type = String, required = false, example = "30d")]
    expires_before: Option<String>,
    /// Only those made before this time.
    #[param(value_type = String, required = false, example = "2027-01-31")]
    created_before: Option<String>,
    /// Only those that should be rotated, as their environments say.
    #[param(value_type = bool, required = false)]
    rotation_due: Option<bool>,
    /// Only those whose name, description, id or first characters contain this text.
    #[param(value_type = String, required = false, max_length = 128)]
    search: Option<String>,
    /// By what to sort; by creation if not said.
    #[param(value_type = Sort, required = false)]
    sort: Option<String>,
    /// Which way; each order has its own if not said.
    #[param(value_type = Direction, required = false)]
    direction: Option<String>,
    /// At most this many on a page; 50 if not said.
    #[param(value_type = u64, required = false, minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// `next` of the last page.
    #[param(value_type = String, required = false)]
    cursor: Option<String>,
}

/// A page's size; the registry's own when nothing was asked for.
pub(crate) fn page_limit(asked: Option<u64>) -> Result<usize, Refusal> {
    let fits = |n: u64| usize::try_from(n).ok().filter(|n| (1..=limits::MAX_PAGE).contains(n));
    let refused = || Refusal::parameter("limit", format!("must be 1 to {}; use the cursor for more", limits::MAX_PAGE));
    asked.map_or(Ok(0), |n| fits(n).ok_or_else(refused))
}

/// A time that a list is bounded by.
pub(crate) fn time(registry: &Registry, name: &str, text: Option<&str>) -> Result<Option<u64>, Refusal> {
    let now = registry.env().now()?;
    Ok(text.map(|text| parse_time(name, text, now)).transpose()?)
}

/// A name of ours.
pub(crate) fn slug(name: &str, text: Option<&str>) -> Result<Option<Slug>, Refusal> {
    Ok(text.map(|text| Slug::parse(name, text)).transpose()?)
}

/// One of some words.
pub(crate) fn word<T: std::str::FromStr<Err = String>>(name: &str, text: Option<&str>) -> Result<Option<T>, Refusal> {
    text.map(|text| text.parse().map_err(|reason| Refusal::at(format!("/{name}"), reason))).transpose()
}

impl KeysQuery {
    /// The registry's filter, within the orgs that are the caller's.
    pub(crate) fn filter(&self, pass: &Pass, registry: &Registry) -> Result<Filter, Refusal> {
        Ok(Filter {
            org: pass.org(slug("org", self.org.as_deref())?.as_ref())?,
            owner: slug("owner", self.owner.as_deref())?,
            role: slug("role", self.role.as_deref())?,
            state: word("state", self.state.as_deref())?,
            environment: slug("environment", self.environment.as_deref())?,
            expires_before: time(registry, "expires_before", self.expires_before.as_deref())?,
            created_before: time(registry, "created_before", self.created_before.as_deref())?,
            rotation_due: self.rotation_due.unwrap_or(false),
            search: self.search.clone(),
            sort: word("sort", self.sort.as_deref())?,
            direction: word("direction", self.direction.as_deref())?,
            limit: page_limit(self.limit)?,
            cursor: self.cursor.clone(),
        })
    }
}

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
        let org = pass.org(slug("org", body.org.as_deref())?.as_ref())?;
        let org = org.ok_or_else(|| Refusal::at("/org", "is missing: name the org that the key is for"))?;
        let (new, caller) = (body.read(registry, &pass.realm, &org)?, pass.caller(Some(&org))?);
        let done = match &idempotency {
            Some(once) => registry.create_key_once(&caller, &pass.realm, &new, once)?,
            None => Once::Done(Box::new(registry.create_key(&caller, &pass.realm, &new)?)),
        };
        Ok(once(done, Some(&pass.realm)))
    })
    .await
}

/// List keys
#[utoipa::path(get, path = "/api/v1/realms/{realm}/keys", operation_id = "listKeys", tag = "keys",
    params(("realm" = Slug, Path, description = "The realm"), KeysQuery),
    responses((status = 200, description = "A page of them", body = Page)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, query, _) = call.admit_with::<KeysQuery>("key.view").await?;
    pass.run(move |pass, registry| Ok(json(registry.keys(&pass.realm, &query.filter(pass, registry)?)?))).await
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

/// A query or body that holds nothing.
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
        Ok(changed(registry.edit_key(&caller, &pass.realm, key_id, &edit)?))
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
        Ok(changed(registry.revoke_key(&caller, &pass.realm, key_id, revision)?))
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
        Ok(changed(registry.enable_key(&caller, &pass.realm, key_id, revision)?))
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
    #[serde(default, deserialize_with = "super::key_body::given")]
    #[schema(value_type = OverlapBody, required = false)]
    overlap: Option<OverlapBody>,
    /// The key's name, where the org's settings want it typed.
    #[serde(default, deserialize_with = "super::key_body::given")]
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
        let done = match &idempotency {
            Some(once) => registry.rotate_key_once(&caller, &pass.realm, key_id, &rotate, once)?,
            None => Once::Done(Box::new(registry.rotate_key(&caller, &pass.realm, key_id, &rotate)?)),
        };
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
    let (pass, query, _) = call.admit_with::<DeleteQuery>("key.delete").await?;
    let (key_id, revision) = (pass.key_id()?, if_match(pass.headers())?);
    pass.run(move |pass, registry| {
        let caller = pass.caller_on(registry, key_id)?;
        Ok(json(registry.delete_key(&caller, &pass.realm, key_id, query.confirm.as_deref(), revision)?))
    })
    .await
}
