//! Memory of a lazy edge with a budget of 8 MB, as an allocator counts it: with a million keys, and with the top page and index pages of a
//! hundred million, whose slots are made up, since nothing below them is fetched. Fails if a figure is above its goal.
//! `cargo run --release -p edgelatch-testkit --example lazy`

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use edgelatch_core::build::{Change, HeadFields, Record, Settings, State, Tree, encode_patch, sign_head};
use edgelatch_core::edge::{Edge, HostConfig, Offer, RequirementId, Staged};
use edgelatch_core::http::CredentialHeaders;
use edgelatch_core::key::{self, KeyId};
use edgelatch_core::limits::UPDATE_SHARE;
use edgelatch_core::tree::{ObjectId, Place};
use edgelatch_testkit::random::Random;
use edgelatch_testkit::realm::{T0, head_fields, root, signers, text};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MB: usize = 1_000_000;
const BUDGET: usize = 8 * MB;
/// Bytes that a lazy edge may take in all, with a million keys and with a hundred million.
const GOALS: [usize; 2] = [16 * MB, 64 * MB];
/// Keys of the larger realm, and what follows from their number (SPEC.md section 5).
const MANY: u64 = 100_000_000;
const MANY_BITS: u8 = 19;
const PAGES: u64 = 2048;
const SHARDS_PER_PAGE: u16 = 256;
/// Bytes of a shard of plain keys, about.
const SHARD: u32 = 5_000;

fn main() -> Result<()> {
    println!("{:34} {:>9} {:>16} {:>9}", "lazy edge, budget 8 MB", "serving", "during an update", "goal");
    million()?;
    hundred_million()
}

fn print(name: &str, serving: usize, update: usize, goal: usize) {
    let mb = |bytes: usize| format!("{:.1} MB", bytes as f64 / MB as f64);
    println!("{name:34} {:>9} {:>16} {:>9}", mb(serving), mb(update), mb(goal));
}

fn edge() -> Result<Edge> {
    Ok(Edge::new(&root(), HostConfig::parse(&format!("lazy={BUDGET}"))?)?)
}

fn offered(edge: &mut Edge, fields: &HeadFields) -> Result<Staged> {
    ensure!(matches!(edge.offer(&[], &sign_head(fields, &signers(&[101]))?, T0)?, Offer::TreeNeeded { .. }));
    Ok(edge.begin(&[], T0)?)
}

fn settings() -> Settings {
    Settings { credentials: CredentialHeaders::all(), imports: false, pepper: None }
}

fn record(n: u64) -> Record {
    Record {
        digest: key::digest(text(n).as_bytes()),
        key_id: KeyId(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        org: "acme".into(),
        owner: "someone".into(),
        owner_disabled: false,
        name: String::new(),
        metadata: String::new(),
        revoked: false,
        not_before: None,
        expires_at: None,
        role_set: 0,
        scope: 0,
        policy: 0,
    }
}

/// Built for real, and asked for keys until the budget is full.
fn million() -> Result<()> {
    let keys = 1_000_000;
    let mut tree =
        Tree::build(&State { settings: settings(), entries: BTreeMap::new(), records: (1..=keys).map(record).collect() })?;
    let before = ALLOCATOR.current_usage();
    let mut edge = edge()?;
    let mut staged = offered(&mut edge, &head_fields(1, &tree))?;
    supply(&mut staged, |place| tree.object(place).unwrap_or(&[]).to_vec())?;
    edge.commit(staged, T0)?;
    for n in 1..=4_000 {
        while let Some(place) = edge.verify_key(text(n).as_bytes(), None, RequirementId::NONE, T0).needs {
            edge.supply(place, tree.object(place).unwrap_or(&[]).to_vec())?;
        }
    }
    let stats = edge.lazy_stats().unwrap_or_default();
    ensure!(stats.bytes > BUDGET * 9 / 10 && stats.dropped > 0, "the budget is not full: {stats:?}");
    let serving = ALLOCATOR.current_usage() - before;

    // As much as one update changes at the most: every shard that is held.
    let from = tree.id();
    let put = (1..=4_000).map(|n| Record { revoked: true, ..record(n) }).collect();
    let replaced = tree.change(&Change { settings: settings(), entries: vec![], removed: vec![], put })?;
    let patch = encode_patch(from, replaced.iter().map(|one| (one.place, one.before.as_deref())), &tree)?;
    drop(replaced);
    let patch = patch.unwrap_or_default();
    // The tree may have grown; what the edge holds has not.
    let others = ALLOCATOR.current_usage() - serving;
    ALLOCATOR.reset_peak_usage();
    let mut staged = offered(&mut edge, &head_fields(2, &tree))?;
    staged.patch(patch)?;
    while staged.check(1 << 15)? > 0 {}
    edge.commit(staged, T0)?;
    print("1,000,000 keys", serving, ALLOCATOR.peak_usage() - others, GOALS[0]);
    Ok(())
}

/// Gives a candidate what it waits for.
fn supply(staged: &mut Staged, object: impl Fn(Place) -> Vec<u8>) -> Result<()> {
    while let Some(need) = staged.need(Place::Top) {
        staged.supply(need.place, object(need.place))?;
    }
    ensure!(staged.is_complete());
    Ok(())
}

fn put_slot(out: &mut Vec<u8>, digest: &[u8; 32], length: u32) {
    out.extend(digest);
    out.extend(length.to_le_bytes());
}

/// An index page with made-up slots.
fn page(epoch: u64, number: u64) -> Vec<u8> {
    let mut random = Random((epoch << 32 | number) + 1);
    let mut page = b"ELPG\x02\0".to_vec();
    page.extend(SHARDS_PER_PAGE.to_le_bytes());
    for _ in 0..SHARDS_PER_PAGE {
        let mut digest = [0; 32];
        random.fill(&mut digest);
        put_slot(&mut page, &digest, SHARD);
    }
    page
}

/// The top page of such pages, and the bytes of its tree.
fn top(epoch: u64, directory: &[u8]) -> (Vec<u8>, u64) {
    let mut top = b"ELTP\x02\0".to_vec();
    top.extend([MANY_BITS, 0]);
    top.extend(MANY.to_le_bytes());
    put_slot(&mut top, &ObjectId::of(directory).0, directory.len() as u32);
    top.extend((PAGES as u32).to_le_bytes());
    let mut bytes = directory.len() as u64;
    for number in 0..PAGES {
        let page = page(epoch, number);
        put_slot(&mut top, &ObjectId::of(&page).0, page.len() as u32);
        bytes += page.len() as u64 + u64::from(SHARDS_PER_PAGE) * u64::from(SHARD);
    }
    let bytes = bytes + top.len() as u64;
    (top, bytes)
}

/// The pages alone; the budget is added, as if it were full. The update changes every page.
fn hundred_million() -> Result<()> {
    let small = Tree::build(&State { settings: settings(), entries: BTreeMap::new(), records: vec![record(1)] })?;
    let tops = [1, 2].map(|epoch| top(epoch, &small.directory));
    let before = ALLOCATOR.current_usage();
    let mut edge = edge()?;
    let mut update = 0;
    let mut serving = 0;
    for (epoch, (top, bytes)) in (1..).zip(&tops) {
        let fields = HeadFields { tree: ObjectId::of(top), tree_bytes: *bytes, records: MANY, ..head_fields(epoch, &small) };
        ALLOCATOR.reset_peak_usage();
        let mut staged = offered(&mut edge, &fields)?;
        supply(&mut staged, |place| match place {
            Place::Top => top.clone(),
            Place::Page(number) => page(epoch, number.into()),
            _ => small.directory.clone(),
        })?;
        edge.commit(staged, T0)?;
        serving = serving.max(ALLOCATOR.current_usage() - before);
        update = ALLOCATOR.peak_usage() - before;
    }
    // A candidate holds some besides.
    print("100,000,000 keys, budget added", serving + BUDGET, update + BUDGET + BUDGET / UPDATE_SHARE, GOALS[1]);
    Ok(())
}
