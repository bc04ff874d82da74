//! Cells of tables.

use super::model::Key;
use super::texts::Texts;
use super::views::Shows;

/// What a cell shows.
pub(super) enum Cell {
    /// What people call something, where there is more of it, and what it is for.
    Name(String, Option<String>, Option<String>),
    /// What is read letter by letter.
    Code(String),
    Roles(Vec<String>),
    /// A state by its word, and in the reader's language.
    State(String, &'static str),
    /// A time of the API.
    Time(String),
    Text(String),
    /// What can be done.
    Acts(Vec<Button>),
}

/// Something that can be done: where that goes, and what it is called.
pub(super) enum Button {
    /// On a page of its own.
    Page(String, &'static str),
    /// At one click.
    Click(String, &'static str),
}

impl Cell {
    /// A time, or what stands for none.
    pub(super) fn time(at: Option<&String>, none: &str) -> Cell {
        at.map_or_else(|| Cell::Text(none.into()), |at| Cell::Time(at.clone()))
    }

    pub(super) fn code(text: Option<&String>) -> Cell {
        text.map_or_else(|| Cell::Text("–".into()), |text| Cell::Code(text.clone()))
    }

    /// What a column shows of a key, which has its page at `page`.
    pub(super) fn of(shows: Shows, key: &Key, page: String, t: &Texts) -> Cell {
        match shows {
            Shows::Name => Cell::Name(key.name.clone(), Some(page), None),
            Shows::NameAndDescription => {
                Cell::Name(key.name.clone(), Some(page), Some(key.description.clone()).filter(|text| !text.is_empty()))
            }
            Shows::KeyId => Cell::Code(key.key_id.clone()),
            Shows::Prefix => Cell::code(key.first_12.as_ref()),
            Shows::Masked => Cell::code(key.masked.as_ref()),
            Shows::Roles => Cell::Roles(key.roles.clone()),
            Shows::Status => Cell::State(key.state.clone(), state(&key.state, t)),
            Shows::Expires => Cell::time(key.expires_at.as_ref(), t.never),
            Shows::DaysLeft => Cell::Text(match key.days_left {
                None => t.never.into(),
                Some(0) => t.expired.into(),
                Some(1) => format!("1 {}", t.day),
                Some(days) => format!("{days} {}", t.days),
            }),
            Shows::LastUsed => Cell::time(key.last_used_at.as_ref(), t.never),
            Shows::LastAddress => Cell::code(key.last_used_ip.as_ref()),
            Shows::Created => Cell::Time(key.created_at.clone()),
        }
    }
}

/// A key's state in the reader's language.
pub(super) fn state(word: &str, t: &Texts) -> &'static str {
    match word {
        "active" => t.active,
        "pending" => t.pending,
        "expired" => t.expired,
        _ => t.revoked,
    }
}
