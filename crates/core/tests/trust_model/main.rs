//! A model of the trust rules (SPEC.md sections 4 and 7): worlds of a few roots, of what an honest realm signed under them in the
//! course of time, and of what the thief of one publisher key can sign beside it. Whoever lies between publisher and edge may
//! present all of it in any order, to an edge that runs, starts cold with whatever floor it once had, or is deployed anew.
//!
//! After every act, whatever the edge made of it, must hold what [`life`] states. Three ways of choosing acts:
//!
//! - **every state** of small worlds ([`explore`]): breadth first over all distinct states, restarts included, until no act leads
//!   to a new one. So there is no bound on the number of steps;
//! - every state again with **offers** that are kept and with updates **checked slowly**, while another act comes in between;
//! - **walks** at random through larger worlds ([`walk`]): `EDGELATCH_MODEL_SEEDS=1000` runs the first 1000, `7..8` only one.
//!
//! `cargo test -p edgelatch-core --features builder --test trust_model -- --nocapture` tells how many states there were.

mod explore;
mod life;
mod walk;
mod world;

use explore::{Also, explore};
use world::World;

fn explored(worlds: Vec<World>, also: Also) {
    for world in worlds {
        let found = explore(&world, also);
        println!(
            "{}: {} states, {} acts, {} accepted; no act leads further",
            world.name,
            found.states(),
            found.acts,
            found.accepted
        );
        assert!(found.accepted > 0 && found.states() > 1, "{}: nothing happened", world.name);
    }
}

#[test]
fn every_state_of_every_world_of_two_roots() {
    explored(world::of_two_roots(), Also::Nothing);
}

#[test]
fn every_state_of_worlds_of_three_roots() {
    explored(world::of_three_roots(), Also::BothFloors);
}

#[test]
fn every_state_with_offers_that_are_kept() {
    explored(world::with_renewals(), Also::Offers);
}

#[test]
fn every_state_with_acts_between_stage_and_commit() {
    explored(world::with_renewals(), Also::Slowly);
}

#[test]
fn walks_through_larger_worlds() {
    let seeds = std::env::var("EDGELATCH_MODEL_SEEDS").unwrap_or_else(|_| "60".into());
    let number = |text: &str| text.parse::<u64>().expect("EDGELATCH_MODEL_SEEDS is a number of seeds, or `from..to`");
    let (from, to) = seeds.split_once("..").map_or_else(|| (1, number(&seeds) + 1), |(from, to)| (number(from), number(to)));
    let accepted: usize = (from..to).map(walk::walk).sum();
    println!("seeds {from} to {}: {accepted} acts accepted", to - 1);
    assert!(accepted > 0, "nothing happened");
}
