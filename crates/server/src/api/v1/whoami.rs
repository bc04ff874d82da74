//! Who calls, and what they may do where.

use edgelatch_registry::{Name, Pattern, Scope, Slug, format_time, management};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::answer::{Answer, json};
use crate::api::call::Call;

/// A realm in which the caller may act, or an org of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Reached)]
pub(crate) struct Reached {
    /// The realm.
    realm: Slug,
    /// The org; null for the whole realm.
    org: Option<Slug>,
}

/// The caller's own key. Nothing of its secret is here.
#[derive(Serialize, ToSchema)]
#[schema(as = WhoAmI)]
pub(crate) struct WhoAmI {
    /// The key's public id, by which the log of acts knows the caller.
    #[schema(pattern = "^key_[0-9A-Za-z]{11}$")]
    key_id: String,
    /// What people call the key.
    name: Name,
    /// The realm that the key belongs to: the one whose keys authorise this API.
    realm: Slug,
    /// Its org in that realm.
    org: Slug,
    /// Its owner there.
    owner: Slug,
    /// Its roles.
    roles: Vec<Slug>,
    /// What these grant: `api.key.view` is what `GET` of keys takes, `management.key.view` the same in the realm `management`.
    permissions: Vec<Pattern>,
    /// Its scope, as the key has it.
    scope: Scope,
    /// Whether it may act in every realm.
    everywhere: bool,
    /// Where it may act, unless that is everywhere.
    reach: Vec<Reached>,
    /// Where the call came from, as far as the server can tell.
    address: Option<String>,
    /// When the key expires; null for never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<String>,
}

/// Ask who calls
///
/// Any management key that is accepted gets an answer, whatever it may do.
#[utoipa::path(get, path = "/api/v1/whoami", operation_id = "whoAmI", tag = "server",
    responses((status = 200, description = "The caller's own key, and what it may do where", body = WhoAmI)))]
pub(crate) async fn show(call: Call) -> Answer {
    let pass = call.admit_anybody().await?;
    pass.run(|pass| {
        let (key, permissions) = pass.own()?;
        let places = match &key.scope {
            Scope::All => &[][..],
            Scope::List(services) => services,
        };
        let reach = places.iter().filter_map(management::place_of).map(|(realm, org)| Reached { realm, org }).collect();
        json(WhoAmI {
            key_id: key.key_id.to_string(),
            name: key.name,
            realm: pass.realm.clone(),
            org: key.org,
            owner: key.owner,
            roles: key.roles,
            permissions,
            everywhere: key.scope == Scope::All,
            reach,
            scope: key.scope,
            address: pass.address().map(|address| address.to_string()),
            expires_at: key.expires_at.map(format_time),
        })
    })
    .await
}
