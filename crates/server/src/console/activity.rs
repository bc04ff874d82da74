//! The audit log: who did what, with before and after side by side.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde_json::Value;

use super::client::{Call, Refused};
use super::frame::{Frame, page};
use super::keys::realm_of;
use super::model::{Activity, ActivityPage};
use super::orgs::Choice;
use super::session::Session;
use super::stop::Shown;

/// An act, and in what it changed something: the member, before, after.
struct Row {
    act: Activity,
    changes: Vec<(String, String, String)>,
}

#[derive(Template)]
#[template(path = "activity.html")]
struct LogPage {
    f: Frame,
    choice: Choice,
    rows: Vec<Row>,
    next: Option<String>,
    action: String,
    actor: String,
    target: String,
    since: String,
    until: String,
    /// The end of the chain, where it was checked.
    verified: Option<String>,
    refused: Option<Refused>,
}

const FILTERS: [&str; 5] = ["action", "actor", "target", "since", "until"];

/// A value of the log on one line.
fn line(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "–".into(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn changes(act: &Activity) -> Vec<(String, String, String)> {
    let members = |value: &Option<Value>| value.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
    let (before, after) = (members(&act.before), members(&act.after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| (name.clone(), line(before.get(name)), line(after.get(name)))).collect()
}

pub(super) async fn show(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let path = format!("/api/v1/realms/{realm}/activity");
    let choice = Choice::of(&session, &realm).await?;
    let query = |cursor: Option<&str>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for name in FILTERS {
            if let Some(value) = session.query(name) {
                query.append_pair(name, value);
            }
        }
        if let Some(cursor) = cursor {
            query.append_pair("cursor", cursor);
        }
        query.finish() + &choice.query()
    };
    let asked = format!("{path}?{}", query(session.query("cursor")));
    let (found, mut refused) = match session.act::<ActivityPage>(Method::GET, &asked, Call::default()).await? {
        Ok(found) => (found, None),
        Err(refused) if refused.status == 422 => (ActivityPage { activity: Vec::new(), next: None }, Some(refused)),
        Err(refused) => return Err(session.stop(refused)),
    };
    let mut verified = None;
    if session.query("verify").is_some() {
        match session.act::<Value>(Method::GET, &format!("{path}/verify"), Call::default()).await? {
            Ok(anchor) => verified = Some(format!("{} {}", line(anchor.get("seq")), line(anchor.get("hash")))),
            Err(why) => refused = Some(why),
        }
    }
    let text = |name: &str| session.query(name).unwrap_or_default().to_owned();
    Ok(page(&LogPage {
        f: session.frame().within(realm.as_str(), "activity"),
        rows: found.activity.into_iter().map(|act| Row { changes: changes(&act), act }).collect(),
        next: found.next.map(|cursor| format!("/console/r/{realm}/activity?{}", query(Some(&cursor)))),
        action: text("action"),
        actor: text("actor"),
        target: text("target"),
        since: text("since"),
        until: text("until"),
        verified,
        refused,
        choice,
    }))
}
