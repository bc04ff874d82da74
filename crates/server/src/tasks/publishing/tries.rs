//! Attempts in a row at one thing that failed, and when to try again.

use std::time::{Duration, Instant};

use crate::limits::{OWN_FAILING, OWN_FAILURES};

/// Attempts that failed one after the other; none at first, and after a success.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    pub(super) failures: u32,
    since: Option<Instant>,
    /// Nothing is tried before this, whoever asks for it.
    at: Option<Instant>,
}

impl Tries {
    /// Counts a failure of an attempt that was begun then; says how long to wait before the next one, which is twice as long each time, up to `most`.
    pub(super) fn failed(&mut self, begun: Instant, most: Duration) -> Duration {
        let pause = Duration::from_secs(1 << self.failures.min(6)).min(most);
        self.failures = self.failures.saturating_add(1);
        self.since = self.since.or(Some(begun));
        self.at = Some(Instant::now() + pause);
        pause
    }

    /// Whether it is too early for the next attempt.
    pub(super) fn waits(&self) -> bool {
        self.at.is_some_and(|at| Instant::now() < at)
    }

    /// Whether it has failed so often, or for so long, that somebody else should try.
    pub(super) fn is_hopeless(&self) -> bool {
        self.failures >= OWN_FAILURES || self.since.is_some_and(|since| since.elapsed() >= OWN_FAILING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_most_and_hope_ends_with_the_third_failure() {
        let mut tries = Tries::default();
        assert!(!tries.waits() && !tries.is_hopeless());
        let most = Duration::from_secs(5);
        for (seconds, hopeless) in [(1, false), (2, false), (4, true), (5, true)] {
            assert_eq!(tries.failed(Instant::now(), most), Duration::from_secs(seconds));
            assert_eq!((tries.waits(), tries.is_hopeless()), (true, hopeless));
        }
        // One that took long counts for several.
        let mut slow = Tries::default();
        slow.failed(Instant::now().checked_sub(OWN_FAILING).unwrap(), most);
        assert!(slow.is_hopeless());
    }
}
