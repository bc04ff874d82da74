//! Patches: what they make of the tree that an edge serves, and those that must be refused.

use super::raw::{Edit, Head, sha256};
use super::scenarios::root;
use super::{T0, keys};
use crate::realm::{patch_between, reseal};
use anyhow::Result;
use base64::{Engine, prelude::BASE64_STANDARD};
use edgelatch_core::{
    build::{Entry, Record, RoleRecord, Settings, State, Table, Tree},
    cidr::Cidr,
    http::CredentialHeaders,
    key::KeyId,
    policy::{AllowMode, IpPolicy, Order},
    tree::Place,
};
use serde_json::{Value, json};

/// A patch, step by step.
#[derive(Clone)]
struct Patch {
    from: [u8; 32],
    to: [u8; 32],
    top_len: u32,
    /// Number of the place, and the delta.
    steps: Vec<(u32, Vec<u8>)>,
}

const TOP: u32 = 0;
const DIRECTORY: u32 = 1;
const PAGE: u32 = 2;
const ROLES: u32 = 3;
const SHARD: u32 = 7;

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn insert(bytes: &[u8]) -> Vec<u8> {
    [varint(bytes.len() as u64 * 2 + 1), bytes.to_vec()].concat()
}

/// `distance` counts from where the copy before ended.
fn copy(length: usize, distance: i64) -> Vec<u8> {
    let zigzag = if distance < 0 { -2 * distance - 1 } else { 2 * distance };
    [varint(length as u64 * 2), varint(zigzag as u64)].concat()
}

impl Patch {
    /// From one tree to another, every object told whole.
    fn whole(old: &Tree, new: &Tree) -> Patch {
        let differs = |place: &Place| old.object(*place) != new.object(*place);
        let step = |place: Place| (place.number(), insert(new.object(place).expect("its own place")));
        let steps = new.places().filter(differs).map(step).collect();
        Patch { from: sha256(&old.top), to: sha256(&new.top), top_len: new.top.len() as u32, steps }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = [b"ELPT\x02\x00\x00\x00", &self.from[..], &self.to, &self.top_len.to_le_bytes()].concat();
        for (place, delta) in &self.steps {
            out.extend([varint(u64::from(*place)), varint(delta.len() as u64), delta.clone()].concat());
        }
        out
    }

    fn delta(&mut self, place: u32) -> &mut Vec<u8> {
        &mut self.steps.iter_mut().find(|step| step.0 == place).expect("a step for it").1
    }

    fn remove(&mut self, place: u32) {
        self.steps.retain(|step| step.0 != place);
    }

    fn add(&mut self, place: u32, delta: Vec<u8>) {
        self.steps.push((place, delta));
        self.steps.sort_by_key(|(place, _)| (place & 7, place >> 3));
    }
}

/// Five keys, with an entry in every table and two chunks of roles.
fn state() -> State {
    let entries = [
        ((Table::Roles, 1), role("reader", "*.view")),
        ((Table::Roles, 70), role("purger", "cache.purge")),
        ((Table::RoleSets, 1), Entry::RoleSet(vec![1, 70])),
        ((Table::Scopes, 5), Entry::Scope(vec!["cdn".into()])),
        ((Table::Policies, 9), office("192.0.2.0/24")),
    ];
    State { settings: settings(), entries: entries.into(), records: (1..=5).map(record).collect() }
}

pub(super) fn role(name: &str, pattern: &str) -> Entry {
    Entry::Role(RoleRecord { name: name.into(), patterns: vec![pattern.into()] })
}

fn put(state: &mut State, table: Table, number: u32, entry: Entry) {
    state.entries.insert((table, number), entry);
}

pub(super) fn settings() -> Settings {
    Settings { credentials: CredentialHeaders::all(), imports: false, pepper: None }
}

fn office(network: &str) -> Entry {
    let allow = vec![Cidr::parse(network.as_bytes()).expect("a network")];
    Entry::Policy(IpPolicy { allow_mode: AllowMode::List, order: Order::AllowFirst, allow, deny: vec![] })
}

pub(super) fn record(n: u32) -> Record {
    Record {
        digest: sha256(keys::text(n).as_bytes()),
        key_id: KeyId(n.into()),
        org: "acme".into(),
        owner: "alice".into(),
        owner_disabled: false,
        name: String::new(),
        metadata: String::new(),
        revoked: false,
        not_before: None,
        expires_at: None,
        role_set: n % 2,
        scope: if n == 3 { 5 } else { 0 },
        policy: if n == 4 { 9 } else { 0 },
    }
}

/// A state that differs from the first.
fn changed(edit: impl FnOnce(&mut State)) -> Result<Tree> {
    let mut state = state();
    edit(&mut state);
    Ok(Tree::build(&state)?)
}

/// So many records of which the first bit is 0, and then some of which it is 1.
fn halves(low: u32, high: u32) -> Result<Tree> {
    let of = |first: u8, n: u32| {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&(n << 8).to_be_bytes());
        digest[0] |= first;
        Record { digest, role_set: 0, scope: 0, policy: 0, ..record(n) }
    };
    let records = (0..low).map(|n| of(0, n)).chain((0..high).map(|n| of(0x80, n))).collect();
    Ok(Tree::build(&State { settings: settings(), entries: Default::default(), records })?)
}

/// What becomes of a patch.
enum Expected {
    New,
    Refused(&'static str),
    Missing(Vec<u32>),
}

/// The head of a tree: signed by the publisher, for it is no head that lies here.
pub(super) fn head(tree: &Tree, epoch: u64) -> Vec<u8> {
    let mut head = Head::of(&super::raw::Tree::seal(0, 0, vec![], vec![], vec![]));
    head.epoch = epoch;
    (head.tree, head.tree_bytes, head.records) = (sha256(&tree.top), tree.bytes(), tree.records);
    head.sign(&[101])
}

fn bundle(tree: &Tree, epoch: u64) -> Vec<u8> {
    edgelatch_core::build::encode_bundle(&head(tree, epoch), tree).expect("a head of some hundred bytes")
}

/// How a patch from the first state to that with a key revoked is changed.
#[rustfmt::skip]
const LIES: &[Edit<Patch>] = &[
    ("from another tree", |p| p.from[0] ^= 1, "bad_reference"),
    ("to another tree", |p| p.to[31] ^= 1, "bad_reference"),
    ("backwards", |p| std::mem::swap(&mut p.from, &mut p.to), "bad_reference"),
    ("a top page of more than 256 KiB", |p| p.top_len = (256 << 10) + 1, "too_large"),
    ("a top page a byte longer", |p| p.top_len += 1, "wrong_count"),
    ("a top page a byte shorter", |p| p.top_len -= 1, "wrong_count"),
    ("the old top page", |p| *p.delta(TOP) = copy(p.top_len as usize, 0), "wrong_digest"),
    ("steps out of order", |p| p.steps.swap(1, 2), "bad_reference"),
    ("the first step twice", |p| { let first = p.steps[0].clone(); p.steps.insert(1, first); }, "bad_reference"),
    ("the last step twice", |p| { let last = p.steps[p.steps.len() - 1].clone(); p.steps.push(last); }, "bad_reference"),
    ("without the top page", |p| p.remove(TOP), "bad_reference"),
    ("a second top page", |p| p.steps.push((8, insert(b"top"))), "bad_reference"),
    ("a second directory", |p| p.add(DIRECTORY + 8, insert(b"directory")), "bad_reference"),
    ("an index page that the tree has not", |p| p.add(PAGE + 8, insert(b"page")), "bad_reference"),
    ("a chunk that the tree has not", |p| p.add(ROLES + 8 * 2, insert(b"chunk")), "bad_reference"),
    ("a shard that the tree has not", |p| p.add(SHARD + 8, insert(b"shard")), "bad_reference"),
    ("the last shard that a number can name", |p| p.add(u32::MAX, insert(b"shard")), "bad_reference"),
    ("a shard below an index page that is missing", |p| p.remove(PAGE), "bad_reference"),
    ("another object than its slot's", |p| *p.delta(SHARD).last_mut().expect("bytes") ^= 1, "wrong_digest"),
    ("the old index page", |p| *p.delta(PAGE) = copy(44, 0), "wrong_digest"),
    ("a byte less than the slot says", |p| { let delta = p.delta(PAGE).clone(); *p.delta(PAGE) = insert(&delta[1..delta.len() - 1]); }, "wrong_count"),
    ("a byte more than the slot says", |p| p.delta(PAGE).extend(insert(b"x")), "wrong_count"),
    ("nothing", |p| p.delta(PAGE).clear(), "wrong_count"),
    ("a bomb: 2^31 - 1 bytes of the old object", |p| *p.delta(PAGE) = copy((1 << 31) - 1, 0), "wrong_count"),
    ("copies of nothing", |p| p.delta(PAGE).splice(0..0, copy(0, 0)).for_each(drop), "bad_field"),
    ("inserts of nothing", |p| p.delta(PAGE).splice(0..0, insert(b"")).for_each(drop), "bad_field"),
    ("a copy one byte past the end of the old object", |p| *p.delta(PAGE) = copy(44, 1), "bad_reference"),
    ("a copy from before the old object", |p| *p.delta(PAGE) = copy(44, -1), "bad_reference"),
    ("a copy from 2^31 - 1", |p| *p.delta(PAGE) = copy(44, (1 << 31) - 1), "bad_reference"),
    ("a second copy from behind the old object", |p| *p.delta(PAGE) = [copy(40, 0), copy(4, 1)].concat(), "bad_reference"),
    ("an insertion that is cut off", |p| { let len = p.delta(PAGE).len(); p.delta(PAGE).truncate(len - 1); }, "truncated"),
    ("a number that is cut off", |p| p.delta(PAGE).push(0x80), "truncated"),
    ("a superfluous byte in a number inside a good delta", |p| { let delta = p.delta(PAGE); delta[0] |= 0x80; delta.insert(1, 0); }, "bad_field"),
    ("a number beyond 32 bits", |p| *p.delta(PAGE) = vec![0xff, 0xff, 0xff, 0xff, 0x1f, 0], "bad_field"),
    ("a number of six bytes", |p| *p.delta(PAGE) = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "bad_field"),
];

/// How the bytes of the same patch are changed.
#[rustfmt::skip]
const FRAMES: &[Edit<Vec<u8>>] = &[
    ("empty", Vec::clear, "truncated"),
    ("magic", |p| p[3] = b'X', "bad_magic"),
    ("format 1", |p| p[4] = 1, "unsupported_format"),
    ("reserved field", |p| p[6] = 1, "bad_field"),
    ("cut in its header", |p| p.truncate(60), "truncated"),
    ("a byte too few", |p| p.truncate(p.len() - 1), "truncated"),
    ("the beginning of another step", |p| p.push(SHARD as u8 + 8), "truncated"),
    ("a byte that is no step", |p| p.push(0x80), "truncated"),
    ("a superfluous byte in a place", |p| { p[76] |= 0x80; p.insert(77, 0); }, "bad_field"),
];

pub fn file() -> Result<Value> {
    let old = changed(|_| {})?;
    let revoked = changed(|state| state.records[2].revoked = true)?;
    let mut cases = Vec::new();
    let mut add = |name: &str, old: &Tree, new: &Tree, patch: Vec<u8>, expected: Expected| {
        let encode = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
        let mut row = json!({
            "name": name, "root": encode(&root()), "now": T0, "old": encode(&bundle(old, 5)), "head": encode(&head(new, 6)),
            "patch": encode(&patch),
        });
        match expected {
            Expected::Refused(code) => row["refused"] = code.into(),
            Expected::New => row["new"] = encode(&bundle(new, 6)).into(),
            Expected::Missing(places) => (row["new"], row["missing"]) = (encode(&bundle(new, 6)).into(), places.into()),
        }
        cases.push(row);
    };
    let good: [(&str, Tree); 9] = [
        ("a key revoked", revoked.clone()),
        ("a key created", changed(|state| state.records.push(record(11)))?),
        ("a role edited", changed(|state| put(state, Table::Roles, 1, role("reader", "dns.view")))?),
        ("a role created", changed(|state| put(state, Table::Roles, 2, role("writer", "*.update")))?),
        ("a scope edited", changed(|state| put(state, Table::Scopes, 5, Entry::Scope(vec!["dns".into()])))?),
        ("a policy edited", changed(|state| put(state, Table::Policies, 9, office("10.0.0.0/8")))?),
        ("a chunk gone", changed(|state| drop(state.entries.remove(&(Table::Roles, 70))))?),
        (
            "several epochs at once",
            changed(|state| {
                put(state, Table::Roles, 1, role("reader", "dns.view"));
                state.records[0].revoked = true;
                state.records.remove(4);
                state.records.extend([record(12), record(13)]);
            })?,
        ),
        ("everything gone", Tree::build(&State { settings: settings(), entries: Default::default(), records: vec![] })?),
    ];
    for (name, new) in &good {
        add(name, &old, new, patch_between(&old, new), Expected::New);
    }
    let honest = Patch::whole(&old, &revoked);
    add("a key revoked, told whole", &old, &revoked, honest.bytes(), Expected::New);
    for (name, edit, code) in LIES {
        let mut patch = honest.clone();
        edit(&mut patch);
        add(name, &old, &revoked, patch.bytes(), Expected::Refused(code));
    }
    for (name, edit, code) in FRAMES {
        let mut patch = honest.bytes();
        edit(&mut patch);
        add(&format!("frame: {name}"), &old, &revoked, patch, Expected::Refused(code));
    }
    // What is good, or lacks something.
    let mut edited = |name: &str, edit: &dyn Fn(&mut Patch), expected| {
        let mut patch = honest.clone();
        edit(&mut patch);
        add(name, &old, &revoked, patch.bytes(), expected);
    };
    edited("without steps", &|p| p.steps.clear(), Expected::Missing(vec![TOP]));
    edited("without the shard", &|p| p.remove(SHARD), Expected::Missing(vec![SHARD]));
    edited("only the top page", &|p| p.steps.truncate(1), Expected::Missing(vec![PAGE]));
    edited(
        "a step for a shared object",
        &|p| p.add(ROLES, copy(old.object(Place::Chunk(Table::Roles, 0)).map_or(0, <[u8]>::len), 0)),
        Expected::New,
    );
    let shard = &revoked.shards[0];
    let before = &old.shards[0];
    // Up to its last byte, which stands where it stood.
    let tail = before.iter().rev().zip(shard.iter().rev()).take_while(|(a, b)| a == b).count();
    let up_to_the_end = [insert(&shard[..shard.len() - tail]), copy(tail, (before.len() - tail) as i64)].concat();
    edited("a copy right up to the end of the old object", &|p| *p.delta(SHARD) = up_to_the_end.clone(), Expected::New);
    let one_by_one = |bytes: &[u8]| bytes.iter().flat_map(|byte| insert(&[*byte])).collect::<Vec<_>>();
    edited("byte by byte", &|p| *p.delta(SHARD) = one_by_one(shard), Expected::New);

    // One record more than one shard is for. The shard of the first bit 0 is what it was, but must be proven for its new place.
    let (one, two) = (halves(256, 0)?, halves(256, 1)?);
    add("growth into two shards", &one, &two, patch_between(&one, &two), Expected::Missing(vec![SHARD]));
    let mut grown = Patch::whole(&one, &two);
    grown.add(SHARD, copy(one.shards[0].len(), 0));
    add("growth into two shards, all told", &one, &two, grown.bytes(), Expected::New);
    let (back, less) = (Patch::whole(&two, &one), Expected::Missing(vec![SHARD]));
    add("shrinking into one shard", &two, &one, back.bytes(), less);
    // A publisher that lies: the old shard, of both halves, in the place of the first.
    let both = halves(255, 1)?;
    let mut lying = two.clone();
    lying.shards[0] = both.shards[0].clone();
    reseal(&mut lying);
    let mut patch = Patch::whole(&both, &lying);
    patch.add(SHARD, copy(both.shards[0].len(), 0));
    add("growth that keeps a shard of both halves", &both, &lying, patch.bytes(), Expected::Refused("wrong_shard"));
    Ok(json!({ "cases": cases }))
}
