//! What is dropped for what comes, and what nobody can push out.

use super::*;
use edgelatch_core::limits::PROBATION_SHARE;

/// Made-up keys: well formed, and in no tree.
fn made_up(n: u64) -> String {
    key_text(KEYS + 1 + n)
}

fn held_bytes(edge: &Edge) -> usize {
    edge.objects().filter(|(place, _)| place.is_leaf()).map(|(_, bytes)| bytes.len()).sum()
}

#[test]
fn no_more_is_held_than_was_granted() {
    let tree = large();
    let mut edge = begun(LAZY, tree);
    let mut most = 0;
    for n in 1..=2_000 {
        let text = if n % 3 == 0 { made_up(n) } else { key_text(1 + n * 31 % KEYS) };
        served(&mut edge, tree, &text);
        let stats = edge.lazy_stats().unwrap();
        assert_eq!(stats.bytes, held_bytes(&edge));
        assert!(stats.bytes <= MIN_LAZY_BYTES && stats.protected_bytes <= MIN_LAZY_BYTES / PROBATION_SHARE * 7, "{stats:?}");
        most = most.max(stats.bytes);
    }
    assert!(most > MIN_LAZY_BYTES * 9 / 10, "{most}");
    assert!(edge.lazy_stats().unwrap().dropped > 500);
}

/// The attack: a flood of keys that do not exist, each of which has a shard fetched. Without probation it would empty the edge.
#[test]
fn made_up_keys_push_out_nothing_that_serves_real_ones() {
    let tree = large();
    let mut edge = begun(LAZY, tree);
    let real: Vec<u64> = (1..=20).collect();
    real.iter().for_each(|n| assert_eq!(served(&mut edge, tree, &key_text(*n)).0, Code::Valid));
    for n in 0..3_000 {
        assert_eq!(served(&mut edge, tree, &made_up(n)).0, Code::Unknown);
    }
    for n in real {
        assert_eq!(served(&mut edge, tree, &key_text(n)), (Code::Valid, 0), "{n}");
    }
    assert!(edge.lazy_stats().unwrap().dropped > 1_000);
}

/// A refusal of a key that exists is a verdict with a record as well; one key, valid or not, protects no more than its own shard.
#[test]
fn who_has_one_key_protects_one_shard() {
    let tree = built(|n, record| KeyRecord { revoked: n == 1, ..record });
    let mut edge = begun(LAZY, &tree);
    assert_eq!(served(&mut edge, &tree, &key_text(1)), (Code::Revoked, 1));
    for n in 0..1_000 {
        served(&mut edge, &tree, &made_up(n));
        assert_eq!(ask_text(&edge, &key_text(1)).code, Code::Revoked);
    }
    let stats = edge.lazy_stats().unwrap();
    assert_eq!(stats.protected_bytes, tree.object(shard_of(1)).unwrap().len());
}

/// Among the protected, what is used stays.
#[test]
fn what_was_used_least_goes_first() {
    let tree = large();
    let mut edge = begun(LAZY, tree);
    let busy = [1, 2, 3];
    let mut again = 0;
    for n in 100..2_000 {
        served(&mut edge, tree, &key_text(n));
        for n in busy {
            again += served(&mut edge, tree, &key_text(n)).1;
        }
    }
    assert_eq!(again, busy.len(), "each was fetched once");
}

/// One object that is larger than all that may be kept serves its requests all the same, and takes no room of what is protected.
#[test]
fn an_object_larger_than_the_budget_is_used_alone() {
    // A name for each key of one shard.
    let digest = |n| edgelatch_core::key::digest(key_text(n).as_bytes());
    let tree = built(|n, record| match Place::Shard(u32::from(digest(n)[0] >> 1)) == shard_of(1) {
        true => KeyRecord { metadata: format!("{{\"m\":\"{n}{}\"}}", "x".repeat(1500)), ..record },
        false => record,
    });
    let large = tree.object(shard_of(1)).unwrap().len();
    assert!(large > MIN_LAZY_BYTES, "{large}");
    let mut edge = begun(LAZY, &tree);
    let others: Vec<u64> = (2..20).filter(|n| shard_of(*n) != shard_of(1)).collect();
    others.iter().for_each(|n| assert_eq!(served(&mut edge, &tree, &key_text(*n)).0, Code::Valid));
    assert_eq!(served(&mut edge, &tree, &key_text(1)), (Code::Valid, 1));
    assert_eq!(served(&mut edge, &tree, &key_text(1)), (Code::Valid, 0));
    let stats = edge.lazy_stats().unwrap();
    assert_eq!(stats.bytes - stats.protected_bytes, large, "alone beside what is protected");
    for n in others {
        assert_eq!(served(&mut edge, &tree, &key_text(n)), (Code::Valid, 0), "{n}");
    }
    // What comes next takes its place.
    served(&mut edge, &tree, &key_text(1_000));
    assert!(edge.lazy_stats().unwrap().bytes <= MIN_LAZY_BYTES && !holds(&edge, shard_of(1)));
}

/// The chunks that a verdict rests on are protected with the shard.
#[test]
fn chunks_that_serve_are_protected_too() {
    let tree = built(|n, record| KeyRecord { roles: if n == 1 { vec![0, 1] } else { vec![] }, ..record });
    let mut edge = begun(LAZY, &tree);
    assert_eq!(served(&mut edge, &tree, &key_text(1)), (Code::Valid, 3), "shard, role set, roles");
    for n in 0..1_000 {
        served(&mut edge, &tree, &made_up(n));
    }
    assert_eq!(served(&mut edge, &tree, &key_text(1)), (Code::Valid, 0));
}
