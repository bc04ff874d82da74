//! Lists of keys: orders and pages. A page begins where the last one ended, not at a count, so keys made meanwhile neither repeat
//! nor hide others.

use super::Keys;
use super::filter::conditions;
use super::load::load_rows;
use crate::error::Error;
use crate::model::{Direction, KeyFilter, KeyOrder, KeyPage, Paging, Sort, Word, cut};
use crate::store::Value;

/// What a list is sorted by, and which way it runs unless told.
fn order(sort: Sort) -> (&'static str, Direction) {
    match sort {
        Sort::Created => ("k.id", Direction::Descending),
        Sort::Name => ("lower(k.name)", Direction::Ascending),
        Sort::Expires => ("coalesce(k.expires_at, 253402300800)", Direction::Ascending),
        Sort::LastUsed => ("k.last_used_at", Direction::Descending),
    }
}

/// Where a page ended: the order, and its last key's place in it, as a text or a number.
type Place = (String, String, Option<String>, Option<u64>, u64);

impl Keys<'_> {
    /// A page of keys.
    pub fn list(&self, filter: &KeyFilter, by: KeyOrder, paging: &Paging) -> Result<KeyPage, Error> {
        let sort = by.sort.unwrap_or(Sort::Created);
        let (expression, natural) = order(sort);
        let direction = by.direction.unwrap_or(natural);
        let (size, place) = (paging.size()?, paging.place::<Place>()?);
        let fits = |(s, d, text, number, _): &Place| {
            let typed = (text.is_some(), number.is_some()) == (sort == Sort::Name, sort != Sort::Name);
            let clean = text.iter().all(|text| !text.contains('\0'));
            s == sort.word() && d == direction.word() && typed && clean
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
                Some((_, _, text, number, id)) => {
                    let value = text.as_deref().map_or(Value::from(*number), Value::from);
                    // The first test lets the index begin there; the second one passes over what was on the last page.
                    all.add(&format!("{expression} {beyond}="), value);
                    let last = all.values.len();
                    all.add_with(*id, |place| format!("({expression} {beyond} ${last} OR k.id {beyond} {place})"));
                }
            }
            let rest = format!("FROM keys k WHERE {} ORDER BY {expression} {way}, k.id {way} LIMIT {}", all.sql(), size + 1);
            let mut found: Vec<(u64, Option<String>, Option<u64>)> = if sort == Sort::Name {
                let rows: Vec<(u64, String)> = tx.session.all(&format!("SELECT k.id, {expression} {rest}"), &all.values)?;
                rows.into_iter().map(|(id, name)| (id, Some(name), None)).collect()
            } else {
                let rows: Vec<(u64, u64)> = tx.session.all(&format!("SELECT k.id, {expression} {rest}"), &all.values)?;
                rows.into_iter().map(|(id, number)| (id, None, Some(number))).collect()
            };
            let next = cut(&mut found, size, |(id, text, number)| (sort.word(), direction.word(), text.clone(), *number, *id));
            let ids: Vec<u64> = found.iter().map(|(id, ..)| *id).collect();
            let keys = load_rows(tx, &ids, now)?.into_iter().map(|loaded| loaded.key).collect();
            Ok(KeyPage { keys, next })
        })
    }

    /// How many keys a filter fits.
    pub fn count(&self, filter: &KeyFilter) -> Result<u64, Error> {
        let now = self.0.now()?;
        self.0.read(|tx| {
            let all = conditions(tx, filter, now)?;
            tx.session.count(&format!("SELECT count(*) FROM keys k WHERE {}", all.sql()), &all.values)
        })
    }
}
