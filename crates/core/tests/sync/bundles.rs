//! Bundles and single objects as they arrive.

use super::states::*;
use edgelatch_core::build::*;
use edgelatch_core::tree::Place;
use edgelatch_testkit::random::Random;
use edgelatch_testkit::realm::*;

/// Some chunks of each table, and two shards.
fn some() -> Tree {
    Tree::build(&any_state(&mut Random(0xb0b), 300)).unwrap()
}

#[test]
fn pieces_may_have_any_length() {
    let small = tree(vec![record(1), record(2)]);
    let bytes = bundle(5, &small);
    for length in 1..=bytes.len() {
        let mut cold = edge("");
        let mut staged = offered(&mut cold, 5, &small);
        for piece in bytes.chunks(length) {
            assert!(!staged.is_complete());
            staged.feed(piece).unwrap();
            staged.feed(&[]).unwrap();
        }
        cold.commit(staged, T0).unwrap();
        assert_serves(&cold, &small);
    }
}

#[test]
fn a_bundle_is_complete_with_its_last_byte_and_not_before() {
    let small = tree(vec![record(1), record(2)]);
    let bytes = bundle(6, &small);
    let mut hot = serving(vec![record(1)]);
    for length in 0..bytes.len() {
        let mut staged = offered(&mut hot, 6, &small);
        staged.feed(&bytes[..length]).unwrap();
        assert!(!staged.is_complete());
        assert_eq!(hot.commit(staged, T0).unwrap_err().code(), "unchecked", "{length}");
    }
    let mut staged = offered(&mut hot, 6, &small);
    staged.feed(&bytes).unwrap();
    // What follows the end spoils it, also if it comes later.
    assert_eq!(staged.feed(&[0]).unwrap_err().code(), "trailing_bytes");
    assert_eq!(hot.commit(staged, T0).unwrap_err().code(), "unchecked");
    assert_eq!(hot.head().unwrap().epoch, 5);
}

#[test]
fn objects_may_come_in_any_order_in_which_their_slots_are_known() {
    let tree = some();
    let mut random = Random(0x0d0e);
    for _ in 0..20 {
        let mut cold = edge("");
        let mut staged = offered(&mut cold, 5, &tree);
        let mut left: Vec<Place> = tree.places().collect();
        while !left.is_empty() {
            assert!(!staged.is_complete());
            let at = random.below(left.len());
            let (place, bytes) = (left[at], tree.object(left[at]).unwrap().to_vec());
            // Above it something is missing: then nothing is known of it, and nothing is kept.
            let known = match place {
                Place::Top => true,
                Place::Directory | Place::Page(_) => !left.contains(&Place::Top),
                Place::Chunk(..) => !left.contains(&Place::Directory),
                Place::Shard(_) => !left.contains(&Place::Page(0)),
            };
            match staged.supply(place, bytes) {
                Ok(()) if known => drop(left.swap_remove(at)),
                Err(error) if !known => assert_eq!(error.code(), "bad_reference", "{place:?}"),
                other => panic!("{place:?}: {other:?}"),
            }
        }
        cold.commit(staged, T0).unwrap();
        assert_serves(&cold, &tree);
    }
}

#[test]
fn a_wrong_object_is_refused_and_the_right_one_taken_after_it() {
    let (tree, other) = (some(), Tree::build(&any_state(&mut Random(3), 290)).unwrap());
    let mut cold = edge("");
    let mut staged = offered(&mut cold, 5, &tree);
    for place in tree.places() {
        let right = tree.object(place).unwrap();
        let mut wrong =
            vec![vec![], right[1..].to_vec(), [right, &[0]].concat(), tree.directory.clone(), tree.shards[0].clone()];
        wrong.extend(other.object(place).map(<[u8]>::to_vec));
        let mut flipped = right.to_vec();
        flipped[right.len() / 2] ^= 8;
        wrong.push(flipped);
        for bytes in wrong.into_iter().filter(|bytes| bytes != right) {
            assert_eq!(staged.supply(place, bytes).unwrap_err().code(), "wrong_digest", "{place:?}");
        }
        staged.supply(place, right.to_vec()).unwrap();
        // Once it is there, nothing that is offered for its place is looked at.
        staged.supply(place, vec![1, 2, 3]).unwrap();
    }
    for nowhere in [Place::Page(1), Place::Shard(2), Place::Shard(u32::MAX), Place::Chunk(Table::Roles, 9)] {
        assert_eq!(staged.supply(nowhere, tree.shards[0].clone()).unwrap_err().code(), "bad_reference");
    }
    cold.commit(staged, T0).unwrap();
    assert_serves(&cold, &tree);
}

/// Bundle, patch and single objects, each for a part.
#[test]
fn ways_may_be_mixed() {
    let mut random = Random(0x313);
    let state = any_state(&mut random, 300);
    let old = Tree::build(&state).unwrap();
    let next = any_next(&mut random, &state);
    let new = Tree::build(&any_next(&mut random, &next)).unwrap();
    let bytes = bundle(6, &new);
    for cut in [1, 20, 300, 500, 2_000, bytes.len() / 2, bytes.len() - 1] {
        let mut hot = serving_tree(5, &old);
        let mut staged = offered(&mut hot, 6, &new);
        staged.feed(&bytes[..cut]).unwrap();
        let missing = staged.need(Place::Directory).filter(|need| need.place != Place::Top);
        if let Some(need) = missing {
            staged.supply(need.place, new.object(need.place).unwrap().to_vec()).unwrap();
        }
        staged.patch(patch_between(&old, &new)).unwrap();
        assert_eq!(staged.check(usize::MAX), Ok(0), "{cut}");
        hot.commit(staged, T0).unwrap();
        assert_serves(&hot, &new);
    }
}

/// Three of four shards are empty: one object in three places.
#[test]
fn an_object_may_stand_in_several_places() {
    let mut state = nobody();
    state.records = (1..=600)
        .map(|n| Record {
            digest: {
                let mut d = plain(n).digest;
                d[0] &= 0x3f;
                d
            },
            ..plain(n)
        })
        .collect();
    let tree = Tree::build(&state).unwrap();
    assert_eq!((tree.shards.len(), &tree.shards[1]), (4, &tree.shards[3]));
    let mut edge = serving_tree(5, &tree);
    assert_serves(&edge, &tree);
    // Into one of them comes a record: the others stay.
    let mut next = state.clone();
    let mut digest = plain(700).digest;
    digest[0] = 0x80;
    next.records.push(Record { digest, ..plain(700) });
    let next = Tree::build(&next).unwrap();
    let mut staged = offered(&mut edge, 6, &next);
    staged.patch(patch_between(&tree, &next)).unwrap();
    assert_eq!(staged.check(usize::MAX), Ok(0));
    edge.commit(staged, T0).unwrap();
    assert_serves(&edge, &next);
}
