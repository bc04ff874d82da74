//! An edge, what is done to it, and what must hold after every act:
//!
//! - what is refused, or only asks for more, changes nothing that can be observed;
//! - a root in force is one of the realm's chain, and none older than one that was in force before;
//! - a head in force was proven by the publishers of the root in force, names neither a later root nor one of another era;
//! - (era, epoch) never goes back, and does not stay with another head;
//! - nor does the time at which honest heads were signed: so a key that an edge has seen revoked is not valid again, unless a root
//!   that began an era says so, or a thief whose key is one of the publishers in force;
//! - what is honest, of the present era and later than everything seen is accepted, and the head in force is `unchanged`.

use crate::world::{KEYS, World};
use edgelatch_core::edge::{Edge, Floor, HostConfig, Offer, Staged};
use edgelatch_core::error::Error;
use edgelatch_core::head::Head;
use edgelatch_core::verdict::Code;
use edgelatch_testkit::realm::{T0, ask};

/// What an edge has seen in this life and, as far as its floor tells, in earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    pub root_version: u32,
    pub era: u32,
    pub epoch: u64,
    /// Of the last honest head.
    pub time: Option<usize>,
    /// How many keys were revoked in this era.
    pub revoked: u64,
}

/// Everything that the future depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct State {
    /// Places in the world: the root in force, the head being served, the head offered last.
    pub root: usize,
    pub served: Option<usize>,
    pub offered: Option<usize>,
    /// The host's configuration: root version and epoch.
    pub floor: Option<(u32, u64)>,
    pub min_epoch: Option<(u32, u64)>,
    pub seen: Seen,
}

impl State {
    /// An edge that is deployed for the first time.
    pub fn fresh(world: &World, root: usize) -> State {
        let spec = &world.roots[root];
        let seen = Seen { root_version: spec.version, era: spec.era, epoch: 0, time: None, revoked: 0 };
        State { root, served: None, offered: None, floor: None, min_epoch: None, seen }
    }

    /// The edge that serves in its next life: with the floor that it has now, deployed with this root.
    pub fn restarted(&self, world: &World, root: usize) -> Option<State> {
        let floor = Some((world.roots[self.root].version, world.objects[self.served?].epoch));
        let fresh = State::fresh(world, root);
        let seen = if fresh.seen.era > self.seen.era {
            Seen { time: self.seen.time, ..fresh.seen }
        } else {
            Seen { root_version: self.seen.root_version.max(fresh.seen.root_version), ..self.seen.clone() }
        };
        Some(State { floor, seen, ..fresh })
    }

    /// Another edge, to which the host tells the epoch served here, maybe beside the floor that this one began with; not sensible
    /// under a root of another era.
    pub fn told(&self, world: &World, root: usize, with_floor: bool) -> Option<State> {
        let (epoch, spec) = (world.objects[self.served?].epoch, &world.roots[root]);
        let floor = self.floor.filter(|_| with_floor);
        let root_version = floor.map_or(0, |(version, _)| version).max(spec.version);
        let seen = Seen { root_version, ..self.seen.clone() };
        let told = State { floor, min_epoch: Some((spec.version, epoch)), seen, ..State::fresh(world, root) };
        (spec.era == self.seen.era).then_some(told)
    }

    fn config(&self) -> String {
        let floor = self.floor.map(|(root_version, epoch)| format!("floor={}\n", Floor { root_version, epoch }));
        let least = self.min_epoch.map(|(_, epoch)| format!("min_epoch={epoch}\n"));
        floor.unwrap_or_default() + &least.unwrap_or_default()
    }
}

/// What is done. `to` is the last of the roots handed in, from the one after the one in force on.
#[derive(Clone, Debug)]
pub enum Act {
    Update {
        to: usize,
        object: usize,
    },
    Offer {
        to: usize,
        object: usize,
    },
    /// An update after a root that no edge may follow to.
    Flawed {
        flawed: usize,
        object: usize,
    },
    /// The same after one that does not come next.
    Misplaced {
        root: usize,
        object: usize,
    },
    /// An update during which something else happens.
    Slowly {
        to: usize,
        object: usize,
        between: Box<Act>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Refused(&'static str),
    /// The tree or a root is needed.
    Asked,
    Accepted,
}

#[derive(PartialEq)]
struct Observed {
    root_version: u32,
    head: Option<Head>,
    generation: u32,
    floor: Option<Floor>,
    verdicts: Vec<Code>,
}

pub struct Life<'w> {
    world: &'w World,
    edge: Edge,
    observed: Observed,
    pub state: State,
    trace: Vec<String>,
}

impl<'w> Life<'w> {
    pub fn begin(world: &'w World, state: State) -> Life<'w> {
        let edge = Edge::new(&world.signed[state.root], HostConfig::parse(&state.config()).unwrap()).unwrap();
        let trace = vec![format!("root {}, {:?}", world.roots[state.root].version, state.config())];
        Life { observed: observe(&edge), world, edge, state, trace }
    }

    /// The next life, which knows what led to it.
    pub fn end(self, next: State) -> Life<'w> {
        let mut life = Life::begin(self.world, next);
        life.trace = [self.trace, life.trace].concat();
        life
    }

    /// Does it, and checks everything.
    pub fn act(&mut self, act: &Act) -> Outcome {
        let at = self.trace.len();
        self.trace.push(format!("{act:?}"));
        let outcome = match act {
            Act::Update { to, object } => self.update(*to, *object, None),
            Act::Slowly { to, object, between } => self.update(*to, *object, Some(between)),
            Act::Offer { to, object } => self.offer(*to, *object),
            Act::Flawed { flawed, object } => {
                let flawed = &self.world.flawed[*flawed];
                self.must_not(&flawed.bytes, *object, flawed.why)
            }
            Act::Misplaced { root, object } => self.must_not(&self.world.signed[*root], *object, "does not come next"),
        };
        self.trace[at] += &format!(" -> {outcome:?}");
        if outcome != Outcome::Accepted {
            self.hold(observe(&self.edge) == self.observed, "what was refused changed something");
        }
        outcome
    }

    fn update(&mut self, to: usize, object: usize, between: Option<&Act>) -> Outcome {
        let to = to.max(self.state.root);
        let vouching = self.state.offered.filter(|at| self.revision(*at) == self.revision(object));
        let heads: Vec<usize> = vouching.into_iter().chain([object]).collect();
        let due_at_once = heads.iter().any(|head| self.is_due(to, *head));
        let staged = self.stage(to, object);
        self.hold(staged.is_ok() || !due_at_once, "honest, later than everything seen, and refused");
        if let Some(act) = between {
            self.act(act);
        }
        let committed = staged.and_then(|staged| {
            // The epoch tells which head it is to be, if they differ in it.
            let due = heads.iter().all(|head| self.world.objects[*head].epoch != staged.epoch() || self.is_due(to, *head));
            let committed = self.edge.commit(staged, T0);
            self.hold(committed.is_ok() || !due, "honest, later than everything seen, and refused in the end");
            self.hold(committed.is_ok() || !due_at_once || between.is_some(), "another head was taken in place of the one due");
            committed
        });
        match committed {
            Ok(()) => {
                let of = |head: &&usize| self.edge.head() == Some(&self.world.objects[**head].parsed);
                self.accepted(to, heads.iter().find(of).copied().unwrap_or(object));
                self.state.offered = None;
                Outcome::Accepted
            }
            Err(error) => Outcome::Refused(error.code()),
        }
    }

    fn stage(&mut self, to: usize, object: usize) -> Result<Staged, Error> {
        let roots = self.world.chain(self.state.root, to);
        let mut staged = self.edge.stage(&roots, self.world.objects[object].bundle.clone(), T0)?;
        while staged.check(1 << 20)? > 0 {}
        Ok(staged)
    }

    fn offer(&mut self, to: usize, object: usize) -> Outcome {
        let to = to.max(self.state.root);
        let due = self.is_due(to, object);
        let same = self.state.served == Some(object);
        let answer = self.edge.offer(&self.world.chain(self.state.root, to), &self.world.objects[object].head, T0);
        match answer {
            Ok(Offer::Unchanged | Offer::Renewed) => {
                self.hold((answer == Ok(Offer::Unchanged)) == same, "unchanged is what is served, and nothing else");
                self.accepted(to, object);
                Outcome::Accepted
            }
            Ok(Offer::TreeNeeded { .. }) => {
                self.may(to, object);
                let same_tree = self.state.served.is_some_and(|at| self.revision(at) == self.revision(object));
                self.hold(!same_tree, "the tree being served is fetched again");
                self.state.offered = Some(object);
                Outcome::Asked
            }
            Ok(Offer::RootNeeded) => {
                self.hold(!due, "honest, later than everything seen, and asked for a root");
                Outcome::Asked
            }
            Err(error) => {
                self.hold(!due, &format!("honest, later than everything seen, and refused: {error}"));
                Outcome::Refused(error.code())
            }
        }
    }

    fn revision(&self, object: usize) -> u64 {
        self.world.objects[object].revision
    }

    fn must_not(&mut self, root: &[u8], object: usize, why: &str) -> Outcome {
        self.hold(self.edge.check_roots(&[root]).is_err(), &format!("a root that is flawed: {why}"));
        let staged = self.edge.stage(&[root], self.world.objects[object].bundle.clone(), T0);
        self.hold(staged.is_err(), &format!("an update after a root that is flawed: {why}"));
        Outcome::Refused("flawed")
    }

    /// Whether the edge has to accept this head under this root.
    fn is_due(&self, to: usize, object: usize) -> bool {
        let (root, object, seen) = (&self.world.roots[to], &self.world.objects[object], &self.state.seen);
        let fits = object.time.is_some()
            && object.root_version <= root.version
            && self.world.era_of(object.root_version) == Some(root.era)
            && root.is_proof(&object.seeds)
            && object.epoch >= root.min_epoch
            && root.version >= seen.root_version;
        // What it serves it takes again, and after a restart what it served.
        let served = self.state.served.map(|at| &self.world.objects[at].parsed);
        let again = served.is_none_or(|served| *served == object.parsed);
        let (mark, last) = ((root.era, object.epoch), (seen.era, seen.epoch));
        fits && (mark > last || mark == last && again)
    }

    /// What must hold of a head that comes into force, or for which the edge would fetch a tree.
    fn may(&self, to: usize, object: usize) {
        let (world, state) = (self.world, &self.state);
        let (root, object) = (&world.roots[to], &world.objects[object]);
        let (mark, last) = ((root.era, object.epoch), (state.seen.era, state.seen.epoch));
        let another = state.served.is_some_and(|at| world.objects[at].parsed != object.parsed);
        self.hold(root.version >= state.seen.root_version, "the root went back");
        self.hold(root.is_proof(&object.seeds), "not proven by the publishers in force");
        self.hold(object.root_version <= root.version, "signed under a later root");
        self.hold(world.era_of(object.root_version) == Some(root.era), "of another era");
        self.hold(object.epoch >= root.min_epoch, "below the root's least epoch");
        self.hold(mark >= last, "the epoch went back");
        self.hold(!(mark == last && another), "two heads of one epoch");
        self.hold(object.time.is_none() || object.time >= state.seen.time, "an older head than one seen before");
    }

    /// Checks what came into force, and takes note of what was seen by it.
    fn accepted(&mut self, to: usize, object: usize) {
        self.may(to, object);
        let (root, presented, before) = (&self.world.roots[to], &self.world.objects[object], &self.state.seen);
        let now = observe(&self.edge);
        self.hold(now.root_version == root.version, "not the root that was handed in last");
        self.hold(now.head.as_ref() == Some(&presented.parsed), "not the head that was presented");
        self.hold(now.floor == Some(self.world.floor(to, presented.epoch)), "a floor that is not what was seen");
        let valid: Vec<u64> =
            (0..KEYS).zip(&now.verdicts).filter(|(_, code)| **code == Code::Valid).map(|(key, _)| key).collect();
        self.hold(valid.iter().copied().eq(presented.revision..KEYS), "not the keys of the head's tree");
        let mut revoked = if root.era == before.era { before.revoked } else { 0 };
        if presented.time.is_some() {
            self.hold(valid.iter().all(|key| *key >= revoked), "a key that was revoked is valid");
            revoked = presented.revision;
        }
        self.state.seen = Seen {
            root_version: root.version,
            era: root.era,
            epoch: presented.epoch,
            time: presented.time.max(before.time),
            revoked,
        };
        (self.state.root, self.state.served) = (to, Some(object));
        self.observed = now;
    }

    fn hold(&self, holds: bool, what: &str) {
        assert!(holds, "{what}\nin the world: {}\n{}\n{}", self.world.name, self.world, self.trace.join("\n"));
    }
}

fn observe(edge: &Edge) -> Observed {
    Observed {
        root_version: edge.root_version(),
        head: edge.head().cloned(),
        generation: edge.generation(),
        floor: edge.floor(),
        verdicts: (0..KEYS).map(|key| ask(edge, key + 1).code).collect(),
    }
}
