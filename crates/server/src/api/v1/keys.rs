//! Keys: created, listed, shown, edited, revoked, enabled, deleted.

use edgelatch_core::key::KeyId;
use edgelatch_core::policy::{AllowMode, Order};
use edgelatch_registry::json::given;
use edgelatch_registry::{
    Caller, Changed, Description, Error, Expiry, Handover, IpEdit, Key, KeyEdit, KeyFilter, KeyOrder, KeyPage, Keys, ListEdit,
    Metadata, Name, NewIpRules, NewKey, Paging, Scope, Slug, Start, StatusEdit, Tag,
};
use serde::Deserialize;
use serde_with::apply;
use utoipa::{IntoParams, ToSchema};

use super::ip_entry::{AllowModeInput, EntryBody, OrderInput, Spelled, entries};
use crate::api::answer::{Answer, ChangedKey, CreatedKey, changed, json, once, shown};
use crate::api::call::Call;
use crate::api::headers::{IdempotencyKey, IfMatch};
use crate::api::path::{InRealm, KeyPath};
use crate::limits::{MAX_BODY_BYTES, MAX_LISTS_BYTES};
use crate::problem::Problem;

/// A key to be made.
#[apply(
    Option<Slug> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)],
    Option<Spelled<_>> => #[serde(default, deserialize_with = "given")],
)]
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
pub(crate) struct NewKeyBody {
    /// Its org; to be left out only where the caller may manage one org and no other.
    org: Option<Slug>,
    /// Its owner; to be left out where the org has only one.
    owner: Option<Slug>,
    /// What people call it.
    #[schema(examples("Production API"))]
    name: Name,
    /// What it is for.
    #[serde(default)]
    description: Description,
    /// Its roles, where the org's keys have roles of their own.
    #[serde(default)]
    #[schema(max_items = 32)]
    roles: Vec<Slug>,
    /// Where it may be used; everywhere if left out.
    #[serde(default = "everywhere")]
    #[schema(required = false)]
    scope: Scope,
    /// From where it may be used.
    #[serde(default)]
    #[schema(max_items = 1000)]
    allow: Vec<EntryBody>,
    /// From where it may not.
    #[serde(default)]
    #[schema(max_items = 1000)]
    deny: Vec<EntryBody>,
    /// Whether everyone or only the allow list may come; as the allow list says if left out.
    #[schema(value_type = AllowModeInput)]
    allow_mode: Option<Spelled<AllowMode>>,
    /// Which list is asked first; the org's first choice if left out.
    #[schema(value_type = OrderInput)]
    order: Option<Spelled<Order>>,
    /// When it expires: a span such as `3mo`, a date, an RFC 3339 time, `never` or null.
    #[serde(default)]
    #[schema(value_type = Option<String>, examples("3mo"))]
    expires_at: Option<Expiry>,
    /// From when it is accepted: a span, a date, an RFC 3339 time, `now` or null.
    #[serde(default)]
    #[schema(value_type = Option<String>, examples("2027-01-31"))]
    not_before: Option<Start>,
    /// Custom data for the handler behind the edge.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
    /// What it is used for; the org's first environment if left out.
    environment: Option<Slug>,
    /// Words to find it by, each once whatever its case.
    #[serde(default)]
    #[schema(max_items = 16)]
    tags: Vec<Tag>,
}

fn everywhere() -> Scope {
    Scope::All
}

impl NewKeyBody {
    /// The key to be made in `org`.
    fn read(self, now: u64, org: Slug) -> Result<NewKey, Error> {
        let (allow, deny) = (entries(self.allow), entries(self.deny));
        let (allow_mode, order) = (self.allow_mode.map(|mode| mode.0), self.order.map(|order| order.0));
        Ok(NewKey {
            org,
            owner: self.owner,
            name: self.name,
            description: self.description,
            roles: self.roles,
            scope: self.scope,
            ip: NewIpRules { allow_mode, order, allow, deny },
            not_before: self.not_before.map_or(Ok(None), |start| start.at("not_before", now))?,
            expires_at: self.expires_at.map_or(Ok(None), |expiry| expiry.at("expires_at", now))?,
            metadata: self.metadata.unwrap_or_default(),
            environment: self.environment,
            tags: self.tags,
        })
    }
}

/// Create a key
///
/// The secret is in this answer and nowhere else. With an `Idempotency-Key`, the same request again answers 200 with the key
/// and no secret.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys", operation_id = "createKey", tag = "keys",
    params(InRealm, IdempotencyKey),
    request_body = NewKeyBody,
    responses(
        (status = 201, description = "Made", body = CreatedKey, headers(
            ("Location" = String, description = "Where the key is"), ("ETag" = String, description = "Its revision"))),
        (status = 200, description = "Made before, by the same request", body = CreatedKey, headers(
            ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn create(call: Call) -> Answer {
    let (pass, InRealm {}, (), incoming) = call.admit("key.create").await?;
    let (body, bytes) = incoming.json::<NewKeyBody>(MAX_LISTS_BYTES).await?;
    let idempotency = pass.idempotency(&bytes)?;
    pass.run(move |pass| {
        let org = pass.reach.org(body.org.as_ref())?;
        let org = org.ok_or_else(|| Problem::at("/org", "is missing: name the org that the key is for"))?;
        let (caller, new) = (pass.caller(Some(&org))?, body.read(pass.now()?, org)?);
        let handover = Handover { once: idempotency.as_ref(), keep: None };
        once(pass.keys().create(&caller, &new, handover)?, Some(&pass.realm), pass.unpublished().as_ref())
    })
    .await
}

/// List keys
#[utoipa::path(get, path = "/api/v1/realms/{realm}/keys", operation_id = "listKeys", tag = "keys",
    params(InRealm, KeyFilter, KeyOrder, Paging),
    responses((status = 200, description = "A page of them", body = KeyPage)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, InRealm {}, (filter, order, paging), _) = call.admit::<_, (KeyFilter, KeyOrder, Paging)>("key.view").await?;
    pass.run(move |pass| {
        let filter = KeyFilter { org: pass.reach.org(filter.org.as_ref())?, ..filter };
        json(pass.keys().list(&filter, order, &paging)?)
    })
    .await
}

/// Show a key
#[utoipa::path(get, path = "/api/v1/realms/{realm}/keys/{key_id}", operation_id = "getKey", tag = "keys",
    params(KeyPath),
    responses((status = 200, description = "The key", body = Key, headers(("ETag" = String, description = "Its revision")))))]
pub(crate) async fn show(call: Call) -> Answer {
    let (pass, KeyPath { key_id }, (), _) = call.admit("key.view").await?;
    pass.run(move |pass| shown(pass.visible(key_id)?)).await
}

/// A member that null clears.
type Clearable<T> = Option<Option<T>>;

/// Changes to a key; what is left out stays as it is. Which members may be changed is up to the org's settings.
#[apply(
    Option<_> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)],
    Clearable<_> => #[serde(default, deserialize_with = "given")],
)]
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyEdit)]
pub(crate) struct KeyEditBody {
    /// What people call it.
    name: Option<Name>,
    /// Another owner of its org, whose key it is from then on.
    owner: Option<Slug>,
    /// What it is for.
    #[schema(value_type = Option<Description>)]
    description: Clearable<Description>,
    /// Its roles.
    #[schema(max_items = 32)]
    roles: Option<Vec<Slug>>,
    /// Where it may be used.
    scope: Option<Scope>,
    /// The whole allow list.
    #[schema(max_items = 1000)]
    allow: Option<Vec<EntryBody>>,
    /// The whole deny list.
    #[schema(max_items = 1000)]
    deny: Option<Vec<EntryBody>>,
    /// Whether everyone or only the allow list may come.
    #[schema(value_type = AllowModeInput)]
    allow_mode: Option<Spelled<AllowMode>>,
    /// Which list is asked first.
    #[schema(value_type = OrderInput)]
    order: Option<Spelled<Order>>,
    /// When it expires: a span such as `3mo`, a date, an RFC 3339 time, `never` or null.
    #[schema(value_type = Option<String>, examples("1y"))]
    expires_at: Clearable<Expiry>,
    /// From when it is accepted: a span, a date, an RFC 3339 time, `now` or null.
    #[schema(value_type = Option<String>)]
    not_before: Clearable<Start>,
    /// Custom data; null removes it.
    #[schema(value_type = Option<Object>)]
    metadata: Clearable<Metadata>,
    /// What it is used for.
    #[schema(value_type = Option<Slug>)]
    environment: Clearable<Slug>,
    /// Its tags.
    #[schema(max_items = 16)]
    tags: Option<Vec<Tag>>,
    /// Revoked, or enabled again.
    status: Option<StatusEdit>,
}

fn replaced(list: Option<Vec<EntryBody>>) -> ListEdit {
    list.map_or(ListEdit::Keep, |list| ListEdit::Replace(entries(list)))
}

impl KeyEditBody {
    /// The changes, to be made at a revision if one is given.
    pub(super) fn read(self, now: u64, if_revision: Option<u64>) -> Result<KeyEdit, Error> {
        let start = |start: Option<Start>| start.map_or(Ok(None), |start| start.at("not_before", now));
        let expiry = |expiry: Option<Expiry>| expiry.map_or(Ok(None), |expiry| expiry.at("expires_at", now));
        let (allow, deny) = (replaced(self.allow), replaced(self.deny));
        let (allow_mode, order) = (self.allow_mode.map(|mode| mode.0), self.order.map(|order| order.0));
        Ok(KeyEdit {
            name: self.name,
            owner: self.owner,
            description: self.description.map(Option::unwrap_or_default),
            roles: self.roles,
            scope: self.scope,
            ip: IpEdit { allow_mode, order, allow, deny },
            not_before: self.not_before.map(start).transpose()?,
            expires_at: self.expires_at.map(expiry).transpose()?,
            metadata: self.metadata.map(Option::unwrap_or_default),
            environment: self.environment,
            tags: self.tags,
            status: self.status,
            if_revision,
        })
    }
}

/// Edit a key
///
/// Which members may be changed is up to the org's settings. A new `status` takes the permission to revoke keys as well.
#[utoipa::path(patch, path = "/api/v1/realms/{realm}/keys/{key_id}", operation_id = "editKey", tag = "keys",
    params(KeyPath, IfMatch),
    request_body = KeyEditBody,
    responses((status = 200, description = "The key as it is now", body = ChangedKey, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn edit(call: Call) -> Answer {
    let (pass, KeyPath { key_id }, (), incoming) = call.admit("key.update").await?;
    let (body, _) = incoming.json::<KeyEditBody>(MAX_LISTS_BYTES).await?;
    pass.run(move |pass| {
        let edit = body.read(pass.now()?, pass.if_match()?)?;
        if edit.status.is_some() {
            pass.demand("key.delete")?;
        }
        changed(pass.keys().edit(&pass.caller_on(key_id)?, key_id, &edit)?, pass.unpublished().as_ref())
    })
    .await
}

/// A body that holds nothing.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Nothing)]
pub(crate) struct Nothing {}

/// What a change that takes nothing but the key, and a revision if one is given, does to it.
type Switch = fn(&Keys<'_>, &Caller, KeyId, Option<u64>) -> Result<Changed, Error>;

async fn switch(call: Call, act: &str, change: Switch) -> Answer {
    let (pass, KeyPath { key_id }, (), incoming) = call.admit(act).await?;
    incoming.json_or_nothing::<Nothing>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        changed(change(&pass.keys(), &pass.caller_on(key_id)?, key_id, pass.if_match()?)?, pass.unpublished().as_ref())
    })
    .await
}

/// Revoke a key
///
/// What that means is up to the org's settings: for ever, until it is enabled again, or deleting it.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/{key_id}/revoke", operation_id = "revokeKey", tag = "keys",
    params(KeyPath, IfMatch),
    responses((status = 200, description = "The key as it is now", body = ChangedKey, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn revoke(call: Call) -> Answer {
    switch(call, "key.delete", |keys, caller, key_id, revision| keys.revoke(caller, key_id, revision)).await
}

/// Enable a revoked key again
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/{key_id}/enable", operation_id = "enableKey", tag = "keys",
    params(KeyPath, IfMatch),
    responses((status = 200, description = "The key as it is now", body = ChangedKey, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn enable(call: Call) -> Answer {
    switch(call, "key.update", |keys, caller, key_id, revision| keys.enable(caller, key_id, revision)).await
}

/// What confirms a deletion.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// The key's name where the org's settings want it typed, or `yes` where they want no more than that it is meant.
    confirm: Option<String>,
}

/// Delete a key for ever
#[utoipa::path(delete, path = "/api/v1/realms/{realm}/keys/{key_id}", operation_id = "deleteKey", tag = "keys",
    params(KeyPath, IfMatch, DeleteQuery),
    responses((status = 200, description = "The key as it was", body = Key)))]
pub(crate) async fn delete(call: Call) -> Answer {
    let (pass, KeyPath { key_id }, (DeleteQuery { confirm },), _) = call.admit("key.delete").await?;
    pass.run(move |pass| {
        let caller = pass.caller_on(key_id)?;
        json(pass.keys().delete(&caller, key_id, confirm.as_deref(), pass.if_match()?)?)
    })
    .await
}
