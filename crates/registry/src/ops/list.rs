//! Lists of keys: filters, orders and pages. A page begins where the last one ended, not at a count, so keys made meanwhile
//! neither repeat nor hide others.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::load::load_rows;
use super::reminders::due_sql;
use crate::error::Error;
use crate::limits::{DEFAULT_PAGE, MAX_PAGE, MAX_SEARCH_BYTES};
use crate::model::{Direction, Filter, Page, Sort, State};
use crate::registry::{RealmId, Registry, org_id, owner_id, realm_id};
use crate::store::{Session, Value};
use crate::text::Slug;

/// The conditions of a filter, over `keys k`.
pub(super) struct Wheres {
    pub(super) values: Vec<Value>,
    tests: Vec<String>,
}

impl Wheres {
    fn add(&mut self, value: impl Into<Value>, test: &dyn Fn(&str) -> String) {
        self.values.push(value.into());
        self.tests.push(test(&format!("${}", self.values.len())));
    }

    /// After `WHERE`.
    pub(super) fn sql(&self) -> String {
        self.tests.join(" AND ")
    }
}

/// A state in SQL, with the time as the given parameter.
fn state_sql(state: State, now: &str) -> String {
    let (started, ended) = (
        format!("(k.not_before IS NULL OR k.not_before <= {now})"),
        format!("(k.expires_at IS NOT NULL AND k.expires_at <= {now})"),
    );
    match state {
        State::Revoked => "k.revoked_at IS NOT NULL".into(),
        State::Pending => format!("k.revoked_at IS NULL AND NOT {started}"),
        State::Expired => format!("k.revoked_at IS NULL AND {started} AND {ended}"),
        State::Active => format!("k.revoked_at IS NULL AND {started} AND NOT {ended}"),
    }
}

const HAS_ROLE: &str = "(SELECT o.authority FROM orgs o WHERE o.id = k.org_id)";

fn role_sql(role: &str) -> String {
    let has = |table: &str, column: &str, row: &str| {
        format!(
            "EXISTS (SELECT 1 FROM {table} x JOIN roles r ON r.id = x.role_id WHERE x.{column} = k.{row} AND r.slug = {role})"
        )
    };
    let (own, owners) = (has("key_roles", "key_id", "id"), has("owner_roles", "owner_id", "owner_id"));
    format!("(({HAS_ROLE} = 'roles' AND {own}) OR ({HAS_ROLE} = 'owner' AND {owners}))")
}

fn search_sql(text: &str, pattern: &str) -> String {
    let mut tests: Vec<_> =
        ["k.name", "k.description"].iter().map(|c| format!("lower({c}) LIKE {pattern} ESCAPE '\\'")).collect();
    // Ids and first characters hold nothing else, so most searches need not look there.
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        tests.push(format!("lower(k.key_id) LIKE {pattern} ESCAPE '\\'"));
        tests.push(format!(
            "EXISTS (SELECT 1 FROM secrets s WHERE s.key_id = k.id AND lower(coalesce(s.first_12, '')) LIKE {pattern} ESCAPE '\\')"
        ));
    }
    format!("({})", tests.join(" OR "))
}

/// Turns a filter into conditions.
pub(super) fn wheres(session: &mut dyn Session, realm: RealmId, filter: &Filter, now: u64) -> Result<Wheres, Error> {
    let mut all = Wheres { values: Vec::new(), tests: Vec::new() };
    // One of the two, so that the database takes the index that also gives the order.
    match &filter.org {
        Some(org) => all.add(org_id(session, realm, org)?, &|p| format!("k.org_id = {p}")),
        None => all.add(realm.0, &|p| format!("k.realm_id = {p}")),
    }
    if let Some(owner) = &filter.owner {
        match &filter.org {
            Some(org) => {
                let org = org_id(session, realm, org)?;
                all.add(owner_id(session, org, owner)?, &|p| format!("k.owner_id = {p}"));
            }
            None => all
                .add(owner.as_str(), &|p| format!("EXISTS (SELECT 1 FROM owners w WHERE w.id = k.owner_id AND w.slug = {p})")),
        }
    }
    if let Some(role) = &filter.role {
        all.add(role.as_str(), &role_sql);
    }
    match filter.state {
        Some(State::Revoked) => all.tests.push(state_sql(State::Revoked, "")),
        Some(state) => all.add(now, &|p| state_sql(state, p)),
        None => all.tests.push(
            "(k.revoked_at IS NULL OR EXISTS (SELECT 1 FROM orgs o WHERE o.id = k.org_id AND o.list_revoked = 1))".into(),
        ),
    }
    if let Some(environment) = &filter.environment {
        all.add(environment.as_str(), &|p| format!("k.environment = {p}"));
    }
    if let Some(before) = filter.expires_before {
        // The second test says the same in the words of the index that orders by expiry.
        all.add(before, &|p| format!("k.expires_at < {p} AND coalesce(k.expires_at, 253402300800) < {p}"));
    }
    if let Some(before) = filter.created_before {
        all.add(before, &|p| format!("k.created_at < {p}"));
    }
    if filter.rotation_due {
        let due = due_sql(session, realm, filter.org.as_ref(), now)?;
        all.tests.push(format!("k.revoked_at IS NULL AND {due}"));
    }
    if let Some(text) = filter.search.as_deref().filter(|text| !text.is_empty()) {
        if text.len() > MAX_SEARCH_BYTES {
            return Err(Error::invalid("search", format!("is longer than {MAX_SEARCH_BYTES} bytes")));
        }
        if text.chars().any(char::is_control) {
            return Err(Error::invalid("search", "must be text without control characters"));
        }
        all.add(like(text), &|p| search_sql(text, p));
    }
    Ok(all)
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

/// Where a page ended: its last key's place in the order.
type Cursor = (String, String, Option<String>, Option<u64>, u64);

impl Registry {
    /// A page of keys.
    pub fn keys(&self, realm: &Slug, filter: &Filter) -> Result<Page, Error> {
        let limit = page_size(filter.limit)?;
        let sort = filter.sort.unwrap_or(Sort::Created);
        let (expression, natural) = order(sort);
        let direction = filter.direction.unwrap_or(natural);
        let cursor = filter.cursor.as_deref().map(read_cursor::<Cursor>).transpose()?;
        let fits = |(s, d, text, number, _): &Cursor| {
            let typed = (text.is_some(), number.is_some()) == (sort == Sort::Name, sort != Sort::Name);
            let clean = text.iter().all(|text| !text.contains('\0'));
            s == sort.word() && d == direction.word() && typed && clean
        };
        if !cursor.as_ref().is_none_or(fits) {
            return Err(Error::invalid("cursor", "belongs to a list in another order; begin without a cursor"));
        }
        let now = self.env.now()?;
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            let mut all = wheres(session, realm, filter, now)?;
            let (beyond, word) = match direction {
                Direction::Ascending => (">", "ASC"),
                Direction::Descending => ("<", "DESC"),
            };
            if let Some((.., text, number, id)) = &cursor {
                if sort != Sort::Created {
                    let value = text.as_deref().map_or(Value::from(*number), Value::from);
                    // The first test lets the index begin there; the second one passes over what was on the last page.
                    all.add(value, &|p| format!("{expression} {beyond}= {p}"));
                    let place = format!("${}", all.values.len());
                    all.add(*id, &|p| format!("({expression} {beyond} {place} OR k.id {beyond} {p})"));
                } else {
                    all.add(*id, &|p| format!("k.id {beyond} {p}"));
                }
            }
            let sql = format!(
                "SELECT k.id, {expression} FROM keys k WHERE {} ORDER BY {expression} {word}, k.id {word} LIMIT {}",
                all.sql(),
                limit + 1
            );
            let mut found = session.rows(&sql, &all.values, |row| match sort {
                Sort::Name => Ok((row.int(0)?, Some(row.text(1)?.to_owned()), None)),
                _ => Ok((row.int(0)?, None, row.maybe_int(1)?)),
            })?;
            let more = found.len() > limit;
            found.truncate(limit);
            let ids: Vec<u64> = found.iter().map(|(id, ..)| *id).collect();
            let keys = load_rows(session, realm, &ids, now)?.into_iter().map(|loaded| loaded.key).collect();
            let end = found.pop().filter(|_| more);
            let next = end.map(|(id, text, n)| write_cursor(&(sort.word(), direction.word(), text, n, id)));
            Ok(Page { keys, next })
        })
    }

    /// How many keys a filter fits.
    pub fn count_keys(&self, realm: &Slug, filter: &Filter) -> Result<u64, Error> {
        let now = self.env.now()?;
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            let all = wheres(session, realm, filter, now)?;
            let sql = format!("SELECT count(*) FROM keys k WHERE {}", all.sql());
            Ok(session.row(&sql, &all.values, |row| row.int(0))?.unwrap_or(0))
        })
    }
}

/// A pattern that finds `text` anywhere, whatever characters it holds. Only ASCII is folded: that is what both databases' `lower`
/// does, and a pattern folded further would not even find the very text.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_ascii_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// How many rows a page has.
pub(super) fn page_size(asked: usize) -> Result<usize, Error> {
    match asked {
        0 => Ok(DEFAULT_PAGE),
        n if n <= MAX_PAGE => Ok(n),
        n => {
            let reason = format!("{n} is more than the limit of {MAX_PAGE}; use the cursor for more");
            Err(Error::invalid("limit", reason))
        }
    }
}

/// A cursor: opaque to whoever gets it, so that it can be changed.
pub(super) fn write_cursor(place: &impl Serialize) -> String {
    serde_json::to_vec(place).map_or(String::new(), |bytes| URL_SAFE_NO_PAD.encode(bytes))
}

pub(super) fn read_cursor<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let place = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    place.ok_or_else(|| Error::invalid("cursor", "is not one that a list returned; begin without a cursor"))
}

/// A cursor that is a number.
pub(super) fn read_number(text: &str) -> Result<u64, Error> {
    read_cursor(text)
}
