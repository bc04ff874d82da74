//! Published files where it takes a key to read them.

use std::time::{Duration, Instant};

use crate::common::events::Events;
use crate::common::realm::Realm;
use crate::common::{Reply, Served, caller, slug};
use edgelatch_registry::{Handover, NewKey, Scope, Service, management};
use edgelatch_server::{FailureRate, Options, Readers, Streams};
use edgelatch_sync::Directory;
use edgelatch_testkit::core::head::Head;

/// A realm whose node publishes it, and hands it out to holders of a key.
fn served(failures: FailureRate) -> (Realm, Served) {
    let realm = Realm::new();
    let s = realm.node_with("node-1", vec![realm.own()], |options| guarded(&realm, options, failures));
    (realm, s)
}

fn guarded(realm: &Realm, options: &mut Options, failures: FailureRate) {
    options.readers = Some(Readers { registry: realm.registry(), client_ip: None, failures });
    options.streams = Streams { look: Duration::from_millis(10), ..Streams::default() };
}

fn many() -> FailureRate {
    FailureRate { burst: 1_000, per_minute: 1_000, ..FailureRate::default() }
}

/// A management key: its id and its text.
fn key(realm: &Realm, role: &str, scope: &[Service]) -> (String, String) {
    let (registry, of) = (realm.registry(), slug(management::REALM));
    let name = format!("{role} {}", registry.keys(&of).count(&Default::default()).unwrap());
    let mut new = NewKey::new(slug(management::ORG), name.parse().unwrap());
    new.roles = vec![slug(role)];
    if !scope.is_empty() {
        new.scope = Scope::List(scope.to_vec());
    }
    let made = registry.keys(&of).create(&caller(), &new, Handover::default()).unwrap().created().unwrap();
    (made.key.key_id.to_string(), made.secret.to_string())
}

fn revoke(realm: &Realm, id: &str) {
    realm.registry().keys(&slug(management::REALM)).revoke(&caller(), id.parse().unwrap(), None).unwrap();
}

fn get(s: &Served, path: &str, key: &str) -> Reply {
    s.send(&format!("GET {path}"), key, &[], b"")
}

/// The paths of everything that is published of `acme`.
fn paths(own: &Directory) -> Vec<String> {
    let file = |name: &str| std::fs::read(own.path().join(name)).unwrap();
    let tree = Head::inspect(&file("head")).unwrap().tree;
    ["head".into(), "bundle".into(), "root/1".into(), format!("objects/{tree}")]
        .map(|name: String| format!("/r/acme/{name}"))
        .into()
}

#[test]
fn whoever_has_no_key_for_the_realm_reads_nothing() {
    let (realm, s) = served(many());
    let own = management::realm_service(&slug("acme")).unwrap();
    let org = management::org_service(&slug("acme"), &slug("main")).unwrap();
    let other = management::realm_service(&slug("elsewhere")).unwrap();
    let good = [key(&realm, "edge", &[]).1, key(&realm, "edge", &[own]).1, realm.admin.clone()];
    let weak = [key(&realm, "viewer", &[]).1, key(&realm, "edge", &[org]).1, key(&realm, "edge", &[other]).1];
    for path in paths(&realm.own()) {
        assert_eq!(get(&s, &path, "").refused(), (401, "missing-credential".into()), "{path}");
        assert_eq!(get(&s, &path, "elm_wrong").refused(), (401, "invalid-token".into()), "{path}");
        for key in &weak {
            assert_eq!(get(&s, &path, key).refused(), (403, "insufficient-scope".into()), "{path}");
        }
        for key in &good {
            let reply = get(&s, &path, key);
            let file = std::fs::read(realm.dir.published().join(path.trim_start_matches('/'))).unwrap();
            assert!(reply.status == 200 && reply.body == file, "{path}: {reply}");
            let cached = reply.header("cache-control").unwrap();
            assert!(cached.starts_with("private, "), "shared caches would hand it to everybody: {cached}");
        }
    }
    // What is not there is no riddle to solve without a key.
    for path in ["/r/acme/nothing", "/r/ghost/head", "/r/NO/head"] {
        assert_eq!(get(&s, path, "").status, 401, "{path}");
        assert_eq!(get(&s, path, &realm.admin).status, 404, "{path}");
    }
    assert_eq!(get(&s, "/healthz", "").status, 200);
    for (headers, status) in [("", 401), ("Authorization: Bearer elm_wrong\r\n", 401)] {
        assert_eq!(Events::open(s.addr, headers).status(), status);
    }
    let text = |reply: Reply| String::from_utf8(reply.body).unwrap();
    assert!(!text(get(&s, "/r/acme/head", "elm_wrong")).contains("elm_wrong"));
}

#[test]
fn a_revoked_key_reads_nothing_within_a_second_and_its_stream_tells_no_more() {
    let (realm, s) = served(many());
    let ((id, text), (_, stays)) = (key(&realm, "edge", &[]), key(&realm, "edge", &[]));
    let stream = |text: &str| Events::open(s.addr, &format!("Authorization: Bearer {text}\r\n"));
    let (mut ends, mut goes_on) = (stream(&text), stream(&stays));
    let first = (ends.next_head().unwrap().0, goes_on.next_head().unwrap().0);
    assert_eq!((first, get(&s, "/r/acme/head", &text).status), ((1, 1), 200));
    revoke(&realm, &id);
    let revoked = Instant::now();
    while get(&s, "/r/acme/head", &text).status == 200 {
        assert!(revoked.elapsed() < Duration::from_secs(10), "it is still believed");
    }
    assert_eq!(get(&s, "/r/acme/head", &text).refused(), (401, "invalid-token".into()));
    assert_eq!(stream(&text).status(), 401);
    realm.create();
    assert_eq!((ends.next_head(), goes_on.next_head().unwrap().0), (None, 2));
    assert_eq!(s.log.wait("stream", 0)["end"], "refused");
}

#[test]
fn an_address_that_guesses_is_slowed_down_and_a_good_key_behind_it_is_not_kept_out() {
    let failures = FailureRate { burst: 3, per_minute: 1, pause: Duration::from_millis(1) };
    let (realm, s) = served(failures);
    let (_, good) = key(&realm, "edge", &[]);
    let statuses: Vec<u16> = (0..6).map(|_| get(&s, "/r/acme/head", "elm_wrong").status).collect();
    assert_eq!(statuses, [401, 401, 401, 429, 429, 429]);
    assert_eq!(get(&s, "/r/acme/head", &good).status, 200);
    // To have no key is no guess.
    assert_eq!(get(&s, "/r/acme/head", "").status, 401);
}
