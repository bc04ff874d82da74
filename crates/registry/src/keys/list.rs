//! Lists of keys: a filter as conditions in SQL, over `keys k`; orders and pages. A page begins where the last one ended, not at a
//! count, so keys made meanwhile neither repeat nor hide others.

use std::collections::BTreeMap;

use super::Keys;
use super::load::load_rows;
use crate::error::Error;
use crate::limits::MAX_SEARCH_BYTES;
use crate::model::{DAY, Direction, KeyFilter, KeyOrder, KeyPage, Paging, Settings, Slug, Sort, State, Word, cut, folded};
use crate::store::{Conditions, Statements, Value, args};
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

fn role_sql(role: &str) -> String {
    let has = |table: &str, column: &str, row: &str| {
        format!(
            "EXISTS (SELECT 1 FROM {table} x JOIN roles r ON r.id = x.role_id WHERE x.{column} = k.{row} AND r.slug = {role})"
        )
    };
    let (own, owners) = (has("key_roles", "key_id", "id"), has("owner_roles", "owner_id", "owner_id"));
    format!("(({AUTHORITY} = 'roles' AND {own}) OR ({AUTHORITY} = 'owner' AND {owners}))")
}

fn search_sql(text: &str, pattern: &str) -> String {
    let mut tests = vec![format!("k.folded LIKE {pattern} ESCAPE '\\'")];
    // Ids and first characters hold nothing else, so most searches need not look there.
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        tests.push(format!("lower(k.key_id) LIKE {pattern} ESCAPE '\\'"));
        tests.push(format!(
            "EXISTS (SELECT 1 FROM secrets s WHERE s.key_id = k.id AND lower(coalesce(s.first_12, '')) LIKE {pattern} ESCAPE '\\')"
        ));
    }
    format!("({})", tests.join(" OR "))
}

/// When a key's newest secret was made.
pub(crate) const ROTATED: &str = "(SELECT max(s.created_at) FROM secrets s WHERE s.key_id = k.id)";

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
    match (&filter.owner, org) {
        (None, _) => {}
        (Some(owner), Some(org)) => all.add("k.owner_id =", owner_id(tx, org, Some(owner))?),
        (Some(owner), None) => all.add_with(owner.as_str(), |place| {
            format!("EXISTS (SELECT 1 FROM owners w WHERE w.id = k.owner_id AND w.slug = {place})")
        }),
    }
    if let Some(role) = &filter.role {
        all.add_with(role.as_str(), role_sql);
    }
    match filter.state {
        Some(State::Revoked) => all.add_plain(state_sql(State::Revoked, "")),
        Some(state) => all.add_with(now, |place| state_sql(state, place)),
        None => all
            .add_plain("(k.revoked_at IS NULL OR EXISTS (SELECT 1 FROM orgs o WHERE o.id = k.org_id AND o.list_revoked = 1))"),
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
        all.add_with(like(text), |place| search_sql(text, place));
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

/// What a list is sorted by, and which way it runs unless told.
fn order(sort: Sort) -> (&'static str, Direction) {
    match sort {
        Sort::Created => ("k.id", Direction::Descending),
        Sort::Name => ("lower(k.name)", Direction::Ascending),
        Sort::Expires => ("coalesce(k.expires_at, 253402300800)", Direction::Ascending),
        Sort::LastUsed => ("k.last_used_at", Direction::Descending),
    }
}

/// Where a page ended: the order, its last key's value in it, and that key's row.
type Place = (String, String, Value, u64);

impl Keys<'_> {
    /// A page of keys.
    pub fn list(&self, filter: &KeyFilter, by: KeyOrder, paging: &Paging) -> Result<KeyPage, Error> {
        let sort = by.sort.unwrap_or(Sort::Created);
        let (expression, natural) = order(sort);
        let direction = by.direction.unwrap_or(natural);
        let (size, place) = (paging.size()?, paging.place::<Place>()?);
        let fits = |(s, d, value, _): &Place| {
            let typed = match value {
                Value::Text(text) => sort == Sort::Name && !text.contains('\0'),
                value => sort != Sort::Name && matches!(value, Value::Int(_)),
            };
            s == sort.word() && d == direction.word() && typed
        };
        if !place.as_ref().is_none_or(fits) {
            return Err(Error::invalid("cursor", "belongs to a list in another order; begin without a cursor"));
        }
        let now = self.0.now()?;
        self.0.read(|tx| {
            let mut all = conditions(tx, filter, now)?;
            let (beyond, way) = match direction {
                Direction::Ascending => (">", "ASC"),
                Direction::Descending => ("<", "DESC"),
            };
            match &place {
                None => {}
                Some((.., id)) if sort == Sort::Created => all.add(&format!("k.id {beyond}"), *id),
                Some((_, _, value, id)) => {
                    // The first test lets the index begin there; the second one passes over what was on the last page.
                    all.add(&format!("{expression} {beyond}="), value.clone());
                    let last = all.values.len();
                    all.add_with(*id, |place| format!("({expression} {beyond} ${last} OR k.id {beyond} {place})"));
                }
            }
            let sql = format!(
                "SELECT k.id, {expression} FROM keys k WHERE {} ORDER BY {expression} {way}, k.id {way} LIMIT {}",
                all.sql(),
                size + 1
            );
            let mut found: Vec<(u64, Value)> = tx.all(&sql, &all.values)?;
            let next = cut(&mut found, size, |(id, value)| (sort.word(), direction.word(), value.clone(), *id));
            let ids: Vec<u64> = found.into_iter().map(|(id, _)| id).collect();
            let keys = load_rows(tx, &ids, now)?.into_iter().map(|loaded| loaded.key).collect();
            Ok(KeyPage { keys, next })
        })
    }

    /// How many keys a filter fits.
    pub fn count(&self, filter: &KeyFilter) -> Result<u64, Error> {
        let now = self.0.now()?;
        self.0.read(|tx| {
            let all = conditions(tx, filter, now)?;
            tx.count(format!("SELECT count(*) FROM keys k WHERE {}", all.sql()), &all.values)
        })
    }
}
