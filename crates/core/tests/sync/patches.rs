//! What a patch must not do, and what one is good for that does not bring everything.

use super::states::*;
use edgelatch_core::build::*;
use edgelatch_core::limits::{MAX_DELTA_OPERATIONS, MAX_PATCH_BYTES};
use edgelatch_core::tree::Place;
use edgelatch_testkit::random::Random;
use edgelatch_testkit::realm::*;

/// Two trees that differ in shards, chunks, directory, page and top page.
fn two() -> (Tree, Tree) {
    let mut random = Random(0x2b0);
    let state = any_state(&mut random, 300);
    let mut next = state.clone();
    next.records.swap_remove(7);
    next.records[8].revoked ^= true;
    next.entries.insert((Table::Scopes, 40), Entry::Scope(vec!["other".into()]));
    next.entries.insert((Table::Roles, 400), any_entry(&mut random, Table::Roles));
    (Tree::build(&state).unwrap(), Tree::build(&next).unwrap())
}

/// Every bit of a patch flipped, and every byte cut off: it is refused, or makes the same tree. Never another one.
#[test]
fn a_damaged_patch_makes_the_tree_that_was_signed_or_none() {
    let (old, new) = two();
    let good = patch_between(&old, &new);
    let mut hot = serving_tree(5, &old);
    let mut check = |bad: Vec<u8>, what: String| {
        let mut staged = offered(&mut hot, 6, &new);
        let applied = staged.patch(bad).and_then(|()| staged.check(usize::MAX));
        if applied != Ok(0) {
            assert!(!staged.is_complete(), "{what}");
            assert_eq!(hot.commit(staged, T0).unwrap_err().code(), "unchecked", "{what}");
            return;
        }
        hot.commit(staged, T0).unwrap();
        assert_serves(&hot, &new);
        hot = serving_tree(5, &old);
    };
    for bit in (0..good.len() * 8).step_by(if good.len() > 4000 { 7 } else { 1 }) {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        check(bad, format!("bit {bit}"));
    }
    for length in 0..good.len() {
        check(good[..length].to_vec(), format!("length {length}"));
    }
    check([&good[..], &[0]].concat(), "a byte more".into());
    check(good, "none".into());
    assert_eq!(ask(&hot, 1).needs, None);
}

/// What a refused patch left behind is good all the same: the candidate is not, but a new one goes on without it.
#[test]
fn after_a_refused_patch_the_bundle_is_still_taken() {
    let (old, new) = two();
    let mut hot = serving_tree(5, &old);
    let mut bad = patch_between(&old, &new);
    let last = bad.len() - 1;
    bad[last] ^= 1;
    let mut staged = offered(&mut hot, 6, &new);
    staged.patch(bad).unwrap();
    let error = staged.check(usize::MAX).unwrap_err();
    assert_eq!(staged.feed(&bundle(6, &new)).unwrap_err(), error, "a fault stays found");
    update(&mut hot, &[], bundle(6, &new), T0).unwrap();
    assert_serves(&hot, &new);
}

#[test]
fn a_patch_that_is_too_long_is_not_read() {
    let (old, new) = two();
    let mut hot = serving_tree(5, &old);
    let mut staged = offered(&mut hot, 6, &new);
    assert_eq!(staged.patch(vec![0; MAX_PATCH_BYTES + 1]).unwrap_err().code(), "too_large");
    assert_eq!(staged.patch(vec![0; MAX_PATCH_BYTES]).unwrap_err().code(), "bad_magic");
}

#[test]
fn a_patch_for_other_trees_is_refused_before_anything_is_made() {
    let (old, new) = two();
    let other = Tree::build(&any_state(&mut Random(9), 280)).unwrap();
    let mut hot = serving_tree(5, &old);
    for bad in [patch_between(&other, &new), patch_between(&old, &other), patch_between(&new, &old), patch_between(&new, &new)]
    {
        let mut staged = offered(&mut hot, 6, &new);
        assert_eq!(staged.patch(bad).unwrap_err().code(), "bad_reference");
        // It is not too late for the right one.
        staged.patch(patch_between(&old, &new)).unwrap();
        assert_eq!(staged.check(usize::MAX), Ok(0));
    }
    let mut cold = edge("");
    let mut staged = offered(&mut cold, 6, &new);
    assert_eq!(staged.patch(patch_between(&old, &new)).unwrap_err().code(), "bad_reference", "from nothing leads no patch");
}

/// A patch of which steps were lost: exactly those objects are missing, and can be fetched.
#[test]
fn an_incomplete_patch_leaves_what_it_does_not_bring() {
    let (old, new) = two();
    let differing: Vec<Place> = new.places().filter(|place| old.object(*place) != new.object(*place)).collect();
    for lost in &differing {
        let told = differing.iter().filter(|place| *place != lost && !is_below(**place, *lost));
        let patch = encode_patch(old.id(), told.map(|place| (*place, old.object(*place))), &new).unwrap().unwrap();
        let mut hot = serving_tree(5, &old);
        let mut staged = offered(&mut hot, 6, &new);
        staged.patch(patch).unwrap();
        assert!(staged.check(usize::MAX).unwrap() > 0);
        assert_eq!(staged.need(Place::Top).unwrap().place, *lost);
        assert!(!staged.is_complete());
        let mut rest = 0;
        while let Some(need) = staged.need(Place::Top) {
            let bytes = new.object(need.place).unwrap();
            assert!(need.place == Place::Top || need.slot.length as usize == bytes.len());
            staged.supply(need.place, bytes.to_vec()).unwrap();
            rest += 1;
        }
        assert_eq!(rest, 1 + differing.iter().filter(|place| is_below(**place, *lost)).count(), "{lost:?}");
        hot.commit(staged, T0).unwrap();
        assert_serves(&hot, &new);
    }
    // Without what is lost nothing changes.
    let mut hot = serving_tree(5, &old);
    let mut staged = offered(&mut hot, 6, &new);
    let told = differing.iter().filter(|place| **place != differing[differing.len() - 1]);
    staged.patch(encode_patch(old.id(), told.map(|place| (*place, old.object(*place))), &new).unwrap().unwrap()).unwrap();
    staged.check(usize::MAX).unwrap();
    assert_eq!(hot.commit(staged, T0).unwrap_err().code(), "unchecked");
    assert_serves(&hot, &old);
}

/// Whether one object is named by another, or by what that names.
fn is_below(place: Place, above: Place) -> bool {
    match (above, place) {
        (Place::Top, place) => place != Place::Top,
        (Place::Directory, Place::Chunk(..)) | (Place::Page(_), Place::Shard(_)) => true,
        _ => false,
    }
}

/// A patch is worked through in slices, as a bundle is.
#[test]
fn any_budget_gives_the_same() {
    let (old, new) = two();
    for budget in [0, 1, 100, 5_000, usize::MAX] {
        let mut hot = serving_tree(5, &old);
        let mut staged = offered(&mut hot, 6, &new);
        staged.patch(patch_between(&old, &new)).unwrap();
        let mut slices = 1;
        while staged.check(budget).unwrap() > 0 {
            slices += 1;
        }
        let steps = new.places().filter(|place| old.object(*place) != new.object(*place)).count();
        assert!(slices <= steps && (budget > 1 || slices == steps), "{budget}: {slices} of {steps}");
        hot.commit(staged, T0).unwrap();
        assert_serves(&hot, &new);
    }
}

/// One key revoked among many costs little, whatever else the realm holds.
#[test]
fn a_revocation_takes_a_short_patch() {
    let mut state = any_state(&mut Random(4), 900);
    let old = Tree::build(&state).unwrap();
    state.records.iter_mut().find(|record| !record.revoked).unwrap().revoked = true;
    let new = Tree::build(&state).unwrap();
    let patch = patch_between(&old, &new);
    // 76 bytes of header; digests in top page and index page; one byte of the shard.
    assert!(patch.len() < 76 + 3 * 32 + 60, "{}", patch.len());
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn insert(bytes: &[u8]) -> Vec<u8> {
    [varint(bytes.len() * 2 + 1), bytes.to_vec()].concat()
}

/// An object told byte by byte: as many operations as are allowed, and one more.
#[test]
fn operations_are_counted() {
    let mut state = nobody();
    state.records = (1..=20).map(|n| Record { metadata: "m".repeat(4000 + n as usize), ..plain(n) }).collect();
    let old = Tree::build(&state).unwrap();
    state.records[0].revoked = true;
    let new = Tree::build(&state).unwrap();
    let shard = &new.shards[0];
    let mut hot = serving_tree(5, &old);
    for (operations, expected) in [(MAX_DELTA_OPERATIONS, "accepted"), (MAX_DELTA_OPERATIONS + 1, "too_long")] {
        // The first one brings what the others, of one byte each, leave.
        let (first, rest) = shard.split_at(shard.len() + 1 - operations);
        let mut delta = insert(first);
        rest.iter().for_each(|byte| delta.extend(insert(&[*byte])));
        let header = [b"ELPT\x02\x00\x00\x00", &old.id().0[..], &new.id().0, &(new.top.len() as u32).to_le_bytes()].concat();
        let step = [vec![Place::Shard(0).number() as u8], varint(delta.len()), delta].concat();
        let mut staged = offered(&mut hot, 6, &new);
        for place in [Place::Top, Place::Page(0)] {
            staged.supply(place, new.object(place).unwrap().to_vec()).unwrap();
        }
        let applied = staged.patch([header, step].concat()).and_then(|()| staged.check(usize::MAX));
        assert_eq!(applied.map_or_else(|error| error.code(), |_| "accepted"), expected);
        assert_eq!(staged.is_complete(), expected == "accepted");
    }
}
