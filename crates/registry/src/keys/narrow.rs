//! Rows among which every key is that a filter fits, found without looking at all keys: by terms, and by what indices have in order. And which of such rows
//! it does fit.

use std::collections::BTreeSet;

use super::list::{Span, due_sql, expression, id_beginnings, secrets_beginning, spans};
use super::terms::{self, RUN, Rows};
use crate::error::Error;
use crate::limits::{LOOKED_AT, OWNERS_LOOKED_FOR, SEARCH_BLOCKS, SEARCH_RUNS, TERMS_AT_ONCE};
use crate::model::{KeyFilter, Sort, State, folded};
use crate::store::{Conditions, Numbers, Statements, Value, args};
use crate::transaction::Transaction;

/// How much is done for one page of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Rows that are all looked at and then sorted.
    pub(crate) few: usize,
    /// Rows that are read from one index to be looked for elsewhere.
    pub(crate) wide: usize,
    /// Rows read in the list's order at once.
    pub(crate) step: usize,
    /// Rows read in the list's order.
    pub(crate) read: usize,
    /// Of these, keys that are looked at.
    pub(crate) tried: usize,
    /// Keys that are looked at to say how many there are at least.
    pub(crate) counted: usize,
}

/// The keys among which a list is: those of a realm, or of an org.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) column: &'static str,
    pub(crate) id: u64,
}

impl Range {
    pub(crate) fn conditions(self) -> Conditions {
        Conditions::new(&format!("k.{} =", self.column), self.id)
    }
}

/// A key's row, and its value in the order of a list.
pub(super) type Hit = (u64, Value);

/// Of these rows, those that conditions fit, each with its value in an order.
pub(super) fn fitting(
    tx: &mut Transaction<'_>,
    all: &Conditions,
    expression: &str,
    rows: impl IntoIterator<Item = u64>,
) -> Result<Vec<Hit>, Error> {
    let (rows, mut hits): (Vec<u64>, _) = (rows.into_iter().collect(), Vec::new());
    for some in rows.chunks(LOOKED_AT) {
        let mut all = all.clone();
        let looked_at = tx.session().numbers(&all.value(listed(some)));
        // The order of a cross join is kept: each row is looked up by its number, whatever else there is an index for.
        let sql =
            format!("SELECT k.id, {expression} FROM {looked_at} CROSS JOIN keys k WHERE k.id = d.value AND {}", all.sql());
        hits.extend(tx.all::<Hit>(&sql, &all.values)?);
    }
    Ok(hits)
}

/// Numbers as a parameter has them that stands for many.
fn listed(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

/// What is known of where a filter's keys are.
struct Narrowing {
    rows: Option<Rows>,
    effort: Effort,
}

impl Narrowing {
    /// Only these; none stands for too many to tell. Returns whether they are few by now.
    fn keep(&mut self, rows: Option<Rows>) -> bool {
        match (&mut self.rows, rows) {
            (Some(own), Some(rows)) => own.keep(&rows),
            (own @ None, rows) => *own = rows,
            (Some(_), None) => {}
        }
        self.few()
    }

    fn few(&self) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.len() <= self.effort.few)
    }
}

/// Rows among which every key of the range is that the filter fits; none where these are too many to tell.
pub(crate) fn narrowed(
    tx: &mut Transaction<'_>,
    filter: &KeyFilter,
    range: Range,
    now: u64,
    effort: Effort,
) -> Result<Option<Rows>, Error> {
    let mut found = Narrowing { rows: None, effort };
    let exact = [
        filter.tag.as_ref().map(|tag| terms::tag(tag.as_str())),
        filter.created_by.as_ref().map(|actor| terms::maker(actor.as_str())),
        filter.environment.as_ref().map(|environment| terms::environment(environment.as_str())),
        filter.service.as_ref().map(|service| terms::service(service.as_str())),
    ];
    if found.keep(with_all(tx, exact.into_iter().flatten().collect(), effort)?) {
        return Ok(found.rows);
    }
    if let Some(role) = &filter.role
        && found.keep(with_role(tx, role.as_str(), effort)?)
    {
        return Ok(found.rows);
    }
    if let Some(text) = filter.search.as_deref().filter(|text| !text.is_empty())
        && found.keep(with_text(tx, text, effort)?)
    {
        return Ok(found.rows);
    }
    if let Some(owner) = &filter.owner {
        let named = format!(
            "SELECT w.id FROM orgs o JOIN owners w ON w.org_id = o.id WHERE o.{} = $1 AND w.slug = $2",
            if range.column == "org_id" { "id" } else { "realm_id" }
        );
        if found.keep(of_owners(tx, &named, args![range.id, owner.as_str()], effort)?) {
            return Ok(found.rows);
        }
    }
    for all in indexed(tx, filter, range, now)? {
        // Of an index that has more rows than are left, no row is taken: to read it may cost more than it takes away.
        let wide = found.rows.as_ref().map_or(effort.wide, |rows| rows.len().min(effort.wide));
        if found.keep(rows_of(tx, &all, Effort { wide, ..effort })?) {
            break;
        }
    }
    Ok(found.rows)
}

/// The rows that have all of these terms, or such and few others; none for no terms. Several are looked up at once, since each way to a database costs
/// as much as reading one.
fn with_all(tx: &mut Transaction<'_>, terms: Vec<String>, effort: Effort) -> Result<Option<Rows>, Error> {
    let mut found = Narrowing { rows: None, effort };
    for some in terms.chunks(TERMS_AT_ONCE) {
        for rows in terms::having(tx, some)? {
            found.keep(Some(rows));
        }
        if found.few() {
            break;
        }
    }
    Ok(found.rows)
}

/// The rows that an index finds; none for too many.
fn rows_of(tx: &mut Transaction<'_>, all: &Conditions, effort: Effort) -> Result<Option<Rows>, Error> {
    let joined = tx.session().joined("r.id");
    let found = format!("SELECT k.id FROM key_rows k WHERE {} LIMIT {}", all.sql(), effort.wide + 1);
    let rows = tx.one(format!("SELECT {joined} FROM ({found}) r"), &all.values)?.map_or_else(Vec::new, |Numbers(rows)| rows);
    Ok((rows.len() <= effort.wide).then(|| rows.into_iter().collect()))
}

/// The rows of the keys of those owners that a query finds; none for too many. Owner by owner: a database that may look for all at once, and knows that
/// an owner has many keys on an average, reads all keys for it.
fn of_owners(tx: &mut Transaction<'_>, owners: &str, args: &[Value], effort: Effort) -> Result<Option<Rows>, Error> {
    let owners: Vec<u64> = tx.all(format!("{owners} LIMIT {}", OWNERS_LOOKED_FOR + 1), args)?;
    if owners.len() > OWNERS_LOOKED_FOR {
        return Ok(None);
    }
    let mut rows = Rows::default();
    for owner in owners {
        let Some(more) = rows_of(tx, &Conditions::new("k.owner_id =", owner), effort)? else { return Ok(None) };
        rows.add(&more);
    }
    Ok(Some(rows))
}

/// What a filter asks for that an index has in order.
fn indexed(tx: &mut Transaction<'_>, filter: &KeyFilter, range: Range, now: u64) -> Result<Vec<Conditions>, Error> {
    let mut each = Vec::new();
    for sort in [Sort::Created, Sort::Expires, Sort::LastUsed] {
        for Span { test, at } in spans(sort, filter, now)? {
            let mut all = range.conditions();
            all.add(&format!("{} {test}", expression(sort)), at);
            each.push(all);
        }
    }
    if filter.state == Some(State::Revoked) {
        let mut all = range.conditions();
        all.add_plain("k.revoked_at IS NOT NULL");
        each.push(all);
    }
    if filter.state == Some(State::Pending) {
        let mut all = range.conditions();
        all.add("k.not_before >", now);
        each.push(all);
    }
    if filter.rotation_due {
        each.push(Conditions::of(due_sql(tx, filter.org.as_ref(), now)?, &[]));
    }
    Ok(each)
}

/// The rows of keys that have a role of this name, of their own or of their owner's; none for too many.
fn with_role(tx: &mut Transaction<'_>, role: &str, effort: Effort) -> Result<Option<Rows>, Error> {
    let roles: Vec<u64> = tx.all(
        format!("SELECT id FROM roles WHERE realm_id = $1 AND slug = $2 LIMIT {}", SEARCH_RUNS + 1),
        args![tx.realm, role],
    )?;
    if roles.len() > SEARCH_RUNS {
        return Ok(None);
    }
    let having =
        "SELECT DISTINCT x.owner_id FROM owner_roles x JOIN roles r ON r.id = x.role_id WHERE r.realm_id = $1 AND r.slug = $2";
    let Some(mut rows) = of_owners(tx, having, args![tx.realm, role], effort)? else { return Ok(None) };
    let roles: Vec<String> = roles.into_iter().map(terms::role).collect();
    for some in roles.chunks(TERMS_AT_ONCE) {
        terms::having(tx, some)?.iter().for_each(|having| rows.add(having));
    }
    Ok(Some(rows))
}

/// The rows of keys in which a text may be; none for too many.
fn with_text(tx: &mut Transaction<'_>, text: &str, effort: Effort) -> Result<Option<Rows>, Error> {
    let characters: Vec<char> = folded(text).chars().collect();
    let Some(mut rows) = with_characters(tx, &characters, effort)? else { return Ok(None) };
    let most = effort.wide;
    let mut add = |more: Vec<u64>| {
        let few = more.len() <= most;
        rows.add(&more.into_iter().collect());
        few
    };
    for first in id_beginnings(text) {
        let last = format!("{first}{}", char::MAX);
        let sql = format!("SELECT id FROM key_rows WHERE key_id >= $1 AND key_id < $2 LIMIT {}", most + 1);
        // Of other realms too: whatever is found is looked at.
        if !add(tx.all(sql, args![first, last])?) {
            return Ok(None);
        }
    }
    if !id_beginnings(text).is_empty() && !add(secrets_beginning(tx, text, most + 1)?) {
        return Ok(None);
    }
    Ok(Some(rows))
}

/// The rows of keys whose searched text may hold these characters; none for too many.
fn with_characters(tx: &mut Transaction<'_>, characters: &[char], effort: Effort) -> Result<Option<Rows>, Error> {
    if characters.len() < RUN {
        return terms::beginning(tx, &terms::run(characters), SEARCH_BLOCKS);
    }
    // One that stands in it twice finds nothing new.
    let runs: BTreeSet<&[char]> = characters.windows(RUN).collect();
    let step = runs.len().div_ceil(SEARCH_RUNS);
    with_all(tx, runs.into_iter().step_by(step).map(terms::run).collect(), effort)
}
