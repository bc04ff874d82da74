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
use utoipa::openapi::{ContentBuilder, HeaderBuilder, OpenApi, Ref, RefOr, SecurityRequirement};

use super::query::Query;
use super::state::Api;
use crate::problem::{Details, Problem};

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

/// The document without its paths. The last three schemas are those that only parameters refer to.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Edgelatch management API",
        description = "Manages keys, orgs, owners and roles, and reads the logs. Calls are authorised by keys of the realm \
            `management`, presented as a bearer token or in `X-API-Key`: a key's roles say what it may do, its scope says in which \
            realms and orgs. Errors are problem details (RFC 9457) with a stable `code`. Lists come in pages: pass `next` as \
            `cursor`. Unknown members and parameters are refused. A change is committed when its answer comes, and the header \
            `Edgelatch-Change` says which one it is: `GET /fleet?change=…` says how far it has got. \
            Where nobody publishes the realm, `Edgelatch-Warning` says `unpublished`.",
        contact(name = "Edgelatch", url = "https://github.com/edgelatch/edgelatch"),
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "This server.")),
    security(("bearer" = []), ("apiKey" = [])),
    tags(
        (name = "realms", description = "Sets of orgs that are published together."),
        (name = "keys", description = "Keys, from creation to deletion."),
        (name = "explain", description = "What a key would get, and which keys an address may use, asked of the real core."),
        (name = "orgs", description = "Tenants of a realm, and what their administrators may do."),
        (name = "owners", description = "Users and service accounts that keys belong to."),
        (name = "roles", description = "Named sets of permissions."),
        (name = "people", description = "Who was invited to use this API and the console, and what they may do."),
        (name = "logs", description = "Who did what, and what edges saw."),
        (name = "events", description = "What is told over the webhook: acts on keys, and alerts."),
        (name = "fleet", description = "Which edge serves by which epoch, and whether a change is everywhere."),
        (name = "server", description = "The server itself."),
    ),
    components(schemas(Details, Sort, Direction, ImportFormat)),
)]
struct Document;

/// The answer of a status, with the header that it may carry.
fn problem(status: &str, says: &str) -> utoipa::openapi::Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Details::name()))).build();
    let response = ResponseBuilder::new().description(says).content("application/problem+json", content);
    let (name, says, kind) = match status {
        "429" | "503" => ("Retry-After", "Seconds until trying again makes sense.", Type::Integer),
        "401" => ("WWW-Authenticate", "The challenge (RFC 6750).", Type::String),
        _ => return response.build(),
    };
    let header = HeaderBuilder::new().description(Some(says)).schema(ObjectBuilder::new().schema_type(kind));
    response.header(name, header.build()).build()
}

/// Operations that take a body and change nothing of what edges hold.
const NO_ACTS: [&str; 8] = [
    "reportUsage",
    "reportEdge",
    "explainKey",
    "findKeyBySecret",
    "reportLeaks",
    // What these change is in the realm of management keys, which nobody waits for.
    "invitePerson",
    "removePerson",
    "acceptInvitation",
];

/// Adds to what an act answers the header that says which change it is.
fn add_change(method: &str, operation: &mut Operation) {
    let id = operation.operation_id.as_deref().unwrap_or_default();
    if method == "get" || NO_ACTS.contains(&id) {
        return;
    }
    for (_, response) in operation.responses.responses.iter_mut().filter(|(status, _)| status.starts_with('2')) {
        if let RefOr::T(response) = response {
            let schema = ObjectBuilder::new().schema_type(Type::Integer);
            let header = HeaderBuilder::new().description(Some("Which change of the realm this is.")).schema(schema);
            response.headers.insert("Edgelatch-Change".into(), header.build());
        }
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
        operation.responses.responses.entry((*status).into()).or_insert_with(|| problem(status, says).into());
    }
}

/// The whole document, of one with the paths alone.
pub(crate) fn complete(paths: OpenApi) -> OpenApi {
    let mut document = <Document as utoipa::OpenApi>::openapi().merge_from(paths);
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A management key as a bearer token."));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    let header = ApiKeyValue::with_description("X-API-Key", "A management key.");
    components.add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(header)));
    for (path, item) in &mut document.paths.paths {
        let operations =
            [("get", &mut item.get), ("post", &mut item.post), ("patch", &mut item.patch), ("delete", &mut item.delete)];
        for (method, operation) in operations {
            operation.iter_mut().for_each(|operation| {
                add_change(method, operation);
                add_answers(path, method, operation);
            });
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
