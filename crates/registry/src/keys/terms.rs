//! What keys are found by without looking at each of them: terms, and for each the rows of the keys that have it. The terms of a key are its
//! tags, its roles, its environment, the services of its scope and who made it, and all runs of three characters in what is searched, so that a text is in a key only
//! if each of its runs is.
//!
//! Rows stand in blocks of 4,096, a term's rows of a block in one row of the table: a bit each, or their numbers where they are few. Nothing
//! is ever taken away: a key that has a term no more, or is gone, is found and then left out, since whatever is found is looked at.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::limits::LOOKUPS;
use crate::model::folded;
use crate::store::{Statements, Value, args, fields, places};
use crate::transaction::Transaction;

/// Rows of a block.
const BLOCK: u64 = 4_096;
const WORDS: usize = BLOCK as usize / 64;
/// Bytes of a block with a bit for each row. A list of rows is shorter.
const BITS: usize = WORDS * 8;

/// A set of rows of the keys' table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rows(BTreeMap<u64, Box<[u64; WORDS]>>);

/// Where a row's bit is in its block: a word, and its place there.
fn place(row: u64) -> (usize, u64) {
    let at = row % BLOCK;
    (usize::try_from(at / 64).unwrap_or(0), at % 64)
}

impl Rows {
    pub(crate) fn insert(&mut self, row: u64) {
        let (word, bit) = place(row);
        if let Some(word) = self.0.entry(row / BLOCK).or_insert_with(|| Box::new([0; WORDS])).get_mut(word) {
            *word |= 1 << bit;
        }
    }

    pub(crate) fn contains(&self, row: u64) -> bool {
        let (word, bit) = place(row);
        self.0.get(&(row / BLOCK)).and_then(|block| block.get(word)).is_some_and(|word| word & (1 << bit) != 0)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.values().flat_map(|block| block.iter()).map(|word| word.count_ones() as usize).sum()
    }

    /// In their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        let in_word = |first: u64, word: u64| (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| first + bit);
        let in_block = move |(block, words): (u64, [u64; WORDS])| {
            let firsts = (block * BLOCK..).step_by(64);
            firsts.zip(words).flat_map(move |(first, word)| in_word(first, word))
        };
        self.0.iter().map(|(block, words)| (*block, **words)).flat_map(in_block)
    }

    /// Leaves those that are in `other` too.
    pub(crate) fn keep(&mut self, other: &Rows) {
        self.0.retain(|block, words| {
            let others = other.0.get(block);
            words.iter_mut().enumerate().for_each(|(at, word)| *word &= others.and_then(|o| o.get(at)).unwrap_or(&0));
            words.iter().any(|word| *word != 0)
        });
    }

    /// Adds those of `other`.
    pub(crate) fn add(&mut self, other: &Rows) {
        for (block, words) in &other.0 {
            let own = self.0.entry(*block).or_insert_with(|| Box::new([0; WORDS]));
            own.iter_mut().zip(words.iter()).for_each(|(word, other)| *word |= other);
        }
    }

    /// Adds those of a block, as it is stored.
    fn read(&mut self, block: u64, bytes: &[u8]) {
        if bytes.len() == BITS {
            let own = self.0.entry(block).or_insert_with(|| Box::new([0; WORDS]));
            let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
            own.iter_mut().zip(words).for_each(|(word, other)| *word |= other);
        } else {
            let rows = bytes.as_chunks::<2>().0.iter().map(|row| u64::from(u16::from_le_bytes(*row)));
            rows.for_each(|row| self.insert(block * BLOCK + row));
        }
    }

    /// A block as it is stored.
    fn written(&self, block: u64) -> Vec<u8> {
        let Some(words) = self.0.get(&block) else { return Vec::new() };
        let only = Rows(BTreeMap::from([(block, words.clone())]));
        if only.len() * 2 < BITS {
            only.iter().flat_map(|row| u16::try_from(row % BLOCK).unwrap_or(0).to_le_bytes()).collect()
        } else {
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        }
    }
}

impl FromIterator<u64> for Rows {
    fn from_iter<I: IntoIterator<Item = u64>>(rows: I) -> Rows {
        let mut all = Rows::default();
        rows.into_iter().for_each(|row| all.insert(row));
        all
    }
}

/// The term of a tag.
pub(crate) fn tag(tag: &str) -> String {
    format!("t{}", folded(tag))
}

/// The term of a role, by its row.
pub(crate) fn role(row: u64) -> String {
    format!("r{row}")
}

/// The term of an environment.
pub(crate) fn environment(environment: &str) -> String {
    format!("e{environment}")
}

/// The term of a service that a scope names.
pub(crate) fn service(service: &str) -> String {
    format!("c{service}")
}

/// The term of who made a key.
pub(crate) fn maker(actor: &str) -> String {
    format!("m{actor}")
}

/// How a term begins that stands for characters of what is searched.
pub(crate) fn run(characters: &[char]) -> String {
    std::iter::once('s').chain(characters.iter().copied()).collect()
}

/// Characters of a run.
pub(crate) const RUN: usize = 3;

/// The terms of what is searched. The end is filled up, so that a run begins with each character.
pub(crate) fn runs(searched: &str) -> BTreeSet<String> {
    let characters: Vec<char> = searched.chars().chain(std::iter::repeat_n('\n', RUN - 1)).collect();
    // Nobody searches for a line break.
    characters.windows(RUN).filter(|characters| !characters.starts_with(&['\n'])).map(run).collect()
}

/// Writes that rows have terms.
pub(crate) fn enter(tx: &mut Transaction<'_>, rows: impl IntoIterator<Item = (u64, BTreeSet<String>)>) -> Result<(), Error> {
    let mut blocks: BTreeMap<u64, BTreeMap<String, Rows>> = BTreeMap::new();
    for (row, terms) in rows {
        let block = blocks.entry(row / BLOCK).or_default();
        terms.into_iter().for_each(|term| block.entry(term).or_default().insert(row));
    }
    for (block, mut terms) in blocks {
        let names: Vec<Value> = terms.keys().map(|term| term.as_str().into()).collect();
        for some in names.chunks(LOOKUPS) {
            // Always as many parameters, of which the last ones may be alike: one statement.
            let filled = (0..LOOKUPS).filter_map(|at| some.get(at).or(some.last()).cloned());
            let values: Vec<Value> = [tx.realm.into(), block.into()].into_iter().chain(filled).collect();
            let sql = format!(
                "DELETE FROM key_terms WHERE realm_id = $1 AND block = $2 AND term IN ({}) RETURNING term, key_rows",
                places(3, LOOKUPS)
            );
            for (term, bytes) in tx.all::<(String, Vec<u8>)>(sql, &values)? {
                terms.entry(term).or_default().read(block, &bytes);
            }
        }
        let realm = tx.realm;
        let row = |(term, rows): (String, Rows)| {
            fields! { realm_id: realm, term: term, block: block, key_rows: rows.written(block) }
        };
        tx.add_all("key_terms", terms.into_iter().map(row).collect())?;
    }
    Ok(())
}

/// Of each of these terms, which differ, the rows that have it.
pub(crate) fn having(tx: &mut Transaction<'_>, terms: &[String]) -> Result<Vec<Rows>, Error> {
    let mut each: BTreeMap<&str, Rows> = terms.iter().map(|term| (term.as_str(), Rows::default())).collect();
    let values: Vec<Value> = std::iter::once(tx.realm.into()).chain(terms.iter().map(|term| term.as_str().into())).collect();
    let sql =
        format!("SELECT term, block, key_rows FROM key_terms WHERE realm_id = $1 AND term IN ({})", places(2, terms.len()));
    tx.each(sql, &values, |(term, block, bytes): (String, u64, Vec<u8>)| {
        if let Some(rows) = each.get_mut(term.as_str()) {
            rows.read(block, &bytes);
        }
        Ok(())
    })?;
    Ok(each.into_values().collect())
}

/// The rows that have a term which begins so; none if that would be more than so many blocks.
pub(crate) fn beginning(tx: &mut Transaction<'_>, term: &str, most: usize) -> Result<Option<Rows>, Error> {
    let sql = "SELECT block, key_rows FROM key_terms WHERE realm_id = $1 AND term >= $2 AND term < $3 LIMIT $4";
    let (mut rows, mut blocks) = (Rows::default(), 0);
    let values = args![tx.realm, term, format!("{term}{}", char::MAX), most as u64 + 1];
    tx.each(sql, values, |(block, bytes): (u64, Vec<u8>)| {
        blocks += 1;
        rows.read(block, &bytes);
        Ok(())
    })?;
    Ok(Some(rows).filter(|_| blocks <= most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_a_set_however_they_are_stored() {
        let few: Vec<u64> = vec![0, 1, 63, 64, 4_095, 4_096, 1_000_003];
        let many: Vec<u64> = (0..10_000).filter(|row| row % 3 == 0).collect();
        for wanted in [&few, &many] {
            let rows: Rows = wanted.iter().copied().collect();
            assert_eq!((rows.iter().collect::<Vec<_>>(), rows.len()), (wanted.clone(), wanted.len()));
            let mut read = Rows::default();
            for block in rows.0.keys() {
                let bytes = rows.written(*block);
                assert!(bytes.len() <= BITS);
                read.read(*block, &bytes);
            }
            assert_eq!(read, rows);
            assert!(wanted.iter().all(|row| rows.contains(*row)) && !rows.contains(2));
        }
        let mut both: Rows = few.iter().copied().collect();
        both.keep(&many.iter().copied().collect());
        assert_eq!(both.iter().collect::<Vec<_>>(), [0, 63, 4_095]);
        both.add(&few.iter().copied().collect());
        assert_eq!(both.iter().collect::<Vec<_>>(), few);
    }

    #[test]
    fn a_run_begins_with_each_character() {
        let names = |text| runs(text).into_iter().collect::<Vec<_>>();
        assert_eq!(names("ab\nc"), ["sab\n", "sb\nc", "sc\n\n"]);
        assert_eq!(names("é"), ["sé\n\n"]);
        assert!(names("\n").is_empty());
    }
}
