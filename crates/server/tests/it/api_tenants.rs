//! Realms, orgs, owners and roles over the API.

use crate::common::{Plane, slug};
use edgelatch_registry::management;
use edgelatch_testkit::on_both_stores;
use serde_json::{Value, json};

const ACME: &str = "/api/v1/realms/acme";

on_both_stores! {
    start: crate::common::Plane::at;
    orgs_live, owners_live, roles_live, what_has_changed_is_not_deleted,
}

fn orgs_live(plane: Plane) {
    let s = plane.serve();
    let made = s.call(&format!("POST {ACME}/orgs"), &json!({ "org": "web", "name": "Web team", "preset": "valar" }));
    assert_eq!((made.status, made.header("location")), (201, Some("/api/v1/realms/acme/orgs/web")), "{made}");
    let path = format!("{ACME}/orgs/web");
    let shown = s.get(&path);
    assert_eq!(shown.header("etag"), made.header("etag"));
    assert_eq!(shown.ok()["settings"]["prefix"], "vsp_sk");
    let again = s.call(&format!("POST {ACME}/orgs"), &json!({ "org": "web" }));
    assert_eq!(again.refused(), (409, "exists".into()));
    let edit = |tag: &str, edit: Value| s.call_as(&plane.admin, &format!("PATCH {path}"), &[("If-Match", tag)], &edit);
    let edited = edit("\"1\"", json!({ "settings": { "max_keys": 3 } }));
    assert_eq!(edited.header("etag"), Some("\"2\""), "{edited}");
    assert_eq!(edited.ok()["settings"]["max_keys"], 3);
    assert_eq!(edit("\"1\"", json!({ "name": "W" })).refused(), (412, "stale".into()));
    for (body, pointer) in [
        (json!({ "settings": { "max_key": 3 } }), "/settings/max_key"),
        (json!({ "settings": { "max_keys": -1 } }), "/settings/max_keys"),
        (json!({ "settings": [] }), "/settings"),
        (json!({ "org": "x" }), "/org"),
    ] {
        let refused = edit("*", body);
        assert_eq!((refused.refused(), &refused.json()["pointer"]), ((422, "invalid".into()), &json!(pointer)));
    }
    let names: Vec<Value> = s.get(&format!("{ACME}/orgs")).ok()["orgs"].as_array().unwrap().clone();
    assert_eq!(names.iter().map(|org| org["org"].as_str().unwrap()).collect::<Vec<_>>(), ["one", "two", "web"]);
    s.call(&format!("POST {ACME}/owners"), &json!({ "org": "web", "owner": "bob" })).ok();
    s.call(&format!("POST {ACME}/keys"), &json!({ "org": "web", "name": "k" })).ok();
    assert_eq!(s.call(&format!("DELETE {path}"), &Value::Null).refused(), (409, "in_use".into()));
    assert_eq!(s.call(&format!("DELETE {ACME}/orgs/two"), &Value::Null).ok()["org"], "two");
    assert_eq!(s.get(&format!("{ACME}/orgs/two")).refused(), (404, "not_found".into()));
    assert_eq!(s.get("/api/v1/realms/ghost/orgs").refused(), (404, "not_found".into()));
}

/// Whoever deletes what they looked at does not delete what somebody made of it since.
fn what_has_changed_is_not_deleted(plane: Plane) {
    let s = plane.serve();
    s.call(&format!("POST {ACME}/orgs"), &json!({ "org": "three" })).ok();
    s.call(&format!("POST {ACME}/owners"), &json!({ "org": "one", "owner": "bot" })).ok();
    s.call(&format!("POST {ACME}/roles"), &json!({ "role": "purger", "permissions": ["cache.purge"] })).ok();
    for path in ["orgs/three", "orgs/one/owners/bot", "roles/purger"] {
        s.call(&format!("PATCH {ACME}/{path}"), &json!({ "name": "Other" })).ok();
        let delete = |tag: &str| s.call_as(&plane.admin, &format!("DELETE {ACME}/{path}"), &[("If-Match", tag)], &Value::Null);
        assert_eq!(delete("\"1\"").refused(), (412, "stale".into()), "{path}");
        assert_eq!(delete("\"2\"").ok()["name"], "Other", "{path}");
    }
}

fn owners_live(plane: Plane) {
    let s = plane.serve();
    let body = json!({ "org": "one", "owner": "bot", "kind": "service", "roles": ["reader"] });
    let made = s.call(&format!("POST {ACME}/owners"), &body);
    let path = format!("{ACME}/orgs/one/owners/bot");
    assert_eq!((made.status, made.header("location")), (201, Some(&*path)), "{made}");
    let edited = s.call_as(&plane.admin, &format!("PATCH {path}"), &[("If-Match", "\"1\"")], &json!({ "disabled": true }));
    assert_eq!(edited.header("etag"), Some("\"2\""));
    assert_eq!(s.get(&path).ok()["disabled"], true);
    let stale = s.call_as(&plane.admin, &format!("PATCH {path}"), &[("If-Match", "\"1\"")], &json!({ "disabled": false }));
    assert_eq!(stale.refused(), (412, "stale".into()));
    let ghost = s.call(&format!("PATCH {path}"), &json!({ "roles": ["ghost"] }));
    assert_eq!((ghost.refused(), &ghost.json()["pointer"]), ((422, "invalid".into()), &json!("/roles")));
    let kind = s.call(&format!("POST {ACME}/owners"), &json!({ "org": "one", "owner": "x", "kind": "robot" }));
    assert_eq!((kind.refused(), &kind.json()["pointer"]), ((422, "invalid".into()), &json!("/kind")));
    assert_eq!(s.get(&format!("{ACME}/owners?org=one")).ok()["owners"].as_array().unwrap().len(), 2);
    assert_eq!(s.get(&format!("{ACME}/owners")).ok()["owners"].as_array().unwrap().len(), 3);
    assert_eq!(s.call(&format!("DELETE {path}"), &Value::Null).ok()["owner"], "bot");
    let gone = s.call(&format!("DELETE {path}"), &Value::Null);
    assert_eq!((gone.refused(), &gone.json()["pointer"]), ((404, "not_found".into()), &Value::Null));
}

fn roles_live(plane: Plane) {
    let s = plane.serve();
    let role = |org: Value, permission: &str| {
        s.call(&format!("POST {ACME}/roles"), &json!({ "role": "purger", "org": org, "permissions": [permission] }))
    };
    let own = role(json!("one"), "cache.purge");
    assert_eq!((own.status, own.header("location")), (201, Some("/api/v1/realms/acme/roles/purger?org=one")), "{own}");
    let body = json!({ "role": "purger", "permissions": ["cache.*"] });
    assert_eq!(s.call(&format!("POST {ACME}/roles"), &body).header("location"), Some("/api/v1/realms/acme/roles/purger"));
    assert_eq!(s.get(&format!("{ACME}/roles/purger?org=one")).ok()["permissions"], json!(["cache.purge"]));
    assert_eq!(s.get(&format!("{ACME}/roles/purger?org=two")).ok()["permissions"], json!(["cache.*"]));
    let edited = s.call(&format!("PATCH {ACME}/roles/purger?org=one"), &json!({ "permissions": ["cache.view"] }));
    assert_eq!(edited.header("etag"), Some("\"2\""));
    assert_eq!(edited.json()["warnings"][0]["code"], "shadows_role");
    assert_eq!(s.get(&format!("{ACME}/roles/purger")).ok()["permissions"], json!(["cache.*"]));
    for (body, pointer) in [
        (json!({ "permissions": ["a b"] }), "/permissions/0"),
        (json!({ "permissions": [] }), "/permissions"),
        (json!({ "name": "" }), "/name"),
    ] {
        let refused = s.call(&format!("PATCH {ACME}/roles/purger"), &body);
        assert_eq!((refused.refused(), &refused.json()["pointer"]), ((422, "invalid".into()), &json!(pointer)));
    }
    let bad = s.call(&format!("POST {ACME}/roles"), &json!({ "role": "No", "permissions": ["a"] }));
    assert_eq!(bad.json()["pointer"], "/role");
    let predefined = s.call(&format!("PATCH {ACME}/roles/reader"), &json!({ "permissions": ["*"] }));
    assert_eq!(predefined.refused(), (403, "not_allowed".into()));
    s.call(&format!("POST {ACME}/keys"), &json!({ "org": "one", "name": "k", "roles": ["purger"] })).ok();
    let path = format!("DELETE {ACME}/roles/purger");
    assert_eq!(s.call(&format!("{path}?org=one"), &Value::Null).refused(), (409, "in_use".into()));
    assert_eq!(s.call(&path, &Value::Null).ok()["org"], Value::Null);
    let gone = s.call(&path, &Value::Null);
    assert_eq!(gone.refused(), (404, "not_found".into()));
}

#[test]
fn an_org_administrator_manages_their_org_and_sees_no_other() {
    let plane = Plane::new();
    let s = plane.serve();
    let key = plane.org_key("administrator", "one");
    let call = |line: &str, body: Value| s.call_as(&key, line, &[], &body);
    let get = |path: &str| call(&format!("GET {path}"), Value::Null);
    assert_eq!(get(&format!("{ACME}/orgs")).ok()["orgs"].as_array().unwrap().len(), 1);
    assert_eq!(get(&format!("{ACME}/owners")).ok()["owners"].as_array().unwrap().len(), 1);
    let theirs = json!({ "role": "secret-plan", "org": "two", "permissions": ["a"] });
    s.call(&format!("POST {ACME}/roles"), &theirs).ok();
    let roles = get(&format!("{ACME}/roles")).ok()["roles"].as_array().unwrap().clone();
    assert!(roles.iter().any(|role| role["role"] == "reader") && roles.iter().all(|role| role["role"] != "secret-plan"));
    assert_eq!(get(&format!("{ACME}/roles/secret-plan")).refused(), (404, "not_found".into()));
    let made = call(&format!("POST {ACME}/roles"), json!({ "role": "mine", "permissions": ["a"] })).ok();
    assert_eq!(made["org"], "one");
    assert_eq!(call(&format!("PATCH {ACME}/roles/mine"), json!({ "name": "Mine" })).ok()["name"], "Mine");
    // What belongs to the realm, or to another org, is not theirs.
    let scope = (403, "insufficient-scope".to_owned());
    for (line, body) in [
        ("GET /api/v1/realms/acme/orgs/two", Value::Null),
        ("GET /api/v1/realms/acme/orgs/ghost", Value::Null),
        ("GET /api/v1/realms/acme/owners?org=two", Value::Null),
        ("GET /api/v1/realms/acme/orgs/two/owners/alice", Value::Null),
        ("PATCH /api/v1/realms/acme/orgs/two/owners/alice", json!({ "disabled": true })),
        ("DELETE /api/v1/realms/acme/orgs/two/owners/alice", Value::Null),
        ("POST /api/v1/realms/acme/owners", json!({ "org": "two", "owner": "x" })),
        ("POST /api/v1/realms/acme/roles", json!({ "org": "two", "role": "x", "permissions": ["*"] })),
        ("PATCH /api/v1/realms/acme/roles/secret-plan?org=two", json!({ "permissions": ["*"] })),
        ("DELETE /api/v1/realms/acme/roles/secret-plan?org=two", Value::Null),
        ("PATCH /api/v1/realms/acme/orgs/two", json!({ "name": "x" })),
        ("DELETE /api/v1/realms/acme/orgs/two", Value::Null),
    ] {
        assert_eq!(call(line, body).refused(), scope, "{line}");
    }
    for (line, body) in [
        ("POST /api/v1/realms/acme/orgs", json!({ "org": "three" })),
        ("PATCH /api/v1/realms/acme/orgs/one", json!({ "settings": { "max_keys": 1000 } })),
        ("DELETE /api/v1/realms/acme/orgs/one", Value::Null),
    ] {
        assert_eq!(call(line, body).refused(), (403, "forbidden".into()), "{line}");
    }
    // Whoever manages a realm but not all of them sees that one, and of the management realm nothing.
    let realms = |key: &str| -> Vec<String> {
        let all = s.call_as(key, "GET /api/v1/realms", &[], &Value::Null).ok();
        all["realms"].as_array().unwrap().iter().map(|realm| realm["realm"].as_str().unwrap().into()).collect()
    };
    assert_eq!((realms(&key), realms(&plane.admin)), (vec!["acme".into()], vec!["acme".into(), "management".into()]));
    assert_eq!(realms(&plane.management_key("viewer", &[]).1), ["acme"]);
    let elsewhere = plane.management_key("viewer", &[management::realm_service(&slug("other")).unwrap()]).1;
    assert_eq!(realms(&elsewhere), [""; 0]);
    assert_eq!(s.call_as(&elsewhere, &format!("GET {ACME}"), &[], &Value::Null).refused(), scope);
}
