//! A walk at random.

use crate::life::{Act, Life, Outcome, State};
use crate::world::{self, World};
use edgelatch_testkit::random::Random;

/// Acts of one walk: enough for several lives of the edge.
const ACTS: usize = 80;

/// Returns how many acts were accepted.
pub fn walk(seed: u64) -> usize {
    let world = world::random(seed);
    let mut random = Random(seed.wrapping_mul(0xA076_1D64_78BD_642F) | 1);
    let mut roll = |limit: usize| random.below(limit);
    let mut life = Life::begin(&world, State::fresh(&world, roll(world.roots.len())));
    // Every floor that this edge, or another of its realm, ever had.
    let mut had: Vec<State> = Vec::new();
    let mut accepted = 0;
    for _ in 0..ACTS {
        match roll(12) {
            0 if !had.is_empty() => {
                let (record, root) = (&had[roll(had.len())], roll(world.roots.len()));
                let next = if roll(3) == 0 { record.told(&world, root, roll(2) == 0) } else { record.restarted(&world, root) };
                if let Some(next) = next {
                    life = life.end(next);
                }
            }
            1 => {
                let flawed: Vec<usize> =
                    (0..world.flawed.len()).filter(|at| world.flawed[*at].after == life.state.root).collect();
                life.act(&Act::Flawed { flawed: flawed[roll(flawed.len())], object: roll(world.objects.len()) });
            }
            _ => accepted += usize::from(life.act(&act(&world, &life.state, &mut roll)) == Outcome::Accepted),
        }
        if life.state.served.is_some() && had.last() != Some(&life.state) {
            had.push(life.state.clone());
        }
    }
    // Whatever came before, the newest is taken unless a thief was there; the model knows when.
    life.act(&Act::Update { to: world.roots.len() - 1, object: world.newest() });
    accepted
}

fn act(world: &World, state: &State, roll: &mut impl FnMut(usize) -> usize) -> Act {
    // Every other time a head as an edge would meet it, with the roots that it needs.
    let next = state.served.map(|at| at + roll(3)).filter(|at| *at < world.objects.len() && roll(2) == 0);
    let object = next.unwrap_or_else(|| roll(world.objects.len()));
    let named = world.at(world.objects[object].root_version).filter(|at| *at >= state.root && roll(2) == 0);
    let to = named.unwrap_or_else(|| state.root + roll(world.roots.len() - state.root));
    match roll(8) {
        0 => Act::Slowly { to, object, between: Box::new(act(world, state, roll)) },
        1..=3 => Act::Offer { to, object },
        _ => Act::Update { to, object },
    }
}
