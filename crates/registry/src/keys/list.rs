//! Lists of keys: orders and pages. A page begins where the last one ended, not at a count, so keys made meanwhile neither repeat
//! nor hide others.

use super::Keys;
use super::filter::conditions;
use super::load::load_rows;
use crate::error::Error;
use crate::model::{Direction, KeyFilter, KeyOrder, KeyPage, Paging, Sort, Word, cut};
use crate::store::{Statements, Value};

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
