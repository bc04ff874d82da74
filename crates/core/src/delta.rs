//! The difference between two objects, as operations that make the new one out of the old one.
//!
//! ```text
//! delta := op*
//! op    := varint (length * 2), zigzag varint distance      copy `length` bytes of the old object
//!        | varint (length * 2 + 1), bytes[length]            insert these bytes
//! ```
//! `length` is at least 1. A copy begins `distance` bytes after the place where the copy before it ended (the first one: after the
//! old object's beginning). A signed number crosses as zigzag: 0, -1, 1, -2 are 0, 1, 2, 3. SPEC.md section 6.2.
//!
//! A delta is not signed and need not be: what it makes is believed because it hashes to a digest that a signed head leads to.
//! It can only cost: so the length of what it makes is known before, from the object that names it, and its operations are counted.

use crate::error::Error;
use crate::limits::MAX_DELTA_OPERATIONS;
use crate::wire::{Reader, size};
use alloc::vec::Vec;

const OBJECT: &str = "delta";

/// Makes the new object, which has `len` bytes, out of the old one.
pub fn apply(old: &[u8], delta: &[u8], len: usize) -> Result<Vec<u8>, Error> {
    let mut reader = Reader::inside(delta, OBJECT);
    let mut new = Vec::new();
    // All of it at once, and no more: a delta that makes more than was announced is refused before it does.
    new.try_reserve_exact(len).map_err(|_| Error::TooLarge { object: OBJECT, bytes: wide(len), limit: 0 })?;
    let mut at = 0usize;
    let mut operations = 0usize;
    while !reader.rest().is_empty() {
        operations += 1;
        if operations > MAX_DELTA_OPERATIONS {
            return Err(Error::TooLong { what: "operations of a delta", bytes: operations, limit: MAX_DELTA_OPERATIONS });
        }
        let word = reader.varint()?;
        let length = size(word >> 1);
        if length == 0 {
            return Err(Error::BadField { object: OBJECT, field: "length" });
        }
        if length > len - new.len() {
            return Err(Error::WrongCount { object: OBJECT, announced: wide(len), found: wide(new.len()) + wide(length) });
        }
        let bytes = if word & 1 == 1 {
            reader.bytes(length)?
        } else {
            let distance = reader.varint()?;
            let outside = Error::BadReference { object: OBJECT, field: "distance" };
            let step = size(distance >> 1);
            let from = if distance & 1 == 0 { at.checked_add(step) } else { at.checked_sub(step + 1) };
            let from = from.ok_or(outside.clone())?;
            let end = from.checked_add(length).ok_or(outside.clone())?;
            at = end;
            old.get(from..end).ok_or(outside)?
        };
        new.extend_from_slice(bytes);
    }
    if new.len() != len {
        return Err(Error::WrongCount { object: OBJECT, announced: wide(len), found: wide(new.len()) });
    }
    Ok(new)
}

fn wide(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(feature = "builder")]
pub use make::make;

#[cfg(feature = "builder")]
mod make {
    use super::{MAX_DELTA_OPERATIONS, Vec, size};
    use crate::wire::put;
    use alloc::vec;

    /// What is looked for in the old object: shorter runs cost as much to copy as to insert.
    const RUN: usize = 8;
    /// Every so many bytes of the old object a run is remembered.
    const STEP: usize = 4;

    /// A delta that makes `new` out of `old`: equal inputs give equal bytes. It is never longer than `new` by more than five bytes.
    ///
    /// Neither may have more than 2^31 bytes, which no object of the format has; whatever follows in `old` is not copied from.
    pub fn make(old: &[u8], new: &[u8]) -> Vec<u8> {
        let old = old.get(..size(i32::MAX.unsigned_abs())).unwrap_or(old);
        let whole = || {
            let mut out = Writer::default();
            out.insert(new);
            out.bytes
        };
        let front = common(old.iter(), new.iter());
        let (old_rest, new_rest) = (old.get(front..).unwrap_or(&[]), new.get(front..).unwrap_or(&[]));
        let back = common(old_rest.iter().rev(), new_rest.iter().rev());
        let middle = new_rest.get(..new_rest.len() - back).unwrap_or(&[]);
        let mut out = Writer::default();
        out.copy(0, front);
        changed(old, middle, &mut out);
        out.copy(old.len() - back, back);
        if out.operations > MAX_DELTA_OPERATIONS || out.bytes.len() > new.len() { whole() } else { out.bytes }
    }

    fn common<'a>(a: impl Iterator<Item = &'a u8>, b: impl Iterator<Item = &'a u8>) -> usize {
        a.zip(b).take_while(|(a, b)| a == b).count()
    }

    /// The part between what begins and what ends alike: runs that stand anywhere in the old object are copied from there.
    fn changed(old: &[u8], new: &[u8], out: &mut Writer) {
        let table = if new.len() < RUN { Table::default() } else { Table::of(old) };
        let (mut from, mut at) = (0, 0);
        while let Some(run) = new.get(at..at + RUN) {
            let Some((place, before, length)) = table.find(run).and_then(|place| extend(old, new, place, from, at)) else {
                at += 1;
                continue;
            };
            out.insert(new.get(from..at - before).unwrap_or(&[]));
            out.copy(place - before, before + length);
            at += length;
            from = at;
        }
        out.insert(new.get(from..).unwrap_or(&[]));
    }

    /// How far equal bytes reach back (not beyond `from`) and forth from a run found at `place`.
    fn extend(old: &[u8], new: &[u8], place: usize, from: usize, at: usize) -> Option<(usize, usize, usize)> {
        let length = common(old.get(place..)?.iter(), new.get(at..)?.iter());
        // First: whoever knows the table could make every look back at `new` end in a run that is none.
        if length < RUN {
            return None;
        }
        let before = common(old.get(..place)?.iter().rev(), new.get(from..at)?.iter().rev());
        Some((place, before, length))
    }

    /// Where runs of the old object stand: of those that share a slot, the first.
    #[derive(Default)]
    struct Table {
        slots: Vec<u32>,
    }

    impl Table {
        fn of(old: &[u8]) -> Self {
            let mut table = Table { slots: vec![0; (old.len() / STEP).next_power_of_two().max(1)] };
            for place in (0..old.len()).step_by(STEP) {
                let Some(run) = old.get(place..place + RUN) else { break };
                let slot = table.slot(run);
                if let (Some(slot @ 0), Ok(place)) = (table.slots.get_mut(slot), u32::try_from(place + 1)) {
                    *slot = place;
                }
            }
            table
        }

        fn find(&self, run: &[u8]) -> Option<usize> {
            let place = *self.slots.get(self.slot(run))?;
            Some(size(place.checked_sub(1)?))
        }

        fn slot(&self, run: &[u8]) -> usize {
            let word = run.first_chunk().map_or(0, |run| u64::from_le_bytes(*run));
            // The golden ratio's bits spread neighbouring words (Knuth, The Art of Computer Programming 6.4).
            let hash = word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            usize::try_from(hash).unwrap_or(0) & (self.slots.len().max(1) - 1)
        }
    }

    #[derive(Default)]
    struct Writer {
        bytes: Vec<u8>,
        /// Where the last copy ended.
        at: usize,
        operations: usize,
    }

    impl Writer {
        fn copy(&mut self, from: usize, length: usize) {
            if length == 0 {
                return;
            }
            put::varint(&mut self.bytes, length << 1);
            let distance = if from >= self.at { (from - self.at) << 1 } else { ((self.at - from - 1) << 1) | 1 };
            put::varint(&mut self.bytes, distance);
            self.at = from + length;
            self.operations += 1;
        }

        fn insert(&mut self, bytes: &[u8]) {
            if bytes.is_empty() {
                return;
            }
            put::varint(&mut self.bytes, (bytes.len() << 1) | 1);
            self.bytes.extend_from_slice(bytes);
            self.operations += 1;
        }
    }
}

#[cfg(test)]
mod tests;
