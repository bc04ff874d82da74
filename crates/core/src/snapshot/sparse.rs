//! Some of a row of things, each at its index: few of many on a lazy edge, all of them on an eager one.

use crate::wire::size;
use alloc::vec::Vec;

/// While some are missing, one is found by looking for its index; once all are here, each stands at its index.
#[derive(Clone)]
pub(crate) struct Sparse<T> {
    found: Vec<T>,
    /// Where each of them belongs, ascending; empty once all are here.
    indexes: Vec<u32>,
}

impl<T> Sparse<T> {
    pub(crate) const fn new() -> Self {
        Sparse { found: Vec::new(), indexes: Vec::new() }
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        if self.indexes.is_empty() { self.found.get(index) } else { self.look(index) }
    }

    fn look(&self, index: usize) -> Option<&T> {
        self.found.get(self.at(index)?)
    }

    fn at(&self, index: usize) -> Option<usize> {
        self.indexes.binary_search(&u32::try_from(index).ok()?).ok()
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let at = if self.indexes.is_empty() { index } else { self.at(index)? };
        self.found.get_mut(at)
    }

    /// The first index from `from` on, of `all`, at which there is nothing.
    pub(crate) fn gap(&self, from: usize, all: usize) -> Option<usize> {
        if self.found.len() >= all {
            return None;
        }
        let at = self.indexes.partition_point(|index| size(*index) < from);
        let taken = self.indexes.get(at..)?.iter().zip(from..).take_while(|(index, wanted)| size(**index) == *wanted).count();
        Some(from + taken).filter(|gap| *gap < all)
    }

    /// Puts something at `index`, one of `all`. What is there already stays. Returns whether it was taken.
    pub(crate) fn put(&mut self, index: usize, all: usize, thing: T) -> bool {
        let Ok(wanted) = u32::try_from(index) else { return false };
        if index >= all || self.found.len() >= all {
            return false;
        }
        // Most come in their order.
        let at = match self.indexes.last() {
            Some(last) if *last >= wanted => match self.indexes.binary_search(&wanted) {
                Ok(_) => return false,
                Err(at) => at,
            },
            _ => self.found.len(),
        };
        self.found.insert(at, thing);
        self.indexes.insert(at, wanted);
        if self.found.len() == all {
            self.indexes = Vec::new();
            self.found.shrink_to_fit();
        }
        true
    }

    /// Takes away what is at `index`, of `all`.
    pub(crate) fn take(&mut self, index: usize, all: usize) -> Option<T> {
        let wanted = u32::try_from(index).ok()?;
        if self.indexes.is_empty() && !self.found.is_empty() {
            self.indexes = (0..u32::try_from(all).ok()?).collect();
        }
        let at = self.indexes.binary_search(&wanted).ok()?;
        self.indexes.remove(at);
        Some(self.found.remove(at))
    }

    /// Leaves what is at indexes of which a test says so, in one go through a row that has holes.
    pub(crate) fn retain(&mut self, stays: impl Fn(usize) -> bool) {
        let stay: Vec<bool> = self.indexes.iter().map(|index| stays(size(*index))).collect();
        let (mut things, mut indexes) = (stay.iter(), stay.iter());
        self.found.retain(|_| things.next().is_none_or(|stays| *stays));
        self.indexes.retain(|_| indexes.next().is_none_or(|stays| *stays));
    }

    /// What is here, each with its index, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        (0..self.found.len()).filter_map(|at| self.nth(at))
    }

    fn nth(&self, at: usize) -> Option<(usize, &T)> {
        let index = self.indexes.get(at).map_or(at, |index| size(*index));
        Some((index, self.found.get(at)?))
    }

    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// Bytes that it takes.
    pub(crate) fn memory(&self) -> usize {
        self.found.capacity() * size_of::<T>() + self.indexes.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In every order of a few, and with some taken away again: the same as a row with holes.
    #[test]
    fn some_of_a_row_are_found_like_a_row_with_holes() {
        let mut chance = 1u32;
        for all in [1usize, 2, 3, 8, 256] {
            let (mut sparse, mut row) = (Sparse::new(), vec![None; all]);
            for _ in 0..all * 12 {
                chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (index, thing) = (chance as usize / 7 % (all + 1), chance);
                if chance >> 30 == 0 {
                    assert_eq!(sparse.take(index, all), row.get_mut(index).and_then(Option::take));
                } else {
                    let free = row.get(index).is_some_and(Option::is_none);
                    assert_eq!(sparse.put(index, all, thing), free);
                    if free {
                        row[index] = Some(thing);
                    }
                }
                let found: Vec<_> = sparse.iter().map(|(index, thing)| (index, *thing)).collect();
                let wanted = row.iter().enumerate().filter_map(|(index, thing)| Some((index, (*thing)?)));
                assert!(found.into_iter().eq(wanted) && sparse.len() == row.iter().flatten().count());
                for index in 0..=all {
                    assert_eq!(sparse.get(index), row.get(index).and_then(Option::as_ref));
                    assert_eq!(sparse.gap(index, all), (index..all).find(|at| row[*at].is_none()), "{row:?} from {index}");
                }
            }
        }
    }
}
