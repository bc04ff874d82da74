//! A filter of keys as conditions in SQL.

use super::due::due_sql;
use crate::error::Error;
use crate::limits::MAX_SEARCH_BYTES;
use crate::model::{Filter, State};
use crate::store::{Session, Value};
use crate::tenants::{org_id, owner_id};
use crate::transaction::RealmId;

/// The conditions of a filter, over `keys k`.
pub(crate) struct Wheres {
    pub(crate) values: Vec<Value>,
    tests: Vec<String>,
}

impl Wheres {
    pub(crate) fn add(&mut self, value: impl Into<Value>, test: &dyn Fn(&str) -> String) {
        self.values.push(value.into());
        self.tests.push(test(&format!("${}", self.values.len())));
    }

    /// After `WHERE`.
    pub(crate) fn sql(&self) -> String {
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
pub(crate) fn wheres(session: &mut dyn Session, realm: RealmId, filter: &Filter, now: u64) -> Result<Wheres, Error> {
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
