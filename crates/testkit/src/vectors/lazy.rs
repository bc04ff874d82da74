//! The life of a lazy edge that drops nothing: what it is given, what it is asked, and what it answers or needs.

use super::patches::{head, record, role, settings};
use super::scenarios::root;
use super::{T0, keys, raw::sha256};
use crate::realm::patch_between;
use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use edgelatch_core::{
    build::{Entry, State, Table, Tree},
    tree::Place,
};
use serde_json::{Map, Value, json};

/// One more than a single shard is for: two shards, by the first bit of the digest.
const RECORDS: u32 = 257;
/// Few enough for one.
const FEW: u32 = 200;

const SHARDS: [Place; 2] = [Place::Shard(0), Place::Shard(1)];

/// The first key, from `n` on, whose record stands in this shard. Those with an odd number have roles.
fn key(mut n: u32, shard: usize) -> u32 {
    while usize::from(sha256(keys::text(n).as_bytes())[0] >> 7) != shard {
        n += 2;
    }
    n
}

/// So many keys, some of them revoked.
fn tree(records: u32, revoked: &[u32]) -> Result<Tree> {
    let entries = [
        ((Table::Roles, 1), role("reader", "*.view")),
        ((Table::Roles, 70), role("purger", "cache.purge")),
        ((Table::RoleSets, 1), Entry::RoleSet(vec![1, 70])),
    ];
    let mut records: Vec<_> = (1..=records).map(record).collect();
    for record in &mut records {
        (record.scope, record.policy) = (0, 0);
        record.revoked = revoked.iter().any(|n| record.key_id.0 == u64::from(*n));
    }
    Ok(Tree::build(&State { settings: settings(), entries: entries.into(), records })?)
}

#[derive(Default)]
struct Trace {
    objects: Map<String, Value>,
    steps: Vec<Value>,
}

impl Trace {
    fn name(&mut self, name: &str, bytes: &[u8]) -> String {
        self.objects.insert(name.to_owned(), BASE64_STANDARD.encode(bytes).into());
        name.to_owned()
    }

    fn offer(&mut self, name: &str, tree: &Tree, epoch: u64) {
        let head = self.name(&format!("{name} head"), &head(tree, epoch));
        self.steps.push(json!({ "offer": head }));
    }

    /// The object of `place` in a tree, handed to the candidate or to the tree that serves as that of `to`.
    fn hand(&mut self, act: &str, (name, tree): (&str, &Tree), place: Place, to: Place, expect: &str) -> Result<()> {
        let object = self.name(&format!("{name} {}", place.number()), tree.object(place).context("its own place")?);
        self.steps.push(json!({ act: to.number(), "object": object, "expect": expect }));
        Ok(())
    }

    fn give(&mut self, from: (&str, &Tree), place: Place) -> Result<()> {
        self.hand("give", from, place, place, "accepted")
    }

    fn supply(&mut self, from: (&str, &Tree), place: Place) -> Result<()> {
        self.hand("supply", from, place, place, "accepted")
    }

    fn complete(&mut self, complete: bool) {
        self.steps.push(json!({ "complete": complete }));
    }

    fn commit(&mut self, epoch: u64) {
        self.complete(true);
        self.steps.push(json!({ "commit": epoch }));
    }

    fn patch(&mut self, name: &str, patch: &[u8]) {
        let patch = self.name(name, patch);
        self.steps.push(json!({ "patch": patch }));
    }

    fn ask(&mut self, n: u32, code: &str) {
        self.steps.push(json!({ "ask": keys::text(n), "permission": "zone.view", "code": code }));
    }

    fn needs(&mut self, n: u32, place: Place) {
        let packed = 18 + 1024 * (u64::from(place.number()) + 1);
        self.steps.push(json!({
            "ask": keys::text(n), "permission": "zone.view", "code": "shard_needed", "needs": place.number(), "packed": packed,
        }));
    }
}

pub fn file() -> Result<Value> {
    // With roles; the second of each shard is left as it is.
    let (one, two, other) = (key(11, 0), key(11, 1), key(key(11, 0) + 2, 0));
    let strangers = [0, 1].map(|shard| key(900_001, shard));
    let [first, second] = [tree(RECORDS, &[])?, tree(RECORDS, &[one, two])?];
    let [third, fourth] = [tree(RECORDS, &[one])?, tree(FEW, &[])?];
    let (page, chunks) =
        (Place::Page(0), [Place::Chunk(Table::RoleSets, 0), Place::Chunk(Table::Roles, 0), Place::Chunk(Table::Roles, 1)]);
    let mut trace = Trace::default();

    // It serves as soon as it has what stands above chunks and shards.
    trace.offer("first", &first, 5);
    trace.complete(false);
    for place in [Place::Top, Place::Directory] {
        trace.give(("first", &first), place)?;
        trace.complete(false);
    }
    trace.hand("give", ("first", &first), Place::Directory, page, "wrong_digest")?;
    trace.give(("first", &first), page)?;
    trace.commit(5);

    // Each thing that a question takes is named, until it has come.
    trace.needs(one, SHARDS[0]);
    trace.needs(strangers[0], SHARDS[0]);
    trace.needs(strangers[1], SHARDS[1]);
    trace.hand("supply", ("first", &first), SHARDS[1], SHARDS[0], "wrong_digest")?;
    trace.needs(one, SHARDS[0]);
    trace.supply(("first", &first), SHARDS[0])?;
    trace.ask(strangers[0], "unknown");
    trace.needs(strangers[1], SHARDS[1]);
    for chunk in chunks {
        trace.needs(one, chunk);
        trace.supply(("first", &first), chunk)?;
    }
    trace.ask(one, "valid");
    trace.needs(two, SHARDS[1]);

    // A patch changes the shard that is here. The other has changed as well, and stays missing.
    trace.offer("second", &second, 6);
    trace.patch("first to second", &patch_between(&first, &second));
    trace.commit(6);
    trace.ask(one, "revoked");
    trace.ask(other, "valid");
    trace.needs(two, SHARDS[1]);
    trace.hand("supply", ("first", &first), SHARDS[1], SHARDS[1], "wrong_digest")?;
    trace.supply(("second", &second), SHARDS[1])?;
    trace.ask(two, "revoked");
    trace.ask(strangers[1], "unknown");

    // Without a patch what is the same is shared, and what changed is missing, though the edge had all.
    trace.offer("third", &third, 7);
    trace.give(("third", &third), Place::Top)?;
    trace.complete(false);
    trace.give(("third", &third), page)?;
    trace.commit(7);
    trace.ask(one, "revoked");
    trace.ask(other, "valid");
    trace.needs(two, SHARDS[1]);
    trace.needs(strangers[1], SHARDS[1]);
    trace.supply(("third", &third), SHARDS[1])?;
    trace.ask(two, "valid");

    // Another number of shards: none is shared.
    trace.offer("fourth", &fourth, 8);
    trace.give(("fourth", &fourth), Place::Top)?;
    trace.give(("fourth", &fourth), page)?;
    trace.commit(8);
    trace.needs(two, SHARDS[0]);
    trace.supply(("fourth", &fourth), SHARDS[0])?;
    trace.ask(two, "valid");
    trace.ask(strangers[0], "unknown");
    let root = BASE64_STANDARD.encode(root());
    Ok(json!({ "root": root, "config": "lazy=262144", "now": T0, "objects": trace.objects, "steps": trace.steps }))
}
