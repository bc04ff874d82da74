//! How keys are shown: in lists, line by line, and after a change.

use edgelatch_registry::{Authority, Changed, IpEntry, IpRules, Key, Scope, Word, format_time};

use crate::prelude::*;

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

/// Several keys as a table, and where the next ones begin.
pub(crate) fn page<'k>(keys: impl IntoIterator<Item = &'k Key>, next: Option<&str>) {
    let columns: Vec<Column<Key>> = FIELDS.iter().filter_map(|(_, column, shown)| Some(((*column)?, *shown))).collect();
    output::page(&columns, keys, next);
}

/// One key, line by line.
pub(super) fn lines(key: &Key) {
    for (name, _, shown) in FIELDS {
        output::fact(13, name, &shown(key).replace('\n', " "));
    }
}

/// What became of a key: in the first words, or in the second where it was so already.
pub(super) fn changed(context: &Context, now: &Changed, [done, already]: [&str; 2]) -> Result<ExitCode> {
    let Changed { key, changed, deleted, warnings } = now;
    context.show(&json!({ "key": key, "changed": changed, "deleted": deleted, "warnings": warnings }), |_| {
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
