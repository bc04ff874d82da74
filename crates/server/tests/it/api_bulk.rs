//! Edits of many keys over the API: counted and tried first, then made with the number that was counted.

use crate::common::{self, Plane, slug};
use edgelatch_registry::{NewRole, management};
use edgelatch_testkit::on_both_stores;
use serde_json::{Value, json};

const ACME: &str = "/api/v1/realms/acme";

on_both_stores! {
    start: crate::common::Plane::at;
    many_are_counted_tried_and_changed, what_does_not_fit_is_pointed_to, a_new_status_takes_the_permission_to_revoke,
}

fn many_are_counted_tried_and_changed(plane: Plane) {
    let s = plane.serve();
    for (org, name) in [("one", "ci-1"), ("one", "ci-2"), ("two", "ci-3"), ("one", "other")] {
        s.call(&format!("POST {ACME}/keys"), &json!({ "org": org, "name": name, "roles": ["reader"] })).ok();
    }
    let edit = |key: &str, body: Value| s.call_as(key, &format!("POST {ACME}/keys/edit"), &[], &body);
    let body = |more: Value| {
        let mut body = json!({ "filter": { "search": "ci-" }, "edit": { "expires_at": "2099-01-31" } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let missing = edit(&plane.admin, body(json!({})));
    assert_eq!((missing.refused(), &missing.json()["pointer"]), ((422, "invalid".into()), &json!("/confirm")));
    let dry = edit(&plane.admin, body(json!({ "dry_run": true }))).ok();
    assert_eq!((&dry["matched"], &dry["changed"], &dry["done"]), (&json!(3), &json!(3), &json!(false)));
    assert_eq!(edit(&plane.admin, body(json!({ "confirm": 2 }))).refused(), (409, "count_changed".into()));
    let until = |plane: &Plane| {
        let listed = plane.registry.keys(&slug("acme")).list(&Default::default(), Default::default(), &Default::default());
        listed.unwrap().keys.into_iter().filter(|key| key.expires_at.is_some()).count()
    };
    assert_eq!(until(&plane), 0);
    // Whoever reaches one org changes keys of that one.
    let manager = plane.org_key("key-manager", "one");
    let done = edit(&manager, body(json!({ "confirm": 2, "add_allow": [{ "cidr": "192.0.2.0/24", "note": "office" }] })));
    assert!(done.header("edgelatch-change").is_some(), "{done}");
    let done = done.ok();
    assert_eq!((&done["changed"], &done["done"], until(&plane)), (&json!(2), &json!(true), 2));
    let filter = json!({ "org": "two" });
    assert_eq!(edit(&manager, json!({ "filter": filter, "edit": { "description": "x" }, "dry_run": true })).status, 403);
    // Of three keys one has no such network, so none loses it.
    let remove = json!({ "filter": { "search": "ci-" }, "remove_allow": ["192.0.2.0/24"], "confirm": 3 });
    let refused = edit(&plane.admin, remove);
    let body = refused.json();
    assert_eq!((refused.refused(), &body["refusals"][0]["field"]), ((422, "keys_refused".into()), &json!("allow")));
    assert_eq!(body["refusals"].as_array().unwrap().len(), 1, "{body}");
    let removed = edit(&manager, json!({ "filter": { "search": "ci-" }, "remove_allow": ["192.0.2.0/24"], "confirm": 2 })).ok();
    assert_eq!(removed["changed"], 2);
}

fn what_does_not_fit_is_pointed_to(plane: Plane) {
    let s = plane.serve();
    for (body, pointer) in [
        (json!({ "filter": { "state": "dead" }, "edit": {}, "dry_run": true }), "/filter/state"),
        (json!({ "filter": { "search": "" }, "edit": { "description": "x" }, "dry_run": true }), "/filter/search"),
        (json!({ "filter": { "org": "ghost" }, "edit": { "description": "x" }, "dry_run": true }), "/filter/org"),
        (json!({ "filter": {}, "edit": {}, "dry_run": true }), "/edit"),
        (json!({ "filter": {}, "edit": { "name": "x" }, "dry_run": true }), "/edit/name"),
        (json!({ "filter": {}, "edit": { "expires_at": "2001-01-31" }, "dry_run": true }), "/edit/expires_at"),
        (json!({ "filter": {}, "edit": { "allow": ["10.0.0.1/8"] }, "dry_run": true }), "/edit/allow/0"),
        (json!({ "filter": {}, "edit": { "allow": [] }, "add_allow": ["10.0.0.0/8"], "dry_run": true }), "/add_allow"),
        (json!({ "filter": {}, "remove_deny": ["office"], "dry_run": true }), "/remove_deny/0"),
        (json!({ "edit": { "description": "x" }, "dry_run": true }), ""),
    ] {
        let refused = s.call(&format!("POST {ACME}/keys/edit"), &body);
        assert_eq!(refused.status, 422, "{body} {refused}");
        assert_eq!(refused.json()["pointer"], pointer, "{body} {refused}");
    }
}

fn a_new_status_takes_the_permission_to_revoke(plane: Plane) {
    let permissions = vec!["api.key.update".parse().unwrap()];
    let new = NewRole { role: slug("editor"), org: None, name: "Editor".parse().unwrap(), permissions };
    plane.registry.tenants(&slug(management::REALM)).create_role(&common::caller(), &new).unwrap();
    let (editor, s) = (plane.management_key("editor", &[]).1, plane.serve());
    s.call(&format!("POST {ACME}/keys"), &json!({ "org": "one", "name": "ci", "roles": ["reader"] })).ok();
    let edit = |edit: Value| {
        let body = json!({ "filter": {}, "edit": edit, "confirm": 1 });
        s.call_as(&editor, &format!("POST {ACME}/keys/edit"), &[], &body)
    };
    assert_eq!(edit(json!({ "status": "revoked" })).refused(), (403, "insufficient-scope".into()));
    assert_eq!(edit(json!({ "description": "x" })).ok()["changed"], 1);
}
