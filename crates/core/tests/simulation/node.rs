//! One edge, and the program around it that fetches.

use edgelatch_core::edge::{Edge, HostConfig, Offer, Staged};
use edgelatch_core::error::Error;
use edgelatch_core::tree::Place;
use edgelatch_testkit::random::Random;

use crate::lazy::Kept;
use crate::network::Network;
use crate::origin::{ASKED, Origin};
use crate::world::Counts;

/// Looks after which an edge serves the newest epoch once everything around it is sound: one may still be about an older head.
pub const POLLS: usize = 3;
/// Objects fetched one by one before a bundle is asked for.
const SINGLE: usize = 12;

/// How an edge gets its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Whole bundles.
    Bundles,
    /// Patches, then single objects, then the bundle.
    Patches,
    /// Serves as soon as it may, and fetches what it lacks afterwards.
    Early,
    /// Keeps some of it, and fetches what a request needs.
    Lazy,
}

enum Task {
    Idle,
    Staging { staged: Box<Staged>, roots: Vec<Vec<u8>>, fetched: usize, patched: bool },
    Filling,
}

pub struct Node {
    pub mode: Mode,
    pub edge: Edge,
    task: Task,
    /// Seconds by which its clock is wrong.
    pub clock: i64,
    /// The highest epoch that it served while its durable floor was kept.
    pub highest: u64,
    /// A bundle put together from what it held.
    kept: Option<Vec<u8>>,
    /// What a lazy edge held.
    pub kept_objects: Option<Kept>,
    /// Bytes of shards and chunks that a lazy edge may keep.
    pub budget: usize,
    /// Objects that the edge has dropped, as far as they are counted.
    pub dropped: u64,
    pub polls: usize,
}

fn open(origin: &Origin, mode: Mode, config: &str, budget: usize) -> Edge {
    let config = match mode {
        Mode::Lazy => {
            HostConfig::parse(&format!("lazy=262144\nfetches={}\n{config}", 1 + budget / 200)).unwrap().lazy_within(budget)
        }
        _ => HostConfig::parse(config).unwrap(),
    };
    let mut edge = Edge::new(&origin.roots[0], config).unwrap();
    // Compiled in this order, they have the handles from `NONE` on.
    for (service, permission) in ASKED {
        edge.compile(service, permission);
    }
    edge
}

/// From less than one object to more than all.
fn any_budget(random: &mut Random) -> usize {
    200 << random.below(8)
}

impl Node {
    pub fn new(mode: Mode, origin: &Origin, random: &mut Random) -> Node {
        let budget = any_budget(random);
        Node {
            mode,
            edge: open(origin, mode, "", budget),
            task: Task::Idle,
            clock: 0,
            highest: 0,
            kept: None,
            kept_objects: None,
            budget,
            dropped: 0,
            polls: 0,
        }
    }

    pub fn now(&self, now: u64) -> u64 {
        now.saturating_add_signed(self.clock)
    }

    /// Ends and begins again, with its durable floor or as if newly deployed, and perhaps with the bundle that it kept.
    pub fn restart(&mut self, origin: &Origin, random: &mut Random, now: u64, counts: &mut Counts) {
        let floor = self.edge.floor().filter(|_| random.below(3) > 0);
        if floor.is_none() {
            self.highest = 0;
        }
        if random.below(2) == 0 {
            match self.mode {
                Mode::Lazy => self.kept_objects = self.keep_objects(origin),
                _ => self.kept = self.keep(origin),
            }
        }
        (self.budget, self.dropped) = (any_budget(random), 0);
        let config = floor.map_or_else(String::new, |floor| format!("floor={floor}"));
        self.edge = open(origin, self.mode, &config, self.budget);
        self.task = Task::Idle;
        counts.restarts += 1;
        if self.mode == Mode::Lazy {
            return if random.below(3) > 0 {
                self.begin_with_kept(origin, random, now, counts)
            };
        }
        if let Some(kept) = self.kept.clone().filter(|_| random.below(2) == 0) {
            let roots = origin.roots.clone();
            let chain: Vec<&[u8]> = roots.iter().skip(1).map(Vec::as_slice).collect();
            let now = self.now(now);
            let served = self.attempt(|edge| {
                let mut staged = edge.stage(&chain, kept, now)?;
                while staged.check(100)? > 0 {}
                edge.commit(staged, now)
            });
            counts.from_cache += usize::from(served.is_ok());
        }
    }

    /// What it holds, as a bundle under the head that it serves; none if something is missing.
    fn keep(&self, origin: &Origin) -> Option<Vec<u8>> {
        let head = self.edge.head()?;
        let published = origin.history.iter().find(|published| published.epoch == head.epoch)?;
        if self.edge.need(Place::Top).is_some() {
            return None;
        }
        let objects: Vec<u8> = self.edge.objects().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        let top = self.edge.objects().next()?.1.len() as u32;
        let mut bundle = published.bundle[..8].to_vec();
        bundle.extend((published.head.len() as u32).to_le_bytes());
        bundle.extend(top.to_le_bytes());
        bundle.extend(&published.head);
        bundle.extend(objects);
        Some(bundle)
    }

    /// Whatever is refused changes nothing.
    pub fn attempt<T>(&mut self, act: impl FnOnce(&mut Edge) -> Result<T, Error>) -> Result<T, Error> {
        let state = |edge: &Edge| (edge.head().cloned(), edge.root_version(), edge.floor(), edge.generation());
        let before = state(&self.edge);
        let done = act(&mut self.edge);
        if let Err(error) = &done {
            assert_eq!(state(&self.edge), before, "a refusal ({error}) changed something");
        }
        done
    }

    /// One step of an update.
    pub fn step(&mut self, origin: &Origin, network: Network, random: &mut Random, now: u64, counts: &mut Counts) {
        let clock = self.now(now);
        match std::mem::replace(&mut self.task, Task::Idle) {
            Task::Idle => self.look(origin, network, random, clock, counts),
            Task::Filling => self.fill(origin, network, random),
            Task::Staging { staged, roots, fetched, patched } => {
                self.task = self.stage(*staged, roots, fetched, patched, origin, network, random, clock, counts);
            }
        }
    }

    /// Shows the edge a head, and fetches the roots that it asks for.
    fn look(&mut self, origin: &Origin, network: Network, random: &mut Random, now: u64, counts: &mut Counts) {
        self.polls += 1;
        let Some(head) = network.head(origin, random) else { return };
        let mut roots: Vec<Vec<u8>> = Vec::new();
        loop {
            let chain: Vec<&[u8]> = roots.iter().map(Vec::as_slice).collect();
            match self.attempt(|edge| edge.offer(&chain, &head, now)) {
                Ok(Offer::RootNeeded) => {
                    let version = self.edge.root_version() + roots.len() as u32 + 1;
                    let Some(root) = network.root(origin, version, random) else { return };
                    roots.push(root);
                    let chain: Vec<&[u8]> = roots.iter().map(Vec::as_slice).collect();
                    if self.attempt(|edge| edge.check_roots(&chain)).is_err() {
                        counts.refused += 1;
                        return;
                    }
                }
                Ok(Offer::TreeNeeded { .. }) => break,
                Ok(Offer::Renewed) => return counts.renewed += 1,
                Ok(Offer::Unchanged) => {
                    // Something of the tree may still be missing.
                    if self.edge.need(Place::Top).is_some() {
                        self.task = Task::Filling;
                    }
                    return;
                }
                Err(_) => return counts.refused += 1,
            }
        }
        let chain: Vec<&[u8]> = roots.iter().map(Vec::as_slice).collect();
        if let Ok(staged) = self.attempt(|edge| edge.begin(&chain, now)) {
            self.task = Task::Staging { staged: Box::new(staged), roots, fetched: 0, patched: false };
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn stage(
        &mut self,
        mut staged: Staged,
        roots: Vec<Vec<u8>>,
        mut fetched: usize,
        patched: bool,
        origin: &Origin,
        network: Network,
        random: &mut Random,
        now: u64,
        counts: &mut Counts,
    ) -> Task {
        let chain: Vec<&[u8]> = roots.iter().map(Vec::as_slice).collect();
        let wanted = staged.need(Place::Top);
        if self.mode != Mode::Bundles && !patched {
            let from = self.edge.head().map(|head| head.tree);
            let to = wanted.filter(|need| need.place == Place::Top).map(|need| need.slot.id);
            if let Some((from, to)) = from.zip(to)
                && let Some(patch) = network.patch(origin, from, to, random)
            {
                // A few slices, then the rest. A patch that was cut off may leave all of the tree missing.
                let slices = random.below(4);
                let applied = staged.patch(patch).and_then(|()| {
                    (0..slices).try_for_each(|_| staged.check(200).map(drop))?;
                    staged.check(usize::MAX)
                });
                counts.patched += usize::from(applied.is_ok());
                if applied.is_err() {
                    counts.refused += 1;
                    let Ok(again) = self.attempt(|edge| edge.begin(&chain, now)) else { return Task::Idle };
                    staged = again;
                }
            }
        } else if self.mode != Mode::Bundles && fetched < SINGLE {
            for _ in 0..4 {
                let Some(need) = staged.need(Place::Top) else { break };
                fetched += 1;
                match network.object(origin, need.slot.id, random).map(|object| staged.supply(need.place, object)) {
                    Some(Ok(())) => counts.objects += 1,
                    Some(Err(_)) => counts.refused += 1,
                    None => {}
                }
            }
        } else {
            let Some(bundle) = network.bundle(origin, random) else { return Task::Idle };
            let at = random.below(bundle.len() + 1);
            let (one, two) = bundle.split_at(at);
            let rest = |staged: &mut Staged| match self.mode {
                // The rest of a bundle need not be read.
                Mode::Lazy if staged.is_complete() => Ok(()),
                _ => staged.feed(two),
            };
            if staged.feed(one).and_then(|()| rest(&mut staged)).is_err() {
                counts.refused += 1;
                // It may be the bundle of another head.
                let Ok(mut other) = self.attempt(|edge| edge.stage(&chain, bundle, now)) else { return Task::Idle };
                if other.check(usize::MAX).is_err() {
                    return Task::Idle;
                }
                staged = other;
            }
            counts.bundles += 1;
        }
        let early = self.mode == Mode::Early && self.edge.head().is_none() && staged.is_ready();
        if staged.is_complete() || early {
            return match self.attempt(|edge| edge.commit(staged, now)) {
                Err(_) => Task::Idle,
                Ok(()) if early => Task::Filling,
                Ok(()) => Task::Idle,
            };
        }
        if fetched > 4 * SINGLE {
            return Task::Idle;
        }
        // Whatever is still missing after a bundle was cut off.
        if staged.check(1).is_err() {
            return Task::Idle;
        }
        Task::Staging { staged: Box::new(staged), roots, fetched: fetched + 1, patched: true }
    }

    /// Fetches what is missing of the tree that is served already.
    fn fill(&mut self, origin: &Origin, network: Network, random: &mut Random) {
        for _ in 0..4 {
            let Some(need) = self.edge.need(Place::Top) else { return };
            if let Some(object) = network.object(origin, need.slot.id, random) {
                let _ = self.attempt(|edge| edge.supply(need.place, object));
            }
        }
        // A head in between, as a refresh would bring one.
        self.task = if random.below(3) == 0 { Task::Idle } else { Task::Filling };
    }
}
