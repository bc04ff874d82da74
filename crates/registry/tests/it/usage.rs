//! What edges report: counted once, kept for a time, and told when it looks like an attack.

use edgelatch_core::key::KeyId;
use edgelatch_registry::{
    Ingested, KeyFilter, KeyOrder, NewKey, OrgEdit, Paging, Rotate, Sort, UsageBatch, UsageEvent, When, Window,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, alerts, caller, new_key, slug, usage_event};
use serde_json::{Value, json};

const DAY: u64 = 86_400;

fn event(key: Option<KeyId>, at: u64, code: &str) -> UsageEvent {
    let (endpoint, ip, country) = ("/v1/zones".into(), Some("192.0.2.1".into()), Some("CH".into()));
    UsageEvent { endpoint, ip, country, ..usage_event(key, at, code) }
}

fn batch(id: &str, events: Vec<UsageEvent>) -> UsageBatch {
    UsageBatch { batch: id.into(), events }
}

fn create(f: &Fixture, org: &str, name: &str) -> KeyId {
    f.registry.keys(&f.realm).make(&caller(), &NewKey { org: slug(org), ..new_key(name) }).unwrap().key.key_id
}

fn settings(f: &Fixture, org: &str, settings: Value) {
    let edit = OrgEdit { settings: Some(settings), ..OrgEdit::default() };
    f.registry.tenants(&f.realm).edit_org(&caller(), &slug(org), &edit).unwrap();
}

fn a_batch_counts_once(f: Fixture) {
    let (a, b) = (create(&f, "one", "a"), create(&f, "one", "b"));
    let changes = f.registry.ledger(&f.realm).changes().unwrap();
    let revision = f.registry.keys(&f.realm).get(a).unwrap().revision;
    f.advance(100);
    let events = vec![
        event(Some(a), NOW + 10, "valid"),
        UsageEvent { ip: Some("2001:db8::1".into()), ..event(Some(a), NOW + 30, "valid") },
        event(Some(a), NOW + 20, "valid"),
        event(Some(a), NOW + 40, "permission_denied"),
        event(Some(b), NOW + 5, "revoked"),
        event(Some(KeyId(7)), NOW, "valid"),
        event(None, NOW, "unknown"),
    ];
    let sent = batch("b1", events);
    let done = f.registry.usage(&f.realm).ingest(&sent).unwrap();
    assert_eq!(done, Ingested { accepted: 7, unknown: 2, late: 0, repeated: false });
    assert!(f.registry.usage(&f.realm).ingest(&sent).unwrap().repeated);
    let key = f.registry.keys(&f.realm).get(a).unwrap();
    assert_eq!((key.uses, key.refusals), (3, 1));
    assert_eq!((key.last_used_at, key.last_used_ip.as_deref()), (Some(NOW + 30), Some("2001:db8::1")));
    let other = f.registry.keys(&f.realm).get(b).unwrap();
    assert_eq!((other.uses, other.refusals, other.last_used_at), (0, 1, None));
    // An earlier event that comes later does not set the clock back.
    f.registry.usage(&f.realm).ingest(&batch("b2", vec![event(Some(a), NOW + 1, "valid")])).unwrap();
    assert_eq!(f.registry.keys(&f.realm).get(a).unwrap().last_used_at, Some(NOW + 30));
    // Neither published nor a change to the key.
    assert_eq!(f.registry.ledger(&f.realm).changes().unwrap(), changes);
    assert_eq!(f.registry.keys(&f.realm).get(a).unwrap().revision, revision);
    let by_use = KeyOrder { sort: Some(Sort::LastUsed), direction: None };
    let used = f.registry.keys(&f.realm).list(&KeyFilter::default(), by_use, &Paging::default()).unwrap();
    assert_eq!(used.keys[0].key_id, a);
    let totals = f.registry.usage(&f.realm).totals().unwrap();
    let totals: Vec<(&str, u64)> = totals.iter().map(|t| (t.code.as_str(), t.number)).collect();
    assert_eq!(totals, [("permission_denied", 1), ("revoked", 1), ("unknown", 1), ("valid", 5)]);
}

fn within_a_second_the_last_use_is_the_one_reported_last(f: Fixture) {
    let key = create(&f, "one", "a");
    let from = |ip: &str| UsageEvent { ip: Some(ip.into()), ..event(Some(key), NOW, "valid") };
    let last = |id: &str, ips: [&str; 2]| {
        f.registry.usage(&f.realm).ingest(&batch(id, ips.map(from).into())).unwrap();
        f.registry.keys(&f.realm).get(key).unwrap().last_used_ip.unwrap()
    };
    assert_eq!(last("b1", ["2001:db8::1", "192.0.2.1"]), "192.0.2.1");
    assert_eq!(last("b2", ["192.0.2.1", "2001:db8::1"]), "2001:db8::1");
}

fn a_key_of_another_realm_is_unknown(f: Fixture) {
    let key = create(&f, "one", "a");
    let new = edgelatch_registry::NewRealm {
        realm: slug("other"),
        name: "Other".parse().unwrap(),
        preset: edgelatch_registry::Preset::Default,
        prefix: None,
        credentials: None,
    };
    let other = f.registry.create_realm(&caller(), &new).unwrap().realm;
    let done = f.registry.usage(&other).ingest(&batch("b1", vec![event(Some(key), NOW, "valid"); 3])).unwrap();
    assert_eq!((done.accepted, done.unknown), (3, 3));
    let key = f.registry.keys(&f.realm).get(key).unwrap();
    assert_eq!((key.uses, key.last_used_at), (0, None));
    for realm in [&f.realm, &other] {
        assert!(
            f.registry.usage(realm).requests(key.key_id, &Window::default(), &Paging::default()).unwrap().requests.is_empty()
        );
    }
}

fn of_one_batch_sent_at_once_one_counts(f: Fixture) {
    let key = create(&f, "one", "a");
    let sent = batch("b1", vec![event(Some(key), NOW, "valid")]);
    let other = f.open();
    std::thread::scope(|scope| {
        for registry in [&f.registry, &other, &f.registry, &other] {
            scope.spawn(|| registry.usage(&f.realm).ingest(&sent).unwrap());
        }
    });
    assert_eq!(f.registry.keys(&f.realm).get(key).unwrap().uses, 1);
}

fn the_log_is_paged_and_outlives_its_key(f: Fixture) {
    let key = create(&f, "one", "a");
    f.advance(1000);
    // Several in one second, which pages must not lose.
    let events = (0..25).map(|i| UsageEvent { event: Some(format!("e{i:02}")), ..event(Some(key), NOW + i / 4, "valid") });
    f.registry.usage(&f.realm).ingest(&batch("b1", events.collect())).unwrap();
    f.registry.usage(&f.realm).ingest(&batch("b2", vec![event(Some(create(&f, "one", "other")), NOW, "valid")])).unwrap();
    f.registry.keys(&f.realm).delete(&caller(), key, Some("a"), None).unwrap();
    let mut paging = Paging::first(7);
    let mut seen = Vec::new();
    loop {
        let page = f.registry.usage(&f.realm).requests(key, &Window::default(), &paging).unwrap();
        seen.extend(page.requests.into_iter().map(|r| r.event.unwrap()));
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..25).rev().map(|i| format!("e{i:02}")).collect();
    assert_eq!(seen, expected);
    let part = Window { since: Some(When::At(NOW + 1)), until: Some(When::At(NOW + 3)) };
    let page = f.registry.usage(&f.realm).requests(key, &part, &Paging::default()).unwrap();
    assert_eq!(page.requests.len(), 8);
    let first = serde_json::to_value(&page.requests[0]).unwrap();
    assert_eq!(
        first,
        json!({
            "at": "2026-01-31T00:00:02Z", "method": "GET", "endpoint": "/v1/zones", "ip": "192.0.2.1", "country": "CH",
            "status": 200, "code": "valid", "event": "e11",
        })
    );
    let wrong = Paging { cursor: Some("x".into()), ..Paging::default() };
    assert_eq!(f.registry.usage(&f.realm).requests(key, &Window::default(), &wrong).unwrap_err().code(), "invalid");
}

fn bad_events_are_refused_with_their_place(f: Fixture) {
    let key = create(&f, "one", "a");
    let secret = "ek_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA000000";
    let good = || event(Some(key), NOW, "valid");
    for (bad, pointer) in [
        (UsageEvent { method: "get".into(), ..good() }, "/events/1/method"),
        (UsageEvent { method: String::new(), ..good() }, "/events/1/method"),
        (UsageEvent { method: "G".repeat(21), ..good() }, "/events/1/method"),
        (UsageEvent { endpoint: "?a".into(), ..good() }, "/events/1/endpoint"),
        (UsageEvent { endpoint: "/a\0".into(), ..good() }, "/events/1/endpoint"),
        (UsageEvent { ip: Some("010.0.0.1".into()), ..good() }, "/events/1/ip"),
        (UsageEvent { country: Some("ch".into()), ..good() }, "/events/1/country"),
        (UsageEvent { status: 99, ..good() }, "/events/1/status"),
        (UsageEvent { code: "fine".into(), ..good() }, "/events/1/code"),
        (UsageEvent { event: Some("a b".into()), ..good() }, "/events/1/event"),
        (UsageEvent { key_id: Some(secret.into()), ..good() }, "/events/1/key_id"),
    ] {
        let error = f.registry.usage(&f.realm).ingest(&batch("b1", vec![good(), bad])).unwrap_err();
        assert_eq!(error.pointer().as_deref(), Some(pointer));
        assert!(!error.to_string().contains("AAAA"));
    }
    for id in ["", "a b", &"x".repeat(65)] {
        assert_eq!(f.registry.usage(&f.realm).ingest(&batch(id, vec![])).unwrap_err().pointer().as_deref(), Some("/batch"));
    }
    let many = f.registry.usage(&f.realm).ingest(&batch("b1", vec![good(); 10_001])).unwrap_err();
    assert_eq!(many.pointer().as_deref(), Some("/events"));
    assert_eq!(f.registry.keys(&f.realm).get(key).unwrap().uses, 0);
    // A refused batch may be sent again, mended.
    let long = UsageEvent { endpoint: format!("/{}?key={secret}", "ä".repeat(400)), ..good() };
    f.registry
        .usage(&f.realm)
        .ingest(&batch("b1", vec![long, UsageEvent { endpoint: format!("/x?key={secret}"), ..good() }]))
        .unwrap();
    let requests = f.registry.usage(&f.realm).requests(key, &Window::default(), &Paging::default()).unwrap().requests;
    assert_eq!((requests[0].endpoint.as_str(), requests[1].endpoint.len()), ("/x", 511));
    assert!(!f.stored().windows(8).any(|w| w == b"AAAAAAAA"));
}

fn what_is_old_goes(f: Fixture) {
    settings(&f, "one", json!({ "request_log_days": 3 }));
    settings(&f, "two", json!({ "request_log_days": 0 }));
    let (a, b) = (create(&f, "one", "a"), create(&f, "two", "b"));
    let rotated = Rotate { overlap: DAY, ..Rotate::default() };
    f.registry.keys(&f.realm).renew(&caller(), a, &rotated).unwrap();
    let now = vec![event(Some(a), NOW, "valid"), event(Some(b), NOW, "valid")];
    f.registry.usage(&f.realm).ingest(&batch("b1", now)).unwrap();
    let logged = |key| f.registry.usage(&f.realm).requests(key, &Window::default(), &Paging::default()).unwrap().requests.len();
    assert_eq!((logged(a), logged(b), f.registry.keys(&f.realm).get(b).unwrap().uses), (1, 0, 1));
    assert_eq!(f.registry.purge().unwrap().requests, 0);
    f.advance(3 * DAY + 1);
    assert_eq!(f.registry.purge().unwrap().requests, 1);
    assert_eq!((logged(a), f.registry.keys(&f.realm).get(a).unwrap().uses), (0, 1));
    // A batch older than what is remembered of batches is not counted a second time.
    f.advance(5 * DAY);
    f.registry.purge().unwrap();
    let late = f.registry.usage(&f.realm).ingest(&batch("b1", vec![event(Some(a), NOW, "valid")])).unwrap();
    assert_eq!((late.accepted, late.late, late.repeated), (0, 1, false));
    assert_eq!(f.registry.keys(&f.realm).get(a).unwrap().uses, 1);
    // A time ahead of ours is ours.
    f.registry.usage(&f.realm).ingest(&batch("b3", vec![event(Some(a), u64::MAX, "valid")])).unwrap();
    assert_eq!(f.registry.keys(&f.realm).get(a).unwrap().last_used_at, Some(NOW + 8 * DAY + 1));
    // The old secret's record stays a while, so that edges can say `expired`; without it the snapshot is another one.
    let changes = f.registry.ledger(&f.realm).changes().unwrap();
    assert_eq!(f.registry.ledger(&f.realm).snapshot(None).unwrap().state.records.len(), 3);
    f.advance(30 * DAY);
    assert_eq!(f.registry.purge().unwrap().secrets, 1);
    assert_eq!(f.registry.ledger(&f.realm).snapshot(None).unwrap().state.records.len(), 2);
    assert_eq!(f.registry.ledger(&f.realm).changes().unwrap(), changes + 1);
    assert_eq!(f.registry.purge().unwrap(), edgelatch_registry::Purged::default());
}

fn many_refusals_raise_one_alert_a_window(f: Fixture) {
    settings(&f, "one", json!({ "alert_after": 5 }));
    settings(&f, "two", json!({ "alert_after": null }));
    let (a, b) = (create(&f, "one", "a"), create(&f, "two", "b"));
    let send = |id: &str, key, code: &str, n| {
        f.registry.usage(&f.realm).ingest(&batch(id, vec![event(key, NOW, code); n])).unwrap();
    };
    send("1", Some(a), "ip_denied", 4);
    send("2", Some(b), "ip_denied", 100);
    send("3", None, "missing", 100);
    send("4", Some(a), "valid", 100);
    send("5", Some(a), "snapshot_stale", 100);
    assert_eq!(alerts(&f.registry), []);
    send("6", Some(a), "expired", 2);
    send("7", Some(a), "expired", 50);
    let told = alerts(&f.registry);
    let [alert] = &told[..] else { panic!("{told:?}") };
    let body: Value = serde_json::from_str(&alert.body).unwrap();
    assert_eq!(
        body,
        json!({
            "type": "failed_authentication", "realm": "acme", "org": "one", "key_id": a.to_string(), "failures": 6,
            "codes": { "expired": 2, "ip_denied": 4 }, "since": "2026-01-31T00:00:00Z", "at": "2026-01-31T00:00:00Z",
            "window_seconds": 600,
        })
    );
    // Guessing at keys that are none: the realm as a whole.
    send("8", None, "unknown", 10);
    send("9", None, "malformed", 10);
    let guess = alerts(&f.registry);
    let body: Value = serde_json::from_str(&guess[0].body).unwrap();
    assert_eq!((&body["key_id"], &body["failures"], guess.len()), (&Value::Null, &json!(20), 1));
    // The next window counts anew.
    f.advance(600);
    f.registry.usage(&f.realm).ingest(&batch("10", vec![event(Some(a), NOW + 600, "revoked"); 5])).unwrap();
    assert!(alerts(&f.registry).iter().any(|next| next.event != alert.event && next.event != guess[0].event));
}

fn an_alert_is_tried_until_it_arrives(f: Fixture) {
    let key = create(&f, "one", "a");
    f.registry.usage(&f.realm).ingest(&batch("1", vec![event(Some(key), NOW, "ip_denied"); 20])).unwrap();
    let take = || alerts(&f.registry);
    let first = take();
    assert_eq!((first.len(), first[0].attempts), (1, 0));
    // Taken, it is nobody else's; but not for ever, should its taker die.
    assert!(alerts(&f.open()).is_empty());
    f.advance(60);
    assert_eq!(take().len(), 1);
    let mut pauses = Vec::new();
    loop {
        let now = f.clock.load(std::sync::atomic::Ordering::SeqCst);
        let Some(due) = f.registry.outbox().failed(&first[0].event, "no answer").unwrap() else { break };
        assert!(take().is_empty());
        f.advance(due - now);
        assert_eq!(take().len(), 1);
        pauses.push(due - now);
    }
    assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1920, 3840, 7680, 14400, 14400]);
    f.advance(DAY);
    assert!(take().is_empty());
    f.registry.usage(&f.realm).ingest(&batch("2", vec![event(Some(key), NOW + DAY, "ip_denied"); 20])).unwrap();
    let second = take();
    f.registry.outbox().delivered(&second[0].event).unwrap();
    f.advance(DAY);
    assert!(take().is_empty());
    f.advance(31 * DAY);
    assert!(f.registry.purge().unwrap().others >= 2);
}

on_both_stores!(
    a_batch_counts_once,
    a_key_of_another_realm_is_unknown,
    within_a_second_the_last_use_is_the_one_reported_last,
    of_one_batch_sent_at_once_one_counts,
    the_log_is_paged_and_outlives_its_key,
    bad_events_are_refused_with_their_place,
    what_is_old_goes,
    many_refusals_raise_one_alert_a_window,
    an_alert_is_tried_until_it_arrives,
);
