//! What is done to the keys that were selected in the table: they are changed or revoked one after the other, each as if alone.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use axum::response::{IntoResponse, Redirect};
use serde_json::{Map, Value, json};

use super::super::client::{Call, Refused};
use super::super::form::Fields;
use super::super::frame::{Frame, page};
use super::super::model::{IpEntry, Key};
use super::super::session::{Posted, Session};
use super::super::stop::{Shown, Stop};
use super::{path_of, realm_of};
use crate::limits::MAX_SELECTED;

/// Areas in which keys are selected.
const AREAS: [&str; 2] = ["keys", "reminders"];

#[derive(Template)]
#[template(path = "selected.html")]
struct SelectedPage {
    f: Frame,
    /// Whether they are changed, rather than revoked.
    is_edit: bool,
    /// The area in which they were selected.
    from: &'static str,
    description: String,
    expires: String,
    allow: String,
    deny: String,
    /// The keys, and why those were refused that were to be changed.
    keys: Vec<(Key, Option<String>)>,
}

/// A key's list with further networks, as the API reads it; none where there are none.
fn longer(list: &[IpEntry], more: &str) -> Option<Value> {
    let more = more.split([' ', ',', '\n']).filter(|network| !network.is_empty()).map(|network| json!({ "cidr": network }));
    let own = list.iter().map(|one| json!({ "cidr": one.cidr, "enabled": one.enabled, "note": one.note }));
    let more: Vec<Value> = more.collect();
    (!more.is_empty()).then(|| own.chain(more).collect())
}

/// What of a key is to be changed.
fn edit(key: &Key, fields: &Fields) -> Value {
    let text = |name: &str| Some(fields.text(name)).filter(|text| !text.is_empty()).map(Value::from);
    let members = [
        ("description", text("description")),
        ("expires_at", text("expires")),
        ("allow", longer(&key.allow, fields.text("allow"))),
        ("deny", longer(&key.deny, fields.text("deny"))),
    ];
    Value::Object(members.into_iter().filter_map(|(name, value)| Some((name.into(), value?))).collect::<Map<String, Value>>())
}

/// One of them, as if alone.
async fn change(session: &Session, path: &str, key: &Key, fields: &Fields) -> Result<Result<Value, Refused>, Stop> {
    let revision = Some(key.revision);
    if fields.text("act") == "edit" {
        let body = edit(key, fields);
        return session.act(Method::PATCH, path, Call { revision, body: Some(&body), ..Call::default() }).await;
    }
    session.act(Method::POST, &format!("{path}/revoke"), Call { revision, ..Call::default() }).await
}

/// Asks whether it is meant, and does it when it is.
pub(crate) async fn act(Path(realm): Path<String>, posted: Posted) -> Shown {
    let Posted { session, fields } = posted;
    let realm = realm_of(&session, &realm)?;
    // All of them before the first is changed: where one cannot be had, nothing is half done.
    let mut all: Vec<(String, Key)> = Vec::new();
    for key_id in fields.all("key").take(MAX_SELECTED) {
        let path = path_of(&session, &realm, key_id)?;
        let key = session.get(&path).await?;
        all.push((path, key));
    }
    let (mut keys, mut done) = (Vec::new(), 0_u64);
    for (path, key) in all {
        if !fields.has("sure") {
            keys.push((key, None));
            continue;
        }
        match change(&session, &path, &key, &fields).await? {
            Ok(_) => done += 1,
            Err(refused) => keys.push((key, Some(refused.detail))),
        }
    }
    let is_edit = fields.text("act") == "edit";
    let from = AREAS.into_iter().find(|area| *area == fields.text("from")).unwrap_or("keys");
    if done > 0 && keys.is_empty() {
        let what = if is_edit { "changed" } else { "done" };
        return Ok(Redirect::to(&format!("/console/r/{realm}/{from}?{what}={done}")).into_response());
    }
    let text = |name| fields.text(name).to_owned();
    Ok(page(&SelectedPage {
        f: session.frame().within(realm.as_str(), from),
        is_edit,
        from,
        description: text("description"),
        expires: text("expires"),
        allow: text("allow"),
        deny: text("deny"),
        keys,
    }))
}
