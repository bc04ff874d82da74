//! What a key would get, and which keys an address may use.

use edgelatch_core::ip::Ip;
use edgelatch_registry::json::given;
use edgelatch_registry::{Explanation, KeyFilter, Paging, Question, Slug, UsablePage, When};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::{Answer, json};
use crate::api::call::Call;
use crate::api::path::{InRealm, KeyPath};
use crate::limits::MAX_BODY_BYTES;

/// A request that a key would be used for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Question)]
pub(crate) struct QuestionBody {
    /// Service that the route belongs to.
    #[serde(default)]
    #[schema(examples("cdn"))]
    service: Option<String>,
    /// Permission that the route requires.
    #[serde(default)]
    #[schema(examples("cache.purge"))]
    permission: Option<String>,
    /// The client's address; unknown if left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, examples("192.0.2.7"))]
    ip: Option<Address>,
    /// As of when: a span, a date or an RFC 3339 time; now if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    at: Option<When>,
}

/// An address as text.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Address(Ip);

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Address, String> {
        Ip::parse(text.as_bytes()).map(Address).map_err(|error| error.to_string())
    }
}

/// Ask what an edge would answer to a key
///
/// Its text is not needed. The real core decides, over the state as it is now.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/{key_id}/explain", operation_id = "explainKey", tag = "explain",
    params(KeyPath),
    request_body(content = Option<QuestionBody>),
    responses((status = 200, description = "The verdict, and how it comes about", body = Explanation)))]
pub(crate) async fn key(call: Call) -> Answer {
    let (pass, KeyPath { key_id }, (), incoming) = call.admit("key.view").await?;
    let (body, _) = incoming.json_or_nothing::<QuestionBody>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        let now = pass.now()?;
        let question = Question {
            service: body.service,
            permission: body.permission,
            ip: body.ip.map(|ip| ip.0),
            at: body.at.map(|at| at.at("at", now)).transpose()?,
        };
        pass.visible(key_id)?;
        json(pass.keys().explain(key_id, &question)?)
    })
    .await
}

/// Which address, and which keys.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AddressQuery {
    /// The address.
    #[param(value_type = String, example = "192.0.2.7")]
    ip: Address,
    /// Only this org's keys.
    #[serde(default)]
    org: Option<Slug>,
    /// Only keys that have the address on their list.
    #[serde(default)]
    only_listed: bool,
}

/// Ask which active keys an address may use
///
/// A page may be empty and still have a next one.
#[utoipa::path(get, path = "/api/v1/realms/{realm}/explain/address", operation_id = "explainAddress", tag = "explain",
    params(InRealm, AddressQuery, Paging),
    responses((status = 200, description = "A page of them", body = UsablePage)))]
pub(crate) async fn by_address(call: Call) -> Answer {
    let (pass, InRealm {}, (query, paging), _) = call.admit::<_, (AddressQuery, Paging)>("key.view").await?;
    pass.run(move |pass| {
        let filter = KeyFilter { org: pass.reach.org(query.org.as_ref())?, ..KeyFilter::default() };
        json(pass.keys().usable_from(query.ip.0, &filter, query.only_listed, &paging)?)
    })
    .await
}
