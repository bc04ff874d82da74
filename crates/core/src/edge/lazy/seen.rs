//! Whose keys an edge has found before.

use crate::limits::SEEN_KEYS;
use crate::wire::size;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

/// The leading 64 bits of digests, at places that further bits name. Of two keys with the same place the later one is known.
///
/// A digest is the output of SHA-256, or of HMAC under a pepper. Whoever has no key writes nothing here, and whoever has one writes to
/// one place, which costs a key that happens to share it its priority and nothing else. To pass for one of the keys here takes a text whose
/// digest begins with the same 64 bits: 2^64 hashes, divided by the keys of one place. And such a text would name the shard of
/// the key that it passes for, since that follows from these bits: nothing could be fetched for it but what a real key wants.
pub(crate) struct Seen(Vec<[AtomicU32; 2]>);

impl Seen {
    pub(crate) fn none() -> Self {
        Seen((0..SEEN_KEYS).map(|_| [const { AtomicU32::new(0) }; 2]).collect())
    }

    /// This key was found. Words are stored one by one: of two keys at the same moment a mixture may stay, which is neither's.
    pub(crate) fn note(&self, (high, low): (u64, u64)) {
        if let Some(place) = self.place(low) {
            place.iter().zip(halves(high)).for_each(|(word, half)| word.store(half, Ordering::Relaxed));
        }
    }

    /// Whether it was found before.
    pub(crate) fn holds(&self, (high, low): (u64, u64)) -> bool {
        let same =
            |place: &[AtomicU32; 2]| place.iter().zip(halves(high)).all(|(word, half)| word.load(Ordering::Relaxed) == half);
        self.place(low).is_some_and(same)
    }

    fn place(&self, low: u64) -> Option<&[AtomicU32; 2]> {
        let [_, low] = halves(low);
        self.0.get(size(low) % SEEN_KEYS)
    }

    /// Bytes that it takes.
    pub(crate) fn memory() -> usize {
        SEEN_KEYS * size_of::<[AtomicU32; 2]>()
    }
}

fn halves(word: u64) -> [u32; 2] {
    let half = |word: u64| u32::try_from(word & u64::from(u32::MAX)).unwrap_or(0);
    [half(word >> 32), half(word)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_found_is_known_until_another_takes_the_place() {
        let seen = Seen::none();
        let (one, same_place) = ((7 << 40 | 3, 5), (9 << 40, 5 + SEEN_KEYS as u64));
        assert!(!seen.holds(one));
        seen.note(one);
        assert!(seen.holds(one) && !seen.holds(same_place));
        // Each bit of the first word counts, and those of the second that name the place.
        assert!((0..64).all(|bit| !seen.holds((one.0 ^ 1 << bit, one.1))));
        assert!((0..SEEN_KEYS.trailing_zeros()).all(|bit| !seen.holds((one.0, one.1 ^ 1 << bit))));
        seen.note(same_place);
        assert!(seen.holds(same_place) && !seen.holds(one));
    }
}
