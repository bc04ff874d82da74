//! What two trees have in common is held once, and what was replaced stays readable for a while.

use super::states::*;
use edgelatch_core::build::*;
use edgelatch_core::edge::{Edge, Location, RequirementId};
use edgelatch_core::key::KeyId;
use edgelatch_core::limits::{MAX_PAST_TREES, MIN_PAST_ROOM, PAST_SHARE};
use edgelatch_core::verdict::Code;
use edgelatch_testkit::random::Random;
use edgelatch_testkit::realm::*;

/// A realm of so many keys whose digests are of no text, but for the first hundred.
fn crowd(keys: u64) -> State {
    let mut random = Random(0xc0de);
    let mut state = nobody();
    state.records = (1..=100).map(plain).collect();
    state.records.extend((101..=keys).map(|n| {
        let mut digest = [0; 32];
        random.fill(&mut digest);
        Record { digest, key_id: KeyId(n), ..plain(1) }
    }));
    state
}

fn follow(edge: &mut Edge, epoch: u64, old: &Tree, new: &Tree) {
    let mut staged = offered(edge, epoch, new);
    staged.patch(patch_between(old, new)).unwrap();
    assert_eq!(staged.check(usize::MAX), Ok(0));
    edge.commit(staged, T0).unwrap();
}

#[test]
fn a_changed_key_costs_one_shard_one_page_and_the_top_page() {
    let state = crowd(20_000);
    let old = Tree::build(&state).unwrap();
    let mut next = state.clone();
    next.records[0].revoked = true;
    let new = Tree::build(&next).unwrap();
    let mut edge = serving_tree(5, &old);
    let before = edge.memory();
    assert!(before > 300_000);
    follow(&mut edge, 6, &old, &new);
    let longest = new.shards.iter().map(Vec::len).max().unwrap();
    // A page is held with a place for each of its shards.
    let room = longest + new.top.len() + new.pages[0].len() + 64 * new.shards.len();
    assert!(edge.memory() - before <= room, "{} of {room}", edge.memory() - before);
    assert_eq!(edge.verify_key(TEXTS[1].as_bytes(), None, RequirementId::NONE, T0).code, Code::Revoked);
    assert_serves(&edge, &new);
}

/// The same tree in a bundle shares as well: nothing is kept twice, however it came.
#[test]
fn what_a_bundle_brings_again_is_not_kept_again() {
    let mut state = crowd(20_000);
    let old = Tree::build(&state).unwrap();
    state.records[0].revoked = true;
    let new = Tree::build(&state).unwrap();
    let (mut patched, mut fed) = (serving_tree(5, &old), serving_tree(5, &old));
    follow(&mut patched, 6, &old, &new);
    update(&mut fed, &[], bundle(6, &new), T0).unwrap();
    assert_eq!(fed.memory(), patched.memory());
}

#[test]
fn identities_of_replaced_trees_stay_readable_within_their_room() {
    let mut state = crowd(40_000);
    let mut tree = Tree::build(&state).unwrap();
    let mut edge = serving_tree(5, &tree);
    let least = edge.memory();
    let mut given = vec![];
    for n in 1..=40u64 {
        let at = edge.verify_key(TEXTS[n as usize].as_bytes(), None, RequirementId::NONE, T0).at.unwrap();
        given.push((edge.generation(), at, KeyId(n)));
        let mut next = state.clone();
        // The key just asked about goes, so that only the old tree knows it.
        next.records.retain(|record| record.key_id != KeyId(n));
        let old = tree.clone();
        tree.change(&between(&state, &next)).unwrap();
        follow(&mut edge, 5 + n, &old, &tree);
        state = next;
        let kept: Vec<bool> = given.iter().map(|(generation, at, _)| edge.identity(*generation, *at).is_some()).collect();
        assert!(kept.is_sorted(), "the oldest goes first");
        assert!(kept[kept.len() - 1] && kept.iter().filter(|kept| **kept).count() >= kept.len().min(2), "{kept:?}");
        for (generation, at, id) in &given {
            assert!(edge.identity(*generation, *at).is_none_or(|identity| identity.key_id == *id));
        }
        let room = MIN_PAST_ROOM.max(least / PAST_SHARE);
        assert!(edge.memory() < least + room + 1_000, "{n}: {} of {least}", edge.memory());
    }
    assert!(edge.identity(1, given[0].1).is_none(), "and in the end");
}

/// A tree of one shard shares nothing with the next one, and its identities stay all the same.
#[test]
fn identities_of_small_trees_outlive_ten_updates() {
    let mut state = crowd(150);
    let mut edge = serving_tree(5, &Tree::build(&state).unwrap());
    let at = edge.verify_key(TEXTS[1].as_bytes(), None, RequirementId::NONE, T0).at.unwrap();
    for epoch in 6..16 {
        state.records.pop();
        update(&mut edge, &[], bundle(epoch, &Tree::build(&state).unwrap()), T0).unwrap();
    }
    assert_eq!(edge.identity(1, at).map(|identity| identity.key_id), Some(KeyId(1)));
}

/// A page of the same bytes holds other shards where the realm has another number of them: it is proven anew, and so is what it names.
#[test]
fn a_page_is_not_shared_under_another_number_of_shards() {
    let mut state = crowd(70_000);
    for (n, record) in state.records.iter_mut().enumerate() {
        record.digest[0] = record.digest[0] & 0x7f | if n < 40_000 { 0 } else { 0x80 };
    }
    let old = Tree::build(&state).unwrap();
    assert_eq!((old.pages.len(), old.shards.len()), (2, 512));
    // The first half of its shards, as if they were a tree of their own.
    let mut lie = old.clone();
    lie.pages.truncate(1);
    lie.shards.truncate(256);
    lie.records = 40_000;
    lie.top[6] = 8;
    lie.top[8..16].copy_from_slice(&lie.records.to_le_bytes());
    reseal_top(&mut lie);
    let mut edge = serving_tree(5, &old);
    assert_eq!(update(&mut edge, &[], bundle(6, &lie), T0).unwrap_err().code(), "wrong_shard");
    assert_serves(&edge, &old);
}

/// However little a tree that was replaced takes, only so many are kept; and what is kept is said.
#[test]
fn replaced_trees_are_counted() {
    let mut state = crowd(5_000);
    let mut tree = Tree::build(&state).unwrap();
    let mut edge = serving_tree(5, &tree);
    let (least, at) = (edge.memory(), Location { shard: 0, index: 0 });
    for n in 1..=MAX_PAST_TREES as u64 + 6 {
        state.settings.imports ^= true;
        let old = tree.clone();
        tree = Tree::build(&state).unwrap();
        follow(&mut edge, 5 + n, &old, &tree);
    }
    let kept = (1..=edge.generation()).filter(|generation| edge.identity(*generation, at).is_some()).count();
    assert_eq!(kept, MAX_PAST_TREES + 1);
    assert!(edge.memory() >= least + MAX_PAST_TREES * (tree.top.len() + tree.directory.len()));
}

/// Directories of old trees count as well: somebody whose roles change all the time makes no edge keep them all.
#[test]
fn directories_of_replaced_trees_count_as_kept() {
    let mut state = State { records: vec![plain(1)], ..nobody() };
    let role = |n: u32| {
        let patterns = (0..100u32).map(|p| format!("{}.p{p}.n{n}", "s".repeat(60))).collect();
        Entry::Role(RoleRecord { name: "r".into(), patterns })
    };
    // Ten chunks of some 450 kB each.
    (1..640).for_each(|n| drop(state.entries.insert((Table::Roles, n), role(n))));
    let mut tree = Tree::build(&state).unwrap();
    let mut edge = serving_tree(5, &tree);
    let least = edge.memory();
    for n in 1..=10u32 {
        let mut next = state.clone();
        next.entries.insert((Table::Roles, 64 * (n % 10) + 1), role(1000 + n));
        let old = tree.clone();
        tree.change(&between(&state, &next)).unwrap();
        follow(&mut edge, 5 + u64::from(n), &old, &tree);
        state = next;
        // One tree alone holds more than the share of all: it stays until the next one is begun, and those before it are gone.
        let kept = |generation| edge.identity(generation, Location { shard: 0, index: 0 }).is_some();
        assert!(edge.memory() < least + 500_000 && kept(n) && (1..n).all(|n| !kept(n)), "{n}");
        edge.offer(&[], &bundle(6 + u64::from(n), &old), T0).unwrap();
        edge.begin(&[], T0).unwrap();
        assert!(edge.memory() < least + 10_000 && edge.identity(n, Location { shard: 0, index: 0 }).is_none(), "{n}");
    }
    // One that differs in a small chunk holds the large ones together with the next.
    state.entries.insert((Table::Scopes, 1), Entry::Scope(vec!["dns".into()]));
    follow(&mut edge, 16, &tree, &Tree::build(&state).unwrap());
    assert!(edge.identity(11, Location { shard: 0, index: 0 }).is_some());
}

/// What nobody will ask for is let go at once, wherever it stands among the others; what serves is not.
#[test]
fn a_released_tree_is_let_go() {
    let mut state = crowd(5_000);
    let mut edge = serving_tree(5, &Tree::build(&state).unwrap());
    let (least, at) = (edge.memory(), Location { shard: 0, index: 0 });
    for epoch in 6..9 {
        state.records.pop();
        update(&mut edge, &[], bundle(epoch, &Tree::build(&state).unwrap()), T0).unwrap();
    }
    let kept = |edge: &Edge| [1, 2, 3, 4, 5].map(|generation| edge.identity(generation, at).is_some());
    assert_eq!(kept(&edge), [true, true, true, true, false]);
    for (generation, left) in [(2, [true, false, true, true]), (4, [true, false, true, true]), (1, [false, false, true, true])]
    {
        edge.release(generation);
        edge.release(0);
        edge.release(u32::MAX);
        assert_eq!(kept(&edge)[..4], left, "{generation}");
    }
    edge.release(3);
    assert!(edge.memory() <= least);
}

/// A tree that is asked for comes to hold alone what it shared with those that are released after it, and that counts: a verdict that lives
/// for long keeps no whole tree in memory.
#[test]
fn what_is_held_for_long_counts_with_what_it_shared() {
    let mut state = crowd(20_000);
    let mut tree = Tree::build(&state).unwrap();
    let mut edge = serving_tree(5, &tree);
    let (least, at) = (edge.memory(), Location { shard: 0, index: 0 });
    for n in 0..50 {
        let mut next = state.clone();
        // Ten keys, each in another shard.
        next.records.retain(|record| record.key_id.0 <= 101 + 10 * n || record.key_id.0 > 111 + 10 * n);
        let old = tree.clone();
        tree.change(&between(&state, &next)).unwrap();
        let before = edge.generation();
        follow(&mut edge, 6 + n, &old, &tree);
        state = next;
        if before > 1 {
            edge.release(before);
        }
        assert!(edge.memory() < least + MIN_PAST_ROOM.max(least / PAST_SHARE) + 10_000, "{n}: {} of {least}", edge.memory());
    }
    assert!(edge.identity(1, at).is_none(), "it had become all of a tree");
}

/// A number that comes back with other content: nothing that was answered under it before is left.
#[test]
fn a_number_with_other_content_has_no_old_answers() {
    let mut state = nobody();
    state.records = vec![Record { role_set: 1, scope: 1, ..plain(1) }];
    let role = |pattern: &str| Entry::Role(RoleRecord { name: "r".into(), patterns: vec![pattern.into()] });
    let scope = |service: &str| Entry::Scope(vec![service.into()]);
    state.entries.insert((Table::RoleSets, 1), Entry::RoleSet(vec![1]));
    let mut put = |pattern: Option<&str>, service: Option<&str>| {
        let mut entry = |table, entry: Option<Entry>| match entry {
            Some(entry) => drop(state.entries.insert((table, 1), entry)),
            None => drop(state.entries.remove(&(table, 1))),
        };
        entry(Table::Roles, pattern.map(role));
        entry(Table::Scopes, service.map(scope));
        Tree::build(&state).unwrap()
    };
    let rows = [
        (put(Some("zone.*"), Some("dns")), Code::Valid),
        (put(Some("zone.*"), Some("cdn")), Code::ScopeDenied),
        (put(Some("zone.*"), Some("dns")), Code::Valid),
        (put(Some("cache.*"), Some("dns")), Code::PermissionDenied),
        (put(None, Some("dns")), Code::Internal),
        (put(Some("*"), Some("dns")), Code::Valid),
        (put(Some("*"), None), Code::Internal),
        (put(Some("*"), Some("dns")), Code::Valid),
    ];
    let mut edge = serving_tree(5, &rows[0].0);
    let view = edge.compile(Some("dns"), Some("zone.view"));
    for (at, (tree, code)) in rows.iter().enumerate() {
        if at > 0 {
            follow(&mut edge, 5 + at as u64, &rows[at - 1].0, tree);
        }
        for _ in 0..2 {
            assert_eq!(edge.verify_key(TEXTS[1].as_bytes(), None, view, T0).code, *code, "{at}");
        }
    }
}
