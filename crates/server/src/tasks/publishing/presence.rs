//! Until when this process holds what it holds.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::limits::LEASE;

/// Until when this process holds what it holds.
#[derive(Debug, Default)]
pub(super) struct Presence(Mutex<Until>);

#[derive(Clone, Copy, Debug, Default)]
enum Until {
    /// It has not said that it is at work yet.
    #[default]
    Unsaid,
    At(Instant),
    /// It ends.
    Over,
}

impl Presence {
    /// Whether others take this process for one at work.
    pub(super) fn holds(&self) -> bool {
        matches!(*self.until(), Until::At(until) if Instant::now() < until)
    }

    /// Said at this moment, or later.
    pub(super) fn said(&self, at: Instant) {
        let mut until = self.until();
        if !matches!(*until, Until::Over) {
            *until = Until::At(at + LEASE);
        }
    }

    /// Nothing is taken any more.
    pub(super) fn end(&self) {
        *self.until() = Until::Over;
    }

    fn until(&self) -> MutexGuard<'_, Until> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
