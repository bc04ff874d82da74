//! The document of the API (OpenAPI 3.1), made from the handlers.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use edgelatch_registry::{Direction, ImportFormat, Sort};
use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, ContactBuilder, ContentBuilder, HeaderBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr,
    SecurityRequirement, ServerBuilder,
};

use super::query::Query;
use super::state::Api;
use crate::problem::{Details, Problem};

/// What each area is about.
const TAGS: [(&str, &str); 8] = [
    ("realms", "Sets of orgs that are published together."),
    ("keys", "Keys, from creation to deletion."),
    ("explain", "What a key would get, and which keys an address may use, asked of the real core."),
    ("orgs", "Tenants of a realm, and what their administrators may do."),
    ("owners", "Users and service accounts that keys belong to."),
    ("roles", "Named sets of permissions."),
    ("logs", "Who did what, and what edges saw."),
    ("server", "The server itself."),
];

/// What any operation that takes a management key can answer besides what it says itself.
const ANYWHERE: [(&str, &str); 7] = [
    ("400", "The request or its credential is not well formed."),
    ("401", "The key is missing or not valid."),
    ("403", "The key does not reach this far, or the org's settings do not allow it."),
    ("422", "A value does not fit; `pointer` or `parameter` says which."),
    ("429", "Too many failed authentications from this address."),
    ("500", "The server failed."),
    ("503", "The database or the verification is not available at the moment."),
];

/// What one can answer that has a body.
const WITH_BODY: [(&str, &str); 3] =
    [("408", "The body came too slowly."), ("413", "The body is too large."), ("415", "The body is of another kind.")];

const MISSING: (&str, &str) = ("404", "There is no such thing, or it is not the caller's to see.");
const CONFLICT: (&str, &str) = ("409", "It goes against what is there; `code` says how.");
const STALE: (&str, &str) = ("412", "It has changed since the revision in `If-Match`.");

const DESCRIPTION: &str = "Manages keys, orgs, owners and roles, and reads the logs. Calls are authorised by keys of the realm \
`management`, presented as a bearer token or in `X-API-Key`: a key's roles say what it may do, its scope says in which realms \
and orgs. Errors are problem details (RFC 9457) with a stable `code`. Lists come in pages: pass `next` as `cursor`. Unknown \
members and parameters are refused.";

fn add<T: ToSchema>(components: &mut Components) {
    components.schemas.insert(T::name().into(), T::schema());
}

fn problem(says: &str) -> RefOr<utoipa::openapi::Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Details::name()))).build();
    ResponseBuilder::new().description(says).content("application/problem+json", content).build().into()
}

fn with_header(
    response: RefOr<utoipa::openapi::Response>,
    name: &str,
    says: &str,
    kind: Type,
) -> RefOr<utoipa::openapi::Response> {
    let RefOr::T(mut response) = response else { return response };
    let header = HeaderBuilder::new().description(Some(says)).schema(ObjectBuilder::new().schema_type(kind)).build();
    response.headers.insert(name.into(), header);
    RefOr::T(response)
}

/// The answer of a status, with the headers that it may carry.
fn answer(status: &str, says: &str) -> RefOr<utoipa::openapi::Response> {
    match status {
        "429" | "503" => with_header(problem(says), "Retry-After", "Seconds until trying again makes sense.", Type::Integer),
        "401" => with_header(problem(says), "WWW-Authenticate", "The challenge (RFC 6750).", Type::String),
        _ => problem(says),
    }
}

/// Adds to an operation what it can answer by being what it is.
fn add_answers(path: &str, method: &str, operation: &mut Operation) {
    let open = operation.security.as_ref().is_some_and(|schemes| schemes.iter().all(|s| *s == SecurityRequirement::default()));
    if open {
        return;
    }
    let matched = operation.parameters.iter().flatten().any(|parameter| parameter.name == "If-Match");
    let bodied = operation.request_body.is_some() || matches!(method, "post" | "patch");
    let rows = ANYWHERE
        .iter()
        .chain(WITH_BODY.iter().filter(|_| bodied))
        .chain([MISSING].iter().filter(|_| path.contains('{')))
        .chain([CONFLICT].iter().filter(|_| method != "get"))
        .chain([STALE].iter().filter(|_| matched));
    for (status, says) in rows {
        operation.responses.responses.entry((*status).into()).or_insert_with(|| answer(status, says));
    }
}

/// The whole document, of one with the paths alone.
pub(crate) fn complete(mut document: OpenApi) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Edgelatch management API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .contact(Some(ContactBuilder::new().name(Some("Edgelatch")).url(Some(env!("CARGO_PKG_REPOSITORY"))).build()))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    document.servers = Some(vec![ServerBuilder::new().url("/").description(Some("This server.")).build()]);
    document.tags = Some(
        TAGS.iter()
            .map(|(name, says)| utoipa::openapi::tag::TagBuilder::new().name(*name).description(Some(*says)).build())
            .collect(),
    );
    document.security = Some(["bearer", "apiKey"].map(|name| SecurityRequirement::new(name, Vec::<String>::new())).into());
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme(
        "bearer",
        SecurityScheme::Http(
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A management key as a bearer token.")).build(),
        ),
    );
    let header = ApiKeyValue::with_description("X-API-Key", "A management key.");
    components.add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(header)));
    let mut schemas = Vec::new();
    Details::schemas(&mut schemas);
    components.schemas.extend(schemas);
    add::<Details>(components);
    // Only parameters refer to these.
    add::<Sort>(components);
    add::<Direction>(components);
    add::<ImportFormat>(components);
    for (path, item) in &mut document.paths.paths {
        let operations =
            [("get", &mut item.get), ("post", &mut item.post), ("patch", &mut item.patch), ("delete", &mut item.delete)];
        for (method, operation) in operations {
            operation.iter_mut().for_each(|operation| add_answers(path, method, operation));
        }
    }
    document
}

/// This document
#[utoipa::path(get, path = "/api/v1/openapi.json", operation_id = "getDocument", tag = "server", security(()),
    responses((status = 200, description = "The document (OpenAPI 3.1)", body = Object),
        (status = 422, description = "It takes no parameters", body = Details, content_type = "application/problem+json")))]
pub(crate) async fn serve(State(api): State<Arc<Api>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    <()>::read(&query.unwrap_or_default())?;
    Ok(([(header::CONTENT_TYPE, "application/json")], api.document.clone()).into_response())
}
