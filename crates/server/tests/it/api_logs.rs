//! Logs, usage, explanations, imports and bulk revocations over the API.

use crate::common::{Plane, Served, slug};
use edgelatch_registry::management;
use edgelatch_testkit::on_both_stores;
use serde_json::{Value, json};

const ACME: &str = "/api/v1/realms/acme";

on_both_stores! {
    start: crate::common::Plane::at;
    edges_report_and_administrators_read, imports_are_whole_or_nothing, leaks_are_answered_in_bulk, acts_are_logged,
}

fn create(s: &Served, org: &str, name: &str) -> String {
    let made = s.call(&format!("POST {ACME}/keys"), &json!({ "org": org, "name": name, "roles": ["reader"] })).ok();
    made["key"]["key_id"].as_str().unwrap().into()
}

fn event(key: &str, code: &str, status: u16, at: u64) -> Value {
    json!({ "key_id": key, "at": at, "method": "GET", "endpoint": "/v1/zones?key=x", "ip": "192.0.2.7", "country": "CH",
        "status": status, "code": code })
}

fn edges_report_and_administrators_read(plane: Plane) {
    let s = plane.serve();
    let now = plane.registry.env().now().unwrap();
    let (one, two) = (create(&s, "one", "a"), create(&s, "two", "b"));
    let edge = plane.management_key("edge", &[management::realm_service(&slug("acme")).unwrap()]).1;
    let batch = json!({ "batch": "b-1", "events": [event(&one, "valid", 200, now), event(&one, "ip_denied", 403, now - 5), event(&two, "valid", 200, now)] });
    let usage = format!("POST {ACME}/usage");
    let taken = s.call_as(&edge, &usage, &[], &batch).ok();
    assert_eq!(taken, json!({ "accepted": 3, "unknown": 0, "late": 0, "repeated": false }));
    assert_eq!(s.call_as(&edge, &usage, &[], &batch).ok()["repeated"], true);
    let shown = s.get(&format!("{ACME}/keys/{one}")).ok();
    assert_eq!((&shown["uses"], &shown["refusals"], &shown["last_used_ip"]), (&json!(1), &json!(1), &json!("192.0.2.7")));
    let log = s.get(&format!("{ACME}/keys/{one}/requests?limit=1")).ok();
    assert_eq!((&log["requests"][0]["endpoint"], &log["requests"][0]["code"]), (&json!("/v1/zones"), &json!("valid")));
    let next = s.get(&format!("{ACME}/keys/{one}/requests?limit=1&cursor={}", log["next"].as_str().unwrap())).ok();
    assert_eq!((&next["requests"][0]["code"], &next["next"]), (&json!("ip_denied"), &Value::Null));
    let verdicts = s.get(&format!("{ACME}/verdicts")).ok();
    assert_eq!(verdicts["verdicts"], json!([{ "code": "ip_denied", "number": 1 }, { "code": "valid", "number": 2 }]));
    let bad = s.call_as(&edge, &usage, &[], &json!({ "batch": "b-2", "events": [event(&one, "fine", 200, now)] }));
    assert_eq!((bad.refused(), &bad.json()["pointer"]), ((422, "invalid".into()), &json!("/events/0/code")));
    let unknown = s.call_as(&edge, &usage, &[], &json!({ "batch": "b-2", "events": [{ "colour": 1 }] }));
    assert_eq!(unknown.json()["pointer"], "/events/0/colour");
    // An edge's key does nothing else, and one for an org does not speak for the realm.
    assert_eq!(s.call_as(&edge, &format!("GET {ACME}/keys"), &[], &Value::Null).status, 403);
    let org_edge = plane.org_key("edge", "one");
    assert_eq!(s.call_as(&org_edge, &usage, &[], &json!({ "batch": "b-3", "events": [] })).status, 403);
    let viewer = plane.org_key("viewer", "one");
    let get = |path: String| s.call_as(&viewer, &format!("GET {path}"), &[], &Value::Null).status;
    assert_eq!(get(format!("{ACME}/keys/{one}/requests")), 200);
    assert_eq!(get(format!("{ACME}/keys/{two}/requests")), 404);
    assert_eq!(get(format!("{ACME}/verdicts")), 403);
    // The log outlives its key, for those who see the whole realm.
    s.call(&format!("DELETE {ACME}/keys/{one}?confirm=a"), &Value::Null).ok();
    assert_eq!(s.get(&format!("{ACME}/keys/{one}/requests")).ok()["requests"].as_array().unwrap().len(), 2);
    assert_eq!(get(format!("{ACME}/keys/{one}/requests")), 404);
}

fn imports_are_whole_or_nothing(plane: Plane) {
    let s = plane.serve();
    let digest = |n: u32| format!("{n:08x}").repeat(8);
    let send = |key: &str, query: &str, kind: &str, body: &str| {
        let line = format!("POST {ACME}/keys/import{query}");
        s.send(&line, key, &[("Content-Type", kind)], body.as_bytes())
    };
    let csv = format!("sha256,name\n{},a\n{},b\n", digest(1), digest(2));
    let query = "?org=one&owner=alice&role=reader";
    let dry = send(&plane.admin, &format!("{query}&dry_run=true"), "text/csv", &csv).ok();
    assert_eq!((&dry["keys"], &dry["done"]), (&json!(2), &json!(false)));
    let broken = format!("{csv}nonsense,c\n");
    let refused = send(&plane.admin, query, "text/csv", &broken);
    assert_eq!(refused.refused(), (422, "import_refused".into()));
    assert_eq!(refused.json()["report"]["refusals"][0]["line"], 4, "{refused}");
    assert!(!refused.to_string().contains("nonsense"));
    assert_eq!(s.get(&format!("{ACME}/keys")).ok()["keys"], json!([]));
    assert_eq!(send(&plane.admin, query, "text/csv", &csv).ok()["done"], true);
    assert_eq!(s.get(&format!("{ACME}/keys?org=one")).ok()["keys"].as_array().unwrap().len(), 2);
    let line = json!({ "sha256": digest(3), "name": "c", "org": "two", "owner": "alice" }).to_string();
    assert_eq!(send(&plane.admin, "?format=jsonl", "application/jsonl", &line).ok()["keys"], 1);
    // A manager of one org imports into that one only.
    let key = plane.org_key("key-manager", "one");
    let theirs = json!({ "sha256": digest(4), "name": "d", "org": "two", "owner": "alice" }).to_string();
    assert_eq!(send(&key, "", "application/jsonl", &theirs).refused(), (422, "import_refused".into()));
    assert_eq!(send(&key, "?org=two", "application/jsonl", &theirs).refused(), (403, "insufficient-scope".into()));
    let own = json!({ "sha256": digest(4), "name": "d", "owner": "alice" }).to_string();
    assert_eq!(send(&key, "", "application/jsonl", &own).ok()["done"], true);
    for (query, kind, body, expected) in [
        ("?format=csv", "application/jsonl", "{}", (422, "invalid")),
        ("?format=xml", "text/csv", "x", (422, "invalid")),
        ("?colour=red", "text/csv", "x", (422, "invalid")),
        ("", "application/json", "{}", (415, "media_type")),
        (query, "text/csv", "colour\nred\n", (422, "invalid")),
    ] {
        let refused = send(&plane.admin, query, kind, body);
        assert_eq!(refused.refused(), (expected.0, expected.1.into()), "{query} {kind}: {refused}");
    }
}

fn leaks_are_answered_in_bulk(plane: Plane) {
    let s = plane.serve();
    for (org, name) in [("one", "leak-1"), ("one", "leak-2"), ("two", "leak-3"), ("one", "safe")] {
        create(&s, org, name);
    }
    let revoke = |key: &str, body: Value| s.call_as(key, &format!("POST {ACME}/keys/revoke"), &[], &body);
    let filter = json!({ "search": "leak-" });
    let missing = revoke(&plane.admin, json!({ "filter": filter }));
    assert_eq!((missing.refused(), &missing.json()["pointer"]), ((422, "invalid".into()), &json!("/confirm")));
    let dry = revoke(&plane.admin, json!({ "filter": filter, "dry_run": true })).ok();
    assert_eq!((&dry["matched"], &dry["done"]), (&json!(3), &json!(false)));
    let key = plane.org_key("key-manager", "one");
    assert_eq!(revoke(&key, json!({ "filter": filter, "confirm": 3 })).refused(), (409, "count_changed".into()));
    assert_eq!(revoke(&key, json!({ "filter": { "org": "two" }, "dry_run": true })).status, 403);
    assert_eq!(revoke(&key, json!({ "filter": filter, "confirm": 2 })).ok()["done"], true);
    assert_eq!(revoke(&plane.admin, json!({ "filter": filter, "confirm": 1 })).ok()["matched"], 1);
    let left = s.get(&format!("{ACME}/keys?state=active")).ok();
    assert_eq!((left["keys"].as_array().unwrap().len(), &left["keys"][0]["name"]), (1, &json!("safe")));
    let bad = revoke(&plane.admin, json!({ "filter": { "state": "dead" }, "dry_run": true }));
    assert_eq!((bad.refused(), &bad.json()["pointer"]), ((422, "invalid".into()), &json!("/filter/state")));
    let bad = revoke(&plane.admin, json!({ "filter": { "colour": "red" }, "dry_run": true }));
    assert_eq!(bad.refused().0, 422);
}

fn acts_are_logged(plane: Plane) {
    let s = plane.serve();
    let manager = plane.org_key("key-manager", "one");
    s.call_as(&manager, &format!("POST {ACME}/keys"), &[], &json!({ "name": "k" })).ok();
    create(&s, "two", "t");
    let log = s.get(&format!("{ACME}/activity?org=one&action=key.create")).ok();
    let row = &log["activity"][0];
    assert_eq!((&row["address"], &row["after"]["name"]), (&json!("127.0.0.1"), &json!("k")));
    assert!(row["actor"].as_str().unwrap().starts_with("key_"));
    let auditor = plane.org_key("auditor", "two");
    let get = |path: &str| s.call_as(&auditor, &format!("GET {ACME}/{path}"), &[], &Value::Null);
    let seen = get("activity").ok();
    assert!(seen["activity"].as_array().unwrap().iter().all(|row| row["org"] == "two"), "{seen}");
    assert_eq!(get("activity?org=one").status, 403);
    assert_eq!(get("activity/verify").status, 403);
    let end = s.get(&format!("{ACME}/activity/verify")).ok();
    let anchor = format!("seq={}&hash={}", end["seq"], end["hash"].as_str().unwrap());
    create(&s, "two", "u");
    assert_eq!(s.get(&format!("{ACME}/activity/verify?{anchor}")).ok()["seq"], end["seq"].as_u64().unwrap() + 1);
    let other = format!("seq={}&hash={:064x}", end["seq"], 1);
    assert_eq!(s.get(&format!("{ACME}/activity/verify?{other}")).refused(), (409, "activity_altered".into()));
    assert_eq!(s.get(&format!("{ACME}/activity/verify?seq=1")).refused(), (422, "invalid".into()));
    assert_eq!(s.get(&format!("{ACME}/activity?actor=%00")).refused(), (422, "invalid".into()));
}

#[test]
fn the_core_explains() {
    let plane = Plane::new();
    let s = plane.serve();
    let body = json!({ "org": "one", "name": "k", "roles": ["reader"], "scope": ["cdn"], "allow": ["10.0.0.0/8"] });
    let id = s.call(&format!("POST {ACME}/keys"), &body).ok()["key"]["key_id"].as_str().unwrap().to_owned();
    let ask = |key: &str, question: Value| s.call_as(key, &format!("POST {ACME}/keys/{id}/explain"), &[], &question);
    for (question, code) in [
        (json!({ "service": "cdn", "permission": "read", "ip": "10.1.1.1" }), "valid"),
        (json!({ "service": "cdn", "permission": "write", "ip": "10.1.1.1" }), "permission_denied"),
        (json!({ "service": "dns", "ip": "10.1.1.1" }), "scope_denied"),
        (json!({ "ip": "11.1.1.1" }), "ip_denied"),
        (Value::Null, "ip_unknown"),
    ] {
        assert_eq!(ask(&plane.admin, question.clone()).ok()["code"], code, "{question}");
    }
    let bad = ask(&plane.admin, json!({ "ip": "010.1.1.1" }));
    assert_eq!((bad.refused(), &bad.json()["pointer"]), ((422, "invalid".into()), &json!("/ip")));
    assert_eq!(ask(&plane.org_key("viewer", "two"), json!({})).refused(), (404, "not_found".into()));
    let by = |query: &str| s.get(&format!("{ACME}/explain/address?{query}"));
    assert_eq!(by("ip=10.9.9.9&only_listed=true").ok()["keys"][0]["key"]["key_id"], *id);
    assert_eq!(by("ip=11.9.9.9").ok()["keys"], json!([]));
    assert_eq!(by("ip=x").refused(), (422, "invalid".into()));
    assert_eq!(by("only_listed=true").json()["parameter"], "ip");
    let other = plane.org_key("viewer", "two");
    let seen = s.call_as(&other, &format!("GET {ACME}/explain/address?ip=10.9.9.9"), &[], &Value::Null).ok();
    assert_eq!(seen["keys"], json!([]));
}

#[test]
fn figures_are_for_those_who_see_everything() {
    let plane = Plane::new();
    let s = plane.serve();
    s.send(&format!("GET {ACME}/keys"), "wrong", &[], b"");
    s.send(&format!("BREW {ACME}/keys"), "", &[], b"");
    s.send("GET /api/made/up", "", &[], b"");
    let scrape = |key: &str| s.send("GET /metrics", key, &[], b"");
    assert_eq!(scrape("").status, 401);
    assert_eq!(scrape(&plane.org_key("viewer", "one")).status, 403);
    let (id, viewer) = plane.management_key("viewer", &[]);
    let figures = scrape(&viewer);
    assert_eq!((figures.status, figures.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    let text = String::from_utf8(figures.body).unwrap();
    for line in [
        r#"edgelatch_api_requests_total{endpoint="/api/v1/realms/{realm}/keys",method="GET",status="401"} 1"#,
        r#"edgelatch_api_requests_total{endpoint="/api/v1/realms/{realm}/keys",method="other",status="405"} 1"#,
        r#"edgelatch_api_requests_total{endpoint="/api/{*rest}",method="GET",status="404"} 1"#,
        r#"edgelatch_api_verdicts_total{verdict="malformed"} 1"#,
        "edgelatch_events_failed 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains(&id) && !text.contains("key_") && !text.contains("made"));
}

#[test]
fn a_secret_is_in_its_own_answer_only() {
    let plane = Plane::new();
    let s = plane.serve();
    let made = s.call(&format!("POST {ACME}/keys"), &json!({ "org": "one", "name": "canary", "metadata": { "a": 1 } })).ok();
    let (secret, id) = (made["secret"].as_str().unwrap(), made["key"]["key_id"].as_str().unwrap());
    let hash = edgelatch_core::key::digest(secret.as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let tail = &secret[12..];
    s.send(&format!("GET {ACME}/keys"), secret, &[], b"");
    // Pasted where it does not belong.
    s.call(&format!("PATCH {ACME}/keys/{id}"), &json!({ "status": secret }));
    s.call(&format!("POST {ACME}/keys"), &json!({ "org": "one", "name": 1, "metadata": secret }));
    let mut answers = vec![
        s.call(&format!("PATCH {ACME}/keys/{id}"), &json!({ "name": "other", "allow": ["::1"] })),
        s.call(&format!("POST {ACME}/keys/{id}/revoke"), &Value::Null),
        s.call(&format!("PATCH {ACME}/keys/{id}"), &json!({ "status": secret })),
        s.call(&format!("PATCH {ACME}/keys/{id}"), &json!({ "metadata": secret })),
        s.call(&format!("POST {ACME}/keys/{id}/explain"), &json!({ "ip": secret })),
        s.send(&format!("GET {ACME}/keys"), secret, &[], b""),
    ];
    let invited = s.call(&format!("POST {ACME}/people"), &json!({ "name": "Jo", "org": "one", "roles": ["viewer"] })).ok();
    let (person, link) = (invited["person"]["person"].as_str().unwrap(), invited["link"].as_str().unwrap());
    let event = s.get(&format!("{ACME}/events")).ok()["events"][0]["event"].as_str().unwrap().to_owned();
    // A file in which the key stands where a name or a digest should.
    let file = format!("sha256,name\n{secret},{secret}\n");
    let begun = s.send(&format!("POST {ACME}/imports?org=one"), &plane.admin, &[("Content-Type", "text/csv")], file.as_bytes());
    let import = begun.json()["import"].as_str().unwrap().to_owned();
    answers.push(begun);
    let paths = edgelatch_server::API_ROUTES.iter().filter(|(method, _)| *method == "get");
    for (_, path) in paths {
        let path = path.replace("{realm}", "acme").replace("{key_id}", id).replace("{org}", "one");
        let path = path
            .replace("{event}", &event)
            .replace("{owner}", "alice")
            .replace("{import}", &import)
            .replace("{person}", person)
            .replace("{role}", "reader")
            .replace("address", "address?ip=::1");
        let answer = s.get(&path);
        assert_eq!(answer.status, 200, "{path}: {answer}");
        answers.push(answer);
    }
    for answer in &answers {
        let text = answer.to_string();
        assert!(!text.contains(tail) && !text.contains(link) && !text.to_lowercase().contains(&hex[..32]), "{text}");
    }
    // Every call is in the log of calls: by its route, since the path may hold anything.
    let calls = s.log.lines("call");
    let known = |line: &&Value| line["key_id"].is_string() && line["endpoint"] == "/api/v1/realms/{realm}/keys/{key_id}";
    let edits = calls.iter().filter(known).filter(|line| line["method"] == "PATCH").collect::<Vec<_>>();
    assert!(edits.len() >= 3 && edits.iter().any(|line| line["status"] == 422), "{edits:?}");
    assert!(
        edits.iter().all(|line| line["target"] == "edgelatch::access" && line["code"] == "valid" && line["ip"] == "127.0.0.1")
    );
    let refused = calls.iter().find(|line| line["status"] == 401).expect("a call without a management key");
    assert!(refused["key_id"].is_null() && refused["micros"].is_u64(), "{refused}");
    let method = format!("{tail}X /api/v1/realms");
    assert_eq!(s.send(&method, "", &[], b"").status, 405);
    let events = s.log.text();
    assert!(!events.contains(tail) && !events.contains(&hex[..32]), "{events}");
}
