//! A filter as conditions in SQL, over `keys k`, and what it says of the orders that lists may have.

use std::collections::BTreeMap;

use super::Keys;
use super::terms::RUN;
use crate::error::Error;
use crate::limits::MAX_SEARCH_BYTES;
use crate::model::{Authority, DAY, KeyFilter, Name, Settings, Slug, Sort, State, When, folded};
use crate::store::{Conditions, Statements, args};
use crate::tenants::{org_id, owner_id};
use crate::transaction::Transaction;

/// A state in SQL, with the time as the given parameter.
fn state_sql(state: State, now: &str) -> String {
    let started = format!("(k.not_before IS NULL OR k.not_before <= {now})");
    let ended = format!("(k.expires_at IS NOT NULL AND k.expires_at <= {now})");
    match state {
        State::Revoked => "k.revoked_at IS NOT NULL".into(),
        State::Pending => format!("k.revoked_at IS NULL AND NOT {started}"),
        State::Expired => format!("k.revoked_at IS NULL AND {started} AND {ended}"),
        State::Active => format!("k.revoked_at IS NULL AND {started} AND NOT {ended}"),
    }
}

const AUTHORITY: &str = "(SELECT o.authority FROM orgs o WHERE o.id = k.org_id)";

/// Keys that have a role, in an org of this authority, or else each in its own.
fn role_sql(role: &str, authority: Option<Authority>) -> String {
    let has = |table: &str, column: &str, row: &str| {
        format!(
            "EXISTS (SELECT 1 FROM {table} x JOIN roles r ON r.id = x.role_id WHERE x.{column} = k.{row} AND r.slug = {role})"
        )
    };
    let (own, owners) = (has("key_roles", "key_id", "id"), has("owner_roles", "owner_id", "owner_id"));
    match authority {
        Some(Authority::Roles) => own,
        Some(Authority::Owner) => owners,
        Some(Authority::Org) => "1 = 0".into(),
        None => format!("(({AUTHORITY} = 'roles' AND {own}) OR ({AUTHORITY} = 'owner' AND {owners}))"),
    }
}

/// What a key's id may begin with for a search to find it: the text, and the text behind what all ids begin with, unless that is too short to
/// tell keys apart. Nothing for a text that no id holds.
pub(crate) fn id_beginnings(text: &str) -> Vec<String> {
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Vec::new();
    }
    let whole = (text.len() >= RUN).then(|| format!("key_{text}"));
    std::iter::once(text.to_owned()).chain(whole).collect()
}

/// Whether a key's name or description holds a text, or its id or first characters begin with it.
fn search(tx: &mut Transaction<'_>, all: &mut Conditions, text: &str) -> Result<(), Error> {
    let begins =
        |column: &str, place: &str| format!("substr({column}, 1, length(CAST({place} AS TEXT))) = CAST({place} AS TEXT)");
    let mut tests = vec![format!("k.folded LIKE {} ESCAPE '\\'", all.value(like(text)))];
    let ids = id_beginnings(text);
    // To look for the secrets of each key costs as much as all else, and mostly none begins so.
    if !ids.is_empty() && !secrets_beginning(tx, text, 1)?.is_empty() {
        let test = begins("s.first_12", &all.value(text));
        tests.push(format!("EXISTS (SELECT 1 FROM secrets s WHERE s.key_id = k.id AND {test})"));
    }
    for first in ids {
        let place = all.value(first);
        tests.push(begins("k.key_id", &place));
    }
    all.add_plain(format!("({})", tests.join(" OR ")));
    Ok(())
}

/// The rows of keys of which a secret's first characters begin so; so many at the most.
pub(super) fn secrets_beginning(tx: &mut Transaction<'_>, text: &str, most: usize) -> Result<Vec<u64>, Error> {
    let sql = "SELECT key_id FROM secrets WHERE realm_id = $1 AND first_12 >= $2 AND first_12 < $3 LIMIT $4";
    let values = args![tx.realm, text, format!("{text}{}", char::MAX), most as u64];
    tx.all(sql, values)
}

/// When a key's newest secret was made.
pub(crate) const ROTATED: &str = "k.rotated_at";

/// Whether a key's environment wants a new secret. Rules are in the orgs' settings, so orgs with the same rule
/// share one condition.
pub(crate) fn due_sql(tx: &mut Transaction<'_>, org: Option<&Slug>, now: u64) -> Result<String, Error> {
    let mut rules: BTreeMap<(String, u32), Vec<String>> = BTreeMap::new();
    let sql = "SELECT id, slug, settings FROM orgs WHERE realm_id = $1 ORDER BY id";
    let orgs: Vec<(u64, Slug, Settings)> = tx.all(sql, args![tx.realm])?;
    for (id, _, settings) in orgs.into_iter().filter(|(_, slug, _)| org.is_none_or(|org| org == slug)) {
        for rule in settings.environments {
            rules.entry((rule.environment.to_string(), rule.rotate_after_days)).or_default().push(id.to_string());
        }
    }
    // A slug has no character that means anything in SQL.
    let tests = rules.into_iter().map(|((environment, days), orgs)| {
        let latest = now.saturating_sub(u64::from(days) * DAY);
        format!("(k.environment = '{environment}' AND {ROTATED} <= {latest} AND k.org_id IN ({}))", orgs.join(", "))
    });
    let tests: Vec<String> = tests.collect();
    Ok(if tests.is_empty() { "1 = 0".into() } else { format!("({})", tests.join(" OR ")) })
}

/// Turns a filter into conditions.
pub(crate) fn conditions(tx: &mut Transaction<'_>, filter: &KeyFilter, now: u64) -> Result<Conditions, Error> {
    // One of the two, so that the database takes the index that also gives the order.
    let org = filter.org.as_ref().map(|org| org_id(tx, org)).transpose()?;
    let mut all = org.map_or_else(|| Conditions::new("k.realm_id =", tx.realm), |org| Conditions::new("k.org_id =", org));
    // Known of the one org once, and not looked up for each key.
    let known = match org {
        Some(org) => tx.one::<(Authority, bool)>("SELECT authority, list_revoked FROM orgs WHERE id = $1", args![org])?,
        None => None,
    };
    let (authority, list_revoked) = known.unzip();
    match (&filter.owner, org) {
        (None, _) => {}
        (Some(owner), Some(org)) => all.add("k.owner_id =", owner_id(tx, org, Some(owner))?),
        (Some(owner), None) => all.add_with(owner.as_str(), |place| {
            format!("EXISTS (SELECT 1 FROM owners w WHERE w.id = k.owner_id AND w.slug = {place})")
        }),
    }
    if let Some(role) = &filter.role {
        all.add_with(role.as_str(), |place| role_sql(place, authority));
    }
    match filter.state {
        Some(State::Revoked) => all.add_plain(state_sql(State::Revoked, "")),
        Some(state) => all.add_with(now, |place| state_sql(state, place)),
        None => match list_revoked {
            Some(true) => {}
            Some(false) => all.add_plain("k.revoked_at IS NULL"),
            None => all.add_plain(
                "(k.revoked_at IS NULL OR EXISTS (SELECT 1 FROM orgs o WHERE o.id = k.org_id AND o.list_revoked = 1))",
            ),
        },
    }
    all.maybe("k.environment =", filter.environment.as_ref().map(|environment| environment.as_str()));
    if let Some(before) = &filter.expires_before {
        // The second test says the same in the words of the index that orders by expiry.
        all.add_with(before.at("expires_before", now)?, |place| {
            format!("k.expires_at < {place} AND coalesce(k.expires_at, 253402300800) < {place}")
        });
    }
    if let Some(before) = &filter.created_before {
        all.add("k.created_at <", before.at("created_before", now)?);
    }
    if let Some(since) = &filter.unused_since {
        all.add_with(since.at("unused_since", now)?, |place| format!("k.last_used_at < {place} AND k.created_at < {place}"));
    }
    if filter.never_used {
        all.add_plain("k.last_used_at = 0");
    }
    all.maybe("k.created_by =", filter.created_by.as_ref().map(Name::as_str));
    if let Some(tag) = &filter.tag {
        all.add_with(folded(tag.as_str()), |place| {
            format!("EXISTS (SELECT 1 FROM key_tags x WHERE x.key_id = k.id AND x.folded = {place})")
        });
    }
    if let Some(service) = &filter.service {
        all.add_with(service.as_str(), |place| {
            format!("EXISTS (SELECT 1 FROM key_services x WHERE x.key_id = k.id AND x.service = {place})")
        });
    }
    if filter.rotation_due {
        let due = due_sql(tx, filter.org.as_ref(), now)?;
        all.add_plain(format!("k.revoked_at IS NULL AND {due}"));
    }
    if let Some(text) = filter.search.as_deref().filter(|text| !text.is_empty()) {
        if text.len() > MAX_SEARCH_BYTES {
            return Err(Error::invalid("search", format!("is longer than {MAX_SEARCH_BYTES} bytes")));
        }
        if text.chars().any(char::is_control) {
            return Err(Error::invalid("search", "must be text without control characters"));
        }
        search(tx, &mut all, text)?;
    }
    Ok(all)
}

/// A pattern that finds `text` anywhere, whatever characters it holds, and in any case.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in folded(text).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// What a list is sorted by: the expression of an index.
pub(crate) fn expression(sort: Sort) -> &'static str {
    match sort {
        Sort::Created => "k.created_at",
        Sort::Name => "lower(k.name)",
        Sort::Expires => "coalesce(k.expires_at, 253402300800)",
        Sort::LastUsed => "k.last_used_at",
    }
}

/// A part of an order: which values in it, compared with a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) test: &'static str,
    pub(crate) at: u64,
}

/// The parts of an order outside of which a filter fits no key.
pub(crate) fn spans(sort: Sort, filter: &KeyFilter, now: u64) -> Result<Vec<Span>, Error> {
    let before = |field: &str, when: &Option<When>| {
        let span = |at| Span { test: "<", at };
        when.as_ref().map(|when| when.at(field, now).map(span)).transpose()
    };
    let unused = before("unused_since", &filter.unused_since)?;
    let all = match sort {
        Sort::Name => [None, None],
        Sort::Created => [before("created_before", &filter.created_before)?, unused],
        Sort::LastUsed => [unused, filter.never_used.then_some(Span { test: "=", at: 0 })],
        Sort::Expires => {
            let state = match filter.state {
                Some(State::Expired) => Some(Span { test: "<=", at: now }),
                Some(State::Active) => Some(Span { test: ">", at: now }),
                Some(State::Pending | State::Revoked) | None => None,
            };
            [before("expires_before", &filter.expires_before)?, state]
        }
    };
    Ok(all.into_iter().flatten().collect())
}

impl Keys<'_> {
    /// How many keys a filter fits.
    pub fn count(&self, filter: &KeyFilter) -> Result<u64, Error> {
        let now = self.0.now()?;
        self.0.read(|tx| {
            let all = conditions(tx, filter, now)?;
            tx.count(format!("SELECT count(*) FROM keys k WHERE {}", all.sql()), &all.values)
        })
    }
}
