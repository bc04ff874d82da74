//! Many keys at once, by a filter: counted first, then changed once their number was confirmed, by short transactions between which others
//! have their turn, so that a revocation never waits for such an act. What each of them has done stays done.

use std::collections::BTreeMap;

use super::Keys;
use super::list::conditions;
use super::load::{Loaded, load_rows};
use crate::error::{Error, Kind};
use crate::held::Held;
use crate::limits::{BULK_KEYS, SAMPLE};
use crate::model::{Caller, Key, KeyFilter, Slug, When};
use crate::pending::give_way;
use crate::store::{Conditions, Statements, Value, places};
use crate::tenants::OrgRow;
use crate::transaction::{Change, Transaction};

/// The keys that a filter fits, as they were counted.
pub(super) struct Matched<'w> {
    filter: KeyFilter,
    /// A further test over `keys k`, which must hold too.
    only: &'w str,
    /// When they were counted: spans in the filter are reckoned from then on.
    now: u64,
    pub(super) rows: Vec<u64>,
    /// Some of them, to look at before confirming.
    pub(super) sample: Vec<Key>,
}

/// The filter, confined to the caller's own org. An empty search is what a script makes of a variable that is not set: in a list it fits every
/// key; nobody changes those by mistake.
fn confined(caller: &Caller, filter: &KeyFilter) -> Result<KeyFilter, Error> {
    let mut filter = filter.clone();
    if filter.search.as_deref() == Some("") {
        return Err(Error::invalid("search", "is empty, which fits every key: leave it out, or say what to look for"));
    }
    if let Some(own) = caller.org() {
        filter.org.as_ref().map_or(Ok(()), |asked| caller.check(asked, Kind::Org, asked.as_str()))?;
        filter.org = Some(own.clone());
    }
    Ok(filter)
}

/// The orgs of keys that are changed together, each read once in their transaction.
#[derive(Default)]
pub(super) struct Orgs(BTreeMap<Slug, OrgRow>);

impl Orgs {
    pub(super) fn get(&mut self, change: &mut Change<'_>, org: &Slug) -> Result<OrgRow, Error> {
        if let Some(known) = self.0.get(org) {
            return Ok(known.clone());
        }
        let found = change.org(org)?;
        self.0.insert(org.clone(), found.clone());
        Ok(found)
    }
}

impl Matched<'_> {
    /// The number that was confirmed, which must be theirs.
    pub(super) fn check(&self, expected: u64) -> Result<(), Error> {
        let found = self.rows.len() as u64;
        if found == expected { Ok(()) } else { Err(Error::CountChanged { expected, found }) }
    }

    fn conditions(&self, tx: &mut Transaction<'_>) -> Result<Conditions, Error> {
        let mut all = conditions(tx, &self.filter, self.now)?;
        all.add_plain(self.only);
        Ok(all)
    }

    /// Those of some rows that the filter still fits: what others have made something else of meanwhile is not what was confirmed.
    pub(super) fn still(&self, change: &mut Change<'_>, rows: &[u64]) -> Result<Vec<Loaded>, Error> {
        let mut all = self.conditions(&mut change.tx)?;
        let first = all.values.len() + 1;
        all.values.extend(rows.iter().map(|row| Value::from(*row)));
        all.add_plain(format!("k.id IN ({})", places(first, rows.len())));
        let sql = format!("SELECT k.id FROM keys k WHERE {} ORDER BY k.id", all.sql());
        let rows: Vec<u64> = change.all(&sql, &all.values)?;
        load_rows(&mut change.tx, &rows, change.now)
    }

    /// What the audit log says of the act as a whole: the filter, with moments in the place of spans.
    pub(super) fn logged(&self, done: &str, keys: u64) -> Result<serde_json::Value, Error> {
        let at =
            |field: &str, when: &Option<When>| when.as_ref().map(|when| when.at(field, self.now).map(When::At)).transpose();
        let resolved = KeyFilter {
            expires_before: at("expires_before", &self.filter.expires_before)?,
            created_before: at("created_before", &self.filter.created_before)?,
            unused_since: at("unused_since", &self.filter.unused_since)?,
            ..self.filter.clone()
        };
        let mut what = serde_json::to_value(resolved).unwrap_or_default();
        what[done] = keys.into();
        // What somebody looks for after a leak may be a key's text.
        if self.filter.search.is_some() {
            what["search"] = "…".into();
        }
        Ok(what)
    }

    /// The org that the act is confined to.
    pub(super) fn org(&self) -> Option<&Slug> {
        self.filter.org.as_ref()
    }
}

/// What a part of an act is about.
pub(super) struct Part<'p> {
    pub(super) rows: &'p [u64],
    /// How many keys the parts before it have changed.
    pub(super) before: u64,
    pub(super) is_last: bool,
}

/// Refuses to go on for a caller whose key ended meanwhile.
pub(super) fn check_accepted(change: &mut Change<'_>) -> Result<(), Error> {
    let (key, now) = (change.caller.key(), change.now);
    if Held::is_accepted(change, key, now)? { Ok(()) } else { Err(Error::KeyEnded) }
}

impl Keys<'_> {
    /// Looks which keys a filter fits, and of these those that a further test over `keys k` finds.
    pub(super) fn matched<'w>(&self, caller: &Caller, filter: &KeyFilter, only: &'w str) -> Result<Matched<'w>, Error> {
        let filter = confined(caller, filter)?;
        let now = self.0.now()?;
        let mut matched = Matched { filter, only, now, rows: Vec::new(), sample: Vec::new() };
        self.0.read(|tx| {
            let all = matched.conditions(tx)?;
            matched.rows = tx.all(format!("SELECT k.id FROM keys k WHERE {} ORDER BY k.id", all.sql()), &all.values)?;
            let sample = load_rows(tx, matched.rows.get(..SAMPLE).unwrap_or(&matched.rows), now)?;
            matched.sample = sample.into_iter().map(|loaded| loaded.key).collect();
            Ok(())
        })?;
        Ok(matched)
    }

    /// Acts on some rows after the other, each time in a transaction of its own; `act` returns how many keys it has changed. All ends with the
    /// caller's own key: whoever revokes a leaked one stops what it is used for.
    pub(super) fn by_parts(
        &self,
        caller: &Caller,
        rows: &[u64],
        progress: &mut dyn FnMut(u64),
        mut act: impl FnMut(&mut Change<'_>, &Part<'_>) -> Result<u64, Error>,
    ) -> Result<u64, Error> {
        let (mut done, mut left) = (0, rows.len());
        for some in rows.chunks(BULK_KEYS) {
            left = left.saturating_sub(some.len());
            let part = Part { rows: some, before: done, is_last: left == 0 };
            let result = self.0.change(caller, |change| {
                check_accepted(change)?;
                act(change, &part)
            });
            match result {
                Ok(more) => done += more,
                Err(error) if done == 0 => return Err(error),
                Err(error) => return Err(Error::Partly { done, of: rows.len() as u64, why: Box::new(error) }),
            }
            progress(done);
            if left > 0 {
                give_way();
            }
        }
        Ok(done)
    }
}
