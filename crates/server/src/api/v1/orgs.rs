//! Orgs and their settings.

use edgelatch_registry::json::given;
use edgelatch_registry::{Name, NewOrg, Org, OrgEdit, Preset, Slug};
use serde::{Deserialize, Serialize};
use serde_with::apply;
use utoipa::ToSchema;

use crate::api::answer::{Answer, created, json, shown};
use crate::api::call::Call;
use crate::api::headers::{IfMatch, IfMatchToDelete};
use crate::api::path::{InRealm, OrgPath};
use crate::limits::MAX_BODY_BYTES;

/// Orgs.
#[derive(Serialize, ToSchema)]
#[schema(as = Orgs)]
pub(crate) struct Orgs {
    /// By identifier.
    orgs: Vec<Org>,
}

/// An org to be made.
#[apply(Option<_> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)])]
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrg)]
pub(crate) struct NewOrgBody {
    /// Its identifier.
    #[schema(examples("web"))]
    org: Slug,
    /// What people call it; its identifier if left out.
    name: Option<Name>,
    /// Another preset than the realm's; its roles become roles of the org.
    preset: Option<Preset>,
}

/// List orgs
#[utoipa::path(get, path = "/api/v1/realms/{realm}/orgs", operation_id = "listOrgs", tag = "orgs",
    params(InRealm),
    responses((status = 200, description = "The orgs that are the caller's to see", body = Orgs)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, InRealm {}, (), _) = call.admit("org.view").await?;
    pass.run(|pass| {
        let mut orgs = pass.tenants().orgs()?;
        orgs.retain(|org| pass.reach.sees(&org.org));
        json(Orgs { orgs })
    })
    .await
}

/// Create an org
#[utoipa::path(post, path = "/api/v1/realms/{realm}/orgs", operation_id = "createOrg", tag = "orgs",
    params(InRealm),
    request_body = NewOrgBody,
    responses((status = 201, description = "Made", body = Org, headers(
        ("Location" = String, description = "Where it is"), ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn create(call: Call) -> Answer {
    let (pass, InRealm {}, (), incoming) = call.admit("org.create").await?;
    let (body, _) = incoming.json::<NewOrgBody>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        let name = body.name.map_or_else(|| Name::parse("name", body.org.as_str()), Ok)?;
        let new = NewOrg { org: body.org, name, preset: body.preset };
        let org = pass.tenants().create_org(&pass.caller(None)?, &new)?;
        created(format!("/api/v1/realms/{}/orgs/{}", pass.realm, org.org), org)
    })
    .await
}

/// Show an org
#[utoipa::path(get, path = "/api/v1/realms/{realm}/orgs/{org}", operation_id = "getOrg", tag = "orgs",
    params(OrgPath),
    responses((status = 200, description = "The org", body = Org, headers(("ETag" = String, description = "Its revision")))))]
pub(crate) async fn show(call: Call) -> Answer {
    let (pass, OrgPath { org }, (), _) = call.admit("org.view").await?;
    pass.run(move |pass| shown(pass.tenants().org(&org)?)).await
}

/// Edit an org
///
/// Keys that exist are left as they are, also where new ones could no longer be made so.
#[utoipa::path(patch, path = "/api/v1/realms/{realm}/orgs/{org}", operation_id = "editOrg", tag = "orgs",
    params(OrgPath, IfMatch),
    request_body = OrgEdit,
    responses((status = 200, description = "The org as it is now", body = Org, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn edit(call: Call) -> Answer {
    let (pass, OrgPath { org }, (), incoming) = call.admit("org.update").await?;
    let (body, _) = incoming.json::<OrgEdit>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        let edit = OrgEdit { if_revision: pass.if_match()?, ..body };
        shown(pass.tenants().edit_org(&pass.caller(Some(&org))?, &org, &edit)?)
    })
    .await
}

/// Delete an org that has no keys, with its owners and roles
///
/// Whoever was invited to it is removed. Its identifier is not given again: what goes by it, such as scopes of management keys and the audit log, would be
/// another one's.
#[utoipa::path(delete, path = "/api/v1/realms/{realm}/orgs/{org}", operation_id = "deleteOrg", tag = "orgs",
    params(OrgPath, IfMatchToDelete),
    responses((status = 200, description = "The org as it was", body = Org)))]
pub(crate) async fn delete(call: Call) -> Answer {
    let (pass, OrgPath { org }, (), _) = call.admit("org.delete").await?;
    pass.run(move |pass| json(pass.tenants().delete_org(&pass.caller(Some(&org))?, &org, pass.if_match()?)?)).await
}
