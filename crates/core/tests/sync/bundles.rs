//! Bundles and single objects as they arrive.

use super::states::*;
use edgelatch_core::build::*;
use edgelatch_core::limits::{MAX_CHUNK_NUMBER, MAX_TOP_BYTES};
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
    // Before it is known what the top page must be, it is known what it cannot be.
    assert_eq!(staged.supply(Place::Top, vec![0; MAX_TOP_BYTES + 1]).unwrap_err().code(), "too_large");
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

/// A directory or a page that comes while a bundle brings it too is taken once: what was given below it stays.
#[test]
fn what_a_bundle_brings_late_takes_nothing_away() {
    let tree = some();
    let bytes = bundle(5, &tree);
    let header = bytes.len() - tree.objects().map(<[u8]>::len).sum::<usize>();
    let mut end = header + tree.top.len();
    for (place, below) in [(Place::Directory, Place::Chunk(Table::Roles, 0)), (Place::Page(0), Place::Shard(1))] {
        let mut staged = offered(&mut edge(""), 5, &tree);
        end += tree.object(place).unwrap().len();
        staged.feed(&bytes[..end - 1]).unwrap();
        for place in [place, below] {
            staged.supply(place, tree.object(place).unwrap().to_vec()).unwrap();
        }
        let missing = staged.check(1).unwrap();
        staged.feed(&bytes[end - 1..end]).unwrap();
        assert_eq!(staged.check(1), Ok(missing), "{place:?}");
        assert!(staged.need(below).is_none_or(|need| need.place != below));
    }
}

/// A bundle is worked through to its end, also where nothing is missing before it.
#[test]
fn what_follows_a_bundle_is_found_in_slices_too() {
    let mut state = any_state(&mut Random(0x511ce), 300);
    let old = Tree::build(&state).unwrap();
    let first = state.records.iter_mut().find(|record| record.digest[0] < 0x80 && !record.revoked).unwrap();
    first.revoked = true;
    let new = Tree::build(&state).unwrap();
    assert!(old.shards[0] != new.shards[0] && old.shards[1] == new.shards[1]);
    let mut hot = serving_tree(5, &old);
    let mut work = |bytes: Vec<u8>| {
        let mut staged = hot.stage(&[], bytes, T0)?;
        while staged.check(100)? > 0 {}
        Ok::<_, edgelatch_core::error::Error>(())
    };
    assert_eq!(work(bundle(6, &new)), Ok(()));
    assert_eq!(work([bundle(6, &new), vec![0]].concat()).unwrap_err().code(), "trailing_bytes");
    assert_eq!(work(bundle(6, &new)[..bundle(6, &new).len() - 1].to_vec()).unwrap_err().code(), "truncated");
}

/// Between an offer and its objects time may pass: what is too old by then is not begun.
#[test]
fn a_head_is_judged_again_when_its_tree_is_begun() {
    let tree = some();
    let mut cold = edge("");
    cold.offer(&[], &head(5, &tree), T0).unwrap();
    let after = head_fields(5, &tree).not_after;
    assert_eq!(cold.begin(&[], after).err().map(|error| error.code()), Some("head_expired"));
    assert!(cold.begin(&[], after - 1).is_ok());
}

/// Four index pages of empty shards. No edge takes it to its end, for its head announces more records; until then it is a tree like any.
fn wide() -> Tree {
    let mut tree = some();
    tree.records = 200_000;
    tree.shards = vec![Tree::build(&nobody()).unwrap().shards[0].clone(); 1024];
    tree.top[6] = 10;
    tree.top[8..16].copy_from_slice(&tree.records.to_le_bytes());
    reseal(&mut tree);
    tree
}

/// What an edge says is missing is missing, nothing else is, and each object is where it says, whatever else is missing.
#[test]
fn what_is_missing_is_told_with_its_place_in_a_bundle() {
    let mut random = Random(0x0ff5);
    for round in 0..24 {
        let tree = if round % 3 == 0 { wide() } else { some() };
        let mut places = vec![];
        let mut end = 0;
        for place in tree.places() {
            places.push((place, end));
            end += tree.object(place).unwrap().len() as u64;
        }
        let full: Vec<bool> = tree.pages.iter().map(|_| random.below(2) == 0).collect();
        let mut staged = offered(&mut edge(""), 5, &tree);
        let mut missing = vec![];
        for (at, (place, offset)) in places.iter().enumerate() {
            let here = match place {
                Place::Top | Place::Directory | Place::Page(_) => true,
                Place::Shard(number) if full[*number as usize / 256] => true,
                _ => random.below(3) > 0,
            };
            // Something is always missing.
            if here && at + 1 < places.len() {
                staged.supply(*place, tree.object(*place).unwrap().to_vec()).unwrap();
            } else {
                missing.push((*place, *offset));
            }
        }
        let told = |from| staged.needs(from).map(|need| (need.place, need.offset)).collect::<Vec<_>>();
        assert!(told(Place::Top) == missing, "{round}");
        for _ in 0..20 {
            let from = places[random.below(places.len())].0;
            let first = missing.iter().find(|(place, _)| *place >= from);
            assert_eq!(staged.need(from).map(|need| (need.place, need.offset)), first.copied(), "{round}: from {from:?}");
        }
    }
    // From a place that no tree has on there is nothing.
    for nowhere in [Place::Page(u32::MAX), Place::Shard(u32::MAX), Place::Chunk(Table::Policies, u32::MAX)] {
        assert_eq!(serving_tree(5, &some()).need(nowhere), None);
    }
}

/// What is sound in itself, under a number beyond all; and a page that no shard needs.
#[test]
fn more_than_a_tree_can_have_is_refused() {
    let mut far = tree(vec![record(1)]);
    let mut chunk = far.chunks.remove(&(Table::Roles, 0)).unwrap();
    chunk[8..12].copy_from_slice(&MAX_CHUNK_NUMBER.to_le_bytes());
    far.chunks.insert((Table::Roles, MAX_CHUNK_NUMBER), chunk);
    reseal_chunks(&mut far);
    assert_eq!(refusal(&bundle(6, &far), T0), "bad_field");

    let mut long = tree(vec![record(1)]);
    long.pages.push(long.pages[0].clone());
    reseal_top(&mut long);
    assert_eq!(refusal(&bundle(6, &long), T0), "bad_field");

    // An object of the right digest and another length than its slot announces.
    let mut short = tree(vec![record(1)]);
    let length = 16 + 32;
    short.top[length] += 1;
    let mut staged = offered(&mut edge(""), 5, &short);
    staged.supply(Place::Top, short.top.clone()).unwrap();
    assert_eq!(staged.supply(Place::Directory, short.directory.clone()).unwrap_err().code(), "wrong_digest");
}

/// A bundle of several index pages is read like any, up to what it lies about.
#[test]
fn a_bundle_of_several_index_pages_is_read_to_its_end() {
    let tree = wide();
    let mut cold = edge("");
    let mut staged = offered(&mut cold, 5, &tree);
    let bytes = bundle(5, &tree);
    staged.feed(&bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(staged.check(1), Ok(1));
    cold.commit(staged, T0).unwrap();
    assert!(cold.objects().map(|(place, _)| place).eq(tree.places().take(tree.places().count() - 1)));
    let mut staged = offered(&mut edge(""), 5, &tree);
    assert_eq!(staged.feed(&bytes).unwrap_err().code(), "wrong_count");
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
