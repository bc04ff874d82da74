//! How keys are shown: in lists, line by line, and after a change.

use edgelatch_registry::{Authority, Changed, IpEntry, IpRules, Key, KeyPage, Scope, Word, format_time};

use crate::output::{DIM, RESET};
use crate::prelude::*;
use crate::remark::remarks;

type Shown = fn(&Key) -> String;

/// What `keys show` calls it, and its text.
const FIELDS: &[(&str, Shown)] = &[
    ("key id", |k| k.key_id.to_string()),
    ("name", |k| k.name.to_string()),
    ("description", |k| or_dash(k.description.as_str())),
    ("org", |k| k.org.to_string()),
    ("owner", |k| if k.owner_disabled { format!("{} (disabled)", k.owner) } else { k.owner.to_string() }),
    ("state", |k| k.state.to_string()),
    ("key", |k| k.masked.clone().unwrap_or("imported by its digest".into())),
    ("first 12", |k| k.first_12.clone().unwrap_or("(imported)".into())),
    ("roles", roles),
    ("scope", |k| match &k.scope {
        Scope::All => "all".to_owned(),
        Scope::List(services) => joined(services),
    }),
    ("from", |k| restriction(&k.ip)),
    ("allow mode", |k| k.ip.allow_mode().word().to_owned()),
    ("order", |k| k.ip.order().word().replace('_', "-")),
    ("allow", |k| entries(k.ip.allow())),
    ("deny", |k| entries(k.ip.deny())),
    ("not before", |k| time(k.not_before, "-")),
    ("expires", |k| time(k.expires_at, "never")),
    ("days left", |k| k.days_left.map_or("-".into(), |days| days.to_string())),
    ("environment", |k| k.environment.as_ref().map_or("-".into(), ToString::to_string)),
    ("tags", |k| or_dash(&joined(&k.tags))),
    ("rotated", |k| format_time(k.rotated_at)),
    ("rotation due", |k| time(k.due_at, "-")),
    ("old key until", |k| time(k.overlap_until, "-")),
    ("leaked", |k| time(k.leaked_at, "-")),
    ("last used", |k| time(k.last_used_at, "never")),
    ("last used ip", |k| or_dash(k.last_used_ip.as_deref().unwrap_or_default())),
    ("accepted", |k| k.uses.to_string()),
    ("refused", |k| k.refusals.to_string()),
    ("metadata", |k| or_dash(k.metadata.as_str())),
    ("created", |k| format_time(k.created_at)),
    ("created by", |k| k.created_by.to_string()),
    ("changed", |k| format_time(k.updated_at)),
    ("changed by", |k| k.updated_by.to_string()),
    ("revoked", |k| time(k.revoked_at, "-")),
    ("revision", |k| k.revision.to_string()),
];

/// The columns of lists, each headed by its field: what is looked for most comes first, since the last ones are left out where there is no room.
const LISTED: &[&str] = &[
    "KEY ID",
    "NAME",
    "STATE",
    "EXPIRES",
    "LAST USED",
    "ROLES",
    "OWNER",
    "ORG",
    "SCOPE",
    "FROM",
    "ENVIRONMENT",
    "TAGS",
    "FIRST 12",
    "DAYS LEFT",
    "LAST USED IP",
    "CREATED",
];

/// Several keys as a table, and where the next ones begin.
pub(crate) fn page<'k>(keys: impl IntoIterator<Item = &'k Key>, next: Option<&str>) {
    let field = |head: &str| FIELDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(head)).map(|(_, shown)| *shown);
    let columns: Vec<Column<Key>> = LISTED.iter().filter_map(|head| Some((*head, field(head)?))).collect();
    output::page(&columns, keys, next);
}

/// A page of the list of keys, the ones beside it, and how many keys there are.
pub(super) fn list(listed: &KeyPage) {
    page(&listed.keys, listed.next.as_deref());
    if let Some(previous) = &listed.previous {
        output::note(format_args!("{DIM}back: --cursor {previous}{RESET}"));
    }
    if listed.next.is_some() || listed.previous.is_some() {
        let (shown, total) = (listed.keys.len(), listed.total);
        let least = if listed.exact { "" } else { "at least " };
        output::note(format_args!("{DIM}{shown} of {least}{total} keys{RESET}"));
    }
}

/// One key, line by line.
pub(super) fn lines(key: &Key) {
    for (name, shown) in FIELDS {
        output::fact(13, name, &shown(key).replace('\n', " "));
    }
}

/// What became of a key: in the first words, or in the second where it was so already.
pub(super) fn changed(context: &Context, now: &Changed, [done, already]: [&str; 2]) -> Result<ExitCode> {
    let Changed { key, changed, deleted, warnings } = now;
    context.show(&json!({ "key": key, "changed": changed, "deleted": deleted, "warnings": remarks(warnings) }), |_| {
        let what = if *changed { done } else { already };
        output::line(format_args!("{what} {}  {}", key.key_id, key.name));
        output::warnings(warnings);
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_lists_is_a_field() {
        assert!(LISTED.iter().all(|head| FIELDS.iter().any(|(name, _)| name.to_ascii_uppercase() == **head)), "{LISTED:?}");
    }
}
