//! A tree that was changed step by step is the one that is built at once, and the patches between them lead from each to the next.

use super::states::*;
use edgelatch_core::build::*;
use edgelatch_core::limits::MAX_OBJECT_BYTES;
use edgelatch_core::tree::{Place, shard_bits};
use edgelatch_testkit::random::Random;
use edgelatch_testkit::realm::*;

#[test]
fn every_way_to_a_state_gives_the_same_bytes_and_patches_lead_there() {
    let mut crossings = [0, 0];
    for seed in 1..=12 {
        let mut random = Random(seed * 0x9e37);
        // Around the borders of one, two and four shards; and from nothing.
        let mut state = any_state(&mut random, [250, 256, 260, 500, 515, 0][seed as usize % 6]);
        let mut tree = Tree::build(&state).unwrap();
        let (mut near, mut far) = (serving_tree(5, &tree), serving_tree(5, &tree));
        let mut far_tree = tree.clone();
        for epoch in 6..26 {
            let next = any_next(&mut random, &state);
            let before = tree.clone();
            let replaced = tree.change(&between(&state, &next)).unwrap();
            assert_eq!(tree, Tree::build(&next).unwrap(), "seed {seed}, epoch {epoch}");
            state = next;
            assert_replaced(&before, &tree, &replaced);
            let bits = [before.records, tree.records].map(shard_bits);
            crossings[0] += u32::from(bits[0] < bits[1]);
            crossings[1] += u32::from(bits[0] > bits[1]);

            let replaced = replaced.iter().map(|replaced| (replaced.place, replaced.before.as_deref()));
            let patch = encode_patch(before.id(), replaced, &tree).unwrap().unwrap();
            follow(&mut near, epoch, patch, &before, &tree);
            // The other edge sees every fourth epoch only.
            if epoch % 4 == 0 {
                follow(&mut far, epoch, patch_between(&far_tree, &tree), &far_tree, &tree);
                far_tree = tree.clone();
            }
        }
    }
    assert!(crossings.iter().all(|count| *count >= 5), "{crossings:?}: borders are crossed both ways");
}

/// That what a change says it replaced is what it replaced: the objects that differ, each with what it was.
fn assert_replaced(before: &Tree, after: &Tree, replaced: &[Replaced]) {
    let places: std::collections::BTreeSet<Place> = before.places().chain(after.places()).collect();
    let differing: Vec<Replaced> = places
        .into_iter()
        .filter(|place| before.object(*place) != after.object(*place))
        .map(|place| Replaced { place, before: before.object(place).map(<[u8]>::to_vec) })
        .collect();
    assert_eq!(replaced, differing);
}

fn follow(edge: &mut edgelatch_core::edge::Edge, epoch: u64, patch: Vec<u8>, before: &Tree, tree: &Tree) {
    if before.id() == tree.id() {
        // The acts undid one another: the head alone is new.
        edge.offer(&[], &head(epoch, tree), T0).unwrap();
        return assert_serves(edge, tree);
    }
    let mut staged = offered(edge, epoch, tree);
    staged.patch(patch).unwrap();
    staged.check(usize::MAX).unwrap();
    // A shard that is the same under another number of shards has no step, and must be proven anew.
    while let Some(need) = staged.need(Place::Top) {
        assert!(shard_bits(before.records) != shard_bits(tree.records) && matches!(need.place, Place::Shard(_)), "{need:?}");
        staged.supply(need.place, tree.object(need.place).unwrap().to_vec()).unwrap();
    }
    edge.commit(staged, T0).unwrap();
    assert_serves(edge, tree);
}

/// After an error nothing of a change is left.
#[test]
fn a_change_that_fails_changes_nothing() {
    let mut random = Random(77);
    let state = any_state(&mut random, 300);
    let mut tree = Tree::build(&state).unwrap();
    let before = tree.clone();
    let change = |entries, put| Change { settings: state.settings.clone(), entries, removed: vec![], put };
    let good = || (Table::Scopes, 1, Some(Entry::Scope(vec!["other".into()])));
    let bad = [
        change(vec![good(), (Table::Roles, 0, Some(any_entry(&mut random, Table::Roles)))], vec![plain(800)]),
        change(vec![good(), (Table::Roles, 7, Some(Entry::Scope(vec![])))], vec![plain(800)]),
        change(vec![good()], vec![plain(800), Record { org: "two words".into(), ..plain(801) }]),
        change(vec![good()], vec![plain(800), Record { role_set: 1 << 30, ..plain(801) }]),
        Change {
            settings: Settings { credentials: edgelatch_core::http::CredentialHeaders::empty(), ..state.settings.clone() },
            ..change(vec![good()], vec![plain(800)])
        },
    ];
    for change in bad {
        tree.change(&change).unwrap_err();
        assert_eq!(tree, before);
    }
}

/// What is put as it was, and what is removed that was not there, replaces nothing.
#[test]
fn a_change_to_what_is_already_so_replaces_nothing() {
    let state = any_state(&mut Random(78), 300);
    let mut tree = Tree::build(&state).unwrap();
    let entries = state.entries.iter().map(|((table, n), entry)| (*table, *n, Some(entry.clone()))).collect();
    let (settings, removed) = (state.settings.clone(), vec![plain(800).digest]);
    let change = Change { settings, entries, removed, put: state.records.clone() };
    assert_eq!(tree.change(&change), Ok(vec![]));
    assert_eq!(tree, Tree::build(&state).unwrap());
}

/// Nothing is published that no edge takes: a time that is none, and an object over its limit, as imported digests could crowd one shard.
#[test]
fn what_no_edge_would_take_is_not_built() {
    let late = |not_before, expires_at| State { records: vec![Record { not_before, expires_at, ..plain(1) }], ..nobody() };
    for state in [late(Some(1 << 53), None), late(None, Some(1 << 53)), late(None, Some(u64::MAX))] {
        assert_eq!(Tree::build(&state).unwrap_err().code(), "bad_record");
    }
    Tree::build(&late(Some((1 << 53) - 1), Some((1 << 53) - 1))).unwrap();

    let mut tree = Tree::build(&nobody()).unwrap();
    tree.shards[0] = vec![0; MAX_OBJECT_BYTES as usize + 1];
    let before = tree.directory.clone();
    let entries = vec![(Table::Scopes, 1, Some(Entry::Scope(vec!["dns".into()])))];
    let change = Change { settings: nobody().settings, entries, removed: vec![], put: vec![] };
    assert_eq!(tree.change(&change).unwrap_err().code(), "too_large");
    assert!(tree.directory == before && tree.chunks.is_empty());
    // Each within its limit, but 3.25 GiB together. Nobody reads these zeros, so they take no memory.
    tree.shards = (0..13).map(|_| vec![0; MAX_OBJECT_BYTES as usize]).collect();
    assert_eq!(tree.change(&change).unwrap_err().code(), "too_large");
    assert!(tree.directory == before && tree.chunks.is_empty());
}

/// A chunk goes with its last entry, and comes back; its neighbours stay.
#[test]
fn a_chunk_lives_as_long_as_it_has_entries() {
    let mut state = nobody();
    state.entries.insert((Table::Scopes, 1), Entry::Scope(vec!["cdn".into()]));
    let one = state.clone();
    state.entries.insert((Table::Scopes, 64), Entry::Scope(vec!["dns".into()]));
    let mut tree = Tree::build(&one).unwrap();
    for (from, to) in [(&one, &state), (&state, &one), (&one, &nobody()), (&nobody(), &state)] {
        tree.change(&between(from, to)).unwrap();
        assert_eq!(tree, Tree::build(to).unwrap());
    }
}

/// Enough keys for two index pages: of those that a change touches each is written anew.
#[test]
fn a_change_may_touch_several_pages() {
    let mut state = nobody();
    let record = |n: u32| {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&n.wrapping_mul(0x9e37_79b9).to_be_bytes());
        Record { digest, ..plain(1) }
    };
    state.records = (1..=66_000).map(record).collect();
    let mut tree = Tree::build(&state).unwrap();
    assert_eq!(tree.pages.len(), 2);
    let (before, mut next) = (tree.clone(), state.clone());
    for first in [0x10, 0xf0] {
        let in_page = |record: &&mut Record| record.digest[0] == first;
        next.records.iter_mut().find(in_page).unwrap().revoked = true;
    }
    let replaced = tree.change(&between(&state, &next)).unwrap();
    assert_eq!(tree, Tree::build(&next).unwrap());
    assert_replaced(&before, &tree, &replaced);
    assert_eq!(replaced.len(), 5, "top page, both pages, a shard of each");
}
