//! How many objects a lazy edge may fetch: in the long run so many a second as the host says, and twice as many at once.

/// A bucket of tokens, each worth one object; it is filled once for each second that passes. Keys that were not found before leave half of it:
/// a flood of made-up keys spends what flows in, and who returns still has a second's worth in hand.
pub(crate) struct Rate {
    /// Tokens a second.
    rate: u32,
    tokens: u32,
    /// When it was filled last, in Unix seconds.
    filled: u64,
    pub(crate) granted: u64,
    pub(crate) refused: u64,
}

impl Rate {
    pub(crate) fn new(rate: u32) -> Self {
        Rate { rate, tokens: rate.saturating_mul(2), filled: 0, granted: 0, refused: 0 }
    }

    /// Takes a token if there is one for such a key.
    pub(crate) fn take(&mut self, returning: bool, now: u64) -> bool {
        // A clock that is set back fills nothing, and counts on from where it is: so one that jumps is worth a full bucket each time.
        let passed = u32::try_from(now.saturating_sub(self.filled)).unwrap_or(u32::MAX);
        self.filled = now;
        self.tokens = self.tokens.saturating_add(passed.saturating_mul(self.rate)).min(self.rate.saturating_mul(2));
        let granted = self.tokens > if returning { 0 } else { self.rate };
        if granted {
            self.tokens -= 1;
            self.granted += 1;
        } else {
            self.refused += 1;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(rate: &mut Rate, returning: bool, now: u64) -> usize {
        (0..1000).filter(|_| rate.take(returning, now)).count()
    }

    #[test]
    fn strangers_leave_half_and_both_get_what_flows_in() {
        let mut rate = Rate::new(10);
        assert_eq!([taken(&mut rate, false, 100), taken(&mut rate, true, 100), taken(&mut rate, false, 100)], [10, 10, 0]);
        // What was taken out of the last half comes before strangers get anything again.
        assert_eq!([taken(&mut rate, false, 101), taken(&mut rate, false, 102)], [0, 10]);
        assert_eq!([taken(&mut rate, true, 103), taken(&mut rate, true, 104)], [20, 10]);
        assert_eq!((rate.granted, rate.refused), (60, 6940));
        let mut least = Rate::new(1);
        assert_eq!([taken(&mut least, false, 5), taken(&mut least, true, 5), taken(&mut least, true, 6)], [1, 1, 1]);
    }

    #[test]
    fn a_clock_that_jumps_gives_a_full_bucket_at_the_most_and_stops_nothing() {
        let mut rate = Rate::new(10);
        assert_eq!(taken(&mut rate, true, 1_800_000_000), 20);
        for now in [u64::MAX, 0, 1 << 40, 7] {
            let forth = now > 1 << 32;
            assert_eq!(taken(&mut rate, true, now), if forth { 20 } else { 0 }, "{now}");
        }
        assert_eq!([8, 9, 10].map(|now| taken(&mut rate, true, now)), [10; 3]);
    }
}
