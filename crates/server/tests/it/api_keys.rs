//! Keys over the API, from creation to deletion, on either store.

use crate::common::Plane;
use edgelatch_registry::Preset;
use edgelatch_testkit::{on_both_stores, registry::Place};
use serde_json::{Value, json};

const KEYS: &str = "/api/v1/realms/acme/keys";

on_both_stores! {
    start: crate::common::Plane::at;
    a_key_lives, a_repeated_request_shows_no_secret, lists_come_in_pages,
}

fn a_key_lives(plane: Plane) {
    let s = plane.serve();
    let body = json!({
        "org": "one", "name": "CI", "roles": ["reader"], "scope": ["cdn"], "allow": ["10.0.0.0/8", { "cidr": "192.0.2.7", "note": "office", "enabled": false }],
        "expires_at": "3mo", "metadata": { "team": "web" }
    });
    let made = s.call(&format!("POST {KEYS}"), &body);
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{made}");
    let path = made.header("location").unwrap().to_owned();
    let made = made.ok();
    let (secret, id) = (made["secret"].as_str().unwrap(), made["key"]["key_id"].as_str().unwrap());
    assert_eq!((path.as_str(), &made["repeated"]), (&*format!("{KEYS}/{id}"), &json!(false)));
    assert_eq!((&made["key"]["owner"], &made["key"]["allow"][1]["note"]), (&json!("alice"), &json!("office")));

    let shown = s.get(&path);
    assert_eq!(shown.header("etag"), Some("\"1\""));
    assert_eq!(shown.ok(), made["key"]);
    assert_eq!(s.call_as(&plane.admin, &format!("HEAD {path}"), &[], &Value::Null).body.len(), 0);

    // Two editors: the second one has read an older state.
    let edit = |tag: &str, edit: Value| s.call_as(&plane.admin, &format!("PATCH {path}"), &[("If-Match", tag)], &edit);
    let first = edit("\"1\"", json!({ "name": "Build", "deny": [], "allow": ["::1"], "expires_at": null }));
    assert_eq!(first.header("etag"), Some("\"2\""), "{first}");
    let first = first.ok();
    assert_eq!(
        (&first["key"]["name"], &first["key"]["expires_at"], &first["changed"]),
        (&json!("Build"), &Value::Null, &json!(true))
    );
    assert_eq!(edit("\"1\"", json!({ "name": "Other" })).refused(), (412, "stale".into()));
    for tag in ["W/\"2\"", "\"02\"", "\"x\""] {
        assert_eq!(edit(tag, json!({ "name": "Other" })).refused(), (412, "stale".into()), "{tag}");
    }
    assert_eq!(edit("2", json!({ "name": "Other" })).refused(), (422, "invalid".into()));
    assert_eq!(edit("*", json!({ "name": "CI" })).status, 200);
    assert_eq!(s.get(&path).ok()["name"], "CI");

    let rotated = s.call(&format!("POST {path}/rotate"), &json!({ "overlap": "1h" })).ok();
    assert_ne!(rotated["secret"], secret);
    assert!(rotated["key"]["overlap_until"].is_string());
    assert_eq!(s.call(&format!("POST {path}/rotate"), &json!({ "overlap": 60 })).refused(), (409, "wrong_state".into()));
    assert!(s.call(&format!("POST {path}/rotate"), &Value::Null).ok()["secret"].is_string());

    let revoked = s.call(&format!("POST {path}/revoke"), &Value::Null).ok();
    assert_eq!((&revoked["key"]["state"], &revoked["deleted"]), (&json!("revoked"), &json!(false)));
    assert_eq!(s.call(&format!("POST {path}/revoke"), &Value::Null).ok()["changed"], false);
    assert_eq!(s.call(&format!("POST {path}/enable"), &Value::Null).refused(), (403, "not_allowed".into()));
    assert_eq!(s.call(&format!("DELETE {path}"), &Value::Null).refused(), (409, "unconfirmed".into()));
    assert_eq!(s.call(&format!("DELETE {path}?confirm=CI"), &Value::Null).ok()["key_id"], id);
    assert_eq!(s.get(&path).refused(), (404, "not_found".into()));
}

fn a_repeated_request_shows_no_secret(plane: Plane) {
    let s = plane.serve();
    let body = json!({ "org": "one", "name": "CI" });
    let post = |token: &str, line: &str, body: &Value| s.call_as(&plane.admin, line, &[("Idempotency-Key", token)], body);
    let create = format!("POST {KEYS}");
    let first = post("a-1", &create, &body);
    assert_eq!(first.status, 201, "{first}");
    let first = first.ok();
    let again = post("a-1", &create, &body);
    assert_eq!(again.status, 200);
    let again = again.ok();
    assert_eq!((&again["secret"], &again["repeated"], &again["key"]), (&Value::Null, &json!(true), &first["key"]));
    assert_eq!(s.get(KEYS).ok()["keys"].as_array().unwrap().len(), 1);
    assert_eq!(post("a-1", &create, &json!({ "org": "two", "name": "CI" })).refused(), (409, "idempotency_conflict".into()));
    let rotate = format!("POST {KEYS}/{}/rotate", first["key"]["key_id"].as_str().unwrap());
    assert!(post("b-1", &rotate, &json!({})).ok()["secret"].is_string());
    assert_eq!(post("b-1", &rotate, &json!({})).ok()["secret"], Value::Null);
    assert_eq!(post("a-1", &rotate, &json!({})).refused(), (409, "idempotency_conflict".into()));
    let long = "x".repeat(129);
    for bad in ["", "a b", &long] {
        let refused = post(bad, &create, &body);
        assert_eq!((refused.refused(), &refused.json()["parameter"]), ((422, "invalid".into()), &json!("idempotency-key")));
    }
    let twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
    assert_eq!(s.call_as(&plane.admin, &create, &twice, &body).status, 422);
}

fn lists_come_in_pages(plane: Plane) {
    let s = plane.serve();
    for (org, name) in [("one", "a"), ("one", "b"), ("one", "c-x"), ("two", "d")] {
        let tags = if name == "b" { json!(["Web"]) } else { json!([]) };
        s.call(&format!("POST {KEYS}"), &json!({ "org": org, "name": name, "expires_at": "1y", "tags": tags })).ok();
    }
    let names = |page: &Value| -> Vec<String> {
        page["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().into()).collect()
    };
    let first = s.get(&format!("{KEYS}?sort=name&limit=3")).ok();
    assert_eq!(names(&first), ["a", "b", "c-x"]);
    let second = s.get(&format!("{KEYS}?sort=name&limit=3&cursor={}", first["next"].as_str().unwrap())).ok();
    assert_eq!((names(&second), &second["next"]), (vec!["d".into()], &Value::Null));
    // And back, with the number of all.
    let back = s.get(&format!("{KEYS}?sort=name&limit=3&cursor={}", second["previous"].as_str().unwrap())).ok();
    assert_eq!((names(&back), &back["next"].is_string(), &back["previous"]), (names(&first), &true, &Value::Null));
    assert_eq!(
        (&first["previous"], &first["total"], &second["total"], &first["exact"]),
        (&Value::Null, &json!(4), &json!(4), &json!(true))
    );
    let key = &s.get(&format!("{KEYS}?tag=WEB&never_used=true&created_by={}", plane.admin_id)).ok()["keys"][0];
    assert_eq!((&key["name"], &key["tags"], &key["updated_by"]), (&json!("b"), &json!(["Web"]), &json!(plane.admin_id)));
    let path = format!("{KEYS}/{}", key["key_id"].as_str().unwrap());
    assert_eq!(s.call(&format!("PATCH {path}"), &json!({ "tags": ["b", "A", "B"] })).ok()["key"]["tags"], json!(["A", "b"]));
    assert_eq!(s.call(&format!("PATCH {path}"), &json!({ "tags": ["a b"] })).json()["pointer"], "/tags/0");
    assert_eq!(names(&s.get(&format!("{KEYS}?unused_since=1y%20ago")).ok()), [""; 0]);
    assert_eq!(names(&s.get(&format!("{KEYS}?org=two&owner=alice&state=active&direction=asc")).ok()), ["d"]);
    assert_eq!(names(&s.get(&format!("{KEYS}?search=C-X&rotation_due=false&expires_before=2y")).ok()), ["c-x"]);
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("state=dead", "state"),
        ("sort=size", "sort"),
        ("org=", "org"),
        ("cursor=x", "cursor"),
        ("colour=red", "colour"),
        ("expires_before=soon", "expires_before"),
        ("search=%00", "search"),
        ("tag=a%20b", "tag"),
        ("unused_since=soon", "unused_since"),
        ("never_used=maybe", "never_used"),
        ("created_by=", "created_by"),
    ] {
        let refused = s.get(&format!("{KEYS}?{query}"));
        assert_eq!((refused.refused(), &refused.json()["parameter"]), ((422, "invalid".into()), &json!(parameter)), "{query}");
    }
    assert_eq!(s.get(&format!("{KEYS}?org=three")).refused(), (404, "not_found".into()));
}

#[test]
fn errors_point_to_the_member() {
    let plane = Plane::new();
    let s = plane.serve();
    let entry = "10.0.0.1/24";
    for (body, pointer) in [
        (json!({ "org": "one" }), ""),
        (json!({ "org": "one", "name": "" }), "/name"),
        (json!({ "org": "one", "name": 5 }), "/name"),
        (json!({ "org": null, "name": "x" }), "/org"),
        (json!({ "org": "ONE", "name": "x" }), "/org"),
        (json!({ "org": "three", "name": "x" }), "/org"),
        (json!({ "org": "one", "name": "x", "nmae": "y" }), "/nmae"),
        (json!({ "org": "one", "name": "x", "owner": "bob" }), "/owner"),
        (json!({ "org": "one", "name": "x", "roles": ["reader", "no such"] }), "/roles/1"),
        (json!({ "org": "one", "name": "x", "roles": ["ghost"] }), "/roles"),
        (json!({ "org": "one", "name": "x", "scope": ["cdn", "*"] }), "/scope/1"),
        (json!({ "org": "one", "name": "x", "scope": "cdn" }), "/scope"),
        (json!({ "org": "one", "name": "x", "scope": [] }), "/scope"),
        (json!({ "org": "one", "name": "x", "allow": ["::1", entry] }), "/allow/1"),
        (json!({ "org": "one", "name": "x", "deny": [{ "cidr": entry }] }), "/deny/0/cidr"),
        (json!({ "org": "one", "name": "x", "allow": [{ "cidr": "::1", "colour": "red" }] }), "/allow/0/colour"),
        (json!({ "org": "one", "name": "x", "allow": [7] }), "/allow/0"),
        (json!({ "org": "one", "name": "x", "allow_mode": "all" }), "/allow_mode"),
        (json!({ "org": "one", "name": "x", "expires_at": "soon" }), "/expires_at"),
        (json!({ "org": "one", "name": "x", "expires_at": "2020-01-01" }), "/expires_at"),
        (json!({ "org": "one", "name": "x", "expires_at": "2037-01-31T23:59" }), "/expires_at"),
        (json!({ "org": "one", "name": "x", "not_before": "1m" }), "/not_before"),
        (json!({ "org": "one", "name": "x", "not_before": "2y", "expires_at": "1y" }), "/not_before"),
        (json!({ "org": "one", "name": "x", "metadata": [] }), "/metadata"),
        (json!({ "org": "one", "name": "x", "metadata": { "a": "b".repeat(5000) } }), "/metadata"),
        (json!({ "org": "one", "name": "x", "environment": "moon" }), "/environment"),
        (json!([]), ""),
        (json!("one"), ""),
    ] {
        let refused = s.call(&format!("POST {KEYS}"), &body);
        assert!([422, 403].contains(&refused.status), "{body}: {refused}");
        assert_eq!(refused.json()["pointer"], json!(pointer), "{body}: {refused}");
    }
    assert_eq!(s.get(KEYS).ok()["keys"], json!([]));
    // Not JSON at all, another kind, too much, too deep.
    let send =
        |kind: &str, body: &[u8]| s.send(&format!("POST {KEYS}"), &plane.admin, &[("Content-Type", kind)], body).refused();
    assert_eq!(send("application/json", b"{\"org\":"), (400, "malformed_json".into()));
    assert_eq!(send("application/json", b"{\"org\":\"one\",\"name\":\"x\"} {}"), (400, "malformed_json".into()));
    let deep = [b"{\"metadata\":{\"a\":", &[b'['; 100_000][..]].concat();
    assert_eq!(send("application/json", &deep), (400, "malformed_json".into()));
    assert_eq!(send("application/json", b"[\"one\"]"), (422, "invalid".into()));
    assert_eq!(send("text/plain", b"{}"), (415, "media_type".into()));
    assert_eq!(send("application/json; charset=utf-8", b"{"), (400, "malformed_json".into()));
    assert_eq!(send("application/json", &vec![b' '; 1_100_000]), (413, "too_large".into()));
    let id = s.call(&format!("POST {KEYS}"), &json!({ "org": "one", "name": "x" })).ok()["key"]["key_id"].clone();
    let line = format!("PATCH {KEYS}/{}", id.as_str().unwrap());
    for (edit, pointer) in [
        (json!({ "name": null }), "/name"),
        (json!({ "status": "dead" }), "/status"),
        (json!({ "allow": [entry] }), "/allow/0"),
        (json!({ "secret": "x" }), "/secret"),
        (json!({ "key_id": "x" }), "/key_id"),
    ] {
        let refused = s.call(&line, &edit);
        assert_eq!((refused.refused(), &refused.json()["pointer"]), ((422, "invalid".into()), &json!(pointer)), "{edit}");
    }
}

#[test]
fn settings_say_what_may_be_done() {
    let plane = Plane::with(Place::sqlite(), Preset::VergeOs);
    let s = plane.serve();
    let made = s.call(&format!("POST {KEYS}"), &json!({ "org": "one", "name": "x", "expires_at": "30d" })).ok();
    let path = format!("{KEYS}/{}", made["key"]["key_id"].as_str().unwrap());
    assert_eq!(s.call(&format!("PATCH {path}"), &json!({ "status": "revoked" })).refused(), (403, "not_allowed".into()));
    assert_eq!(s.call(&format!("POST {path}/rotate"), &json!({})).refused(), (403, "not_allowed".into()));
    let revoked = s.call(&format!("POST {path}/revoke"), &json!({})).ok();
    assert_eq!((&revoked["deleted"], &revoked["key"]["name"]), (&json!(true), &json!("x")));
    assert_eq!(s.get(&path).status, 404);
}
