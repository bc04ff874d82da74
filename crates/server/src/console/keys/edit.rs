//! Changing a key. Whoever began with an older one than there is sees both before anything is saved.

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect};

use super::super::client::Call;
use super::super::frame::{Frame, page};
use super::super::model::Key;
use super::super::session::{Posted, Session};
use super::super::stop::{Shown, Stop};
use super::super::views::{FormField, View};
use super::fields::{Filled, KeyForm, Part};
use super::{org_of, path_of, realm_of, view_of};
use edgelatch_registry::Slug;
use serde_json::Value;

#[derive(Template)]
#[template(path = "key_edit.html")]
struct EditPage {
    f: Frame,
    key: Key,
    layout: &'static str,
    form: KeyForm,
    /// Fields in which what was typed differs from what there is: name, theirs, yours.
    conflict: Vec<(&'static str, String, String)>,
}

async fn form(session: &Session, realm: &Slug, key: &Key, view: &View, mut filled: Filled) -> Result<KeyForm, Stop> {
    filled.kept_until = Some(key.expires_at.clone().unwrap_or_default());
    let org = org_of(session, realm, key).await?;
    let t = session.frame().about_keys(realm.as_str(), view).t;
    let parts = view.panels.iter().map(|panel| Part {
        title: (panel.title)(t),
        fields: panel.fields.iter().copied().filter(|field| field.is_editable(&org.settings)).collect(),
    });
    let parts = parts.filter(|part| !part.fields.is_empty()).collect();
    Ok(KeyForm::new(session, realm, &org, parts, filled).await)
}

/// The form.
pub(crate) async fn show(session: Session, Path((realm, key_id)): Path<(String, String)>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let key: Key = session.get(&path_of(&session, &realm, &key_id)?).await?;
    let view = view_of(&session, &realm).await;
    let form = form(&session, &realm, &key, view, Filled::of(&key)).await?;
    let f = session.frame().about_keys(realm.as_str(), view);
    Ok(page(&EditPage { f, key, layout: view.layout, form, conflict: Vec::new() }))
}

/// Saves what was changed, if nobody else has changed the key meanwhile.
pub(crate) async fn save(Path((realm, key_id)): Path<(String, String)>, posted: Posted) -> Shown {
    let Posted { session, fields } = posted;
    let realm = realm_of(&session, &realm)?;
    let path = path_of(&session, &realm, &key_id)?;
    let key: Key = session.get(&path).await?;
    let view = view_of(&session, &realm).await;
    let mut form = form(&session, &realm, &key, view, Filled::sent(&fields)).await?;
    let f = session.frame().about_keys(realm.as_str(), view);
    let began_with: Option<u64> = fields.text("revision").parse().ok();
    if !fields.has("send") && fields.has("more") {
        // The revision that the form began with stays: a further row is no look at what others did.
        let key = Key { revision: began_with.unwrap_or(key.revision), ..key };
        return Ok(page(&EditPage { f, key, layout: view.layout, form, conflict: Vec::new() }));
    }
    let now = Filled::of(&key);
    let body = form.filled.body(&form.fields(), Some(&now));
    if body.is_empty() && began_with == Some(key.revision) {
        return Ok(Redirect::to(&format!("/console/r/{realm}/keys/{key_id}")).into_response());
    }
    let body = body.into();
    // Without a revision of its own, a form is about none that there ever was.
    let call = Call { revision: Some(began_with.unwrap_or(0)), body: Some(&body), ..Call::default() };
    let refused = match session.act::<Value>(Method::PATCH, &path, call).await? {
        Ok(_) => return Ok(Redirect::to(&format!("/console/r/{realm}/keys/{key_id}")).into_response()),
        Err(refused) => refused,
    };
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    if status != StatusCode::PRECONDITION_FAILED {
        form.refused = Some(refused);
        return Ok((status, page(&EditPage { f, key, layout: view.layout, form, conflict: Vec::new() })).into_response());
    }
    let differing = form.fields().into_iter().filter(|field| form.filled.says(*field)).filter_map(|field| {
        let (theirs, yours) = (now.shown(field, f.t), form.filled.shown(field, f.t));
        (theirs != yours).then_some((field.title(f.t), theirs, yours))
    });
    let mut conflict: Vec<_> = differing.collect();
    if conflict.is_empty() {
        conflict.push((f.t.changed, f.utc(&key.updated_at), String::new()));
    }
    Ok((status, page(&EditPage { f, key, layout: view.layout, form, conflict })).into_response())
}
