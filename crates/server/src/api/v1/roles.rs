//! Roles: the realm's own, and those that orgs make for themselves.

use edgelatch_registry::json::given;
use edgelatch_registry::{Name, NewRole, Pattern, Role, RoleEdit, Slug};
use serde::{Deserialize, Serialize};
use serde_with::apply;
use utoipa::ToSchema;

use super::owners::OrgQuery;
use crate::api::answer::{Answer, created, json, shown};
use crate::api::call::Call;
use crate::api::headers::{IfMatch, IfMatchToDelete};
use crate::api::path::{InRealm, RolePath};
use crate::limits::MAX_BODY_BYTES;

/// Roles.
#[derive(Serialize, ToSchema)]
#[schema(as = Roles)]
pub(crate) struct Roles {
    /// The realm's own first, then those of each org.
    roles: Vec<Role>,
}

/// A role to be made.
#[apply(Option<_> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)])]
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRole)]
pub(crate) struct NewRoleBody {
    /// Its identifier, which edges report.
    #[schema(examples("purger"))]
    role: Slug,
    /// The org it is for; the caller's only one, or the whole realm, if left out.
    org: Option<Slug>,
    /// What people call it; its identifier if left out.
    name: Option<Name>,
    /// What it grants.
    #[schema(min_items = 1, max_items = 256)]
    permissions: Vec<Pattern>,
}

/// List roles
#[utoipa::path(get, path = "/api/v1/realms/{realm}/roles", operation_id = "listRoles", tag = "roles",
    params(InRealm, OrgQuery),
    responses((status = 200, description = "The realm's roles, and those of orgs that are the caller's to see", body = Roles)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, InRealm {}, (query,), _) = call.admit::<_, (OrgQuery,)>("role.view").await?;
    pass.run(move |pass| {
        let org = query.org(pass)?;
        if let Some(org) = &org {
            pass.tenants().org(org)?;
        }
        let mut roles = pass.tenants().roles()?;
        let wanted = |of: &Slug| org.as_ref().is_none_or(|org| org == of);
        roles.retain(|role| role.org.as_ref().is_none_or(|of| wanted(of) && pass.reach.sees(of)));
        json(Roles { roles })
    })
    .await
}

/// Create a role
#[utoipa::path(post, path = "/api/v1/realms/{realm}/roles", operation_id = "createRole", tag = "roles",
    params(InRealm),
    request_body = NewRoleBody,
    responses((status = 201, description = "Made", body = Role, headers(
        ("Location" = String, description = "Where it is"), ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn create(call: Call) -> Answer {
    let (pass, InRealm {}, (), incoming) = call.admit("role.create").await?;
    let (body, _) = incoming.json::<NewRoleBody>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        let org = pass.reach.org(body.org.as_ref())?;
        let name = body.name.map_or_else(|| Name::parse("name", body.role.as_str()), Ok)?;
        let new = NewRole { role: body.role, org: org.clone(), name, permissions: body.permissions };
        let role = pass.tenants().create_role(&pass.caller(org.as_ref())?, &new)?;
        let of = role.org.as_ref().map(|org| format!("?org={org}")).unwrap_or_default();
        created(format!("/api/v1/realms/{}/roles/{}{of}", pass.realm, role.role), role)
    })
    .await
}

/// Show a role
#[utoipa::path(get, path = "/api/v1/realms/{realm}/roles/{role}", operation_id = "getRole", tag = "roles",
    params(RolePath, OrgQuery),
    responses((status = 200, description = "The role", body = Role, headers(("ETag" = String, description = "Its revision")))))]
pub(crate) async fn show(call: Call) -> Answer {
    let (pass, RolePath { role }, (query,), _) = call.admit::<_, (OrgQuery,)>("role.view").await?;
    pass.run(move |pass| shown(pass.tenants().role(query.org(pass)?.as_ref(), &role)?)).await
}

/// Edit a role, and with it what every key that has it may do
#[utoipa::path(patch, path = "/api/v1/realms/{realm}/roles/{role}", operation_id = "editRole", tag = "roles",
    params(RolePath, OrgQuery, IfMatch),
    request_body = RoleEdit,
    responses((status = 200, description = "The role as it is now", body = Role, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn edit(call: Call) -> Answer {
    let (pass, RolePath { role }, (query,), incoming) = call.admit::<_, (OrgQuery,)>("role.update").await?;
    let (body, _) = incoming.json::<RoleEdit>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        let org = query.org(pass)?;
        let edit = RoleEdit { if_revision: pass.if_match()?, ..body };
        shown(pass.tenants().edit_role(&pass.caller(org.as_ref())?, org.as_ref(), &role, &edit)?)
    })
    .await
}

/// Delete a role that nobody has
#[utoipa::path(delete, path = "/api/v1/realms/{realm}/roles/{role}", operation_id = "deleteRole", tag = "roles",
    params(RolePath, OrgQuery, IfMatchToDelete),
    responses((status = 200, description = "The role as it was", body = Role)))]
pub(crate) async fn delete(call: Call) -> Answer {
    let (pass, RolePath { role }, (query,), _) = call.admit::<_, (OrgQuery,)>("role.delete").await?;
    pass.run(move |pass| {
        let org = query.org(pass)?;
        json(pass.tenants().delete_role(&pass.caller(org.as_ref())?, org.as_ref(), &role, pass.if_match()?)?)
    })
    .await
}
