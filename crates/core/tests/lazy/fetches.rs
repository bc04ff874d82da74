//! Who may have something fetched, and how often.

use super::*;
use edgelatch_core::edge::Need;
use edgelatch_core::tree::Slot;

fn lazy(fetches: usize, tree: &Tree) -> Edge {
    begun(&format!("{LAZY}\nfetches={fetches}"), tree)
}

#[test]
fn a_grant_names_what_to_fetch() {
    let tree = large();
    let mut edge = lazy(5, tree);
    let outcome = ask_text(&edge, &key_text(1));
    let Fetch::Granted(Need { place, slot, offset }) = fetch(&mut edge, outcome, T0) else { panic!() };
    let object = tree.object(shard_of(1)).unwrap();
    assert_eq!((place, slot), (shard_of(1), Slot::of(object)));
    let before = tree.places().take_while(|place| *place != shard_of(1)).map(|place| tree.object(place).unwrap().len() as u64);
    assert_eq!(offset, before.sum::<u64>());
    edge.supply(place, object.to_vec()).unwrap();
    // A second request for it finds it here; what no tree has is to be asked again as well.
    assert_eq!(fetch(&mut edge, outcome, T0), Fetch::Settled);
    assert_eq!(edge.fetch(Place::Shard(128), false, T0), Fetch::Settled);
    assert_eq!(super::edge(LAZY).fetch(place, false, T0), Fetch::Settled);
    let stats = edge.lazy_stats().unwrap();
    assert_eq!((stats.granted, stats.refused), (1, 0));
}

/// The attack: a flood makes an edge fetch without end, until its source or its owner's bill gives in.
#[test]
fn a_flood_has_no_more_fetched_than_flows_in() {
    let tree = large();
    let mut edge = lazy(5, tree);
    let mut granted = [0; 10];
    for second in 0..10 {
        for n in 0..1_000u64 {
            let outcome = ask_text(&edge, &key_text(KEYS + 1 + second * 1_000 + n));
            if outcome.code == Code::ShardNeeded && fetch(&mut edge, outcome, T0 + second) != Fetch::Refused {
                granted[second as usize] += 1;
            }
        }
    }
    assert_eq!(granted, [5; 10]);
}

/// And while it lasts, keys that were found before get what they need.
#[test]
fn who_was_found_before_is_served_in_a_flood() {
    let tree = large();
    let mut edge = lazy(5, tree);
    assert_eq!(served(&mut edge, tree, &key_text(1)).0, Code::Valid);
    // Its shard is pushed out by other keys that exist.
    for n in 100..300 {
        served(&mut edge, tree, &key_text(n));
    }
    assert!(!holds(&edge, shard_of(1)));
    let mut strangers = 0;
    while {
        let outcome = ask_text(&edge, &key_text(KEYS + strangers));
        outcome.code != Code::ShardNeeded || fetch(&mut edge, outcome, T0) != Fetch::Refused
    } {
        strangers += 1;
    }
    let outcome = ask_text(&edge, &key_text(1));
    assert_eq!(needed(outcome), (shard_of(1), true));
    assert!(matches!(fetch(&mut edge, outcome, T0), Fetch::Granted(_)));
    // Somebody new has to wait, also one with a key.
    let new = (KEYS / 2..KEYS).find(|n| ask_text(&edge, &key_text(*n)).code == Code::ShardNeeded).unwrap();
    let outcome = ask_text(&edge, &key_text(new));
    assert_eq!((needed(outcome).1, fetch(&mut edge, outcome, T0)), (false, Fetch::Refused));
    assert!(matches!(fetch(&mut edge, outcome, T0 + 2), Fetch::Granted(_)));
}

/// A chunk is needed only where a record was found: so that is no stranger, whoever it is.
#[test]
fn whose_record_was_found_is_no_stranger() {
    let tree = built(|n, record| KeyRecord { roles: if n == 1 { vec![0] } else { vec![] }, ..record });
    let mut edge = lazy(5, &tree);
    let outcome = ask_text(&edge, &key_text(1));
    assert!(!needed(outcome).1);
    edge.supply(shard_of(1), tree.object(shard_of(1)).unwrap().to_vec()).unwrap();
    let outcome = ask_text(&edge, &key_text(1));
    let (place, returning) = needed(outcome);
    assert!(matches!(place, Place::Chunk(..)) && returning, "{place:?}");
    // It says nothing about the reply, which is that of any other.
    assert_eq!(outcome.reply(), Code::ShardNeeded.reply());
}

/// Who has one key makes no stranger known by it.
#[test]
fn a_key_vouches_for_itself_alone() {
    let tree = large();
    let mut edge = lazy(5, tree);
    served(&mut edge, tree, &key_text(1));
    for n in 0..500 {
        let outcome = ask_text(&edge, &key_text(KEYS + 1 + n));
        assert!(outcome.code == Code::Unknown || !needed(outcome).1, "{n}");
    }
}

/// An edge that is not lazy asks only while it fills, and is granted all.
#[test]
fn other_edges_are_granted_everything() {
    let tree = large();
    let mut cold = edge("");
    let mut staged = offered(&mut cold, 5, tree);
    for place in [Place::Top, Place::Directory, Place::Page(0)] {
        staged.supply(place, tree.object(place).unwrap().to_vec()).unwrap();
    }
    cold.commit(staged, T0).unwrap();
    let outcome = ask_text(&cold, &key_text(1));
    for _ in 0..10_000 {
        assert!(matches!(fetch(&mut cold, outcome, T0), Fetch::Granted(_)));
    }
    assert_eq!(cold.lazy_stats(), None);
}
