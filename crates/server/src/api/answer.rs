//! Successful answers.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use edgelatch_registry::{Changed, Key, Once, Org, Owner, Realm, Role, Slug, Warning};
use serde::Serialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::problem::Problem;

/// What a handler returns.
pub(crate) type Answer = Result<Response, Problem>;

/// Marks the answer to a call that is one of many alike: it is counted, but neither logged nor noted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quiet;

/// The header that says which change an act was committed as.
pub(crate) const CHANGE: &str = "edgelatch-change";
/// The header that names what is to be said of any act in a realm, by its code: that nobody publishes it.
pub(crate) const WARNING: &str = "edgelatch-warning";

/// A warning, and the call that helps, of which the registry knows nothing.
#[derive(Serialize)]
struct Remark {
    code: &'static str,
    message: String,
}

/// `of_realm` is what there is to say of the realm itself.
fn remarks(warnings: &[Warning], of_realm: Option<&Warning>) -> Vec<Remark> {
    let remark = |warning: &Warning| {
        let remedy = match warning {
            Warning::OwnerWithoutRoles { org, owner } => {
                format!(": PATCH /api/v1/realms/{{realm}}/orgs/{org}/owners/{owner} with `roles`")
            }
            Warning::OwnerDisabled { org, owner } => {
                format!(": PATCH /api/v1/realms/{{realm}}/orgs/{org}/owners/{owner} with `disabled`")
            }
            _ => String::new(),
        };
        Remark { code: warning.code(), message: format!("{warning}{remedy}") }
    };
    warnings.iter().chain(of_realm).map(remark).collect()
}

/// A key with its new secret, which appears in this answer and nowhere else.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedKey)]
pub(crate) struct CreatedKey {
    /// The key.
    key: Key,
    /// Its full text; null when the request came before, for it was in the first answer.
    #[schema(value_type = Option<String>)]
    secret: Option<Zeroizing<String>>,
    /// Whether the request came before.
    repeated: bool,
    /// What may not be as meant.
    #[schema(value_type = Vec<Warning>)]
    warnings: Vec<Remark>,
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
    #[schema(value_type = Vec<Warning>)]
    warnings: Vec<Remark>,
}

/// A thing with a revision, which is its entity tag.
pub(crate) trait Revised: Serialize {
    /// Rises with every change.
    fn revision(&self) -> u64;
}

macro_rules! revised {
    ($($thing:ty => $($member:ident).+;)*) => { $(
        impl Revised for $thing {
            fn revision(&self) -> u64 {
                self.$($member).+
            }
        }
    )* };
}

revised! {
    Realm => revision;
    Org => revision;
    Owner => revision;
    Role => revision;
    Key => revision;
    CreatedKey => key.revision;
    ChangedKey => key.revision;
}

/// A thing as it is.
pub(crate) fn shown(thing: impl Revised) -> Answer {
    Ok(([(header::ETAG, format!("\"{}\"", thing.revision()))], Json(thing)).into_response())
}

/// JSON.
pub(crate) fn json(body: impl Serialize) -> Answer {
    Ok(Json(body).into_response())
}

/// A new thing, and where it is from now on.
pub(crate) fn created(path: String, thing: impl Revised) -> Answer {
    Ok((StatusCode::CREATED, [(header::LOCATION, path)], shown(thing)?).into_response())
}

/// A new thing without a revision, and where it is from now on.
pub(crate) fn made(path: String, thing: impl Serialize) -> Answer {
    Ok((StatusCode::CREATED, [(header::LOCATION, path)], Json(thing)).into_response())
}

/// The answer to a request that makes a secret, and a key in `realm` unless the key was there before.
pub(crate) fn once(done: Once, realm: Option<&Slug>, of_realm: Option<&Warning>) -> Answer {
    let (key, secret, repeated, warnings) = match done {
        Once::Repeated(key) => (*key, None, true, Vec::new()),
        Once::Done(done) => (done.key, Some(done.secret), false, done.warnings),
    };
    let place = realm.map(|realm| format!("/api/v1/realms/{realm}/keys/{}", key.key_id));
    let body = CreatedKey { key, secret, repeated, warnings: remarks(&warnings, of_realm) };
    match place {
        Some(place) if !repeated => created(place, body),
        _ => shown(body),
    }
}

/// The answer to a change.
pub(crate) fn changed(done: Changed, of_realm: Option<&Warning>) -> Answer {
    let Changed { key, changed, deleted, warnings } = done;
    shown(ChangedKey { key, changed, deleted, warnings: remarks(&warnings, of_realm) })
}
