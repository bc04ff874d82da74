//! What is told of acts: in the transaction of the act, by ids that never come again, listed, and delivered once more when asked for.

use std::collections::BTreeSet;

use edgelatch_core::key::KeyId;
use edgelatch_registry::{
    Event, EventFilter, EventKind, EventState, Handover, Import, ImportDefaults, ImportFormat, KeyEdit, KeyFilter, NewKey,
    OrgEdit, Paging, Rotate, StatusEdit, UsageBatch, When, Window,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, new_key, slug, usage_event};
use serde_json::{Value, json};

const DAY: u64 = 86_400;

fn listed(f: &Fixture, filter: &EventFilter) -> Vec<Event> {
    f.registry.events(&f.realm).list(filter, &Window::default(), &Paging::first(500)).unwrap().events
}

fn kinds(f: &Fixture) -> Vec<EventKind> {
    listed(f, &EventFilter::default()).into_iter().rev().map(|event| event.kind).collect()
}

fn make(f: &Fixture, org: &str, name: &str) -> KeyId {
    f.registry.keys(&f.realm).make(&caller(), &NewKey { org: slug(org), ..new_key(name) }).unwrap().key.key_id
}

/// Keys that can be enabled again and deleted.
fn reversible(f: &Fixture) {
    let settings = json!({ "revocation": "reversible", "deletion": "immediate", "editable": ["name", "status"] });
    let edit = OrgEdit { settings: Some(settings), ..OrgEdit::default() };
    f.registry.tenants(&f.realm).edit_org(&caller(), &slug("one"), &edit).unwrap();
}

fn each_act_on_a_key_is_told_of(f: Fixture) {
    reversible(&f);
    let keys = f.registry.keys(&f.realm);
    let made = keys.make(&caller(), &NewKey { expires_at: Some(NOW + DAY), ..new_key("ci") }).unwrap();
    let id = made.key.key_id;
    let renewed = keys.renew(&caller(), id, &Rotate { overlap: 60, ..Rotate::default() }).unwrap();
    keys.revoke(&caller(), id, None).unwrap();
    keys.revoke(&caller(), id, None).unwrap();
    keys.enable(&caller(), id, None).unwrap();
    let edit = |edit: KeyEdit| keys.edit(&caller(), id, &edit).unwrap();
    edit(KeyEdit { status: Some(StatusEdit::Revoke), ..KeyEdit::default() });
    edit(KeyEdit { status: Some(StatusEdit::Enable), ..KeyEdit::default() });
    edit(KeyEdit { name: Some("other".parse().unwrap()), ..KeyEdit::default() });
    let other = make(&f, "one", "leaked");
    let search = KeyFilter { search: Some("leaked".into()), ..KeyFilter::default() };
    keys.revoke_all(&caller(), &search, Some(1), &mut |_| {}).unwrap();
    keys.delete(&caller(), id, None, None).unwrap();
    let defaults = ImportDefaults { org: Some(slug("two")), owner: Some(slug("alice")), ..ImportDefaults::default() };
    let import = Import { format: ImportFormat::Csv, defaults, dry_run: false };
    let file = format!("sha256,name\n{},a\n{},b\n", "ab".repeat(32), "cd".repeat(32));
    keys.import_file(&caller(), &import, &mut file.as_bytes(), &mut |_| {}).unwrap();
    use EventKind::*;
    let expected = [
        KeyCreated,
        KeyRotated,
        KeyRevoked,
        KeyEnabled,
        KeyRevoked,
        KeyEnabled,
        KeyCreated,
        KeyRevoked,
        KeyDeleted,
        KeysImported,
    ];
    assert_eq!(kinds(&f), expected);
    let all = listed(&f, &EventFilter::default());
    let body = |at: usize| serde_json::from_str::<Value>(&all[all.len() - 1 - at].body).unwrap();
    assert_eq!(
        body(1),
        json!({
            "type": "key_rotated", "realm": "acme", "org": "one", "key_id": id.to_string(), "at": "2026-01-31T00:00:00Z",
            "actor": "cli:tester", "name": "ci", "owner": "alice", "environment": "production",
            "expires_at": "2026-02-01T00:00:00Z", "overlap_seconds": 60,
        })
    );
    assert_eq!((&body(7)["key_id"], &body(9)["imported"]), (&json!(other.to_string()), &json!(2)));
    assert_eq!((&body(9)["org"], &body(9)["key_id"]), (&Value::Null, &Value::Null));
    // What a key was made with is told nobody.
    let told: String = all.iter().map(|event| event.body.as_str()).collect();
    for secret in [&made.secret, &renewed.secret] {
        assert!(!told.contains(&secret[..12]) && !told.contains(&secret[12..]), "{told}");
    }
}

/// The event is part of the act: it comes with it, or not at all.
fn an_act_that_fails_is_not_told_of(f: Fixture) {
    let mut refuse = |_: &str| Err(edgelatch_registry::Error::NoRandomness);
    let handover = Handover { once: None, keep: Some(&mut refuse) };
    assert!(f.registry.keys(&f.realm).create(&caller(), &new_key("ci"), handover).is_err());
    assert_eq!(kinds(&f), []);
    make(&f, "one", "ci");
    // Another process, after this one has died.
    assert_eq!(f.open().outbox().take(10).unwrap().len(), 1);
}

fn no_id_comes_again(f: Fixture) {
    let mut seen = BTreeSet::new();
    for round in 0..3 {
        make(&f, "one", &format!("a{round}"));
        for due in f.registry.outbox().take(10).unwrap() {
            assert!(seen.insert(due.event.to_string()), "{} came again", due.event);
            f.registry.outbox().delivered(&due.event).unwrap();
        }
        f.advance(31 * DAY);
        f.registry.purge().unwrap();
        assert_eq!(kinds(&f), []);
    }
    assert_eq!(seen.len(), 3);
}

/// Also where no server delivers them.
fn events_are_kept_for_a_time(f: Fixture) {
    make(&f, "one", "a");
    f.advance(30 * DAY);
    f.registry.purge().unwrap();
    assert_eq!((kinds(&f).len(), f.registry.outbox().pending().unwrap()), (1, 1));
    f.advance(1);
    f.registry.purge().unwrap();
    assert_eq!((kinds(&f).len(), f.registry.outbox().pending().unwrap()), (0, 0));
}

fn lists_show_what_is_asked_for(f: Fixture) {
    let (a, b) = (make(&f, "one", "a"), make(&f, "two", "b"));
    f.advance(10);
    let event = |key: Option<KeyId>| usage_event(key, NOW, if key.is_some() { "ip_denied" } else { "unknown" });
    for (n, key) in [Some(b), None].into_iter().enumerate() {
        let batch = UsageBatch { batch: format!("b{n}"), events: vec![event(key); 20] };
        f.registry.usage(&f.realm).ingest(&batch).unwrap();
    }
    let outbox = f.registry.outbox();
    let due = outbox.take(500).unwrap();
    // Alerts do not wait for acts that came before them.
    assert!(due[..2].iter().all(|due| due.body.contains("failed_authentication")));
    let acts = &due[2..];
    outbox.delivered(&acts[0].event).unwrap();
    for _ in 0..12 {
        outbox.failed(&acts[1].event, "the receiver answered 500").unwrap();
    }
    assert_eq!((outbox.pending().unwrap(), outbox.given_up().unwrap()), (2, 1));
    let none = EventFilter::default();
    let names = |filter: EventFilter| {
        let shown =
            |event: &Event| format!("{} {} {}", event.kind, event.org.as_ref().map_or("-", |org| org.as_str()), event.state);
        listed(&f, &filter).iter().map(shown).collect::<Vec<_>>()
    };
    let (created, alert) = (["key_created two failed", "key_created one delivered"], "failed_authentication two pending");
    assert_eq!(names(none.clone()), [&["failed_authentication - pending", alert], &created[..]].concat());
    assert_eq!(names(EventFilter { org: Some(slug("two")), ..none.clone() }), [alert, created[0]]);
    assert_eq!(names(EventFilter { org: Some(slug("two")), alerts: true, ..none.clone() }), [alert]);
    assert_eq!(names(EventFilter { alerts: true, ..none.clone() }), ["failed_authentication - pending", alert]);
    assert_eq!(names(EventFilter { kind: Some(EventKind::KeyCreated), ..none.clone() }), created);
    assert_eq!(names(EventFilter { key_id: Some(a.to_string()), ..none.clone() }), [created[1]]);
    assert_eq!(names(EventFilter { state: Some(EventState::Failed), ..none.clone() }), [created[0]]);
    assert_eq!(names(EventFilter { state: Some(EventState::Delivered), ..none.clone() }), [created[1]]);
    let failed = &listed(&f, &EventFilter { state: Some(EventState::Failed), ..none.clone() })[0];
    assert_eq!((failed.attempts, failed.last_error.as_deref()), (12, Some("the receiver answered 500")));
    // By pages, and of a stretch of time.
    let (mut paging, mut seen) = (Paging::first(1), Vec::new());
    loop {
        let page = f.registry.events(&f.realm).list(&none, &Window::default(), &paging).unwrap();
        seen.extend(page.events);
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, listed(&f, &none));
    let late = Window { since: Some(When::At(NOW + 10)), until: None };
    assert_eq!(f.registry.events(&f.realm).list(&none, &late, &Paging::default()).unwrap().events.len(), 2);
}

fn an_event_is_delivered_once_more(f: Fixture) {
    make(&f, "one", "a");
    let (outbox, events) = (f.registry.outbox(), f.registry.events(&f.realm));
    let first = outbox.take(10).unwrap().remove(0);
    for _ in 0..12 {
        outbox.failed(&first.event, "no answer within 10 s").unwrap();
    }
    f.advance(DAY);
    assert!(outbox.take(10).unwrap().is_empty());
    let other = caller().within(slug("two"));
    assert_eq!(events.redeliver(&other, &first.event).unwrap_err().code(), "not_found");
    let again = events.redeliver(&caller().within(slug("one")), &first.event).unwrap();
    assert_eq!((again.state, again.attempts, again.last_error), (EventState::Pending, 0, None));
    assert_eq!(outbox.take(10).unwrap(), [edgelatch_registry::Due { attempts: 0, ..first.clone() }]);
    outbox.delivered(&first.event).unwrap();
    events.redeliver(&caller(), &first.event).unwrap();
    assert_eq!(outbox.take(10).unwrap().len(), 1);
    let acts = f.registry.audit(&f.realm).list(&Default::default(), &Paging::default()).unwrap().rows;
    let (act, target) = (acts[0].action.as_str(), acts[0].target.as_str());
    assert_eq!((act, target, acts[0].org.as_deref()), ("event.redeliver", first.event.as_str(), Some("one")));
    // An event of another realm is none of this one's.
    let management = slug("management");
    edgelatch_registry::management::establish(&f.registry, &caller(), &mut |_| Ok(())).unwrap();
    assert_eq!(f.registry.events(&management).redeliver(&caller(), &first.event).unwrap_err().code(), "not_found");
}

on_both_stores!(
    each_act_on_a_key_is_told_of,
    an_act_that_fails_is_not_told_of,
    no_id_comes_again,
    events_are_kept_for_a_time,
    lists_show_what_is_asked_for,
    an_event_is_delivered_once_more,
);
