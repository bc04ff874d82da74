//! Realms over the API: who has everything makes and deletes them, who has one renames it.

use crate::common::Plane;
use edgelatch_testkit::on_both_stores;
use serde_json::{Value, json};

const REALMS: &str = "/api/v1/realms";

on_both_stores! {
    start: crate::common::Plane::at;
    a_realm_is_made_renamed_and_deleted, who_has_one_realm_makes_and_deletes_none,
}

fn a_realm_is_made_renamed_and_deleted(plane: Plane) {
    let s = plane.serve();
    let create = |body: Value| s.call(&format!("POST {REALMS}"), &body);
    let made = create(json!({ "realm": "spare", "preset": "valar", "credentials": ["x-api-key"] }));
    assert_eq!((made.status, made.header("location"), made.header("etag")), (201, Some("/api/v1/realms/spare"), Some("\"1\"")));
    let made = made.ok();
    assert_eq!(
        (&made["name"], &made["prefix"], &made["credentials"]["bearer"]),
        (&json!("spare"), &json!("vsp_sk"), &json!(false))
    );
    assert_eq!(create(json!({ "realm": "spare" })).refused(), (409, "exists".into()));
    for body in [
        json!({ "realm": "management" }),
        json!({ "realm": "x", "preset": "management" }),
        json!({ "realm": "x", "credentials": [] }),
    ] {
        assert_eq!(create(body).status, 422);
    }
    s.call(&format!("POST {REALMS}/spare/orgs"), &json!({ "org": "web" })).ok();
    s.call(&format!("POST {REALMS}/spare/owners"), &json!({ "org": "web", "owner": "alice" })).ok();
    let key = s.call(&format!("POST {REALMS}/spare/keys"), &json!({ "org": "web", "name": "ci" })).ok();
    let rename = |tag: &str| {
        s.call_as(&plane.admin, &format!("PATCH {REALMS}/spare"), &[("If-Match", tag)], &json!({ "name": "Spare" }))
    };
    assert_eq!(rename("\"1\"").ok()["name"], "Spare");
    assert_eq!(rename("\"1\"").refused(), (412, "stale".into()));
    let delete = |query: &str| s.call(&format!("DELETE {REALMS}/spare{query}"), &Value::Null);
    assert_eq!(delete("").refused(), (409, "unconfirmed".into()));
    assert_eq!(delete("?confirm=spare").refused(), (409, "realm_in_use".into()));
    s.call(&format!("POST {REALMS}/spare/keys/{}/revoke", key["key"]["key_id"].as_str().unwrap()), &Value::Null).ok();
    assert_eq!(delete("?confirm=spare").ok()["realm"], "spare");
    assert_eq!(s.get(&format!("{REALMS}/spare")).refused(), (404, "not_found".into()));
    let again = create(json!({ "realm": "spare" }));
    assert_eq!((again.refused(), &again.json()["pointer"]), ((422, "invalid".into()), &json!("/realm")));
    // Who deleted it stands where it is read.
    let log = s.get(&format!("{REALMS}/management/activity?action=realm.delete")).ok();
    assert_eq!((&log["activity"][0]["target"], &log["activity"][0]["actor"]), (&json!("spare"), &json!(plane.admin_id)));
    assert_eq!(s.call(&format!("DELETE {REALMS}/management?confirm=management"), &Value::Null).status, 422);
}

fn who_has_one_realm_makes_and_deletes_none(plane: Plane) {
    let s = plane.serve();
    let one = plane.management_key("administrator", &["acme".parse().unwrap()]).1;
    let ask = |line: &str, body: &Value| s.call_as(&one, line, &[], body);
    assert_eq!(ask(&format!("POST {REALMS}"), &json!({ "realm": "mine" })).refused(), (403, "insufficient-scope".into()));
    assert_eq!(ask(&format!("DELETE {REALMS}/acme?confirm=acme"), &Value::Null).refused(), (403, "insufficient-scope".into()));
    assert_eq!(ask(&format!("PATCH {REALMS}/acme"), &json!({ "name": "Ours" })).ok()["name"], "Ours");
    let org = plane.org_key("administrator", "one");
    let edited = s.call_as(&org, &format!("PATCH {REALMS}/acme"), &[], &json!({ "name": "Mine" }));
    assert_eq!(edited.refused(), (403, "insufficient-scope".into()));
}
