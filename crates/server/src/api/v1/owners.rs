//! Owners: users and service accounts that keys belong to.

use axum::http::StatusCode;
use edgelatch_registry::json::given;
use edgelatch_registry::{Name, NewOwner, Owner, OwnerEdit, OwnerKind, Slug};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::{Answer, json, made, tagged};
use crate::api::call::{Call, if_match};
use crate::api::problem::Refusal;
use crate::limits::MAX_BODY_BYTES;

/// Owners.
#[derive(Serialize, ToSchema)]
#[schema(as = Owners)]
pub(crate) struct Owners {
    /// By org and identifier.
    owners: Vec<Owner>,
}

/// An owner to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOwner)]
pub(crate) struct NewOwnerBody {
    /// Its org; to be left out only where the caller may manage one org and no other.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Slug, required = false)]
    org: Option<Slug>,
    /// Its identifier inside the org.
    #[schema(examples("alice"))]
    owner: Slug,
    /// User or service account; a user if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = OwnerKind, required = false)]
    kind: Option<OwnerKind>,
    /// What people call it; its identifier if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Name, required = false)]
    name: Option<Name>,
    /// Its roles.
    #[serde(default)]
    #[schema(max_items = 32)]
    roles: Vec<Slug>,
}

/// Changes to an owner; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OwnerEdit)]
pub(crate) struct OwnerEditBody {
    /// What people call it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Name, required = false)]
    name: Option<Name>,
    /// Its roles.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<Slug>, required = false, max_items = 32)]
    roles: Option<Vec<Slug>>,
    /// Whether its keys are refused.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    disabled: Option<bool>,
}

/// Of which org.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrgQuery {
    /// Of this org.
    #[param(value_type = Slug, required = false)]
    pub(crate) org: Option<Slug>,
}

/// List owners
#[utoipa::path(get, path = "/api/v1/realms/{realm}/owners", operation_id = "listOwners", tag = "owners",
    params(("realm" = Slug, Path, description = "The realm"), OrgQuery),
    responses((status = 200, description = "The owners that are the caller's to see", body = Owners)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, (query,), _) = call.admit_with::<(OrgQuery,)>("owner.view").await?;
    pass.run(move |pass, registry| {
        let org = pass.org(query.org.as_ref())?;
        Ok(json(Owners { owners: pass.tenants(registry).owners(org.as_ref())? }))
    })
    .await
}

/// Create an owner
#[utoipa::path(post, path = "/api/v1/realms/{realm}/owners", operation_id = "createOwner", tag = "owners",
    params(("realm" = Slug, Path, description = "The realm")),
    request_body = NewOwnerBody,
    responses((status = 201, description = "Made", body = Owner, headers(
        ("Location" = String, description = "Where it is"), ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn create(call: Call) -> Answer {
    let (pass, incoming) = call.admit("owner.create").await?;
    let (body, _) = incoming.json::<NewOwnerBody>(MAX_BODY_BYTES).await?;
    pass.run(move |pass, registry| {
        let org = pass.org(body.org.as_ref())?;
        let org = org.ok_or_else(|| Refusal::at("/org", "is missing: name the org that the owner is of"))?;
        let name = body.name.map_or_else(|| Name::parse("name", body.owner.as_str()), Ok)?;
        let kind = body.kind.unwrap_or(OwnerKind::User);
        let new = NewOwner { org: org.clone(), owner: body.owner, kind, name, roles: body.roles };
        let owner = pass.tenants(registry).create_owner(&pass.caller(Some(&org))?, &new)?;
        let path = format!("/api/v1/realms/{}/orgs/{}/owners/{}", pass.realm, owner.org, owner.owner);
        Ok(made(&path, owner.revision, owner))
    })
    .await
}

/// Show an owner
#[utoipa::path(get, path = "/api/v1/realms/{realm}/orgs/{org}/owners/{owner}", operation_id = "getOwner", tag = "owners",
    params(("realm" = Slug, Path, description = "The realm"), ("org" = Slug, Path, description = "The org"), ("owner" = Slug, Path, description = "The owner")),
    responses((status = 200, description = "The owner", body = Owner, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn show(call: Call) -> Answer {
    let (pass, _) = call.admit("owner.view").await?;
    let (org, owner) = (pass.path_org()?, pass.slug("owner")?);
    pass.run(move |pass, registry| {
        let owner = pass.tenants(registry).owner(&org, &owner)?;
        Ok(tagged(StatusCode::OK, owner.revision, owner))
    })
    .await
}

/// Edit an owner
///
/// Disabling it, or taking a role from it, reaches its keys with the next epoch.
#[utoipa::path(patch, path = "/api/v1/realms/{realm}/orgs/{org}/owners/{owner}", operation_id = "editOwner", tag = "owners",
    params(("realm" = Slug, Path, description = "The realm"), ("org" = Slug, Path, description = "The org"), ("owner" = Slug, Path, description = "The owner"), ("If-Match" = Option<String>, Header, pattern = r#"^(\*|(W/)?"[^"]*")$"#, description = "The revision to be changed, as `ETag` had it")),
    request_body = OwnerEditBody,
    responses((status = 200, description = "The owner as it is now", body = Owner, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn edit(call: Call) -> Answer {
    let (pass, incoming) = call.admit("owner.update").await?;
    let (org, owner, if_revision) = (pass.path_org()?, pass.slug("owner")?, if_match(pass.headers())?);
    let (body, _) = incoming.json::<OwnerEditBody>(MAX_BODY_BYTES).await?;
    pass.run(move |pass, registry| {
        let edit = OwnerEdit { name: body.name, roles: body.roles, disabled: body.disabled, if_revision };
        let owner = pass.tenants(registry).edit_owner(&pass.caller(Some(&org))?, &org, &owner, &edit)?;
        Ok(tagged(StatusCode::OK, owner.revision, owner))
    })
    .await
    .map_err(|refusal| refusal.in_path(&["/org", "/owner"]))
}

/// Delete an owner that has no keys
#[utoipa::path(delete, path = "/api/v1/realms/{realm}/orgs/{org}/owners/{owner}", operation_id = "deleteOwner", tag = "owners",
    params(("realm" = Slug, Path, description = "The realm"), ("org" = Slug, Path, description = "The org"), ("owner" = Slug, Path, description = "The owner"),
        ("If-Match" = Option<String>, Header, pattern = r#"^(\*|(W/)?"[^"]*")$"#,
        description = "The revision to be deleted, as `ETag` had it")),
    responses((status = 200, description = "The owner as it was", body = Owner)))]
pub(crate) async fn delete(call: Call) -> Answer {
    let (pass, _) = call.admit("owner.delete").await?;
    let (org, owner, revision) = (pass.path_org()?, pass.slug("owner")?, if_match(pass.headers())?);
    pass.run(move |pass, registry| {
        Ok(json(pass.tenants(registry).delete_owner(&pass.caller(Some(&org))?, &org, &owner, revision)?))
    })
    .await
}
