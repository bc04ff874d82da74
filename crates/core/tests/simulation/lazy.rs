//! What lazy edges do besides: they fetch what a request needs, drop what does not fit, and begin with what an earlier life has kept.

use edgelatch_core::edge::{Fetch, Outcome};
use edgelatch_core::limits::PROBATION_SHARE;
use edgelatch_core::tree::Place;
use edgelatch_testkit::random::Random;

use crate::check::Question;
use crate::network::Network;
use crate::node::Node;
use crate::origin::Origin;
use crate::world::Counts;

/// Objects that one answer takes: a shard, and chunks with a policy, a scope, a role set and roles.
const MOST: usize = 5;

/// A head, and objects of its tree.
#[derive(Clone)]
pub struct Kept {
    head: Vec<u8>,
    objects: Vec<(Place, Vec<u8>)>,
}

impl Node {
    /// What it holds, under the head that it serves.
    pub fn keep_objects(&self, origin: &Origin) -> Option<Kept> {
        let head = self.edge.head()?;
        let published = origin.history.iter().find(|published| published.epoch == head.epoch)?;
        let objects = self.edge.objects().map(|(place, bytes)| (place, bytes.to_vec())).collect();
        Some(Kept { head: published.head.clone(), objects })
    }

    /// Begins with what an earlier life has kept, some time or other: an edge that has seen more since does not take it.
    pub fn begin_with_kept(&mut self, origin: &Origin, random: &mut Random, now: u64, counts: &mut Counts) {
        let Some(Kept { head, objects }) = self.kept_objects.clone() else { return };
        let chain: Vec<&[u8]> = origin.roots.iter().skip(1).map(Vec::as_slice).collect();
        let now = self.now(now);
        let served = self.attempt(|edge| {
            edge.offer(&chain, &head, now)?;
            let mut staged = edge.begin(&chain, now)?;
            for (place, bytes) in objects {
                // A cache may have lost some.
                if !place.is_leaf() || random.below(4) > 0 {
                    staged.supply(place, bytes)?;
                }
            }
            edge.commit(staged, now)
        });
        match served {
            Ok(()) => counts.lazy_from_cache += 1,
            Err(_) => counts.stale_cache += 1,
        }
    }

    /// Asks again as long as what is needed comes.
    #[allow(clippy::too_many_arguments)]
    pub fn fetch_for(
        &mut self,
        question: Question,
        mut outcome: Outcome,
        origin: &Origin,
        network: Network,
        random: &mut Random,
        now: u64,
        counts: &mut Counts,
    ) -> Outcome {
        for fetched in 0.. {
            let Some((place, returning)) = Outcome::needed(outcome.pack()) else { break };
            if fetched == MOST {
                // One pushes out the other: that may be only where they do not fit together.
                assert!(!self.fits(origin), "{place:?} after {fetched} objects");
                counts.gave_up += 1;
                break;
            }
            counts.returning += usize::from(returning);
            let need = match self.edge.fetch(place, returning, now) {
                Fetch::Granted(need) => need,
                Fetch::Refused => {
                    counts.fetch_refused += 1;
                    break;
                }
                Fetch::Settled => panic!("{place:?} is needed and here"),
            };
            assert_eq!(need.place, place);
            let Some(object) = network.object(origin, need.slot.id, random) else { break };
            if self.attempt(|edge| edge.supply(place, object)).is_err() {
                counts.fetch_failed += 1;
                break;
            }
            counts.fetched += 1;
            outcome = self.ask(question, now);
        }
        outcome
    }

    /// Whether there is room for all of the tree.
    fn fits(&self, origin: &Origin) -> bool {
        let tree = self.edge.head().map(|head| head.tree);
        let published = origin.history.iter().find(|published| Some(published.tree) == tree);
        published.is_some_and(|published| published.bundle.len() <= self.budget - self.budget / PROBATION_SHARE)
    }

    /// With a sound network each key is answered in the end.
    pub fn check_all(&mut self, origin: &Origin, network: Network, random: &mut Random, now: u64, counts: &mut Counts) {
        for n in 1..=origin.newest().truth.keys.len() as u64 {
            let question = Question { n, asked: 2, known: true };
            let outcome = (now..now + 2 * MOST as u64).fold(self.ask(question, now), |outcome, now| {
                self.fetch_for(question, outcome, origin, network, random, now, counts)
            });
            assert!(outcome.needs.is_none() || !self.fits(origin), "key {n}: {outcome:?}");
        }
    }

    /// That it holds no more than it may, and knows what it holds.
    pub fn check_held(&mut self, counts: &mut Counts) {
        let leaves: Vec<usize> =
            self.edge.objects().filter(|(place, _)| place.is_leaf()).map(|(_, bytes)| bytes.len()).collect();
        let stats = self.edge.lazy_stats().unwrap();
        assert_eq!((stats.objects, stats.bytes), (leaves.len(), leaves.iter().sum()));
        let probation = self.budget / PROBATION_SHARE;
        assert!(stats.protected_bytes <= self.budget - probation, "{stats:?} of {}", self.budget);
        let longest = leaves.into_iter().max().unwrap_or(0);
        assert!(stats.bytes - stats.protected_bytes <= probation.max(longest), "{stats:?} of {}", self.budget);
        counts.dropped += (stats.dropped - self.dropped) as usize;
        counts.protected += usize::from(stats.protected_bytes > 0);
        self.dropped = stats.dropped;
    }
}
