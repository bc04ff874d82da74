//! Several nodes, several targets, and what is done now and then.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::realm::Realm;
use common::{Plane, Served, caller, slug};
use edgelatch_registry::{Env, Handover, Lease, NewKey, Registry, UsageBatch, UsageEvent};
use edgelatch_server::{Options, Upkeep};
use edgelatch_sync::Directory;

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
fn a_node_that_vanished_is_succeeded_when_its_lease_ends() {
    let realm = Realm::new();
    let registry = realm.registry();
    let (name, vanished) = (slug("publisher"), slug("vanished"));
    let lease: Lease = registry.ledger(&slug("acme")).acquire_lease(&name, &vanished, 2).unwrap();
    assert_eq!(lease.holder, vanished);
    let node = realm.node("next", vec![realm.own()]);
    realm.create();
    wait("the node waits", || said(&node, WAITS) == 1);
    wait("the node takes over", || said(&node, "published") == 1);
    assert!(registry.env().now().unwrap() >= lease.expires_at);
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

#[test]
fn what_was_kept_long_enough_is_cleared_away() {
    let plane = Plane::new();
    let clock = Arc::new(AtomicU64::new(plane.registry.env().now().unwrap()));
    let shown = Arc::clone(&clock);
    let env = Env::new(move || shown.load(Ordering::SeqCst), |bytes| getrandom::fill(bytes).is_ok());
    let registry = Arc::new(Registry::connect(plane.registry.database(), env).unwrap());
    let new = NewKey::new(slug("one"), "k".parse().unwrap());
    let key = registry.keys(&slug("acme")).create(&caller(), &new, Handover::default()).unwrap().created().unwrap().key.key_id;
    let event = UsageEvent {
        key_id: Some(key.to_string()),
        at: clock.load(Ordering::SeqCst),
        method: "GET".into(),
        endpoint: "/x".into(),
        ip: None,
        country: None,
        status: 200,
        code: "valid".into(),
        event: None,
    };
    registry.usage(&slug("acme")).ingest(&UsageBatch { batch: "b".into(), events: vec![event] }).unwrap();
    let logged =
        || registry.usage(&slug("acme")).requests(key, &Default::default(), &Default::default()).unwrap().requests.len();
    assert_eq!(logged(), 1);
    clock.fetch_add(91 * 86_400, Ordering::SeqCst);
    let upkeep = Upkeep { registry: Arc::clone(&registry), pause: Duration::from_millis(20) };
    let s = Served::start(Options { upkeep: Some(upkeep), api: None, ..plane.options() }, "");
    wait("the log is cleared", || logged() == 0);
    // That of the key, and that of the first administrator's.
    wait("the rotations that are due are told of", || registry.alerts().pending().unwrap() == 2);
    assert_eq!(said(&s, "upkeep failed"), 0);
}
