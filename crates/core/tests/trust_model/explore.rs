//! Every state of a world.

use crate::life::{Act, Life, Outcome, State};
use crate::world::World;
use std::collections::{BTreeSet, VecDeque};

/// What is tried beside updates, renewals and flawed roots.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Also {
    Nothing,
    /// Edges with a durable floor and a `min_epoch`.
    BothFloors,
    /// Offers that ask for a tree; the edge keeps them.
    Offers,
    /// Updates that come in while another is being checked.
    Slowly,
}

/// How a state is reached: where an edge began, and what was done to it.
struct Way {
    start: State,
    acts: Vec<Act>,
}

impl Way {
    /// The edge there. An edge cannot be copied, so everything is done again.
    fn walk<'w>(&self, world: &'w World) -> Life<'w> {
        let mut life = Life::begin(world, self.start.clone());
        self.acts.iter().for_each(|act| _ = life.act(act));
        life
    }

    fn and(&self, act: &Act) -> Way {
        Way { start: self.start.clone(), acts: [self.acts.clone(), vec![act.clone()]].concat() }
    }
}

pub struct Explorer<'w> {
    world: &'w World,
    known: BTreeSet<State>,
    open: VecDeque<Way>,
    pub acts: usize,
    pub accepted: usize,
}

/// Breadth first until no act, no restart and no other deployment leads to a new state.
pub fn explore(world: &World, also: Also) -> Explorer<'_> {
    let mut explorer = Explorer { world, known: BTreeSet::new(), open: VecDeque::new(), acts: 0, accepted: 0 };
    for root in 0..world.roots.len() {
        explorer.start(State::fresh(world, root));
    }
    while let Some(way) = explorer.open.pop_front() {
        explorer.visit(&way, also);
    }
    explorer
}

impl Explorer<'_> {
    pub fn states(&self) -> usize {
        self.known.len()
    }

    fn start(&mut self, start: State) {
        self.reach(&start.clone(), Way { start, acts: vec![] });
    }

    fn reach(&mut self, state: &State, way: Way) {
        if self.known.insert(state.clone()) {
            self.open.push_back(way);
        }
    }

    /// Tries everything in one state.
    fn visit(&mut self, way: &Way, also: Also) {
        let world = self.world;
        let mut life = way.walk(world);
        let state = life.state.clone();
        let mut attempt = |act: &Act| {
            self.acts += 1;
            let outcome = life.act(act);
            if life.state != state {
                self.reach(&life.state, way.and(act));
                life = way.walk(world);
            }
            outcome == Outcome::Accepted
        };
        let accepted: Vec<Act> = acts(world, &state, also).into_iter().filter(|act| attempt(act)).collect();
        if also == Also::Slowly {
            for update in &accepted {
                let Act::Update { to, object } = *update else { continue };
                for act in &accepted {
                    attempt(&Act::Slowly { to, object, between: Box::new(act.clone()) });
                }
            }
        }
        self.accepted += accepted.len();
        for root in 0..world.roots.len() {
            let told = state.told(world, root, also == Also::BothFloors);
            state.restarted(world, root).into_iter().chain(told).for_each(|start| self.start(start));
        }
    }
}

fn acts(world: &World, state: &State, also: Also) -> Vec<Act> {
    let objects = 0..world.objects.len();
    let newest = world.newest();
    let mut acts = Vec::new();
    for flawed in (0..world.flawed.len()).filter(|flawed| world.flawed[*flawed].after == state.root) {
        acts.push(Act::Flawed { flawed, object: newest });
    }
    for root in (0..world.roots.len()).filter(|root| *root != state.root + 1) {
        acts.push(Act::Misplaced { root, object: newest });
    }
    let renews = |object: usize| state.served.is_some_and(|at| world.objects[at].revision == world.objects[object].revision);
    for to in state.root..world.roots.len() {
        acts.extend(objects.clone().map(|object| Act::Update { to, object }));
        let offers = objects.clone().filter(|object| also == Also::Offers || renews(*object));
        acts.extend(offers.map(|object| Act::Offer { to, object }));
    }
    acts
}
