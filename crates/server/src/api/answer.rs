//! Successful answers.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edgelatch_registry::{Changed, Created, Key, Once, Slug, Warning};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Refusal;

/// What a handler returns.
pub(crate) type Answer = Result<Response, Refusal>;

/// A key with its new secret, which appears in this answer and nowhere else.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedKey)]
pub(crate) struct CreatedKey {
    /// The key.
    key: Key,
    /// Its full text; null when the request came before, for it was in the first answer.
    secret: Option<String>,
    /// Whether the request came before.
    repeated: bool,
    /// What may not be as meant.
    warnings: Vec<Warning>,
}

/// A key after a change.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangedKey)]
pub(crate) struct ChangedKey {
    /// The key as it is now, or as it was when it was deleted.
    key: Key,
    /// Whether anything differs from before.
    changed: bool,
    /// Whether the key is gone, as where revoking means deleting.
    deleted: bool,
    /// What may not be as meant.
    warnings: Vec<Warning>,
}

pub(crate) fn etag(revision: u64) -> (HeaderName, String) {
    (header::ETAG, format!("\"{revision}\""))
}

/// JSON with the entity tag of a revision.
pub(crate) fn tagged(status: StatusCode, revision: u64, body: impl Serialize) -> Response {
    (status, [etag(revision)], Json(body)).into_response()
}

/// JSON.
pub(crate) fn json(body: impl Serialize) -> Response {
    Json(body).into_response()
}

/// A new thing and where it is.
pub(crate) fn made(path: &str, revision: u64, body: impl Serialize) -> Response {
    let mut response = tagged(StatusCode::CREATED, revision, body);
    if let Ok(location) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// Where a key is.
pub(crate) fn key_path(realm: &Slug, key: &Key) -> String {
    format!("/api/v1/realms/{realm}/keys/{}", key.key_id)
}

/// The answer to a request that makes a secret; `path` is where a key is that was made.
pub(crate) fn once(done: Once, path: Option<&Slug>) -> Response {
    match done {
        Once::Repeated(key) => {
            let revision = key.revision;
            tagged(StatusCode::OK, revision, CreatedKey { key: *key, secret: None, repeated: true, warnings: Vec::new() })
        }
        Once::Done(created) => {
            let Created { key, secret, warnings } = *created;
            let (revision, place) = (key.revision, path.map(|realm| key_path(realm, &key)));
            let body = CreatedKey { key, secret: Some(secret.to_string()), repeated: false, warnings };
            match place {
                Some(place) => made(&place, revision, body),
                None => tagged(StatusCode::OK, revision, body),
            }
        }
    }
}

/// The answer to a change.
pub(crate) fn changed(done: Changed) -> Response {
    let Changed { key, changed, deleted, warnings } = done;
    tagged(StatusCode::OK, key.revision, ChangedKey { key, changed, deleted, warnings })
}
