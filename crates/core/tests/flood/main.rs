//! A lazy edge in a flood: real keys are used as keys are, few of them often and many seldom, over shards like those of a million keys, of
//! which a seventh fits. Ten times as many requests bring keys that somebody made up, and come first in each moment, so that whatever
//! flows in goes to them. `cargo test -p edgelatch-core --all-features --test flood -- --nocapture` prints the figures.

use edgelatch_core::build::*;
use edgelatch_core::edge::{Edge, Fetch, RequirementId};
use edgelatch_core::key::KeyId;
use edgelatch_core::limits::MIN_LAZY_BYTES;
use edgelatch_core::tree::Place;
use edgelatch_core::verdict::Code;
use edgelatch_testkit::random::Random;
use edgelatch_testkit::{realm::*, snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Keys of the realm: 256 shards of 256 keys.
const KEYS: u64 = 65_500;
/// Those that are in use.
const BUSY: usize = 2_000;
/// Objects a second that may be fetched.
const FETCHES: usize = 40;
/// Requests a second with real keys, and with made-up ones while the flood lasts.
const REAL: usize = 60;
const FLOOD: usize = 10 * REAL;
/// Moments of a second: a fetch takes one.
const MOMENTS: usize = 20;
/// Seconds before figures count, and those that count.
const WARM: u64 = 80;
const COUNTED: u64 = 40;

fn key_text(n: usize) -> String {
    format!("a-key-in-a-flood-{n}")
}

static TREE: LazyLock<Tree> = LazyLock::new(|| {
    let realm = RealmRecord { imports: true, ..realm() };
    let digest = |n: u64| edgelatch_core::key::digest(key_text(n as usize).as_bytes());
    build_tree(&realm, (1..=KEYS).map(|n| snapshot::record(digest(n), KeyId(n))).collect()).unwrap()
});

/// A key by chance: the n-th is asked for in proportion to n^-1.1, as keys, words and cities are (Zipf).
struct Busy(Vec<f64>);

impl Busy {
    fn new() -> Self {
        let sum = |sum: &mut f64, n: usize| {
            *sum += (n as f64).powf(-1.1);
            Some(*sum)
        };
        Busy((1..=BUSY).scan(0.0, sum).collect())
    }

    fn one(&self, random: &mut Random) -> usize {
        let at = random.below(1 << 30) as f64 / f64::from(1 << 30) * self.0[BUSY - 1];
        1 + self.0.partition_point(|sum| *sum < at)
    }
}

/// What became of requests.
#[derive(Clone, Copy, Debug, Default)]
struct Fates {
    /// Answered out of memory.
    at_once: usize,
    /// Answered once an object had come.
    later: usize,
    /// `shard_unavailable`.
    refused: usize,
}

impl Fates {
    fn all(&self) -> f64 {
        (self.at_once + self.later + self.refused) as f64
    }

    /// Percent that were answered out of memory.
    fn hits(&self) -> f64 {
        100.0 * self.at_once as f64 / self.all().max(1.0)
    }

    /// Percent that were answered.
    fn answered(&self) -> f64 {
        100.0 * (self.at_once + self.later) as f64 / self.all().max(1.0)
    }
}

#[derive(Default)]
struct Figures {
    /// Requests with keys that were answered before, with real keys that were not, and with made-up ones.
    fates: [Fates; 3],
    /// Fetches that were granted, by second.
    granted: Vec<usize>,
    dropped: u64,
}

struct World {
    edge: Edge,
    random: Random,
    busy: Busy,
    known: BTreeSet<usize>,
    /// Requests that wait for an object.
    waiting: BTreeMap<Place, Vec<usize>>,
    made_up: usize,
    figures: Figures,
    counts: bool,
}

const RETURNING: usize = 0;
const NEW: usize = 1;
const MADE_UP: usize = 2;

impl World {
    fn new() -> World {
        let mut edge = edge(&format!("lazy={MIN_LAZY_BYTES}\nfetches={FETCHES}"));
        update(&mut edge, &[], bundle(5, &TREE), T0).unwrap();
        let (random, busy) = (Random(0xf100d), Busy::new());
        let (known, waiting) = (BTreeSet::new(), BTreeMap::new());
        World { edge, random, busy, known, waiting, made_up: KEYS as usize, figures: Figures::default(), counts: false }
    }

    fn fate(&mut self, n: usize) -> &mut Fates {
        let class = match n {
            n if n > KEYS as usize => MADE_UP,
            n if self.known.contains(&n) => RETURNING,
            _ => NEW,
        };
        &mut self.figures.fates[class]
    }

    fn request(&mut self, n: usize, now: u64, again: bool) {
        let outcome = self.edge.verify_key(key_text(n).as_bytes(), None, RequirementId::NONE, now);
        if let Some(place) = outcome.needs {
            if let Some(others) = self.waiting.get_mut(&place) {
                return others.push(n);
            }
            let (place, returning) = edgelatch_core::edge::Outcome::needed(outcome.pack()).unwrap();
            match self.edge.fetch(place, returning, now) {
                Fetch::Granted(need) => {
                    *self.figures.granted.last_mut().unwrap() += 1;
                    drop(self.waiting.insert(need.place, vec![n]));
                }
                Fetch::Refused if self.counts => self.fate(n).refused += 1,
                Fetch::Refused => {}
                Fetch::Settled => panic!("{place:?} is needed and here"),
            }
            return;
        }
        assert_eq!(outcome.code, if n > KEYS as usize { Code::Unknown } else { Code::Valid });
        if self.counts && again {
            self.fate(n).later += 1;
        } else if self.counts {
            self.fate(n).at_once += 1;
        }
        if n <= KEYS as usize {
            self.known.insert(n);
        }
    }

    fn second(&mut self, now: u64, flood: bool) {
        self.figures.granted.push(0);
        for _ in 0..MOMENTS {
            for (place, waiting) in std::mem::take(&mut self.waiting) {
                self.edge.supply(place, TREE.object(place).unwrap().to_vec()).unwrap();
                waiting.into_iter().for_each(|n| self.request(n, now, true));
            }
            for _ in 0..if flood { FLOOD / MOMENTS } else { 0 } {
                self.made_up += 1;
                self.request(self.made_up, now, false);
            }
            for _ in 0..REAL / MOMENTS {
                let n = self.busy.one(&mut self.random);
                self.request(n, now, false);
            }
            let stats = self.edge.lazy_stats().unwrap();
            assert!(stats.bytes <= MIN_LAZY_BYTES, "{stats:?}");
        }
    }

    /// A flood from one second on, or none; what is counted is what happens in the last seconds.
    fn run(mut self, flood_from: u64, seconds: u64) -> Figures {
        for second in 0..seconds {
            self.counts = second + COUNTED >= seconds;
            self.second(T0 + second, second >= flood_from);
        }
        self.figures.dropped = self.edge.lazy_stats().unwrap().dropped;
        self.figures
    }
}

fn print(name: &str, figures: &Figures) {
    let [returning, new, made_up] = figures.fates;
    let seconds = &figures.granted[figures.granted.len() - COUNTED as usize..];
    println!(
        "{name:26} returning keys: {:.1} % hits, {:.1} % answered of {:.0}; new keys: {:.1} % answered of {:.0}; made up: {:.1} % \
         answered of {:.0}; fetches a second: {:.1}, at most {}, configured {FETCHES}; dropped {}",
        returning.hits(),
        returning.answered(),
        returning.all(),
        new.answered(),
        new.all(),
        made_up.answered(),
        made_up.all(),
        seconds.iter().sum::<usize>() as f64 / COUNTED as f64,
        seconds.iter().max().unwrap(),
        figures.dropped
    );
}

/// In each stretch of seconds no more than flows in, and what the bucket held before.
fn assert_within_rate(figures: &Figures) {
    for from in 0..figures.granted.len() {
        let mut sum = 0;
        for (seconds, granted) in figures.granted[from..].iter().enumerate() {
            sum += granted;
            assert!(sum <= FETCHES * (seconds + 2), "{sum} in {} seconds from {from}", seconds + 1);
        }
    }
}

#[test]
fn a_flood_takes_nothing_from_keys_that_are_known() {
    assert!(TREE.shards.len() == 256 && TREE.bytes() > 6 * MIN_LAZY_BYTES as u64);
    let calm = World::new().run(u64::MAX, WARM + COUNTED);
    let flood = World::new().run(WARM, WARM + COUNTED);
    // With nobody known, and nothing held.
    let cold = World::new().run(0, WARM + COUNTED);
    for (name, figures) in [("calm", &calm), ("flood", &flood), ("flood from the beginning", &cold)] {
        print(name, figures);
        assert_within_rate(figures);
    }
    let ([before, ..], [after, _, made_up]) = (calm.fates, flood.fates);
    assert!(before.all() > 2_000.0 && after.all() > 2_000.0 && made_up.all() > 20_000.0);
    assert!(made_up.answered() < 50.0, "the flood is more than can be fetched for: {made_up:?}");
    assert!(after.hits() > before.hits() - 3.0, "{after:?} {before:?}");
    assert!(after.answered() > 99.0, "{after:?}");
    // An edge that began in the flood has come to know the keys that matter most.
    assert!(cold.fates[RETURNING].answered() > 95.0, "{:?}", cold.fates);
    let real = |figures: &Figures| figures.fates[RETURNING].all() + figures.fates[NEW].all();
    let served = |figures: &Figures| {
        let [returning, new, _] = figures.fates;
        100.0 * (returning.at_once + returning.later + new.at_once + new.later) as f64 / real(figures)
    };
    println!(
        "real requests answered: calm {:.1} %, flood {:.1} %, from the beginning {:.1} %",
        served(&calm),
        served(&flood),
        served(&cold)
    );
}
