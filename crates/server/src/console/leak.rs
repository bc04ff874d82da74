//! What to do with a text that was found where everybody can read it: find the key that it is the secret of, and revoke that.

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::client::{Call, Refused};
use super::frame::{Frame, page};
use super::keys::realm_of;
use super::model::FoundKey;
use super::session::{Posted, Session};
use super::stop::Shown;

#[derive(Template)]
#[template(path = "leak.html")]
struct LeakPage {
    f: Frame,
    found: Option<FoundKey>,
    /// Whether it was revoked just now.
    revoked: bool,
    refused: Option<Refused>,
}

/// The form.
pub(super) async fn show(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let f = session.frame().within(realm.as_str(), "leak");
    Ok(page(&LeakPage { f, found: None, revoked: false, refused: None }))
}

/// Looks for the key, or revokes it. The text is in no answer.
pub(super) async fn act(Path(realm): Path<String>, posted: Posted) -> Shown {
    let Posted { session, fields } = posted;
    let realm = realm_of(&session, &realm)?;
    let path = format!("/api/v1/realms/{realm}/keys/by-secret");
    let body = json!({ "secret": fields.text("secret") });
    let call = || Call { body: Some(&body), ..Call::default() };
    let found = session.act::<FoundKey>(Method::POST, &path, call()).await?;
    let revoked = match &found {
        Ok(_) if fields.has("revoke") => Some(session.act::<Value>(Method::POST, &format!("{path}/revoke"), call()).await?),
        _ => None,
    };
    let f = session.frame().within(realm.as_str(), "leak");
    let (found, mut refused) = match found {
        Ok(found) => (Some(found), None),
        Err(refused) => (None, Some(refused)),
    };
    let done = matches!(revoked, Some(Ok(_)));
    if let Some(Err(why)) = revoked {
        refused = Some(why);
    }
    let status = refused.as_ref().and_then(|refused| StatusCode::from_u16(refused.status).ok()).unwrap_or(StatusCode::OK);
    Ok((status, page(&LeakPage { f, found, revoked: done, refused })).into_response())
}
