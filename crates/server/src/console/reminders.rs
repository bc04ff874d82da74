//! Keys that somebody should look at: what is due, and the keys of one part of it. What is due are filters of the table of keys.

use askama::Template;
use axum::extract::Path;

use super::frame::{Frame, page};
use super::keys::list::{WHICH, done};
use super::keys::{realm_of, view_of};
use super::model::{Key, KeyPage};
use super::orgs::Choice;
use super::session::Session;
use super::stop::Shown;
use super::tables::paged;
use super::texts::Texts;
use super::views::Act;
use crate::limits::CONSOLE_PAGE;

/// A part of what is due.
struct Part {
    word: &'static str,
    title: &'static str,
    /// How many keys it is about; at least so many, where that is not exact.
    total: u64,
    exact: bool,
    is_shown: bool,
}

struct Row {
    key: Key,
    /// When what it is due for happens, or has happened.
    at: Option<String>,
}

#[derive(Template)]
#[template(path = "reminders.html")]
struct RemindersPage {
    f: Frame,
    choice: Choice,
    parts: Vec<Part>,
    /// What the column of times is called.
    when: &'static str,
    rows: Vec<Row>,
    done: Option<String>,
    is_editable: bool,
    next: Option<String>,
}

impl RemindersPage {
    fn part(&self) -> &str {
        self.parts.iter().find(|part| part.is_shown).map_or("", |part| part.word)
    }

    fn is_nothing_due(&self) -> bool {
        self.parts.iter().all(|part| part.total == 0)
    }
}

/// The time that a part is about, of a key, and what that is called.
fn when(word: &str, t: &Texts) -> (&'static str, fn(&Key) -> Option<&String>) {
    match word {
        "rotation_due" => (t.due_since, |key| key.due_at.as_ref()),
        "unused" => (t.last_used, |key| key.last_used_at.as_ref()),
        "never_used" => (t.created, |key| Some(&key.created_at)),
        _ => (t.expires, |key| key.expires_at.as_ref()),
    }
}

pub(super) async fn show(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let choice = Choice::of(&session, &realm).await?;
    let f = session.frame().within(realm.as_str(), "reminders");
    let path = |query: &str, more: &str| format!("/api/v1/realms/{realm}/keys?{query}&state=active{}{more}", choice.query());
    let (mut parts, asked) = (Vec::new(), session.query("part").unwrap_or_default());
    for (word, query, title) in WHICH {
        let found: KeyPage = session.get(&path(query, "&limit=1")).await?;
        parts.push(Part { word, title: title(f.t), total: found.total, exact: found.exact, is_shown: word == asked });
    }
    // Unless a part is asked for, the first in which there is something.
    if !parts.iter().any(|part| part.is_shown)
        && let Some(first) = parts.iter_mut().find(|part| part.total > 0)
    {
        first.is_shown = true;
    }
    let shown = parts.iter().find(|part| part.is_shown).map_or("", |part| part.word);
    let (title, at) = when(shown, f.t);
    let (mut rows, mut next) = (Vec::new(), None);
    if let Some((_, query, _)) = WHICH.iter().find(|(word, ..)| *word == shown) {
        let by = if query.starts_with("expires") { "expires" } else { "created" };
        let more = format!("&limit={CONSOLE_PAGE}&sort={by}&direction=asc&{}", paged(&session));
        let found: KeyPage = session.get(&path(query, more.trim_end_matches('&'))).await?;
        rows = found.keys.into_iter().map(|key| Row { at: at(&key).cloned(), key }).collect();
        next = found.next;
    }
    let is_editable = view_of(&session, &realm).await.acts.contains(&Act::Edit);
    let done = done(&session, &f);
    Ok(page(&RemindersPage { choice, parts, when: title, rows, done, is_editable, next, f }))
}
