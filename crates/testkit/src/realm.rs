//! A realm of the core with its keys, and ways to take it apart and seal it again.

use edgelatch_core::build::*;
use edgelatch_core::edge::{Edge, HostConfig, Outcome, RequirementId};
use edgelatch_core::error::Error;
use edgelatch_core::key::{self, KeyId, Prefix};
use edgelatch_core::tree::Slot;

pub use crate::DAY;
use crate::random::Random;
use crate::snapshot;

/// When every head is issued.
pub const T0: u64 = 1_800_000_000;
/// The realm of every object that is not wrong on purpose.
pub const REALM: &str = "acme";

/// The key pair of a seed.
pub fn signer(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// A role of the root: its keys, by their seeds, and how many of them must sign.
pub fn role(threshold: u8, seeds: &[u8]) -> RoleFields {
    RoleFields { threshold, keys: seeds.iter().map(|s| signer(*s).public()).collect() }
}

/// The key pairs of some seeds.
pub fn signers(seeds: &[u8]) -> Vec<SigningKey> {
    seeds.iter().map(|s| signer(*s)).collect()
}

/// The fields of a root. Root keys have the seeds 1, 2, …, publisher keys 101, 102, ….
pub fn root_fields(version: u32) -> RootFields {
    RootFields {
        realm: REALM.into(),
        version,
        issued_at: T0 - DAY,
        expires_at: T0 + 3650 * DAY,
        era: 1,
        min_epoch: 1,
        root: role(1, &[1]),
        publisher: role(1, &[101]),
    }
}

/// The first root.
pub fn root() -> Vec<u8> {
    sign_root(&root_fields(1), &signers(&[1])).unwrap()
}

/// A head for a tree, valid for a day.
pub fn head_fields(epoch: u64, tree: &Tree) -> HeadFields {
    HeadFields {
        realm: REALM.into(),
        root_version: 1,
        epoch,
        issued_at: T0,
        not_after: T0 + DAY,
        tree: tree.id(),
        tree_bytes: tree.bytes(),
        records: tree.records,
    }
}

/// A head and its tree, signed.
pub fn bundle(epoch: u64, tree: &Tree) -> Vec<u8> {
    bundle_of(&head_fields(epoch, tree), tree)
}

/// A bundle whose head has these fields.
pub fn bundle_of(fields: &HeadFields, tree: &Tree) -> Vec<u8> {
    encode_bundle(&sign_head(fields, &signers(&[101])).unwrap(), tree).unwrap()
}

/// The patch between two trees, as a publisher makes it that has both.
pub fn patch_between(old: &Tree, new: &Tree) -> Vec<u8> {
    let differing = new.places().filter(|place| old.object(*place) != new.object(*place));
    encode_patch(old.id(), differing.map(|place| (place, old.object(place))), new).unwrap().unwrap()
}

/// Both credential headers and three roles.
pub fn realm() -> RealmRecord {
    snapshot::realm(&[("reader", &["read", "*.view"]), ("dns", &["dns.*"]), ("admin", &["*"])])
}

/// The text of test key `n`.
pub fn text(n: u64) -> String {
    let mut random = Random(n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    key::issue(&Prefix::parse("tst_sk").unwrap(), &mut |out| random.fill(out)).to_string()
}

/// The record of test key `n`: valid for ever, with the first role.
pub fn record(n: u64) -> KeyRecord {
    let plain = snapshot::record(key::digest(text(n).as_bytes()), KeyId(n));
    KeyRecord { org: "org-1".into(), owner: "alice".into(), name: format!("key {n}"), ..plain }
}

/// The tree of some keys.
pub fn tree(keys: Vec<KeyRecord>) -> Tree {
    build_tree(&realm(), keys).unwrap()
}

/// An edge that knows the first root and nothing else.
pub fn edge(config: &str) -> Edge {
    Edge::new(&root(), HostConfig::parse(config).unwrap()).unwrap()
}

/// Stages, checks everything and commits.
pub fn update(edge: &mut Edge, roots: &[&[u8]], bundle: Vec<u8>, now: u64) -> Result<(), Error> {
    let mut staged = edge.stage(roots, bundle, now)?;
    while staged.check(4096)? > 0 {}
    edge.commit(staged, now)
}

/// An edge that serves these keys at epoch 5.
pub fn serving(keys: Vec<KeyRecord>) -> Edge {
    let mut edge = edge("");
    update(&mut edge, &[], bundle(5, &tree(keys)), T0).unwrap();
    edge
}

/// What an edge says to test key `n`.
pub fn ask(edge: &Edge, n: u64) -> Outcome {
    edge.verify_key(text(n).as_bytes(), None, RequirementId::NONE, T0)
}

fn slot(bytes: &[u8]) -> Vec<u8> {
    let slot = Slot::of(bytes);
    [&slot.id.0[..], &slot.length.to_le_bytes()].concat()
}

/// Recomputes the directory's tables, pages and top page after a part was tampered with, as a publisher that lies would: every
/// digest is right, so only the checks of the content are left to refuse.
pub fn reseal_chunks(tree: &mut Tree) {
    tree.directory.truncate(12);
    for table in Table::ALL {
        let rows: Vec<_> = tree.chunks.iter().filter(|((of, _), _)| *of == table).collect();
        tree.directory.extend((rows.len() as u32).to_le_bytes());
        rows.iter().for_each(|((_, number), chunk)| tree.directory.extend([&number.to_le_bytes()[..], &slot(chunk)].concat()));
    }
    reseal(tree);
}

/// The same, but leaves the directory as it is.
pub fn reseal(tree: &mut Tree) {
    let page = |shards: &[Vec<u8>]| {
        let mut page = b"ELPG\x02\x00".to_vec();
        page.extend((shards.len() as u16).to_le_bytes());
        shards.iter().for_each(|shard| page.extend(slot(shard)));
        page
    };
    tree.pages = tree.shards.chunks(256).map(page).collect();
    reseal_top(tree);
}

/// The same, but leaves the index pages too.
pub fn reseal_top(tree: &mut Tree) {
    tree.top.truncate(16);
    tree.top.extend(slot(&tree.directory));
    tree.top.extend((tree.pages.len() as u32).to_le_bytes());
    tree.pages.iter().for_each(|page| tree.top.extend(slot(page)));
}

/// The error code of a full update, cold and hot; both must refuse, and the hot edge must go on serving key 1.
pub fn refusal(bundle: &[u8], now: u64) -> &'static str {
    let mut cold = edge("");
    let cold_error = update(&mut cold, &[], bundle.to_vec(), now).expect_err("a cold edge took it");
    assert!(cold.head().is_none());
    let mut hot = serving(vec![record(1)]);
    let before = hot.head().cloned();
    let hot_error = update(&mut hot, &[], bundle.to_vec(), now).expect_err("a running edge took it");
    assert_eq!(hot.head().cloned(), before);
    assert_eq!(ask(&hot, 1).code.name(), "valid");
    assert_eq!(cold_error.code(), hot_error.code());
    hot_error.code()
}
