//! When a candidate of a lazy edge may serve, and what an update shares, changes and leaves out.

use super::*;
use edgelatch_core::edge::HostConfig;
use edgelatch_core::limits::UPDATE_SHARE;

#[test]
fn the_configuration_names_its_bounds() {
    for (config, key) in [
        ("lazy=262143", "lazy"),
        ("lazy=3221225473", "lazy"),
        ("lazy=", "lazy"),
        ("lazy=on", "lazy"),
        ("lazy=262144\nfetches=0", "fetches"),
        ("lazy=262144\nfetches=10001", "fetches"),
        ("fetches=5", "fetches"),
    ] {
        let error = HostConfig::parse(config).unwrap_err().to_string();
        assert!(error.starts_with(&format!("configuration `{key}`: ")), "{config}: {error}");
    }
    for config in ["lazy=262144", "fetches=1\nlazy=3221225472", "lazy=300000\nfetches=10000"] {
        assert!(HostConfig::parse(config).is_ok(), "{config}");
    }
}

/// Top page, directory and index pages are enough: nothing else is waited for, nor filled in afterwards.
#[test]
fn a_candidate_is_complete_as_soon_as_it_can_answer() {
    let tree = large();
    let mut edge = edge(LAZY);
    let mut staged = offered(&mut edge, 5, tree);
    let mut asked = vec![];
    while !staged.is_complete() {
        assert!(!staged.is_ready() && staged.check(1).unwrap() > 0);
        let needs: Vec<_> = staged.needs(Place::Top).map(|need| need.place).collect();
        assert_eq!(needs.first(), staged.need(Place::Top).map(|need| need.place).as_ref());
        asked.push(needs[0]);
        staged.supply(needs[0], tree.object(needs[0]).unwrap().to_vec()).unwrap();
    }
    assert_eq!(asked, [Place::Top, Place::Directory, Place::Page(0)]);
    assert!(staged.is_ready() && staged.check(1) == Ok(0) && staged.need(Place::Top).is_none());
    assert_eq!((staged.needs(Place::Top).count(), staged.needs(Place::Shard(7)).count()), (0, 0));
    edge.commit(staged, T0).unwrap();
    assert_eq!((edge.need(Place::Top), edge.needs(Place::Top).count()), (None, 0));
    assert_eq!(needed(ask_text(&edge, &key_text(1))), (shard_of(1), false));
    assert_eq!(served(&mut edge, tree, &key_text(1)), (Code::Valid, 1));
}

/// A stranger's outcome is not packed like that of a key that was found; whatever else the number is asks for nothing.
#[test]
fn what_an_outcome_asks_for_crosses_in_its_number() {
    let tree = large();
    let mut edge = begun(LAZY, tree);
    let packed = ask_text(&edge, &key_text(1)).pack();
    assert_eq!(Outcome::needed(packed), Some((shard_of(1), false)));
    assert_eq!(Outcome::needed(packed | 8 << 6), Some((shard_of(1), true)));
    for other in [0, 18, 13, packed & !63, 18 | 9 << 10, 18 | (1 << 53), u64::MAX] {
        assert_eq!(Outcome::needed(other), None, "{other}");
    }
    assert_eq!(served(&mut edge, tree, &key_text(1)).0, Code::Valid);
    assert_eq!(Outcome::needed(ask_text(&edge, &key_text(1)).pack()), None);
}

/// Of a bundle the beginning is enough, and of what comes behind it what fits is taken.
#[test]
fn a_bundle_can_be_dropped_when_it_is_complete_or_be_fed_to_its_end() {
    let (tree, bytes) = (large(), bundle(5, large()));
    let mut edge = edge(LAZY);
    edge.offer(&[], &bytes, T0).unwrap();
    let mut staged = edge.begin(&[], T0).unwrap();
    let mut fed = 0;
    for piece in bytes.chunks(1000) {
        if staged.is_complete() {
            break;
        }
        staged.feed(piece).unwrap();
        fed += piece.len();
    }
    assert!(fed < 7_000, "{fed}");
    edge.commit(staged, T0).unwrap();
    assert_eq!(served(&mut edge, tree, &key_text(1)), (Code::Valid, 1));

    let mut other = super::edge(LAZY);
    update(&mut other, &[], bytes, T0).unwrap();
    let stats = other.lazy_stats().unwrap();
    assert!(stats.objects > 3 && stats.bytes <= MIN_LAZY_BYTES, "{stats:?}");
    assert_eq!(stats.objects, other.objects().filter(|(place, _)| place.is_leaf()).count());
    for n in 1..200 {
        assert_eq!(served(&mut other, tree, &key_text(n)).0, Code::Valid);
    }
}

/// What an object may be does not depend on how much of the tree is here.
#[test]
fn a_wrong_object_is_refused_and_changes_nothing() {
    let tree = large();
    let mut edge = begun(LAZY, tree);
    let (place, _) = needed(ask_text(&edge, &key_text(1)));
    let mut flipped = tree.object(place).unwrap().to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let before = edge.lazy_stats();
    for wrong in [flipped, vec![], tree.object(Place::Shard(0)).unwrap().to_vec(), tree.top.clone()] {
        if edgelatch_core::tree::Slot::of(&wrong) != edgelatch_core::tree::Slot::of(tree.object(place).unwrap()) {
            assert_eq!(edge.supply(place, wrong).unwrap_err().code(), "wrong_digest");
        }
    }
    assert_eq!((edge.lazy_stats(), ask_text(&edge, &key_text(1)).needs), (before, Some(place)));
}

/// Shards that both trees have stay, those that a patch changes are changed, and the others are fetched when they are needed.
#[test]
fn an_update_keeps_what_it_can_and_leaves_out_the_rest() {
    let old = large();
    // Keys 1 and 2 change; that of 2 is not here.
    let new = built(|n, record| KeyRecord { revoked: n <= 2, ..record });
    assert!(shard_of(1) != shard_of(2) && shard_of(1) != shard_of(3) && shard_of(2) != shard_of(3));
    let mut edge = begun(LAZY, old);
    for n in [1, 3] {
        assert_eq!(served(&mut edge, old, &key_text(n)), (Code::Valid, 1));
    }
    let mut staged = offered(&mut edge, 6, &new);
    staged.patch(patch_between(old, &new)).unwrap();
    assert_eq!(staged.check(usize::MAX), Ok(0));
    assert!(staged.is_complete());
    edge.commit(staged, T0).unwrap();
    assert_eq!(ask_text(&edge, &key_text(1)).code, Code::Revoked);
    assert_eq!(ask_text(&edge, &key_text(3)).code, Code::Valid);
    assert_eq!(served(&mut edge, &new, &key_text(2)), (Code::Revoked, 1));

    // Without a patch, what changed is missing.
    let mut edge = begun(LAZY, old);
    for n in [1, 3] {
        served(&mut edge, old, &key_text(n));
    }
    let mut staged = offered(&mut edge, 6, &new);
    complete(&mut staged, &new);
    edge.commit(staged, T0).unwrap();
    assert_eq!(needed(ask_text(&edge, &key_text(1))), (shard_of(1), true), "and its key is one that was found before");
    assert_eq!(ask_text(&edge, &key_text(3)).code, Code::Valid);
}

/// An update that changes everything takes half a budget of it, so that both trees have room; the rest is fetched when it is needed.
#[test]
fn a_candidate_takes_half_a_budget_at_the_most() {
    let old = large();
    let new = built(|_, record| KeyRecord { revoked: true, ..record });
    let mut edge = begun(LAZY, old);
    (1..=60).for_each(|n| assert_eq!(served(&mut edge, old, &key_text(n)).0, Code::Valid));
    let before = edge.lazy_stats().unwrap().bytes;
    let mut staged = offered(&mut edge, 6, &new);
    staged.patch(patch_between(old, &new)).unwrap();
    assert_eq!(staged.check(usize::MAX), Ok(0));
    edge.commit(staged, T0).unwrap();
    let after = edge.lazy_stats().unwrap().bytes;
    assert!(before > MIN_LAZY_BYTES * 2 / 3 && (1..=MIN_LAZY_BYTES / UPDATE_SHARE).contains(&after), "{before} {after}");
    (1..=60).for_each(|n| assert_eq!(served(&mut edge, &new, &key_text(n)).0, Code::Revoked));
}

/// What was fetched while an update was put together stays, and what was dropped meanwhile does not come back uncounted.
#[test]
fn what_is_fetched_and_dropped_during_an_update_is_accounted_for() {
    let old = large();
    let new = built(|n, record| KeyRecord { revoked: n == 1, ..record });
    let mut edge = begun(LAZY, old);
    served(&mut edge, old, &key_text(3));
    let mut staged = offered(&mut edge, 6, &new);
    complete(&mut staged, &new);
    for n in 4..150 {
        served(&mut edge, old, &key_text(n));
    }
    let held: Vec<Place> = edge.objects().map(|(place, _)| place).filter(|place| place.is_leaf()).collect();
    assert!(!held.contains(&shard_of(3)), "it was dropped");
    edge.commit(staged, T0).unwrap();
    let stats = edge.lazy_stats().unwrap();
    let after: Vec<(Place, usize)> =
        edge.objects().filter(|(place, _)| place.is_leaf()).map(|(place, bytes)| (place, bytes.len())).collect();
    assert_eq!((stats.objects, stats.bytes), (after.len(), after.iter().map(|(_, bytes)| bytes).sum()));
    assert!(stats.bytes <= MIN_LAZY_BYTES, "{stats:?}");
    let kept = held.iter().filter(|place| after.iter().any(|(other, _)| other == *place)).count();
    assert!(kept + 2 >= held.len(), "{kept} of {}", held.len());
}

/// Under another number of shards nothing that was held means the same.
#[test]
fn nothing_is_shared_under_another_number_of_shards() {
    let old = large();
    let realm = RealmRecord { imports: true, ..realm() };
    let digest = |n| edgelatch_core::key::digest(key_text(n).as_bytes());
    let record = |n| KeyRecord { roles: vec![], ..snapshot::record(digest(n), KeyId(n)) };
    let new = build_tree(&realm, (1..=KEYS / 4).map(record).collect()).unwrap();
    let mut edge = begun(LAZY, old);
    served(&mut edge, old, &key_text(1));
    let mut staged = offered(&mut edge, 6, &new);
    complete(&mut staged, &new);
    edge.commit(staged, T0).unwrap();
    assert_eq!(edge.lazy_stats().unwrap().objects, 0);
    assert_eq!(served(&mut edge, &new, &key_text(1)), (Code::Valid, 1));
    assert_eq!(served(&mut edge, &new, &key_text(KEYS)), (Code::Unknown, 1));
}

/// An identity that is read late needs no fetch while its shard is here, and is none when it is not.
#[test]
fn identities_of_replaced_trees_are_readable_while_they_are_held() {
    let old = large();
    let new = built(|n, record| KeyRecord { revoked: n == 1, ..record });
    let mut edge = begun(LAZY, old);
    served(&mut edge, old, &key_text(1));
    served(&mut edge, old, &key_text(3));
    let given = [1, 3].map(|n| (edge.generation(), ask_text(&edge, &key_text(n)).at.unwrap(), n));
    let mut staged = offered(&mut edge, 6, &new);
    staged.patch(patch_between(old, &new)).unwrap();
    staged.check(usize::MAX).unwrap();
    edge.commit(staged, T0).unwrap();
    let read = |edge: &Edge| given.map(|(generation, at, n)| edge.identity(generation, at).map(|who| who.key_id == KeyId(n)));
    assert_eq!(read(&edge), [Some(true); 2]);
    for n in 4..300 {
        served(&mut edge, &new, &key_text(n));
    }
    assert!(!holds(&edge, shard_of(3)));
    // The one of the old tree alone counts there; the other would be held twice, or for ever.
    assert_eq!(read(&edge), [Some(true), None]);
}
