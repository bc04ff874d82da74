//! Pages of a list of keys. A page begins where another one ended, not at a count, so keys made meanwhile neither repeat nor hide others.
//!
//! What a page costs does not grow with the keys that there are. Where a filter's keys are among few, these are looked at and sorted. Else the
//! index of the order is read, row by row, and the rows that may fit are looked at; a page that has read enough ends early, and the next one
//! goes on there.

use std::collections::BTreeMap;

use super::Keys;
use super::list::{Span, conditions, expression, spans};
use super::load::load_while;
use super::narrow::{Effort, Hit, Range, fitting, narrowed};
use super::terms::Rows;
use super::total::total;
use crate::error::Error;
use crate::limits::{COUNTED_KEYS, LIST_LOOKED_AT, LIST_READ, LIST_STEP, LIST_TRIED, SORTED_KEYS, WIDE_INDEX};
use crate::model::{Direction, KeyFilter, KeyOrder, KeyPage, PageBytes, Paging, Sort, Word, cursor};
use crate::store::{Conditions, Numbers, Statements, Value};
use crate::tenants::org_id;
use crate::transaction::Transaction;

pub(super) const EFFORT: Effort =
    Effort { few: SORTED_KEYS, wide: WIDE_INDEX, step: LIST_STEP, read: LIST_READ, tried: LIST_TRIED, counted: COUNTED_KEYS };

/// Where a page begins: the order, a key's value in it and its row; and whether the page lies before that key, not behind it.
type Place = (String, String, Value, u64, bool);

/// What a page is of, in the order in which it is read.
struct Walk<'w> {
    all: &'w Conditions,
    range: Range,
    expression: &'static str,
    spans: Vec<Span>,
    ascending: bool,
    /// The key behind which it begins.
    behind: Option<Hit>,
    size: usize,
    effort: Effort,
}

/// The keys of a page, one more if there is one, and where the reading ended if not at the end of all.
type Walked = (Vec<Hit>, Option<Hit>);

impl Walk<'_> {
    /// Whether a key comes behind the one where the page begins.
    fn is_ahead(&self, (row, value): &Hit) -> bool {
        let Some((last, at)) = &self.behind else { return true };
        let order = value.cmp(at).then(row.cmp(last));
        if self.ascending { order.is_gt() } else { order.is_lt() }
    }

    /// The page, of keys that are among few: those that fit are all found. Also returns how many these are.
    fn among(&self, tx: &mut Transaction<'_>, rows: &Rows) -> Result<(Walked, u64), Error> {
        let mut hits = fitting(tx, self.all, self.expression, rows.iter())?;
        let total = hits.len() as u64;
        hits.sort_by(|(row, value), (other, at)| value.cmp(at).then(row.cmp(other)));
        if !self.ascending {
            hits.reverse();
        }
        hits.retain(|hit| self.is_ahead(hit));
        hits.truncate(self.size + 1);
        Ok(((hits, None), total))
    }

    /// The next rows in the order, from a key on, and the last of them with its value.
    fn rows(&self, tx: &mut Transaction<'_>, behind: Option<&Hit>, step: usize) -> Result<(Vec<u64>, Option<Hit>), Error> {
        let (beyond, way, last) = if self.ascending { (">", "ASC", "max") } else { ("<", "DESC", "min") };
        let expression = self.expression;
        let mut all = self.range.conditions();
        for Span { test, at } in &self.spans {
            all.add(&format!("{expression} {test}"), *at);
        }
        // Of pending imports too, which are left out when they are looked at: so the index alone is read.
        let rows = format!("SELECT k.id, {expression} AS place FROM key_rows k WHERE {}", all.sql());
        let limit = all.value(step as u64);
        let order = format!("ORDER BY {expression} {way}, k.id {way} LIMIT {limit}");
        let found = match behind {
            None => format!("{rows} {order}"),
            Some((row, value)) => {
                // Those of the same value behind it and those of a later one are found by two looks at the index, each of which begins where its rows do;
                // for both at once some databases read all of that value, which may be a million.
                let (value, row) = (all.value(value.clone()), all.value(*row));
                let one = format!("{expression} = {value} AND k.id {beyond} {row} ORDER BY k.id {way} LIMIT {limit}");
                let same = format!("SELECT * FROM ({rows} AND {one}) s");
                let later = format!("SELECT * FROM ({rows} AND {expression} {beyond} {value} {order}) l");
                let only = self.spans.iter().any(|span| span.test == "=");
                if only { same } else { format!("{same} UNION ALL {later} LIMIT {limit}") }
            }
        };
        let sql = format!("SELECT {}, {last}(r.place) FROM ({found}) r", tx.session().joined("r.id"));
        let Some((Numbers(rows), place)) = tx.one::<(Numbers, Value)>(&sql, &all.values)? else {
            return Ok((Vec::new(), None));
        };
        let last = rows.last().map(|row| (*row, place));
        Ok((rows, last))
    }

    /// The page, by reading in the order: the rows that are among these, or all.
    fn along(&self, tx: &mut Transaction<'_>, among: Option<&Rows>) -> Result<Walked, Error> {
        let (mut hits, mut read, mut tried) = (Vec::new(), 0, 0);
        let mut behind = self.behind.clone();
        let mut step = if among.is_some() { self.effort.step } else { self.effort.step.min(self.size + 1) };
        loop {
            let (rows, last) = self.rows(tx, behind.as_ref(), step)?;
            let ended = rows.len() < step;
            read += rows.len();
            behind = last.or(behind);
            let maybe: Vec<u64> = rows.into_iter().filter(|row| among.is_none_or(|among| among.contains(*row))).collect();
            tried += maybe.len();
            for some in maybe.chunks(LIST_LOOKED_AT) {
                let mut fit: BTreeMap<u64, Value> =
                    fitting(tx, self.all, self.expression, some.iter().copied())?.into_iter().collect();
                hits.extend(some.iter().filter_map(|row| fit.remove_entry(row)));
                if hits.len() > self.size {
                    hits.truncate(self.size + 1);
                    return Ok((hits, None));
                }
            }
            if ended {
                return Ok((hits, None));
            }
            if read >= self.effort.read || tried >= self.effort.tried {
                return Ok((hits, behind));
            }
            // Each statement costs its way to the database and back, so the next one reads more: as many as leave both bounds, if as many of its rows
            // are to be looked at as of those so far.
            let untried = (self.effort.tried - tried) * read;
            let left = untried.checked_div(tried).unwrap_or(usize::MAX).min(self.effort.read - read);
            step = (step * 2).min(left).max(1);
        }
    }
}

impl Keys<'_> {
    /// A page of keys.
    pub fn list(&self, filter: &KeyFilter, by: KeyOrder, paging: &Paging) -> Result<KeyPage, Error> {
        self.list_with(filter, by, paging, EFFORT)
    }

    pub(super) fn list_with(
        &self,
        filter: &KeyFilter,
        by: KeyOrder,
        paging: &Paging,
        effort: Effort,
    ) -> Result<KeyPage, Error> {
        let sort = by.sort.unwrap_or(Sort::Created);
        let direction = by.direction.unwrap_or(match sort {
            Sort::Created | Sort::LastUsed => Direction::Descending,
            Sort::Name | Sort::Expires => Direction::Ascending,
        });
        let (size, place) = (paging.size()?, paging.place::<Place>()?);
        let fits = |(s, d, value, ..): &Place| {
            let typed = match value {
                Value::Text(text) => sort == Sort::Name && !text.contains('\0'),
                value => sort != Sort::Name && matches!(value, Value::Int(_)),
            };
            s == sort.word() && d == direction.word() && typed
        };
        if !place.as_ref().is_none_or(fits) {
            return Err(Error::invalid("cursor", "belongs to a list in another order; begin without a cursor"));
        }
        let turned = place.as_ref().is_some_and(|(.., turned)| *turned);
        let behind = place.map(|(_, _, value, row, _)| (row, value));
        let now = self.0.now()?;
        self.0.read(|tx| {
            tx.session().indexed()?;
            let all = conditions(tx, filter, now)?;
            let range = match &filter.org {
                Some(org) => Range { column: "org_id", id: org_id(tx, org)? },
                None => Range { column: "realm_id", id: tx.realm.0 },
            };
            let among = narrowed(tx, filter, range, now, effort)?;
            let ascending = (direction == Direction::Ascending) != turned;
            let (expression, spans) = (expression(sort), spans(sort, filter, now)?);
            let walk = Walk { all: &all, range, expression, spans, ascending, behind: behind.clone(), size, effort };
            let ((hits, ended), total) = match among.as_ref().filter(|rows| rows.len() <= effort.few) {
                Some(rows) => {
                    let (walked, total) = walk.among(tx, rows)?;
                    (walked, (total, true))
                }
                None => (walk.along(tx, among.as_ref())?, total(tx, filter, range, &all, among.as_ref(), effort)?),
            };
            let ids: Vec<u64> = hits.iter().take(size).map(|(row, _)| *row).collect();
            let (mut keys, mut bytes) = (Vec::new(), PageBytes::default());
            load_while(tx, &ids, now, |loaded| {
                let full = bytes.fill(&loaded.key)?;
                keys.push(loaded.key);
                Ok(!full)
            })?;
            let shown = hits.get(..keys.len()).unwrap_or(&hits);
            let at = |(row, value): &Hit, turned| cursor(&(sort.word(), direction.word(), value, row, turned));
            let onward = match (hits.len() > shown.len(), shown.last()) {
                (true, Some(last)) => Some(last),
                _ => ended.as_ref(),
            };
            // Back to where the page began: before its first key, or else to the one behind which it should have begun.
            let back = behind.as_ref().map(|(row, value)| match shown.first() {
                Some(first) => first.clone(),
                None if ascending => (row.saturating_add(1), value.clone()),
                None => (row.saturating_sub(1), value.clone()),
            });
            let (onward, back) = (onward.map(|hit| at(hit, turned)), back.map(|hit| at(&hit, !turned)));
            let (next, previous) = if turned { (back, onward) } else { (onward, back) };
            if turned {
                keys.reverse();
            }
            let (total, exact) = total;
            Ok(KeyPage { keys, next, previous, total, exact })
        })
    }
}
