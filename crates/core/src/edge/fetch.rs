//! What an edge without everything asks its host to fetch, and how often it may.

use super::{Edge, LazyStats, Need};
use crate::tree::Place;

/// Whether an object may be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// Fetch it now, [supply](Edge::supply) it and ask again at once: what has served no key yet is the first to go.
    Granted(Need),
    /// Not now: too many are being fetched. Later it may be.
    Refused,
    /// The tree that serves does not lack it, or is another one by now: ask again.
    Settled,
}

impl Edge {
    /// Whether the host may fetch, `now` in Unix seconds, the object that a verification [needs](super::Outcome::needs). `returning` says
    /// that the outcome was [`RETURNING`](super::Outcome::RETURNING). Each grant counts, whatever becomes of it: so requests that need the
    /// same object at the same time are to ask once. Edges that are not lazy grant all.
    pub fn fetch(&mut self, place: Place, returning: bool, now: u64) -> Fetch {
        let lacking = self.active.as_ref().map(|active| &active.snapshot).filter(|tree| tree.object(place).is_none());
        let Some(need) = lacking.and_then(|tree| tree.need(place)) else { return Fetch::Settled };
        let granted = self.lazy.as_mut().is_none_or(|lazy| lazy.rate.take(returning, now));
        if granted { Fetch::Granted(need) } else { Fetch::Refused }
    }

    /// What a lazy edge holds and has done so far; `None` for any other.
    pub fn lazy_stats(&self) -> Option<LazyStats> {
        self.lazy.as_ref().map(|lazy| lazy.stats())
    }
}
