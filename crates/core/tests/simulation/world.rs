//! One simulated realm and its edges, from a seed.

use edgelatch_testkit::random::Random;

use crate::network::Network;
use crate::node::{Mode, Node, POLLS};
use crate::origin::Origin;

/// Steps before everything is made sound.
const STEPS: usize = 120;
const BEGINNING: u64 = 1_800_000_000;

/// What happened.
#[derive(Debug, Default)]
pub struct Counts {
    pub verdicts: usize,
    pub needed: usize,
    pub refused: usize,
    pub patched: usize,
    pub objects: usize,
    pub bundles: usize,
    pub renewed: usize,
    pub restarts: usize,
    pub from_cache: usize,
    pub epochs: usize,
    pub rotations: usize,
    /// Objects that lazy edges fetched for requests, that were refused by the rate, or were not what was asked for.
    pub fetched: usize,
    pub fetch_refused: usize,
    pub fetch_failed: usize,
    /// Requests that took more than fits at once.
    pub gave_up: usize,
    /// Requests of keys that such an edge had found before, and that needed an object.
    pub returning: usize,
    /// Objects that lazy edges dropped, and times that something was protected from that.
    pub dropped: usize,
    pub protected: usize,
    /// Restarts of lazy edges from what they kept, and such that it was too old for.
    pub lazy_from_cache: usize,
    pub stale_cache: usize,
}

impl Counts {
    fn fields(&mut self) -> [&mut usize; 20] {
        let Counts {
            verdicts,
            needed,
            refused,
            patched,
            objects,
            bundles,
            renewed,
            restarts,
            from_cache,
            epochs,
            rotations,
            fetched,
            fetch_refused,
            fetch_failed,
            gave_up,
            returning,
            dropped,
            protected,
            lazy_from_cache,
            stale_cache,
        } = self;
        [
            verdicts,
            needed,
            refused,
            patched,
            objects,
            bundles,
            renewed,
            restarts,
            from_cache,
            epochs,
            rotations,
            fetched,
            fetch_refused,
            fetch_failed,
            gave_up,
            returning,
            dropped,
            protected,
            lazy_from_cache,
            stale_cache,
        ]
    }

    pub fn add(&mut self, other: &Counts) {
        let mut other = Counts { ..*other };
        self.fields().into_iter().zip(other.fields()).for_each(|(sum, count)| *sum += *count);
    }

    pub fn all_happened(&mut self) -> bool {
        self.fields().into_iter().all(|count| *count > 0)
    }
}

pub struct World {
    random: Random,
    origin: Origin,
    network: Network,
    nodes: Vec<Node>,
    now: u64,
    counts: Counts,
}

impl World {
    pub fn new(seed: u64) -> World {
        let mut random = Random(seed.wrapping_mul(0xA076_1D64_78BD_642F) | 1);
        let origin = Origin::new(&mut random, BEGINNING);
        let modes = [Mode::Bundles, Mode::Patches, Mode::Early, Mode::Lazy];
        let nodes = modes.map(|mode| Node::new(mode, &origin, &mut random)).into();
        let network = Network { faults: random.below(6) };
        World { random, origin, network, nodes, now: BEGINNING, counts: Counts::default() }
    }

    pub fn run(mut self) -> Counts {
        for _ in 0..STEPS {
            self.step();
            self.check();
        }
        self.heal();
        self.counts.epochs = self.origin.history.len();
        self.counts
    }

    fn step(&mut self) {
        let World { random, origin, network, nodes, now, counts } = self;
        *now += random.below(40) as u64;
        let at = random.below(nodes.len());
        let node = &mut nodes[at];
        match random.below(24) {
            0..=1 => origin.act(random, *now),
            2..=4 => {
                (0..random.below(3)).for_each(|_| origin.act(random, *now));
                origin.publish(random, *now);
            }
            5 if random.below(4) == 0 => {
                origin.rotate(random, *now);
                counts.rotations += 1;
            }
            6 => node.restart(origin, random, *now, counts),
            7 => node.clock = random.below(4000) as i64 - 2000,
            8 => node.clock = 0,
            9 => network.faults = random.below(8),
            10 if random.below(3) == 0 => *now += 2500,
            _ => node.step(origin, *network, random, *now, counts),
        }
    }

    fn check(&mut self) {
        for node in &mut self.nodes {
            node.check(&self.origin, self.network, &mut self.random, self.now, &mut self.counts);
        }
    }

    /// Everything is sound from now on.
    fn heal(&mut self) {
        self.network.faults = 0;
        self.now += 400;
        self.origin.act(&mut self.random, self.now);
        self.origin.publish(&mut self.random, self.now);
        for at in 0..self.nodes.len() {
            let node = &mut self.nodes[at];
            (node.clock, node.polls) = (0, 0);
            let newest = self.origin.newest().epoch;
            while node.edge.head().is_none_or(|head| head.epoch < newest) {
                assert!(
                    node.polls <= POLLS,
                    "{:?}: still at {:?} after {POLLS} looks, the newest is {newest}",
                    node.mode,
                    node.edge.head().map(|head| head.epoch)
                );
                node.step(&self.origin, self.network, &mut self.random, self.now, &mut self.counts);
                node.check(&self.origin, self.network, &mut self.random, self.now, &mut self.counts);
            }
            if node.mode == Mode::Lazy {
                node.check_all(&self.origin, self.network, &mut self.random, self.now, &mut self.counts);
            }
        }
    }
}
