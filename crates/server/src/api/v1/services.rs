//! Services that keys may be for.

use edgelatch_registry::{Paging, ServicePage, Slug};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::answer::{Answer, json};
use crate::api::call::Call;
use crate::api::path::InRealm;

/// Whose services.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ServiceQuery {
    /// Only this org's.
    org: Option<Slug>,
}

/// List the services that orgs list in their settings, or that scopes of keys name
///
/// Which ones an org lists is its setting `services`, edited with the others.
#[utoipa::path(get, path = "/api/v1/realms/{realm}/services", operation_id = "listServices", tag = "keys",
    params(InRealm, ServiceQuery, Paging),
    responses((status = 200, description = "A page of them", body = ServicePage)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, InRealm {}, (query, paging), _) = call.admit::<_, (ServiceQuery, Paging)>("key.view").await?;
    pass.run(move |pass| {
        let org = pass.reach.org(query.org.as_ref())?;
        json(pass.keys().services(org.as_ref(), &paging)?)
    })
    .await
}
