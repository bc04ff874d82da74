//! What changes or ends a key at one go: rotating, revoking, enabling, deleting. Each is asked about on a page that says what it means.

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use edgelatch_registry::{Deletion, Revocation, RotationMode, Settings, Slug};
use serde_json::{Map, Value};

use super::super::client::{Call, Refused};
use super::super::frame::{Frame, page};
use super::super::model::{Key, Made};
use super::super::session::{Posted, Session};
use super::super::stop::{Shown, Stop};
use super::super::texts::Texts;
use super::super::views::Act;
use super::create::draw;
use super::{org_of, path_of, realm_of, secret, view_of};

#[derive(Template)]
#[template(path = "key_act.html")]
struct ActPage {
    f: Frame,
    key: Key,
    title: &'static str,
    button: &'static str,
    warning: String,
    danger: bool,
    /// Whether the key's name is to be typed.
    typed: bool,
    /// Whether the old secret may live on.
    overlap: bool,
    once: String,
    refused: Option<Refused>,
}

/// The act of a path's last word.
fn act_of(session: &Session, word: &str) -> Result<Act, Stop> {
    let all = [Act::Rotate, Act::Revoke, Act::Enable, Act::Delete];
    all.into_iter().find(|act| act.word() == word).ok_or_else(|| Stop::Nothing(session.frame().language))
}

/// What is said before it is done.
fn warning(act: Act, settings: &Settings, t: &Texts) -> String {
    let gone = settings.revocation == Revocation::Delete;
    match act {
        Act::Rotate => t.rotate_warning.into(),
        Act::Enable => t.enable_warning.into(),
        Act::Delete => t.delete_warning.into(),
        _ if gone => t.delete_warning.into(),
        _ if settings.revocation == Revocation::Permanent => format!("{} {}", t.revoke_warning, t.revoke_final),
        _ => t.revoke_warning.into(),
    }
}

/// Whether the key's name is to be typed.
fn is_typed(act: Act, settings: &Settings) -> bool {
    match act {
        Act::Rotate => settings.rotation_confirmed,
        Act::Delete => settings.deletion == Deletion::TypedName,
        _ => false,
    }
}

async fn asked(
    session: &Session,
    realm: &Slug,
    key: Key,
    act: Act,
    once: String,
    refused: Option<Refused>,
) -> Result<Response, Stop> {
    let settings = org_of(session, realm, &key).await?.settings;
    let f = session.frame().about_keys(realm.as_str(), view_of(session, realm).await);
    Ok(page(&ActPage {
        title: act.text(f.t),
        button: act.button(f.t),
        warning: warning(act, &settings, f.t),
        danger: act.is_danger(),
        typed: is_typed(act, &settings),
        overlap: act == Act::Rotate && settings.rotation == RotationMode::Overlap,
        once,
        refused,
        key,
        f,
    }))
}

/// The question.
pub(crate) async fn ask(session: Session, Path((realm, key_id, word)): Path<(String, String, String)>) -> Shown {
    let (realm, act) = (realm_of(&session, &realm)?, act_of(&session, &word)?);
    let key: Key = session.get(&path_of(&session, &realm, &key_id)?).await?;
    let once = draw(&session)?;
    asked(&session, &realm, key, act, once, None).await
}

/// The answer to it.
pub(crate) async fn act(Path((realm, key_id, word)): Path<(String, String, String)>, posted: Posted) -> Shown {
    let Posted { session, fields } = posted;
    let (realm, act) = (realm_of(&session, &realm)?, act_of(&session, &word)?);
    let path = path_of(&session, &realm, &key_id)?;
    let revision = Some(fields.text("revision").parse().unwrap_or(0));
    let (confirm, once) = (fields.one("confirm"), fields.text("once"));
    let shown = || Redirect::to(&format!("/console/r/{realm}/keys/{key_id}")).into_response();
    let list = || Redirect::to(&format!("/console/r/{realm}/keys")).into_response();
    let refused = match act {
        Act::Rotate => {
            let mut body = Map::new();
            confirm.into_iter().for_each(|confirm| drop(body.insert("confirm".into(), confirm.into())));
            if !fields.text("overlap").is_empty() {
                body.insert("overlap".into(), fields.text("overlap").into());
            }
            let body = body.into();
            let once = Some(once).filter(|once| !once.is_empty());
            let call = Call { revision, once, body: Some(&body), ..Call::default() };
            match session.act::<Made>(Method::POST, &format!("{path}/rotate"), call).await? {
                Ok(made) => {
                    let view = view_of(&session, &realm).await;
                    return Ok(secret(session.frame().about_keys(realm.as_str(), view), made));
                }
                Err(refused) => refused,
            }
        }
        Act::Delete => {
            // Where no name is to be typed, the button says that it is meant.
            let confirm = form_urlencoded::byte_serialize(confirm.unwrap_or("yes").as_bytes()).collect::<String>();
            let path = format!("{path}?confirm={confirm}");
            match session.act::<Value>(Method::DELETE, &path, Call { revision, ..Call::default() }).await? {
                Ok(_) => return Ok(list()),
                Err(refused) => refused,
            }
        }
        act => match session
            .act::<Value>(Method::POST, &format!("{path}/{}", act.word()), Call { revision, ..Call::default() })
            .await?
        {
            Ok(done) if done["deleted"] == true => return Ok(list()),
            Ok(_) => return Ok(shown()),
            Err(refused) => refused,
        },
    };
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::CONFLICT);
    let key: Key = session.get(&path).await?;
    let response = asked(&session, &realm, key, act, once.to_owned(), Some(refused)).await?;
    Ok((status, response).into_response())
}
