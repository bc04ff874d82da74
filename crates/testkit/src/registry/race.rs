//! Callers released at one moment.

use std::sync::Barrier;

use edgelatch_registry::{Error, Registry};

use super::Fixture;

/// What each of several callers does, all released at one moment.
pub type Act<'a> = Box<dyn Fn(&Registry) -> Result<(), Error> + Send + 'a>;

/// Callers at once, and how often: which of them comes first is up to the machine.
const CROWDS: [(usize, usize); 2] = [(2, 3), (16, 1)];

/// Runs every act at once and returns what became of each: `ok` or the error's code. With `apart` each has a registry of its
/// own; otherwise they share one.
pub fn race(f: &Fixture, apart: bool, acts: Vec<Act<'_>>) -> Vec<&'static str> {
    let start = Barrier::new(acts.len());
    let registries: Vec<Registry> = if apart { acts.iter().map(|_| f.open()).collect() } else { Vec::new() };
    let run = |(i, act): (usize, Act<'_>)| {
        start.wait();
        act(registries.get(i).unwrap_or(&f.registry)).map_or_else(|e| e.code(), |()| "ok")
    };
    let outcomes = std::thread::scope(|scope| {
        let run = &run;
        let racers: Vec<_> = acts.into_iter().enumerate().map(|racer| scope.spawn(move || run(racer))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    // Whatever was refused left nothing behind, and whatever was done is in the log.
    f.registry.audit(&f.realm).verify(None).unwrap();
    outcomes
}

/// Runs `round` for small and large crowds, with a shared registry and with one each.
pub fn crowds(mut round: impl FnMut(usize, bool)) {
    for (crowd, rounds) in CROWDS {
        for apart in [false, true] {
            (0..rounds).for_each(|_| round(crowd, apart));
        }
    }
}

/// How many came out so.
pub fn count(outcomes: &[&str], which: &str) -> usize {
    outcomes.iter().filter(|outcome| **outcome == which).count()
}

/// Exactly one did it, and each of the others was told why not.
pub fn one_won(outcomes: &[&str], others: &str) {
    assert_eq!((count(outcomes, "ok"), count(outcomes, others)), (1, outcomes.len() - 1), "{outcomes:?}");
}
