//! About where in a shard a digest stands.
//!
//! Digests are evenly spread, so a digest says about where its record stands: in a shard of 256 to some eight records, which is another
//! cache line half of the time. How far off that is at 16 digests, spread over the shard, is noted when the shard is read: between two
//! of them a guess is wrong by one or two records.

/// Places at which the error of a guess is noted.
pub(super) const HINTS: usize = 16;
/// Bits of a digest, after those that choose the shard, that a guess goes by.
const FRACTION_BITS: u32 = 32;
/// Bits of those that remain after the first four, which choose the hint.
const REST_BITS: u32 = FRACTION_BITS - HINTS.trailing_zeros();

const _: () = assert!(HINTS.is_power_of_two());

/// By how many records an even spread is wrong at the beginning of each sixteenth of the digests. A crowded shard is further off than a
/// byte can say: a guess may be wrong, and costs steps, never an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Hints([i8; HINTS]);

impl Hints {
    /// Of a shard that holds so many records in each sixteenth.
    pub(super) fn of(counts: &[u32; HINTS]) -> Self {
        let all = counts.iter().map(|count| i64::from(*count)).sum::<i64>();
        let mut hints = Hints::default();
        let mut before = 0;
        for ((hint, count), even) in hints.0.iter_mut().zip(counts).zip(0i64..) {
            let off = before - ((even * all) >> HINTS.trailing_zeros());
            *hint = i8::try_from(off.clamp(i8::MIN.into(), i8::MAX.into())).unwrap_or(0);
            before += i64::from(*count);
        }
        hints
    }

    /// About where the record with this fraction of a digest stands, of `count`; never beyond them.
    #[inline]
    pub(super) fn guess(&self, fraction: u64, count: usize) -> usize {
        let all = i64::try_from(count).unwrap_or(0);
        let fraction = i64::try_from(fraction).unwrap_or(0);
        let hint = |at: i64| usize::try_from(at).ok().and_then(|at| self.0.get(at)).map_or(0, |hint| i64::from(*hint));
        let (at, rest) = (fraction >> REST_BITS, fraction & ((1 << REST_BITS) - 1));
        let (here, next) = (hint(at), hint(at + 1));
        let guess = ((fraction * all) >> FRACTION_BITS) + here + (((next - here) * rest) >> REST_BITS);
        usize::try_from(guess).unwrap_or(0).min(count)
    }
}

/// What comes after the bits that choose the shard.
#[inline]
pub(super) fn fraction(high: u64, bits: u8) -> u64 {
    high.checked_shl(u32::from(bits)).unwrap_or(0) >> FRACTION_BITS
}

/// The sixteenth of a shard's digests to which one with this high word belongs.
#[inline]
pub(super) fn sixteenth(high: u64, bits: u8) -> usize {
    usize::try_from(fraction(high, bits) >> REST_BITS).unwrap_or(0)
}
