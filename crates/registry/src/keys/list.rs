//! Lists of keys: filters, orders and pages. A page begins where the last one ended, not at a count, so keys made meanwhile
//! neither repeat nor hide others.

use super::filter::wheres;
use super::load::load_rows;
use crate::error::Error;
use crate::model::{Direction, Filter, Page, Slug, Sort, page_size, read_cursor, write_cursor};
use crate::registry::Registry;
use crate::store::Value;
use crate::transaction::realm_id;

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
            let keys = load_rows(session, &ids, now)?.into_iter().map(|loaded| loaded.key).collect();
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
