//! Which shards and chunks an edge holds, and which of them go when there are too many.
//!
//! What comes is on probation, for which there is a small share of the budget. What leaves it is protected if it has served a key that
//! exists, and dropped if it has not. Of what is protected, the one goes that has served no key for longest. So made-up keys, however many,
//! move nothing that serves real ones.

use super::stats::LazyStats;
use crate::limits::{EVICTION_SAMPLE, PROBATION_SHARE};
use crate::snapshot::{Snapshot, Sparse};
use crate::tree::Place;
use crate::wire::size;
use alloc::collections::VecDeque;
use core::sync::atomic::{AtomicU32, Ordering};

/// There is no place at which an entry could not stand.
const ANY: usize = usize::MAX;

struct Entry {
    bytes: usize,
    /// The tick at which it last served a key; 0 for never.
    used: AtomicU32,
}

/// Places and their bytes, the one that came first in front.
#[derive(Default)]
struct Queue {
    places: VecDeque<Place>,
    bytes: usize,
}

pub(crate) struct Held {
    /// By the number of the place.
    entries: Sparse<Entry>,
    probation: Queue,
    probation_share: usize,
    protected: Queue,
    protected_share: usize,
    /// Counts verdicts, as far as an order needs it: after 2^32 of them what was not used for so long seems fresh, and lives a little longer.
    ticks: AtomicU32,
    dropped: u64,
}

impl Held {
    pub(crate) fn new(budget: usize) -> Self {
        let probation_share = budget / PROBATION_SHARE;
        Held {
            entries: Sparse::new(),
            probation: Queue::default(),
            probation_share,
            protected: Queue::default(),
            protected_share: budget - probation_share,
            ticks: AtomicU32::new(1),
            dropped: 0,
        }
    }

    /// A verdict on a key that exists.
    pub(crate) fn tick(&self) -> u32 {
        self.ticks.fetch_add(1, Ordering::Relaxed).max(1)
    }

    /// The object at `place`, if it is held, has served that verdict.
    pub(crate) fn served(&self, place: Place, tick: u32) {
        if let Some(entry) = self.entry(place) {
            entry.used.store(tick, Ordering::Relaxed);
        }
    }

    /// An object was taken.
    pub(crate) fn take(&mut self, place: Place, bytes: usize) {
        if self.entries.put(index(place), ANY, Entry { bytes, used: AtomicU32::new(0) }) {
            self.probation.places.push_back(place);
            self.probation.bytes += bytes;
        }
    }

    /// The object that is to be dropped next; `None` once all fits. The one that came last stays, whatever it takes: else one that is larger
    /// than the share would be fetched for each request anew. It may be on probation alone then, but never takes the room of what is protected.
    pub(crate) fn next_to_go(&mut self) -> Option<Place> {
        while self.probation.bytes > self.probation_share && self.probation.places.len() > 1 {
            let place = self.probation.places.pop_front()?;
            let Some(entry) = self.entries.get_mut(index(place)) else { continue };
            self.probation.bytes = self.probation.bytes.saturating_sub(entry.bytes);
            if *entry.used.get_mut() == 0 || entry.bytes > self.protected_share {
                return self.drop(place);
            }
            self.protected.bytes += entry.bytes;
            self.protected.places.push_back(place);
        }
        if self.protected.bytes <= self.protected_share {
            return None;
        }
        let place = self.least_used()?;
        let bytes = self.entry(place).map_or(0, |entry| entry.bytes);
        self.protected.bytes = self.protected.bytes.saturating_sub(bytes);
        self.drop(place)
    }

    fn drop(&mut self, place: Place) -> Option<Place> {
        self.entries.take(index(place), ANY);
        self.dropped += 1;
        Some(place)
    }

    /// Takes the one out of the queue, of the first few, that has served no key for longest. The others go to its end, so that all have their turn.
    fn least_used(&mut self) -> Option<Place> {
        let now = self.ticks.load(Ordering::Relaxed);
        let age = |entry: &Entry| now.wrapping_sub(entry.used.load(Ordering::Relaxed));
        let mut oldest: Option<(u32, Place)> = None;
        for _ in 0..self.protected.places.len().min(EVICTION_SAMPLE) {
            let place = self.protected.places.pop_front()?;
            crate::work::done(1);
            let age = self.entry(place).map_or(u32::MAX, age);
            let stays = match oldest {
                Some((other, _)) if other >= age => Some(place),
                _ => oldest.replace((age, place)).map(|(_, place)| place),
            };
            self.protected.places.extend(stays);
        }
        oldest.map(|(_, place)| place)
    }

    /// What a tree has now, in place of the one before: an object that changed goes on as what it replaced, one that is no longer there
    /// is forgotten, and what is new is on probation.
    pub(crate) fn follow(&mut self, tree: &Snapshot) {
        for queue in [&mut self.probation, &mut self.protected] {
            queue.bytes = 0;
            queue.places.retain(|place| {
                let (known, now) = (self.entries.get_mut(index(*place)), tree.object(*place));
                let goes_on = known.zip(now).map(|(entry, now)| {
                    entry.bytes = now.len();
                    queue.bytes += now.len();
                });
                goes_on.is_some()
            });
        }
        let is_there =
            |at: usize| u32::try_from(at).ok().and_then(Place::of_number).is_some_and(|place| tree.object(place).is_some());
        self.entries.retain(is_there);
        for (place, bytes) in tree.leaves() {
            self.take(place, bytes.len());
        }
    }

    pub(crate) fn stats(&self) -> LazyStats {
        LazyStats {
            objects: self.entries.len(),
            bytes: self.probation.bytes + self.protected.bytes,
            protected_bytes: self.protected.bytes,
            dropped: self.dropped,
            ..LazyStats::default()
        }
    }

    /// About the bytes that it takes itself.
    pub(crate) fn memory(&self) -> usize {
        let places = self.probation.places.capacity() + self.protected.places.capacity();
        self.entries.memory() + places * size_of::<Place>()
    }

    fn entry(&self, place: Place) -> Option<&Entry> {
        self.entries.get(index(place))
    }
}

fn index(place: Place) -> usize {
    size(place.number())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;

    const BUDGET: usize = 8_000;

    fn take(held: &mut Held, place: Place, bytes: usize) -> Vec<Place> {
        held.take(place, bytes);
        core::iter::from_fn(|| held.next_to_go()).collect()
    }

    fn serve(held: &Held, place: Place) {
        held.served(place, held.tick());
    }

    /// Objects of all sizes, of which some serve keys: what did goes only where there is no room for all that did, and the bytes are counted.
    #[test]
    fn what_served_goes_only_for_what_served() {
        let mut random = 7u32;
        let mut chance = |n: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) % n
        };
        let mut held = Held::new(BUDGET);
        let mut all: BTreeMap<Place, (usize, bool)> = BTreeMap::new();
        let mut dropped = [0; 2];
        for n in 0..20_000 {
            let (place, bytes) = (Place::Shard(n), [50, 300, 900, 900, 2_000][chance(5) as usize]);
            all.insert(place, (bytes, false));
            let served: usize = all.values().filter(|(_, served)| *served).map(|(bytes, _)| bytes).sum();
            for gone in take(&mut held, place, bytes) {
                let (_, had_served) = all.remove(&gone).unwrap();
                assert!(!had_served || served > held.protected_share, "{gone:?} went, though all that had served fits");
                dropped[usize::from(had_served)] += 1;
            }
            if chance(3) == 0 {
                serve(&held, place);
                all.insert(place, (bytes, true));
            }
            let stats = held.stats();
            assert_eq!((stats.objects, stats.bytes), (all.len(), all.values().map(|(bytes, _)| bytes).sum()));
            assert!(stats.protected_bytes <= held.protected_share && stats.bytes <= held.protected_share + 2_000);
        }
        assert!(dropped.iter().all(|count| *count > 1_000), "{dropped:?}");
    }

    /// However much is held, one that comes costs a look at a few.
    #[test]
    fn no_call_looks_at_more_than_a_few() {
        let mut held = Held::new(100_000 * 8);
        for n in 0..10_000 {
            take(&mut held, Place::Shard(n), 80);
            serve(&held, Place::Shard(n));
        }
        let (gone, steps) = crate::work::of(|| take(&mut held, Place::Shard(10_000), 80));
        assert!(gone.len() == 1 && steps <= EVICTION_SAMPLE, "{gone:?} {steps}");
    }

    /// What is used again and again stays, also when the count of verdicts begins anew.
    #[test]
    fn the_one_that_was_not_used_for_longest_goes() {
        for begin in [1, u32::MAX - 50] {
            let mut held = Held::new(BUDGET);
            held.ticks = AtomicU32::new(begin);
            for n in 0..100 {
                for gone in take(&mut held, Place::Shard(n), 1_000) {
                    assert!(gone != Place::Shard(0) && gone != Place::Shard(1), "{begin} {n}");
                }
                [0, 1, n].into_iter().for_each(|n| serve(&held, Place::Shard(n)));
            }
        }
    }
}
