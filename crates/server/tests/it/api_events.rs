//! Events and alerts over the API: listed to whom they are about, and delivered once more.

use crate::common::{Plane, Served, slug};
use edgelatch_registry::management;
use edgelatch_testkit::on_both_stores;
use serde_json::{Value, json};

const ACME: &str = "/api/v1/realms/acme";

on_both_stores! {
    start: crate::common::Plane::at;
    each_org_sees_its_own, events_are_asked_for_by_name,
}

fn create(s: &Served, org: &str, name: &str) -> String {
    let made = s.call(&format!("POST {ACME}/keys"), &json!({ "org": org, "name": name, "roles": ["reader"] })).ok();
    made["key"]["key_id"].as_str().unwrap().into()
}

/// Twenty refusals: of a key, or of a key that is none.
fn fail(plane: &Plane, s: &Served, batch: &str, key: Option<&str>) {
    let at = plane.registry.env().now().unwrap();
    let code = if key.is_some() { "ip_denied" } else { "unknown" };
    let event = json!({ "key_id": key, "at": at, "method": "GET", "endpoint": "/x", "status": 403, "code": code });
    s.call(&format!("POST {ACME}/usage"), &json!({ "batch": batch, "events": vec![event; 20] })).ok();
}

fn each_org_sees_its_own(plane: Plane) {
    let s = plane.serve();
    let (one, _two) = (create(&s, "one", "a"), create(&s, "two", "b"));
    fail(&plane, &s, "b-1", Some(&one));
    fail(&plane, &s, "b-2", None);
    let get = |key: &str, path: &str| s.call_as(key, &format!("GET {ACME}/{path}"), &[], &Value::Null);
    let seen = |key: &str, query: &str| {
        let listed = get(key, &format!("events{query}")).ok();
        let events = listed["events"].as_array().unwrap();
        events.iter().map(|event| (event["type"].as_str().unwrap().to_owned(), event["org"].clone())).collect::<Vec<_>>()
    };
    let row = |kind: &str, org: Value| (kind.to_owned(), org);
    let (unknown, denied) = (row("failed_authentication", Value::Null), row("failed_authentication", json!("one")));
    let all = [unknown, denied.clone(), row("key_created", json!("two")), row("key_created", json!("one"))];
    assert_eq!(seen(&plane.admin, ""), all);
    assert_eq!(seen(&plane.admin, "?alerts=true&org=one"), std::slice::from_ref(&denied));
    let auditor = plane.org_key("auditor", "one");
    assert_eq!(seen(&auditor, ""), [denied, row("key_created", json!("one"))]);
    assert_eq!(get(&auditor, "events?org=two").status, 403);
    let listed = get(&plane.admin, "events").ok();
    let id = |at: usize| listed["events"][at]["event"].as_str().unwrap().to_owned();
    // Nobody but its own org sees an event, and what is about no org is for those who see all.
    for (at, status) in [(0, 404), (1, 200), (2, 404), (3, 200)] {
        assert_eq!(get(&auditor, &format!("events/{}", id(at))).status, status, "{at}");
    }
    let again = |key: &str, at: usize| s.call_as(key, &format!("POST {ACME}/events/{}/redeliver", id(at)), &[], &Value::Null);
    assert_eq!(again(&auditor, 1).refused(), (403, "insufficient-scope".into()));
    let administrator = plane.org_key("administrator", "one");
    for (at, status) in [(0, 404), (1, 200), (2, 404), (3, 200)] {
        assert_eq!(again(&administrator, at).status, status, "{at}");
    }
    assert_eq!(again(&plane.admin, 0).ok()["state"], "pending");
    // One key for several orgs names one of them.
    let services = ["one", "two"].map(|org| management::org_service(&slug("acme"), &slug(org)).unwrap());
    let both = plane.management_key("administrator", &services).1;
    assert_eq!(get(&both, "events").status, 422);
    assert_eq!(seen(&both, "?org=two"), [row("key_created", json!("two"))]);
    assert_eq!((again(&both, 0).status, again(&both, 2).status, again(&both, 3).status), (404, 200, 200));
    // The management realm's own are no administrator's of another realm.
    let line = "GET /api/v1/realms/management/events";
    assert_eq!(s.call_as(&administrator, line, &[], &Value::Null).status, 403);
    assert!(s.get("/api/v1/realms/management/events?type=key_created").ok()["events"].as_array().unwrap().len() >= 4);
}

fn events_are_asked_for_by_name(plane: Plane) {
    let s = plane.serve();
    let key = create(&s, "one", "a");
    let get = |query: &str| s.get(&format!("{ACME}/events{query}"));
    let event = &get("?state=pending").ok()["events"][0];
    assert_eq!((&event["body"]["name"], &event["body"]["type"]), (&json!("a"), &json!("key_created")));
    assert_eq!((&event["body"]["key_id"], &event["key_id"]), (&json!(key), &json!(key)));
    assert!(event["body"]["actor"].as_str().unwrap().starts_with("key_"));
    for query in ["?state=failed", "?type=key_revoked", "?key_id=key_00000000001", "?until=2020-01-01"] {
        assert_eq!(get(query).ok()["events"], json!([]), "{query}");
    }
    for (query, parameter) in [
        ("?state=dead", "state"),
        ("?type=x", "type"),
        ("?key_id=x", "key_id"),
        ("?colour=red", "colour"),
        ("?cursor=x", "cursor"),
    ] {
        let refused = get(query);
        assert_eq!((refused.refused(), &refused.json()["parameter"]), ((422, "invalid".into()), &json!(parameter)), "{query}");
    }
    for id in ["evt_1", "x", &format!("evt_{}", "0".repeat(32)), &format!("evt_{}", "G".repeat(32))] {
        assert_eq!(get(&format!("/{id}")).refused(), (404, "not_found".into()), "{id}");
        let again = s.call(&format!("POST {ACME}/events/{id}/redeliver"), &Value::Null);
        assert_eq!(again.refused(), (404, "not_found".into()), "{id}");
    }
}
