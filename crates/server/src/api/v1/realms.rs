//! Realms: which there are, as far as the caller's key reaches; made, edited, deleted.

use edgelatch_registry::json::given;
use edgelatch_registry::{Credential, Name, NewRealm, Prefix, Preset, Realm, RealmCredentials, RealmEdit, Slug, management};
use serde::{Deserialize, Serialize};
use serde_with::apply;
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::{Answer, created, json, shown};
use crate::api::call::Call;
use crate::api::headers::{IfMatch, IfMatchToDelete};
use crate::api::path::InRealm;
use crate::limits::MAX_BODY_BYTES;
use crate::problem::Problem;

/// Realms.
#[derive(Serialize, ToSchema)]
#[schema(as = Realms)]
pub(crate) struct Realms {
    /// By name.
    realms: Vec<Realm>,
}

/// List the realms that the caller's key reaches
///
/// The realm of management keys is among them for those who may manage it only.
#[utoipa::path(get, path = "/api/v1/realms", operation_id = "listRealms", tag = "realms",
    responses((status = 200, description = "The realms", body = Realms)))]
pub(crate) async fn list(call: Call) -> Answer {
    let own: Slug = management::REALM.parse()?;
    let (pass, administrator) = call.admit_anywhere("realm.view", management::permission(&own, "realm.view")).await?;
    pass.run(move |pass| {
        let mut realms = pass.registry().realms()?;
        realms.retain(|realm| pass.principal.reaches(&realm.realm) && (administrator || realm.realm != own));
        json(Realms { realms })
    })
    .await
}

/// Show a realm
#[utoipa::path(get, path = "/api/v1/realms/{realm}", operation_id = "getRealm", tag = "realms",
    params(InRealm),
    responses((status = 200, description = "The realm", body = Realm, headers(("ETag" = String, description = "Its revision")))))]
pub(crate) async fn show(call: Call) -> Answer {
    let (pass, InRealm {}, (), _) = call.admit("realm.view").await?;
    pass.run(|pass| shown(pass.registry().realm(&pass.realm)?)).await
}

/// A realm to be made.
#[apply(Option<_> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)])]
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRealm)]
pub(crate) struct NewRealmBody {
    /// Its identifier, in URLs and snapshots. That of a realm which was deleted is not given again.
    realm: Slug,
    /// What people call it; its identifier if left out.
    name: Option<Name>,
    /// The system that it begins with; `default` if left out.
    preset: Option<Preset>,
    /// Prefix of its keys; the preset's if left out.
    prefix: Option<Prefix>,
    /// Headers in which its keys are presented; the preset's if left out.
    #[schema(min_items = 1, max_items = 2)]
    credentials: Option<Vec<Credential>>,
}

/// Create a realm
///
/// With its preset's roles, and no orgs. It takes a key for all services. It is published from when `edgelatch init --realm NAME` has made its
/// signing keys where `edgelatch serve` runs; until then, answers to acts in it carry the warning `unpublished`.
#[utoipa::path(post, path = "/api/v1/realms", operation_id = "createRealm", tag = "realms",
    request_body = NewRealmBody,
    responses((status = 201, description = "Made", body = Realm, headers(
        ("Location" = String, description = "Where the realm is"), ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn create(call: Call) -> Answer {
    let (pass, incoming) = call.admit_everywhere("realm.create").await?;
    let (body, _) = incoming.json::<NewRealmBody>(MAX_BODY_BYTES).await?;
    if body.credentials.as_ref().is_some_and(|given| given.len() > 2) {
        return Err(Problem::at("/credentials", "holds more than the 2 headers that there are"));
    }
    pass.run(move |pass| {
        let NewRealmBody { realm, name, preset, prefix, credentials } = body;
        let name = name.map_or_else(|| Name::parse("name", realm.as_str()), Ok)?;
        let credentials = credentials.map(|given| {
            let accepts = |header| given.contains(&header);
            RealmCredentials { bearer: accepts(Credential::Bearer), x_api_key: accepts(Credential::XApiKey) }
        });
        let new = NewRealm { realm, name, preset: preset.unwrap_or(Preset::Default), prefix, credentials };
        let realm = pass.registry().create_realm(&pass.caller(None)?, &new)?;
        created(format!("/api/v1/realms/{}", realm.realm), realm)
    })
    .await
}

/// Give a realm another name for people, or its heads another life
///
/// Its identifier stays: edges are deployed with it.
#[utoipa::path(patch, path = "/api/v1/realms/{realm}", operation_id = "editRealm", tag = "realms",
    params(InRealm, IfMatch),
    request_body = RealmEdit,
    responses((status = 200, description = "The realm as it is now", body = Realm, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn edit(call: Call) -> Answer {
    let (pass, InRealm {}, (), incoming) = call.admit("realm.update").await?;
    let (body, _) = incoming.json::<RealmEdit>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        pass.reach.whole_realm()?;
        let edit = RealmEdit { if_revision: pass.if_match()?, ..body };
        shown(pass.registry().edit_realm(&pass.caller(None)?, &pass.realm, &edit)?)
    })
    .await
}

/// What confirms a deletion.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// The realm's identifier once more.
    confirm: Option<String>,
}

/// Delete a realm for ever
///
/// It takes a key for all services, and that every key of the realm is revoked and the epoch which shows it published, or every head ended (else
/// 409 `realm_in_use`): no edge accepts a key of it then, and none will. Its audit log stays, and its name is not given again. What it leaves on
/// disks, published files and signing keys, is the operator's to remove.
#[utoipa::path(delete, path = "/api/v1/realms/{realm}", operation_id = "deleteRealm", tag = "realms",
    params(InRealm, IfMatchToDelete, DeleteQuery),
    responses((status = 200, description = "The realm as it was", body = Realm)))]
pub(crate) async fn delete(call: Call) -> Answer {
    let (pass, InRealm {}, (DeleteQuery { confirm },), _) = call.admit("realm.delete").await?;
    pass.run(move |pass| {
        pass.every_realm()?;
        json(pass.registry().delete_realm(&pass.caller(None)?, &pass.realm, confirm.as_deref(), pass.if_match()?)?)
    })
    .await
}
