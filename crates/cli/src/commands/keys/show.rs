//! How keys are shown: one table for the list's columns and the lines of `keys show`.

use std::fmt::Display;

use edgelatch_registry::{Authority, IpEntry, IpRules, Key, Scope, Word, format_time};

use crate::output::{self, DIM, RESET};

type Shown = fn(&Key) -> String;

/// What `keys show` calls it, the column of lists if it has one, and its text.
const FIELDS: &[(&str, Option<&str>, Shown)] = &[
    ("key id", Some("KEY ID"), |k| k.key_id.to_string()),
    ("name", Some("NAME"), |k| k.name.to_string()),
    ("description", None, |k| or_dash(k.description.as_str())),
    ("org", Some("ORG"), |k| k.org.to_string()),
    ("owner", Some("OWNER"), |k| if k.owner_disabled { format!("{} (disabled)", k.owner) } else { k.owner.to_string() }),
    ("state", Some("STATE"), |k| k.state.to_string()),
    ("key", None, |k| k.masked.clone().unwrap_or("imported by its digest".into())),
    ("first 12", Some("FIRST 12"), |k| k.first_12.clone().unwrap_or("(imported)".into())),
    ("roles", Some("ROLES"), roles),
    ("scope", Some("SCOPE"), |k| match &k.scope {
        Scope::All => "all".to_owned(),
        Scope::List(services) => joined(services),
    }),
    ("from", Some("FROM"), |k| restriction(&k.ip)),
    ("allow mode", None, |k| k.ip.allow_mode().word().to_owned()),
    ("order", None, |k| k.ip.order().word().replace('_', "-")),
    ("allow", None, |k| entries(k.ip.allow())),
    ("deny", None, |k| entries(k.ip.deny())),
    ("not before", None, |k| time(k.not_before, "-")),
    ("expires", Some("EXPIRES"), |k| time(k.expires_at, "never")),
    ("days left", Some("DAYS LEFT"), |k| k.days_left.map_or("-".into(), |days| days.to_string())),
    ("environment", Some("ENVIRONMENT"), |k| k.environment.as_ref().map_or("-".into(), ToString::to_string)),
    ("rotated", None, |k| format_time(k.rotated_at)),
    ("rotation due", None, |k| time(k.due_at, "-")),
    ("old key until", None, |k| time(k.overlap_until, "-")),
    ("last used", Some("LAST USED"), |k| time(k.last_used_at, "never")),
    ("last used ip", Some("LAST USED IP"), |k| or_dash(k.last_used_ip.as_deref().unwrap_or_default())),
    ("accepted", None, |k| k.uses.to_string()),
    ("refused", None, |k| k.refusals.to_string()),
    ("metadata", None, |k| or_dash(k.metadata.as_str())),
    ("created", Some("CREATED"), |k| format_time(k.created_at)),
    ("changed", None, |k| format_time(k.updated_at)),
    ("revoked", None, |k| time(k.revoked_at, "-")),
    ("revision", None, |k| k.revision.to_string()),
];

/// Several keys as a table.
pub(crate) fn table<'k>(keys: impl Iterator<Item = &'k Key>) {
    let columns: Vec<(&str, Shown)> = FIELDS.iter().filter_map(|(_, column, shown)| Some(((*column)?, *shown))).collect();
    let head: Vec<&str> = columns.iter().map(|(column, _)| *column).collect();
    let row = |key: &Key| columns.iter().map(|(_, shown)| shown(key)).collect();
    output::table(&head, &keys.map(row).collect::<Vec<Vec<String>>>());
}

/// One key, line by line.
pub(super) fn show(key: &Key) {
    for (name, _, shown) in FIELDS {
        output::line(format_args!("{DIM}{name:<13}{RESET} {}", shown(key).replace('\n', " ")));
    }
}

fn roles(key: &Key) -> String {
    match key.authority {
        Authority::Org => "(its org's)".into(),
        Authority::Owner => format!("(its owner's) {}", joined(&key.roles)).trim_end().into(),
        Authority::Roles => or_dash(&joined(&key.roles)),
    }
}

fn entries(list: &[IpEntry]) -> String {
    let entry = |entry: &IpEntry| {
        let off = if entry.enabled { "" } else { " (off)" };
        let note = if entry.note.as_str().is_empty() { String::new() } else { format!(" [{}]", entry.note) };
        format!("{}{off}{note}", entry.cidr)
    };
    or_dash(&joined(&list.iter().map(entry).collect::<Vec<_>>()))
}

/// One word on the IP rules.
fn restriction(ip: &IpRules) -> String {
    let enabled = |list: &[IpEntry]| list.iter().filter(|e| e.enabled).count();
    match (ip.allow_mode().word(), enabled(ip.allow()), enabled(ip.deny())) {
        ("list", 0, _) => "nowhere".into(),
        ("list", n, _) => format!("{n} allowed"),
        (_, _, 0) => "anywhere".into(),
        (_, _, n) => format!("{n} denied"),
    }
}

fn time(at: Option<u64>, none: &str) -> String {
    at.map_or(none.to_owned(), format_time)
}

pub(crate) fn joined<T: Display>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(crate) fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".into() } else { text.into() }
}
