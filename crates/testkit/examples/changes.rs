//! What one change costs among many keys, without wasm and without a network: bytes of the patch and its head, time to build and sign, time
//! to apply, memory of the edge. `cargo run --release -p edgelatch-testkit --example changes -- 1000000`

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, anyhow, ensure};
use edgelatch_core::build::{
    Change, Entry, Record, RoleRecord, Settings, State, Table, Tree, encode_bundle, encode_patch, sign_head,
};
use edgelatch_core::edge::{Edge, HostConfig, Offer};
use edgelatch_core::http::CredentialHeaders;
use edgelatch_core::key::{self, KeyId};
use edgelatch_testkit::realm::{T0, head_fields, root, signers, text};

/// Times each change is made: medians are shown.
const ROUNDS: usize = 21;

fn settings() -> Settings {
    Settings { credentials: CredentialHeaders::all(), imports: false, pepper: None }
}

fn role(patterns: &[&str]) -> Entry {
    Entry::Role(RoleRecord { name: "reader".into(), patterns: patterns.iter().map(|pattern| (*pattern).into()).collect() })
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
        role_set: 1,
        scope: 0,
        policy: 0,
    }
}

/// What an administrator does in round `n`.
fn change(kind: &str, n: u64, keys: u64) -> Change {
    let nothing = Change { settings: settings(), entries: vec![], removed: vec![], put: vec![] };
    match kind {
        "revoke" => Change { put: vec![Record { revoked: true, ..record(n) }], ..nothing },
        "create" => Change {
            put: vec![Record { name: format!("key {n}"), owner: format!("owner-{n}"), ..record(keys + n) }],
            ..nothing
        },
        "delete" => Change { removed: vec![record(keys - n).digest], ..nothing },
        _ => Change {
            entries: vec![(Table::Roles, 1, Some(role(&["*.view", if n.is_multiple_of(2) { "dns.*" } else { "cdn.*" }])))],
            ..nothing
        },
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<()> {
    let keys: u64 = std::env::args().nth(1).ok_or_else(|| anyhow!("usage: changes KEYS"))?.parse()?;
    let entries = BTreeMap::from([((Table::Roles, 1), role(&["*.view"])), ((Table::RoleSets, 1), Entry::RoleSet(vec![1]))]);
    let mut tree = Tree::build(&State { settings: settings(), entries, records: (1..=keys).map(record).collect() })?;
    println!("{keys} keys: {:.2} bytes a plain key, index included", tree.bytes() as f64 / keys as f64);
    let mut epoch = 1;
    let mut edge = Edge::new(&root(), HostConfig::default())?;
    let mut staged = edge.stage(&[], encode_bundle(&sign_head(&head_fields(epoch, &tree), &signers(&[101]))?, &tree)?, T0)?;
    while staged.check(1 << 20)? > 0 {}
    edge.commit(staged, T0)?;
    println!("{:9} {:>11} {:>10} {:>16} {:>9}", "change", "patch bytes", "head bytes", "build + sign ms", "apply ms");
    for kind in ["revoke", "create", "delete", "edit role"] {
        let (mut patches, mut builds, mut applies, mut heads) = (vec![], vec![], vec![], 0);
        for n in 1..=ROUNDS as u64 {
            let begun = Instant::now();
            let from = tree.id();
            let replaced = tree.change(&change(kind, n, keys))?;
            let steps = replaced.iter().map(|one| (one.place, one.before.as_deref()));
            let patch = encode_patch(from, steps, &tree)?.ok_or_else(|| anyhow!("the patch is too long"))?;
            epoch += 1;
            let head = sign_head(&head_fields(epoch, &tree), &signers(&[101]))?;
            builds.push(begun.elapsed().as_secs_f64() * 1e3);
            patches.push(patch.len() as f64);
            heads = head.len();
            let begun = Instant::now();
            ensure!(matches!(edge.offer(&[], &head, T0)?, Offer::TreeNeeded { .. }));
            let mut staged = edge.begin(&[], T0)?;
            staged.patch(patch)?;
            while staged.check(1 << 15)? > 0 {}
            edge.commit(staged, T0)?;
            applies.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        println!("{kind:9} {:>11.0} {heads:>10} {:>16.2} {:>9.2}", median(patches), median(builds), median(applies));
    }
    println!("memory of the edge after all that: {:.3} of the tree", edge.memory() as f64 / tree.bytes() as f64);
    Ok(())
}
