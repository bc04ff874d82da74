//! Successful answers.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edgelatch_registry::{Changed, Key, Once, Slug, Warning};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;

/// What a handler returns.
pub(crate) type Answer = Result<Response, Problem>;

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

/// A thing as it is at a revision, which is its entity tag.
pub(crate) fn shown(revision: u64, body: impl Serialize) -> Response {
    ([(header::ETAG, format!("\"{revision}\""))], Json(body)).into_response()
}

/// JSON.
pub(crate) fn json(body: impl Serialize) -> Response {
    Json(body).into_response()
}

/// A new thing, and where it is from now on.
pub(crate) fn created(path: &str, revision: u64, body: impl Serialize) -> Response {
    let mut response = shown(revision, body);
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// The answer to a request that makes a secret, and a key in `realm` unless the key was there before.
pub(crate) fn once(done: Once, realm: Option<&Slug>) -> Response {
    let (key, secret, repeated, warnings) = match done {
        Once::Repeated(key) => (*key, None, true, Vec::new()),
        Once::Done(done) => (done.key, Some(done.secret.to_string()), false, done.warnings),
    };
    let (revision, place) = (key.revision, realm.map(|realm| format!("/api/v1/realms/{realm}/keys/{}", key.key_id)));
    let body = CreatedKey { key, secret, repeated, warnings };
    match place {
        Some(place) if !repeated => created(&place, revision, body),
        _ => shown(revision, body),
    }
}

/// The answer to a change.
pub(crate) fn changed(done: Changed) -> Response {
    let Changed { key, changed, deleted, warnings } = done;
    shown(key.revision, ChangedKey { key, changed, deleted, warnings })
}
