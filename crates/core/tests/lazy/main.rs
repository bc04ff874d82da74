//! Lazy edges: they hold what fits, ask for the rest, and never answer anything but what the whole tree answers.
//!
//! - `mode`: when a candidate may serve, what an update shares, changes and leaves out
//! - `budget`: what is dropped for what comes, and what nobody can push out
//! - `fetches`: who may have something fetched, and how often

mod budget;
mod fetches;
mod mode;

use edgelatch_core::build::*;
use edgelatch_core::edge::{Edge, Fetch, Outcome, RequirementId, Staged};
use edgelatch_core::key::KeyId;
use edgelatch_core::limits::MIN_LAZY_BYTES;
use edgelatch_core::tree::Place;
use edgelatch_core::verdict::Code;
use edgelatch_testkit::realm::*;
use edgelatch_testkit::snapshot;
use std::sync::LazyLock;

/// Keys of the large realm: 128 shards of some eight kilobytes each.
const KEYS: u64 = 32_000;
/// A budget of a quarter of its tree.
const LAZY: &str = "lazy=262144";

fn key_text(n: u64) -> String {
    format!("a-key-of-lazy-edges-{n}")
}

/// Keys 1 and on, imported, without roles.
fn large() -> &'static Tree {
    static TREE: LazyLock<Tree> = LazyLock::new(|| built(|_, record| record));
    &TREE
}

/// The large realm, with something else about some keys.
fn built(edit: impl Fn(u64, KeyRecord) -> KeyRecord) -> Tree {
    let realm = RealmRecord { imports: true, ..realm() };
    let record = |n| {
        let digest = edgelatch_core::key::digest(key_text(n).as_bytes());
        edit(n, KeyRecord { roles: vec![], ..snapshot::record(digest, KeyId(n)) })
    };
    let tree = build_tree(&realm, (1..=KEYS).map(record).collect()).unwrap();
    assert!(tree.shards.len() == 128 && tree.bytes() > 3 * MIN_LAZY_BYTES as u64, "{} {}", tree.shards.len(), tree.bytes());
    tree
}

/// A candidate for this tree, to which nothing was supplied yet.
fn offered(edge: &mut Edge, epoch: u64, tree: &Tree) -> Staged {
    let head = sign_head(&head_fields(epoch, tree), &signers(&[101])).unwrap();
    edge.offer(&[], &head, T0).unwrap();
    edge.begin(&[], T0).unwrap()
}

/// Gives a candidate what it waits for.
fn complete(staged: &mut Staged, tree: &Tree) {
    while let Some(need) = staged.need(Place::Top) {
        assert!(!need.place.is_leaf(), "{:?}", need.place);
        staged.supply(need.place, tree.object(need.place).unwrap().to_vec()).unwrap();
    }
}

/// A lazy edge that has begun to serve this tree, and holds no shard and no chunk.
fn begun(config: &str, tree: &Tree) -> Edge {
    let mut edge = edge(config);
    let mut staged = offered(&mut edge, 5, tree);
    complete(&mut staged, tree);
    edge.commit(staged, T0).unwrap();
    edge
}

fn ask_text(edge: &Edge, text: &str) -> Outcome {
    edge.verify_key(text.as_bytes(), None, RequirementId::NONE, T0)
}

/// Asks as a host does that fetches whatever is needed, without asking how often it may. Returns how many objects that took, too.
fn served(edge: &mut Edge, tree: &Tree, text: &str) -> (Code, usize) {
    for fetched in 0.. {
        let outcome = ask_text(edge, text);
        let Some(place) = outcome.needs else { return (outcome.code, fetched) };
        edge.supply(place, tree.object(place).unwrap().to_vec()).unwrap();
    }
    unreachable!()
}

/// The shard of a key.
fn shard_of(n: u64) -> Place {
    Place::Shard(u32::from(edgelatch_core::key::digest(key_text(n).as_bytes())[0] >> 1))
}

fn holds(edge: &Edge, place: Place) -> bool {
    edge.objects().any(|(held, _)| held == place)
}

/// What an outcome asks for, and whether its key was found before, as they cross to the host.
fn needed(outcome: Outcome) -> (Place, bool) {
    Outcome::needed(outcome.pack()).unwrap()
}

fn fetch(edge: &mut Edge, outcome: Outcome, now: u64) -> Fetch {
    let (place, returning) = needed(outcome);
    edge.fetch(place, returning, now)
}
