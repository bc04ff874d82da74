//! The table of keys.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;

use super::super::cells::{Button, Cell, state};
use super::super::client::{Call, Refused};
use super::super::frame::{Frame, page};
use super::super::model::{Key, KeyPage};
use super::super::orgs::{Choice, orgs_of};
use super::super::session::Session;
use super::super::stop::Shown;
use super::super::texts::Text;
use super::super::views::{Act, Column};
use super::{realm_of, view_of};
use crate::limits::CONSOLE_PAGE;

/// What of the query the API is asked with as it stands.
const PASSED: [&str; 9] = ["search", "state", "org", "owner", "role", "tag", "service", "sort", "direction"];
/// Filters that are offered by a word, what the API is asked with, and what they are called.
pub(crate) const WHICH: [(&str, &str, Text); 6] = [
    ("rotation_due", "rotation_due=true", |t| t.rotation_due),
    ("expires_in_day", "expires_before=1d", |t| t.expires_in_day),
    ("expires_in_week", "expires_before=7d", |t| t.expires_in_week),
    ("expires_soon", "expires_before=30d", |t| t.expires_soon),
    ("unused", "unused_since=90d+ago", |t| t.unused),
    ("never_used", "never_used=true", |t| t.never_used),
];

/// What was done to a selection before the table was shown again: the query's word, and what is said of one key and of several.
const DONE: [(&str, Text, Text); 2] =
    [("done", |t| t.key_revoked, |t| t.keys_revoked), ("changed", |t| t.key_changed, |t| t.keys_changed)];

/// What was done to a selection before a page was shown again, if something was.
pub(crate) fn done(session: &Session, f: &Frame) -> Option<String> {
    DONE.into_iter().find_map(|(name, one, many)| {
        let done: u64 = session.query(name)?.parse().ok()?;
        Some(f.counted(&done, one(f.t), many(f.t)))
    })
}

/// A column's head.
struct Head {
    title: &'static str,
    /// Where it is sorted by that.
    to: Option<String>,
    /// Which way it is sorted by that now.
    way: Option<&'static str>,
}

struct Row {
    key: Key,
    cells: Vec<(&'static str, Cell)>,
    acts: Vec<Act>,
    base: String,
}

impl Row {
    fn path(&self, act: &Act) -> String {
        format!("{}/{}/{}", self.base, self.key.key_id, act.word()).trim_end_matches('/').to_owned()
    }
}

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    f: Frame,
    choice: Choice,
    search: String,
    state: String,
    states: Vec<(&'static str, &'static str)>,
    which: String,
    whiches: Vec<(&'static str, &'static str)>,
    /// What is kept of the query when a filter is changed.
    kept: Vec<(&'static str, String)>,
    refused: Option<Refused>,
    done: Option<String>,
    is_filtered: bool,
    is_menu: bool,
    /// Whether selected keys can be changed.
    is_editable: bool,
    heads: Vec<Head>,
    rows: Vec<Row>,
    total: u64,
    exact: bool,
    previous: Option<String>,
    next: Option<String>,
}

pub(crate) async fn show(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let view = view_of(&session, &realm).await;
    let f = session.frame().about_keys(realm.as_str(), view);
    let (t, base) = (f.t, format!("/console/r/{realm}/keys"));
    let orgs = orgs_of(&session, &realm).await;
    let choice = Choice::among(&session, &realm, &orgs).await?;
    let asked = |cursor: Option<&str>, sort: Option<(&str, &str)>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for name in PASSED.into_iter().filter(|name| sort.is_none() || !matches!(*name, "sort" | "direction")) {
            let value =
                if name == "org" { Some(choice.org.as_str()).filter(|org| !org.is_empty()) } else { session.query(name) };
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if let Some((by, way)) = sort {
            query.append_pair("sort", by).append_pair("direction", way);
        }
        if let Some(cursor) = cursor {
            query.append_pair("cursor", cursor);
        }
        query
    };
    let which = session.query("which").unwrap_or_default().to_owned();
    let more = WHICH.iter().find(|(word, ..)| *word == which).map_or("", |(_, query, _)| query);
    // Of keys that were revoked or have expired nothing is due any more.
    let active = if more.is_empty() || session.query("state").is_some() { "" } else { "&state=active" };
    let query = asked(session.query("cursor"), None).append_pair("limit", &CONSOLE_PAGE.to_string()).finish();
    let listed =
        session.act(Method::GET, &format!("/api/v1/realms/{realm}/keys?{query}&{more}{active}"), Call::default()).await?;
    let (found, refused) = match listed {
        Ok(found) => (found, None),
        // A filter that does not fit is told of beside the filters; whoever may see nothing is told that.
        Err(refused) if refused.status == 422 => {
            (KeyPage { keys: Vec::new(), next: None, previous: None, total: 0, exact: true }, Some(refused))
        }
        Err(refused) => return Err(session.stop(refused)),
    };
    let link = |mut query: form_urlencoded::Serializer<'_, String>| {
        if !which.is_empty() {
            query.append_pair("which", &which);
        }
        format!("{base}?{}", query.finish())
    };
    let settings_of = |key: &Key| orgs.iter().find(|org| org.org == key.org).map(|org| &org.settings);
    let rows = found.keys.into_iter().map(|key| Row {
        cells: view
            .columns
            .iter()
            .map(|column| ((column.title)(t), Cell::of(column.shows, &key, format!("{base}/{}", key.key_id), t)))
            .collect(),
        acts: view.acts.iter().copied().filter(|act| act.fits(&key.state, settings_of(&key))).collect(),
        base: base.clone(),
        key,
    });
    let head = |column: &Column| {
        let now = session.query("sort").unwrap_or("created");
        let way = session.query("direction").unwrap_or(if matches!(now, "created" | "last_used") { "desc" } else { "asc" });
        let sorted = column.sort.filter(|by| *by == now);
        Head {
            title: (column.title)(t),
            to: column
                .sort
                .map(|by| link(asked(None, Some((by, if sorted.is_some() && way == "asc" { "desc" } else { "asc" }))))),
            way: sorted.map(|_| if way == "asc" { "ascending" } else { "descending" }),
        }
    };
    let text = |name: &str| session.query(name).unwrap_or_default().to_owned();
    let page_of = KeysPage {
        search: text("search"),
        state: text("state"),
        states: ["active", "pending", "expired", "revoked"].map(|word| (word, state(word, t))).into(),
        whiches: WHICH.map(|(word, _, title)| (word, title(t))).into(),
        kept: ["service", "sort", "direction"]
            .into_iter()
            .filter_map(|name| Some((name, session.query(name)?.to_owned())))
            .collect(),
        refused,
        done: done(&session, &f),
        is_filtered: !which.is_empty() || PASSED.iter().take(7).any(|name| session.query(name).is_some()),
        is_menu: view.is_menu,
        is_editable: view.acts.contains(&Act::Edit),
        heads: view.columns.iter().map(head).collect(),
        rows: rows.collect(),
        total: found.total,
        exact: found.exact,
        previous: found.previous.map(|cursor| link(asked(Some(&cursor), None))),
        next: found.next.map(|cursor| link(asked(Some(&cursor), None))),
        choice,
        which: which.clone(),
        f,
    };
    Ok(page(&page_of))
}
