//! Several nodes, several targets, and what is done now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::common::realm::Realm;
use crate::common::{Plane, Served, caller, slug};
use edgelatch_registry::{Env, EventFilter, EventKind, Handover, NewKey, Registry, UsageBatch};
use edgelatch_server::{Options, Upkeep};
use edgelatch_sync::Directory;
use edgelatch_testkit::registry::usage_event;

fn wait(what: &str, mut until: impl FnMut() -> bool) {
    let there = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(20));
        until()
    });
    assert!(there.take(1_500).any(|there| there), "{what}");
}

fn said(node: &Served, message: &str) -> usize {
    node.log.lines(message).len()
}

const WAITS: &str = "another node publishes; waiting for a turn";

#[test]
fn of_two_nodes_one_publishes_and_the_other_takes_over() {
    let realm = Realm::new();
    let first = realm.node("first", vec![realm.own()]);
    realm.create();
    wait("the first node publishes", || said(&first, "published") == 1);
    // Its own directory lags behind, which must not make it outdo the first.
    let beside = tempfile::tempdir().unwrap();
    let second = realm.node("second", vec![Directory::new(beside.path())]);
    wait("the second node waits", || said(&second, WAITS) == 1);
    realm.create();
    wait("the first node goes on", || said(&first, "published") == 2);
    assert_eq!((said(&second, "published"), said(&second, "not published")), (0, 0));
    drop(first);
    wait("the second node takes over", || said(&second, "published") >= 1);
    realm.create();
    wait("and goes on", || said(&second, "published") >= 2);
    drop(second);
    let epochs = realm.epochs();
    assert!(epochs.iter().all(|(_, published)| *published), "{epochs:?}");
    assert!(epochs.windows(2).all(|pair| pair[0].0 == pair[1].0 + 1), "{epochs:?}");
}

#[test]
fn a_node_that_vanished_is_succeeded_when_it_is_not_at_work_any_more() {
    let realm = Realm::new();
    let registry = realm.registry();
    let vanished = registry.process(slug("vanished")).unwrap();
    let begun = Instant::now();
    assert_eq!(registry.ledger(&slug("acme")).acquire_lease(&vanished, 2).unwrap().node, vanished);
    let node = realm.node("next", vec![realm.own()]);
    realm.create();
    wait("the node waits", || said(&node, WAITS) == 1);
    wait("the node takes over", || said(&node, "published") == 1);
    assert!(begun.elapsed() >= Duration::from_secs(2));
}

#[test]
fn a_failing_target_stops_no_other_and_is_caught_up() {
    let realm = Realm::new();
    let temp = tempfile::tempdir().unwrap();
    let blocked = temp.path().join("blocked");
    std::fs::write(&blocked, b"in the way").unwrap();
    let node = realm.node("node", vec![Directory::new(&blocked), realm.own()]);
    realm.create();
    wait("the failure is reported", || said(&node, "not published to one target") >= 1);
    let head = std::fs::read(realm.dir.realm(&slug("acme")).join("head")).unwrap();
    let epoch = edgelatch_core::head::Head::inspect(&head).unwrap().epoch;
    assert!(epoch >= 2, "the sound target stayed behind");
    assert!(realm.epochs().iter().take_while(|(n, _)| *n > 1).all(|(_, published)| !published));
    // A change reaches the sound one at once, whatever the pause of the other.
    let before = said(&node, "published");
    realm.create();
    wait("the change is out", || said(&node, "published") > before);
    std::fs::remove_file(&blocked).unwrap();
    wait("the target is caught up", || blocked.join("head").exists() && realm.epochs()[0].1);
}

/// Between the head and its note in the ledger, a publisher may die. Until that is noted, no change would be known to be out.
#[test]
fn what_a_crash_left_unsaid_is_said_at_the_start() {
    let realm = Realm::new();
    realm.create();
    let node = realm.node("first", vec![realm.own()]);
    wait("the node publishes", || said(&node, "published") == 1);
    drop(node);
    let database = rusqlite::Connection::open(realm.dir.database()).unwrap();
    database.execute("UPDATE epochs SET published_at = NULL WHERE epoch = (SELECT max(epoch) FROM epochs)", []).unwrap();
    let [(epoch, false), ..] = realm.epochs()[..] else { panic!("{:?}", realm.epochs()) };
    let node = realm.node("first", vec![realm.own()]);
    wait("it is noted", || realm.epochs()[0].1);
    assert_eq!((realm.epochs()[0].0, said(&node, "published")), (epoch, 0));
}

#[test]
fn what_was_kept_long_enough_is_cleared_away() {
    let plane = Plane::new();
    let clock = Arc::new(AtomicU64::new(plane.registry.env().now().unwrap()));
    let shown = Arc::clone(&clock);
    let env = Env::new(move || shown.load(Ordering::SeqCst), |bytes| getrandom::fill(bytes).is_ok());
    let registry = Arc::new(Registry::connect(plane.registry.database(), env).unwrap());
    let new = NewKey::new(slug("one"), "k".parse().unwrap());
    let key = registry.keys(&slug("acme")).create(&caller(), &new, Handover::default()).unwrap().created().unwrap().key.key_id;
    let event = usage_event(Some(key), clock.load(Ordering::SeqCst), "valid");
    registry.usage(&slug("acme")).ingest(&UsageBatch { batch: "b".into(), events: vec![event] }).unwrap();
    let logged =
        || registry.usage(&slug("acme")).requests(key, &Default::default(), &Default::default()).unwrap().requests.len();
    assert_eq!(logged(), 1);
    clock.fetch_add(91 * 86_400, Ordering::SeqCst);
    let upkeep = Upkeep { registry: Arc::clone(&registry), pause: Duration::from_millis(20) };
    let s = Served::start(Options { upkeep: Some(upkeep), api: None, ..plane.options() }, "");
    wait("the log is cleared", || logged() == 0);
    // That of the key, and that of the first administrator's.
    let due = EventFilter { kind: Some(EventKind::RotationDue), ..EventFilter::default() };
    let told = |realm| registry.events(&slug(realm)).list(&due, &Default::default(), &Default::default()).unwrap().events.len();
    wait("the rotations that are due are told of", || told("acme") == 1 && told("management") == 1);
    assert_eq!(said(&s, "upkeep failed"), 0);
}
