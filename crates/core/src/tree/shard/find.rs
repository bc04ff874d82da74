//! Finding a record by its digest.

use super::Shard;
use super::hints::fraction;

impl Shard<'_> {
    /// The record whose truncated digest is `(high, low)`, if any.
    #[inline]
    pub(crate) fn find(&self, bits: u8, high: u64, low: u64) -> Option<usize> {
        use subtle::ConstantTimeEq;
        let guess = self.hints.guess(fraction(high, bits), self.count);
        let index = self.lower_bound(guess, high, low);
        // Words first, and nothing more of a record that is another's: the comparison in constant time is made once, of the one candidate.
        if self.high(index)? != high {
            return None;
        }
        let (stored_high, stored_low) = self.words(index)?;
        bool::from(stored_high.ct_eq(&high) & stored_low.ct_eq(&low)).then_some(index)
    }

    /// The first record that is not below `(high, low)`, looked for from `guess` on in steps of growing width, then by bisection: so
    /// crowding, as imported digests may have it, costs a logarithm at most.
    #[inline]
    fn lower_bound(&self, guess: usize, high: u64, low: u64) -> usize {
        let below = |index: usize| match self.high(index) {
            None => false,
            Some(h) if h == high => self.words(index).is_some_and(|(_, l)| l < low),
            Some(h) => h < high,
        };
        // Everything before `from` is below, nothing from `to` on is.
        let (mut from, mut to) = (0, self.count);
        let mut step = 1;
        if below(guess) {
            from = guess + 1;
            while below(from + step - 1) {
                from += step;
                step *= 2;
            }
            to = to.min(from + step - 1);
        } else {
            to = guess;
            while to > 0 && !below(to.saturating_sub(step)) {
                to = to.saturating_sub(step);
                step *= 2;
            }
            if to > 0 {
                from = to.saturating_sub(step) + 1;
            }
        }
        while from < to {
            let middle = from + (to - from) / 2;
            if below(middle) { from = middle + 1 } else { to = middle }
        }
        from
    }
}
