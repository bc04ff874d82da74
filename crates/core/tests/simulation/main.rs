//! A realm in operation, simulated: a publisher whose keys, roles, scopes and policies change, edges of every way to update, and a
//! network between them that loses, delays, truncates, alters and replays what it carries, and mixes epochs. Clocks jump both ways, edges
//! are restarted with and without what they kept, the publisher's tree is built by steps or anew, publisher keys and roots are rotated.
//!
//! Lazy edges are among them, with budgets from less than an object to more than all: they fetch what a request needs as often as they may,
//! get the wrong thing, drop what does not fit, and begin anew with what an earlier life kept.
//!
//! After every step, for every edge ([`node::Node::check`]):
//! - each verdict is the one that the state of its epoch gives; where an object is missing, `shard_needed` instead, and never another;
//! - a lazy edge holds no more than it may;
//! - epochs never go back, restarts with a durable floor included;
//! - a refused update has changed nothing.
//!
//! And at the end, when the network is sound and clocks are right: every edge serves the newest epoch after [`node::POLLS`] looks.
//!
//! `EDGELATCH_SEEDS=100000 cargo test -p edgelatch-core --features builder --release --test simulation -- --nocapture` runs that many
//! worlds, `EDGELATCH_SEEDS=7..8` only one; a failure names its seed.

mod check;
mod lazy;
mod network;
mod node;
mod origin;
mod world;

use world::{Counts, World};

#[test]
fn no_edge_is_ever_wrong_and_each_comes_right() {
    let seeds = std::env::var("EDGELATCH_SEEDS").unwrap_or_else(|_| "200".into());
    let number = |text: &str| text.parse::<u64>().expect("EDGELATCH_SEEDS is a number of seeds, or `from..to`");
    let (from, to) = seeds.split_once("..").map_or_else(|| (1, number(&seeds) + 1), |(from, to)| (number(from), number(to)));
    let mut all = Counts::default();
    for seed in from..to {
        let run = std::panic::AssertUnwindSafe(|| World::new(seed).run());
        match std::panic::catch_unwind(run) {
            Ok(counts) => all.add(&counts),
            Err(_) => panic!("world {seed}: EDGELATCH_SEEDS={seed}..{} runs it alone", seed + 1),
        }
    }
    println!("worlds {from} to {}: {all:?}", to - 1);
    // A simulation in which some way is never gone proves nothing about it.
    assert!(all.all_happened(), "{all:?}");
}
