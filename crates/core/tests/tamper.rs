//! Damaged and lying bundles: every bit, every length, and trees that are rightly hashed and signed but wrongly made.

use edgelatch_core::build::*;
use edgelatch_core::cidr::Cidr;
use edgelatch_core::edge::RequirementId;
use edgelatch_core::policy::{AllowMode, IpPolicy, Order};
use edgelatch_core::tree::ObjectId;
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
        let staged = cold.stage(&[], bad, T0).and_then(|mut staged| staged.make_ready().map(|()| staged));
        if let Ok(staged) = staged {
            cold.commit(staged, T0).unwrap();
            for n in 1..3 {
                assert_eq!(ask(&cold, n).code, Code::Internal, "bit {bit}");
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
        noise.splice(0..0, *b"ELBN\x01\x00");
        refusal(&noise, T0);
    }
}

/// Edits a tree, hashes and signs it anew, and says how it was refused.
fn lie(edit: impl FnOnce(&mut Tree)) -> &'static str {
    let mut tree = small();
    edit(&mut tree);
    reseal(&mut tree);
    refusal(&bundle(6, &tree), T0)
}

fn lie_in_shard(edit: impl FnOnce(&mut Vec<u8>)) -> &'static str {
    lie(|tree| edit(&mut tree.shards[0]))
}

fn lie_in_directory(edit: impl FnOnce(&mut Vec<u8>)) -> &'static str {
    lie(|tree| edit(&mut tree.directory))
}

// Offsets of a shard of two records: count at 8, widths 12..18, high 20, records 36 (low, id, five references of one byte).
const HIGH: usize = 20;
const RECORDS: usize = 36;
const STRIDE: usize = 21;

/// Without an edit the sealed tree is accepted: so what refuses the others is the edit.
#[test]
fn an_honest_tree_passes_the_same_way() {
    let mut tree = small();
    reseal(&mut tree);
    assert_eq!(tree, small());
    update(&mut edge(""), &[], bundle(6, &tree), T0).unwrap();
}

#[test]
fn shards_that_lie_about_their_content() {
    assert_eq!(lie_in_shard(|s| s[HIGH..HIGH + 16].rotate_left(8)), "unsorted");
    let twins = |s: &mut Vec<u8>| {
        s.copy_within(HIGH..HIGH + 8, HIGH + 8);
        s.copy_within(RECORDS..RECORDS + 8, RECORDS + STRIDE);
    };
    assert_eq!(lie_in_shard(twins), "unsorted");
    for count in [0u32, 1, 3, 255, 1 << 22, (1 << 22) + 1, u32::MAX] {
        let code = lie_in_shard(|s| s[8..12].copy_from_slice(&count.to_le_bytes()));
        assert!(
            ["truncated", "too_long", "bad_table", "bad_field", "bad_reference", "unsorted", "trailing_bytes"].contains(&code),
            "{count}: {code}"
        );
    }
    assert_eq!(lie_in_shard(|s| s[6] = 1), "bad_field");
    assert_eq!(lie_in_shard(|s| s[19] = 1), "bad_field");
    assert_eq!(lie_in_shard(|s| s[12] = 3), "bad_field");
    assert_eq!(lie_in_shard(|s| s[RECORDS + 16] = 200), "bad_reference");
    assert_eq!(lie_in_shard(|s| s.push(0)), "trailing_bytes");
    assert_eq!(lie_in_shard(|s| s[0] = b'X'), "bad_magic");
    assert_eq!(lie_in_shard(|s| s[4] = 2), "unsupported_format");
    assert_eq!(lie_in_shard(|s| s.truncate(30)), "truncated");
}

#[test]
fn directories_that_lie() {
    assert_eq!(lie_in_directory(|d| d[6] = 0), "bad_field");
    assert_eq!(lie_in_directory(|d| d[6] = 4), "bad_field");
    assert_eq!(lie_in_directory(|d| d[7] = 2), "bad_field");
    assert_eq!(lie_in_directory(|d| d.push(0)), "trailing_bytes");
    for (count, code) in [(u32::MAX, "too_long"), ((1 << 17) + 1, "too_long"), (1 << 17, "truncated"), (1 << 16, "truncated")] {
        assert_eq!(lie_in_directory(|d| d[12..16].copy_from_slice(&count.to_le_bytes())), code);
    }
    assert_eq!(lie_in_directory(|d| d[16..20].copy_from_slice(&u32::MAX.to_le_bytes())), "bad_table");
    assert_eq!(lie_in_directory(|d| d[8..12].copy_from_slice(&7u32.to_le_bytes())), "wrong_pepper");
}

#[test]
fn top_pages_and_pages_that_lie() {
    let lie_in_top = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut tree = small();
        edit(&mut tree.top);
        refusal(&bundle(6, &tree), T0)
    };
    assert_eq!(lie_in_top(&|t| t[6] = 1), "bad_field");
    assert_eq!(lie_in_top(&|t| t[6] = 255), "bad_field");
    assert_eq!(lie_in_top(&|t| t[7] = 1), "bad_field");
    assert_eq!(lie_in_top(&|t| t[8] = 3), "wrong_count");
    assert_eq!(lie_in_top(&|t| t[52..56].copy_from_slice(&u32::MAX.to_le_bytes())), "truncated");
    assert_eq!(lie_in_top(&|t| t[48..52].copy_from_slice(&u32::MAX.to_le_bytes())), "too_large");
    let end = small().top.len() - 8;
    assert_eq!(lie_in_top(&|t| t[end..].copy_from_slice(&u64::MAX.to_le_bytes())), "truncated");
    assert_eq!(lie_in_top(&|t| t.push(0)), "trailing_bytes");

    // More records announced, in head and top page alike, than the shards hold.
    let mut tree = small();
    tree.top[8..16].copy_from_slice(&3u64.to_le_bytes());
    tree.records = 3;
    assert_eq!(refusal(&bundle(6, &tree), T0), "wrong_count");

    let lie_in_page = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut tree = small();
        edit(&mut tree.pages[0]);
        let digest = ObjectId::of(&tree.pages[0]).0;
        tree.top[56..88].copy_from_slice(&digest);
        refusal(&bundle(6, &tree), T0)
    };
    assert_eq!(lie_in_page(&|p| p[40..44].copy_from_slice(&1u32.to_le_bytes())), "bad_table");
    assert_eq!(lie_in_page(&|p| p[40..44].copy_from_slice(&u32::MAX.to_le_bytes())), "bad_table");
    assert_eq!(lie_in_page(&|p| p[40..44].copy_from_slice(&0u32.to_le_bytes())), "bad_table");
    assert_eq!(lie_in_page(&|p| p[6..8].copy_from_slice(&0u16.to_le_bytes())), "bad_field");
    assert_eq!(lie_in_page(&|p| p[6..8].copy_from_slice(&257u16.to_le_bytes())), "bad_field");
}

#[test]
fn a_record_in_the_wrong_shard_is_refused() {
    let mut tree = tree((1..=600).map(record).collect());
    tree.shards.swap(0, 1);
    reseal(&mut tree);
    assert_eq!(refusal(&bundle(6, &tree), T0), "wrong_shard");
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

#[test]
fn a_damaged_shard_answers_internal_not_unknown() {
    let tree = tree((1..=600).map(record).collect());
    let mut bad = bundle(5, &tree);
    let last = bad.len() - 1;
    bad[last] ^= 1;
    let mut edge = edge("");
    let mut staged = edge.stage(&[], bad, T0).unwrap();
    staged.make_ready().unwrap();
    edge.commit(staged, T0).unwrap();
    let codes: Vec<_> = (1..=700).map(|n| edge.verify_key(text(n).as_bytes(), None, RequirementId::NONE, T0).code).collect();
    assert!(codes.contains(&Code::Internal) && codes.contains(&Code::Valid));
    assert!(codes.iter().all(|c| matches!(c, Code::Internal | Code::Valid | Code::Unknown)));
}
