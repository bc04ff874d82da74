//! What time brings is told of: that a key is about to expire, and that nobody uses one, each once a threshold.

use edgelatch_core::key::KeyId;
use edgelatch_registry::{KeyEdit, NewKey, NewRealm, Preset, UsageBatch};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, alerts, caller, new_key, slug, usage_event};
use serde_json::Value;

const DAY: u64 = 86_400;

/// Tells what there is to tell, and returns it: type, the key's name, and how many days are said.
fn told(f: &Fixture) -> Vec<(String, String, u64)> {
    let number = f.registry.notice().unwrap();
    let due = alerts(&f.registry);
    let body = |body: &str| serde_json::from_str::<Value>(body).unwrap();
    let mut all: Vec<_> = due.iter().map(|due| body(&due.body)).collect();
    all.sort_by_key(|body| body["name"].to_string());
    for due in &due {
        f.registry.outbox().delivered(&due.event).unwrap();
    }
    assert_eq!(number, all.len() as u64);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.iter().map(|body| (text(&body["type"]), text(&body["name"]), body["days"].as_u64().unwrap())).collect()
}

fn row(kind: &str, name: &str, days: u64) -> (String, String, u64) {
    (kind.into(), name.into(), days)
}

fn expiring(f: &Fixture, name: &str, days: u64) -> KeyId {
    let new = NewKey { expires_at: Some(NOW + days * DAY), ..new_key(name) };
    f.registry.keys(&f.realm).make(&caller(), &new).unwrap().key.key_id
}

fn a_key_that_expires_is_told_of_three_times(f: Fixture) {
    expiring(&f, "a", 40);
    expiring(&f, "b", 40);
    f.registry.keys(&f.realm).make(&caller(), &new_key("never")).unwrap();
    let gone = expiring(&f, "revoked", 40);
    f.registry.keys(&f.realm).revoke(&caller(), gone, None).unwrap();
    f.advance(10 * DAY - 1);
    assert_eq!(told(&f), []);
    f.advance(1);
    for days in [30, 7, 1] {
        assert_eq!(told(&f), ["a", "b"].map(|name| row("key_expiring", name, days)));
        assert_eq!(told(&f), []);
        let until = [(30, 23), (7, 6), (1, 1)].into_iter().find(|(of, _)| *of == days).unwrap().1;
        f.advance(until * DAY);
    }
    f.advance(DAY);
    assert_eq!(told(&f), []);
}

/// Whatever was passed meanwhile, the last threshold is told of alone: also of a key that was made to live for a few days.
fn of_several_thresholds_the_last_is_told(f: Fixture) {
    expiring(&f, "long", 40);
    let short = expiring(&f, "short", 5);
    assert_eq!(told(&f), [row("key_expiring", "short", 7)]);
    f.advance(4 * DAY);
    assert_eq!(told(&f), [row("key_expiring", "short", 1)]);
    // A key that lives on is told of anew, one that does not is told of no more.
    let edit = KeyEdit { expires_at: Some(Some(NOW + 10 * DAY)), ..KeyEdit::default() };
    f.registry.keys(&f.realm).edit(&caller(), short, &edit).unwrap();
    assert_eq!(told(&f), [row("key_expiring", "short", 7)]);
    let edit = KeyEdit { expires_at: Some(None), ..KeyEdit::default() };
    f.registry.keys(&f.realm).edit(&caller(), short, &edit).unwrap();
    // Nobody looked for a month.
    f.advance(35 * DAY);
    assert_eq!(told(&f), [row("key_expiring", "long", 1)]);
    f.advance(20 * DAY);
    expiring_in(&f, "dead", 1);
    f.advance(2 * DAY);
    assert_eq!(told(&f), []);
}

fn expiring_in(f: &Fixture, name: &str, days: u64) {
    let now = f.clock.load(std::sync::atomic::Ordering::SeqCst);
    let new = NewKey { expires_at: Some(now + days * DAY), ..new_key(name) };
    f.registry.keys(&f.realm).make(&caller(), &new).unwrap();
}

fn used(f: &Fixture, batch: &str, key: KeyId) {
    let event = usage_event(Some(key), f.clock.load(std::sync::atomic::Ordering::SeqCst), "valid");
    f.registry.usage(&f.realm).ingest(&UsageBatch { batch: batch.into(), events: vec![event] }).unwrap();
}

fn a_key_that_nobody_uses_is_told_of_once(f: Fixture) {
    let make = |name: &str| f.registry.keys(&f.realm).make(&caller(), &new_key(name)).unwrap().key.key_id;
    let (_never, once, busy, gone) = (make("never"), make("once"), make("busy"), make("gone"));
    f.registry.keys(&f.realm).revoke(&caller(), gone, None).unwrap();
    f.advance(10 * DAY);
    used(&f, "1", once);
    used(&f, "2", busy);
    f.advance(80 * DAY);
    assert_eq!(told(&f), [row("key_unused", "never", 90)]);
    used(&f, "3", busy);
    make("new");
    f.advance(10 * DAY - 1);
    assert_eq!(told(&f), []);
    f.advance(1);
    assert_eq!(told(&f), [row("key_unused", "once", 90)]);
    assert_eq!(told(&f), []);
    // Once it was used again, it can be left alone again.
    used(&f, "4", once);
    f.advance(90 * DAY);
    assert_eq!(told(&f), ["busy", "new", "once"].map(|name| row("key_unused", name, 90)));
    f.advance(90 * DAY);
    assert_eq!(told(&f), []);
}

/// Far more than one transaction tells of, all alike in the order of the look.
fn many_keys_are_told_of_each_once(f: Fixture) {
    for i in 0..450 {
        expiring(&f, &format!("k{i:03}"), 20);
    }
    for due in f.registry.outbox().take(500).unwrap() {
        f.registry.outbox().delivered(&due.event).unwrap();
    }
    let other = f.open();
    let numbers = std::thread::scope(|scope| {
        let looks = [&f.registry, &other].map(|registry| scope.spawn(|| registry.notice().unwrap()));
        looks.map(|look| look.join().unwrap())
    });
    assert_eq!(numbers.iter().sum::<u64>(), 450);
    let mut names: Vec<String> = alerts(&f.registry).into_iter().map(|due| due.body).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 450);
    f.advance(90 * DAY);
    assert_eq!(f.registry.notice().unwrap(), 0);
}

fn each_realm_has_its_own(f: Fixture) {
    let new = NewRealm {
        realm: slug("other"),
        name: "Other".parse().unwrap(),
        preset: Preset::Default,
        prefix: None,
        credentials: None,
    };
    f.registry.create_realm(&caller(), &new).unwrap();
    f.registry.keys(&f.realm).make(&caller(), &new_key("a")).unwrap();
    f.advance(90 * DAY);
    assert_eq!(told(&f), [row("key_unused", "a", 90)]);
    let of = |realm: &str| {
        f.registry.events(&slug(realm)).list(&Default::default(), &Default::default(), &Default::default()).unwrap()
    };
    assert_eq!((of("acme").events.len(), of("other").events.len()), (2, 0));
}

on_both_stores!(
    a_key_that_expires_is_told_of_three_times,
    of_several_thresholds_the_last_is_told,
    a_key_that_nobody_uses_is_told_of_once,
    many_keys_are_told_of_each_once,
    each_realm_has_its_own,
);
