//! Realms: which there are, as far as the caller's key reaches.

use edgelatch_registry::{Realm, Slug, management};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::answer::{Answer, json};
use crate::api::call::Call;
use crate::api::path::InRealm;

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
    responses((status = 200, description = "The realm", body = Realm)))]
pub(crate) async fn show(call: Call) -> Answer {
    let (pass, InRealm {}, (), _) = call.admit("realm.view").await?;
    pass.run(|pass| json(pass.registry().realm(&pass.realm)?)).await
}
