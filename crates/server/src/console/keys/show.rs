//! One key, and what it would get.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde_json::{Map, Value};

use super::super::cells::state;
use super::super::chart::{Bar, DAY, bars};
use super::super::client::{Call, Refused};
use super::super::frame::{Frame, page};
use super::super::model::{Explanation, IpEntry, Key, Series};
use super::super::session::Session;
use super::super::stop::Shown;
use super::super::views::Act;
use super::{org_of, path_of, realm_of, view_of};

#[derive(Template)]
#[template(path = "key.html")]
struct KeyPage {
    f: Frame,
    state: &'static str,
    acts: Vec<Act>,
    lists: Vec<(&'static str, Vec<IpEntry>)>,
    asked_ip: String,
    asked_service: String,
    asked_permission: String,
    answer: Option<Explanation>,
    ask_refused: Option<Refused>,
    bars: Vec<Bar>,
    key: Key,
}

/// What can be done with a key from its own page.
const ACTS: [Act; 6] = [Act::Edit, Act::Rotate, Act::Log, Act::Revoke, Act::Enable, Act::Delete];

pub(crate) async fn show(session: Session, Path((realm, key_id)): Path<(String, String)>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let path = path_of(&session, &realm, &key_id)?;
    let key: Key = session.get(&path).await?;
    let settings = org_of(&session, &realm, &key).await.ok().map(|org| org.settings);
    let (mut answer, mut ask_refused) = (None, None);
    if session.query("ask").is_some() {
        let given =
            ["ip", "service", "permission"].into_iter().filter_map(|name| Some((name.into(), session.query(name)?.into())));
        let body = Value::Object(given.collect::<Map<String, Value>>());
        match session.act(Method::POST, &format!("{path}/explain"), Call { body: Some(&body), ..Call::default() }).await? {
            Ok(found) => answer = Some(found),
            Err(refused) => ask_refused = Some(refused),
        }
    }
    let usage = format!("/api/v1/realms/{realm}/usage?by=day&key_id={}&since=30d+ago", key.key_id);
    let series = session.maybe::<Series>(&usage).await.map_or(Vec::new(), |series| series.buckets);
    let asked = |name: &str| session.query(name).unwrap_or_default().to_owned();
    let f = session.frame().about_keys(realm.as_str(), view_of(&session, &realm).await);
    Ok(page(&KeyPage {
        state: state(&key.state, f.t),
        acts: ACTS.into_iter().filter(|act| act.fits(&key.state, settings.as_ref())).collect(),
        lists: vec![(f.t.allow_list, key.allow.clone()), (f.t.deny_list, key.deny.clone())],
        asked_ip: asked("ip"),
        asked_service: asked("service"),
        asked_permission: asked("permission"),
        answer,
        ask_refused,
        bars: bars(&series, DAY),
        key,
        f,
    }))
}
