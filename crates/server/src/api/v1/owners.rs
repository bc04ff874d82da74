//! Owners: users and service accounts that keys belong to.

use edgelatch_registry::json::given;
use edgelatch_registry::{Name, NewOwner, Owner, OwnerEdit, OwnerKind, Slug};
use serde::{Deserialize, Serialize};
use serde_with::apply;
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::{Answer, created, json, shown};
use crate::api::call::{Call, Pass};
use crate::api::headers::{IfMatch, IfMatchToDelete};
use crate::api::path::{InRealm, OwnerPath};
use crate::limits::MAX_BODY_BYTES;
use crate::problem::Problem;

/// Owners.
#[derive(Serialize, ToSchema)]
#[schema(as = Owners)]
pub(crate) struct Owners {
    /// By org and identifier.
    owners: Vec<Owner>,
}

/// An owner to be made.
#[apply(Option<_> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)])]
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOwner)]
pub(crate) struct NewOwnerBody {
    /// Its org; to be left out only where the caller may manage one org and no other.
    org: Option<Slug>,
    /// Its identifier inside the org.
    #[schema(examples("alice"))]
    owner: Slug,
    /// User or service account; a user if left out.
    kind: Option<OwnerKind>,
    /// What people call it; its identifier if left out.
    name: Option<Name>,
    /// Its roles.
    #[serde(default)]
    #[schema(max_items = 32)]
    roles: Vec<Slug>,
}

/// Of which org.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrgQuery {
    /// Of this org.
    org: Option<Slug>,
}

impl OrgQuery {
    /// The org that the call is about, as its query or its key says; none for the whole realm.
    pub(crate) fn org(&self, pass: &Pass) -> Result<Option<Slug>, Problem> {
        pass.reach.org(self.org.as_ref())
    }
}

/// List owners
#[utoipa::path(get, path = "/api/v1/realms/{realm}/owners", operation_id = "listOwners", tag = "owners",
    params(InRealm, OrgQuery),
    responses((status = 200, description = "The owners that are the caller's to see", body = Owners)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, InRealm {}, (query,), _) = call.admit::<_, (OrgQuery,)>("owner.view").await?;
    pass.run(move |pass| json(Owners { owners: pass.tenants().owners(query.org(pass)?.as_ref())? })).await
}

/// Create an owner
#[utoipa::path(post, path = "/api/v1/realms/{realm}/owners", operation_id = "createOwner", tag = "owners",
    params(InRealm),
    request_body = NewOwnerBody,
    responses((status = 201, description = "Made", body = Owner, headers(
        ("Location" = String, description = "Where it is"), ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn create(call: Call) -> Answer {
    let (pass, InRealm {}, (), incoming) = call.admit("owner.create").await?;
    let (body, _) = incoming.json::<NewOwnerBody>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        let org = pass.reach.org(body.org.as_ref())?;
        let org = org.ok_or_else(|| Problem::at("/org", "is missing: name the org that the owner is of"))?;
        let name = body.name.map_or_else(|| Name::parse("name", body.owner.as_str()), Ok)?;
        let kind = body.kind.unwrap_or(OwnerKind::User);
        let new = NewOwner { org: org.clone(), owner: body.owner, kind, name, roles: body.roles };
        let owner = pass.tenants().create_owner(&pass.caller(Some(&org))?, &new)?;
        created(format!("/api/v1/realms/{}/orgs/{}/owners/{}", pass.realm, owner.org, owner.owner), owner)
    })
    .await
}

/// Show an owner
#[utoipa::path(get, path = "/api/v1/realms/{realm}/orgs/{org}/owners/{owner}", operation_id = "getOwner", tag = "owners",
    params(OwnerPath),
    responses((status = 200, description = "The owner", body = Owner, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn show(call: Call) -> Answer {
    let (pass, OwnerPath { org, owner }, (), _) = call.admit("owner.view").await?;
    pass.run(move |pass| shown(pass.tenants().owner(&org, &owner)?)).await
}

/// Edit an owner
///
/// Disabling it, or taking a role from it, reaches its keys with the next epoch.
#[utoipa::path(patch, path = "/api/v1/realms/{realm}/orgs/{org}/owners/{owner}", operation_id = "editOwner", tag = "owners",
    params(OwnerPath, IfMatch),
    request_body = OwnerEdit,
    responses((status = 200, description = "The owner as it is now", body = Owner, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn edit(call: Call) -> Answer {
    let (pass, OwnerPath { org, owner }, (), incoming) = call.admit("owner.update").await?;
    let (body, _) = incoming.json::<OwnerEdit>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        let edit = OwnerEdit { if_revision: pass.if_match()?, ..body };
        shown(pass.tenants().edit_owner(&pass.caller(Some(&org))?, &org, &owner, &edit)?)
    })
    .await
}

/// Delete an owner that has no keys
#[utoipa::path(delete, path = "/api/v1/realms/{realm}/orgs/{org}/owners/{owner}", operation_id = "deleteOwner", tag = "owners",
    params(OwnerPath, IfMatchToDelete),
    responses((status = 200, description = "The owner as it was", body = Owner)))]
pub(crate) async fn delete(call: Call) -> Answer {
    let (pass, OwnerPath { org, owner }, (), _) = call.admit("owner.delete").await?;
    pass.run(move |pass| json(pass.tenants().delete_owner(&pass.caller(Some(&org))?, &org, &owner, pass.if_match()?)?)).await
}
