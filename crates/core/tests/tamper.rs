//! Damaged and lying bundles: every bit, every length, and trees that are rightly hashed and signed but wrongly made.

use edgelatch_core::build::*;
use edgelatch_core::cidr::Cidr;
use edgelatch_core::edge::Outcome;
use edgelatch_core::policy::{AllowMode, IpPolicy, Order};
use edgelatch_core::tree::Place;
use edgelatch_core::verdict::Code;
use edgelatch_testkit::random::Random;
use edgelatch_testkit::realm::*;

/// A tree with an entry in every table.
fn small() -> Tree {
    let allow = ["10.0.0.0/8", "2001:db8::/32"].map(|c| Cidr::parse(c.as_bytes()).unwrap()).to_vec();
    let policy = IpPolicy { allow_mode: AllowMode::List, order: Order::AllowFirst, allow, deny: vec![] };
    let rich = KeyRecord {
        expires_at: Some(T0 + 5),
        metadata: "{}".into(),
        services: Some(vec!["dns".into()]),
        roles: vec![0, 1],
        ip_policy: Some(policy),
        ..record(2)
    };
    tree(vec![record(1), rich])
}

#[test]
fn every_single_bit_flip_is_refused_hot_and_cold() {
    let good = bundle(6, &small());
    let mut hot = serving(vec![record(1)]);
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(update(&mut hot, &[], bad.clone(), T0).is_err(), "bit {bit} of {}", good.len());
        // A cold edge may start before all is proven; then nothing of the damaged part is ever accepted.
        let mut cold = edge("");
        if let Ok(mut staged) = cold.stage(&[], bad, T0) {
            while !staged.is_ready() && staged.check(1).is_ok() {}
            if staged.is_ready() {
                cold.commit(staged, T0).unwrap();
                for n in 1..3 {
                    assert_eq!(ask(&cold, n).code, Code::ShardNeeded, "bit {bit}");
                }
            }
        }
    }
    assert_eq!((hot.head().unwrap().epoch, ask(&hot, 1).code), (5, Code::Valid));
    update(&mut hot, &[], good, T0).unwrap();
}

#[test]
fn every_truncation_and_every_addition_is_refused() {
    let good = bundle(6, &small());
    for len in 0..good.len() {
        refusal(&good[..len], T0);
    }
    for more in [&[0u8][..], &[0; 4096], &good[..]] {
        assert_eq!(refusal(&[&good[..], more].concat(), T0), "trailing_bytes");
    }
}

#[test]
fn random_bytes_are_refused() {
    let mut random = Random(7);
    let good = bundle(6, &small());
    for round in 0..3000 {
        let mut bad = good.clone();
        for _ in 0..1 + round % 8 {
            let at = random.number() as usize % bad.len();
            bad[at] = random.number() as u8;
        }
        if bad != good {
            refusal(&bad, T0);
        }
        let mut noise = vec![0; random.number() as usize % 300];
        random.fill(&mut noise);
        noise.splice(0..0, *b"ELBN\x02\x00");
        refusal(&noise, T0);
    }
}

/// Edits a tree, hashes and signs it anew as a publisher that lies would, and says how it was refused. What a part may say
/// stands in `tests/vectors/updates.json`, lie by lie; here are those that take a tree of several parts.
fn lie(mut tree: Tree, edit: impl FnOnce(&mut Tree), seal: fn(&mut Tree)) -> &'static str {
    edit(&mut tree);
    seal(&mut tree);
    refusal(&bundle(6, &tree), T0)
}

/// Without an edit the sealed tree is accepted: so what refuses the others is the edit.
#[test]
fn an_honest_tree_passes_the_same_way() {
    for honest in [small(), tree((1..=600).map(record).collect())] {
        for seal in [reseal_chunks, reseal, reseal_top] {
            let mut tree = honest.clone();
            seal(&mut tree);
            assert_eq!(tree, honest);
        }
        update(&mut edge(""), &[], bundle(6, &honest), T0).unwrap();
    }
}

#[test]
fn parts_of_a_tree_do_not_change_places() {
    let many = || tree((1..=600).map(record).collect());
    assert_eq!(lie(many(), |tree| tree.shards.swap(0, 1), reseal), "wrong_shard");
    assert_eq!(lie(many(), |tree| tree.shards[1] = tree.shards[0].clone(), reseal), "wrong_shard");
    assert_eq!(lie(many(), |tree| drop(tree.shards.pop()), reseal), "bad_field");
    assert_eq!(lie(many(), |tree| tree.shards.push(tree.shards[0].clone()), reseal), "bad_field");
    // Under the digest of the other one nothing needs to be read.
    assert_eq!(lie(many(), |tree| tree.shards.swap(0, 1), |_| {}), "wrong_digest");
    let swap = |from: (Table, u32), to: (Table, u32)| {
        move |tree: &mut Tree| {
            let (one, two) = (tree.chunks[&from].clone(), tree.chunks[&to].clone());
            tree.chunks.extend([(from, two), (to, one)]);
        }
    };
    assert_eq!(lie(small(), swap((Table::Roles, 0), (Table::Scopes, 0)), reseal_chunks), "bad_field");
    let moved = |tree: &mut Tree| {
        let chunk = tree.chunks.remove(&(Table::Roles, 0)).unwrap();
        tree.chunks.insert((Table::Roles, 1), chunk);
    };
    assert_eq!(lie(small(), moved, reseal_chunks), "bad_field");
    // The directory in the place of the page, and the other way round.
    assert_eq!(lie(small(), |tree| std::mem::swap(&mut tree.directory, &mut tree.pages[0]), reseal_top), "bad_field");
}

/// More records announced, in head and top page alike, than the shards hold, and fewer.
#[test]
fn records_are_counted() {
    for records in [1u64, 3, 256] {
        let announce = |tree: &mut Tree| {
            tree.top[8..16].copy_from_slice(&records.to_le_bytes());
            tree.records = records;
        };
        assert_eq!(lie(small(), announce, |_| {}), "wrong_count");
    }
}

#[test]
fn bundles_that_lie_about_lengths() {
    let good = bundle(6, &small());
    for (at, value) in [(8, u32::MAX), (12, u32::MAX), (8, 0), (12, 0), (8, 1), (12, 1 << 31)] {
        let mut bad = good.clone();
        bad[at..at + 4].copy_from_slice(&(value).to_le_bytes());
        refusal(&bad, T0);
    }
}

#[test]
fn order_of_input_does_not_matter() {
    let mut keys: Vec<_> = (1..=700).map(record).collect();
    let one = tree(keys.clone());
    keys.reverse();
    keys.swap(3, 90);
    assert_eq!(one, tree(keys));
}

#[test]
fn duplicate_digests_are_refused_at_the_source() {
    let twin = KeyRecord { key_id: edgelatch_core::key::KeyId(9), ..record(1) };
    assert_eq!(build_tree(&realm(), vec![record(1), twin]).unwrap_err().code(), "duplicate_digest");
}

/// A cold edge may begin before everything is here. What is damaged it asks for again, and never takes for nothing.
#[test]
fn a_damaged_shard_is_still_needed_and_not_unknown() {
    let tree = tree((1..=600).map(record).collect());
    let mut cold = edge("");
    cold.offer(&[], &bundle(5, &tree), T0).unwrap();
    let mut staged = cold.begin(&[], T0).unwrap();
    for place in tree.places() {
        let mut bytes = tree.object(place).unwrap().to_vec();
        let damaged = place == Place::Shard(1);
        if damaged {
            bytes[30] ^= 1;
        }
        assert_eq!(staged.supply(place, bytes).is_err(), damaged, "{place:?}");
    }
    cold.commit(staged, T0).unwrap();
    let outcomes: Vec<_> = (1..=700).map(|n| ask(&cold, n)).collect();
    let needed = |outcome: &&Outcome| outcome.code == Code::ShardNeeded;
    assert!(outcomes.iter().filter(needed).all(|outcome| outcome.needs == Some(Place::Shard(1))));
    assert!(outcomes.iter().filter(needed).count() > 100);
    let known = |outcome: &Outcome| matches!(outcome.code, Code::Valid | Code::ShardNeeded);
    assert!(outcomes[..600].iter().all(known), "a key of the realm is never refused");
    cold.supply(Place::Shard(1), tree.shards[1].clone()).unwrap();
    assert!((1..=700).all(|n| ask(&cold, n).code == if n <= 600 { Code::Valid } else { Code::Unknown }));
}
