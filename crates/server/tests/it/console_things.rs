//! Forms of what keys belong to, in the console: roles, owners, orgs, the realm.

use crate::common::Plane;
use crate::common::browser::{Browser, text, value};
use serde_json::json;

const REALM: &str = "/console/r/acme";

/// The revision that a page's form carries.
fn revision(b: &mut Browser<'_>, path: &str) -> String {
    value(&b.page(path), "revision").to_owned()
}

#[test]
fn a_role_is_made_changed_and_deleted() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let new = format!("{REALM}/roles/new");
    assert!(b.page(&format!("{REALM}/roles")).contains(&format!("href=\"{new}\"")));
    b.page(&new);
    // What does not fit is said at its field; what was typed stays.
    let fields = [("role", "purger"), ("name", "The <b>purger</b>"), ("permissions", "cache.purge not/one"), ("org", "")];
    let refused = b.post(&new, &fields);
    let page = text(&refused);
    assert_eq!(refused.status, 422, "{page}");
    assert!(page.contains("id=\"permissions-error\"") && page.contains("cache.purge not/one"), "{page}");
    assert!(!page.contains("<b>purger"), "{page}");
    let made = b.post(&new, &[&fields[..2], &[("permissions", "cache.purge\r\ncache.view"), ("org", "")]].concat());
    assert_eq!((made.status, made.header("location")), (303, Some("/console/r/acme/roles")), "{made}");
    let role = s.get("/api/v1/realms/acme/roles/purger").ok();
    assert_eq!((&role["permissions"], &role["org"]), (&json!(["cache.purge", "cache.view"]), &json!(null)));
    let edit = format!("{REALM}/roles/edit?id=purger");
    assert!(b.page(&format!("{REALM}/roles")).contains(&edit));
    let at = revision(&mut b, &edit);
    let saved = b.post(&edit, &[("revision", &at), ("name", "Purger"), ("permissions", "cache.purge")]);
    assert_eq!(saved.status, 303, "{saved}");
    assert_eq!(s.get("/api/v1/realms/acme/roles/purger").ok()["permissions"], json!(["cache.purge"]));
    // Whoever began with an older one sees both.
    let late = b.post(&edit, &[("revision", &at), ("name", "Mine"), ("permissions", "cache.purge")]);
    let page = text(&late);
    assert_eq!(late.status, 412, "{page}");
    assert!(page.contains("<td><bdi>Purger</bdi></td><td><bdi>Mine</bdi></td>"), "{page}");
    let delete = format!("{REALM}/roles/delete?id=purger");
    let at = revision(&mut b, &delete);
    assert_eq!(b.post(&delete, &[("revision", "0")]).status, 412);
    assert_eq!(b.post(&delete, &[("revision", &at)]).header("location"), Some("/console/r/acme/roles"));
    assert_eq!(s.get("/api/v1/realms/acme/roles/purger").status, 404);
    assert_eq!(b.get(&edit).status, 404);
}

#[test]
fn an_owner_is_made_disabled_and_not_deleted_while_it_has_keys() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let new = format!("{REALM}/owners/new");
    b.page(&new);
    let made = b.post(&new, &[("owner", "bob"), ("org", "one"), ("kind", "service"), ("roles", "reader")]);
    assert_eq!(made.status, 303, "{made}");
    let owner = s.get("/api/v1/realms/acme/orgs/one/owners/bob").ok();
    assert_eq!((&owner["kind"], &owner["roles"], &owner["name"]), (&json!("service"), &json!(["reader"]), &json!("bob")));
    s.call("POST /api/v1/realms/acme/keys", &json!({ "org": "one", "owner": "bob", "name": "CI" })).ok();
    let edit = format!("{REALM}/owners/edit?id=bob&org=one");
    let at = revision(&mut b, &edit);
    let saved = b.post(&edit, &[("revision", &at), ("name", "Bob"), ("roles", ""), ("disabled", "true")]);
    assert_eq!(saved.status, 303, "{saved}");
    let owner = s.get("/api/v1/realms/acme/orgs/one/owners/bob").ok();
    assert_eq!((&owner["disabled"], &owner["roles"]), (&json!(true), &json!([])));
    let delete = format!("{REALM}/owners/delete?id=bob&org=one");
    let at = revision(&mut b, &delete);
    let refused = b.post(&delete, &[("revision", &at)]);
    assert!(refused.status == 409 && text(&refused).contains("role=\"alert\""), "{refused}");
    assert_eq!(s.get("/api/v1/realms/acme/orgs/one/owners/bob").status, 200);
    // Of no org, there is none.
    assert_eq!(b.get(&format!("{REALM}/owners/edit?id=bob")).status, 404);
}

#[test]
fn an_org_has_its_settings_in_a_form() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let new = format!("{REALM}/orgs/new");
    b.page(&new);
    assert_eq!(b.post(&new, &[("org", "three"), ("name", "Three"), ("preset", "valar")]).status, 303);
    let before = s.get("/api/v1/realms/acme/orgs/three").ok();
    assert_eq!(before["settings"]["max_keys"], 20);
    let edit = format!("{REALM}/orgs/edit?id=three");
    let at = revision(&mut b, &edit);
    // What no field was sent of stays.
    let fields = [("revision", at.as_str()), ("name", "Three"), ("settings.max_keys", ""), ("settings.unique_names", "true")];
    let saved = b.post(&edit, &fields);
    assert_eq!(saved.status, 303, "{saved}");
    let mut wanted = before["settings"].clone();
    (wanted["max_keys"], wanted["unique_names"]) = (json!(null), json!(true));
    assert_eq!(s.get("/api/v1/realms/acme/orgs/three").ok()["settings"], wanted);
    let at = revision(&mut b, &edit);
    let refused = b.post(&edit, &[("revision", &at), ("settings.max_roles", "many"), ("settings.expiry_choices", "1d 2x")]);
    let page = text(&refused);
    assert_eq!(refused.status, 422, "{page}");
    assert!(
        page.contains("id=\"settings-expiry_choices-error\"") || page.contains("id=\"settings-max_roles-error\""),
        "{page}"
    );
    assert!(page.contains("value=\"many\"") && page.contains("1d 2x"), "{page}");
    let delete = format!("{REALM}/orgs/delete?id=three");
    let at = revision(&mut b, &delete);
    assert_eq!(b.post(&delete, &[("revision", &at)]).header("location"), Some("/console/r/acme/orgs"));
    assert_eq!(s.get("/api/v1/realms/acme/orgs/three").status, 404);
    for nowhere in ["orgs/edit", "orgs/edit?id=..%2f..%2frealms", "things/new", "keys/edit", "orgs/edit?id=one&org=a%20b"] {
        assert_eq!(b.get(&format!("{REALM}/{nowhere}")).status, 404, "{nowhere}");
    }
}

#[test]
fn a_role_of_the_realm_is_not_the_orgs_own_of_that_name() {
    let plane = Plane::new();
    let s = plane.serve();
    let own = json!({ "role": "reader", "org": "one", "name": "Our readers", "permissions": ["cache.view"] });
    s.call("POST /api/v1/realms/acme/roles", &own).ok();
    let mut b = Browser::signed_in(&s, &plane.org_key("administrator", "one"));
    let page = b.page(&format!("{REALM}/roles"));
    let links: Vec<&str> =
        page.match_indices("roles/edit?id=reader").map(|(at, _)| page[at..].split('"').next().unwrap()).collect();
    assert_eq!(links.len(), 1, "{page}");
    assert!(links[0].ends_with("org=one"), "{links:?}");
    assert!(b.page(&format!("{REALM}/roles/edit?id=reader&org=one")).contains("Our readers"));
    let revision = value(&b.page(&format!("{REALM}/roles/edit?id=reader&org=one")), "revision").to_owned();
    // The realm's is nobody's to change who does not reach the realm, nor is the org's changed in its place.
    assert_eq!(b.get(&format!("{REALM}/roles/edit?id=reader")).status, 404);
    for act in ["edit", "delete"] {
        let fields = [("revision", revision.as_str()), ("name", "taken"), ("permissions", "cache.view")];
        assert_eq!(b.post(&format!("{REALM}/roles/{act}?id=reader"), &fields).status, 404, "{act}");
    }
    assert_eq!(s.get("/api/v1/realms/acme/roles/reader?org=one").ok()["name"], "Our readers");
    // Nor does an org that has none of its own stand for the realm.
    let mut whole = Browser::signed_in(&s, &plane.admin);
    assert_eq!(whole.get(&format!("{REALM}/roles/edit?id=reader&org=two")).status, 404);
    assert!(!whole.page(&format!("{REALM}/roles/edit?id=reader")).contains("Our readers"));
}

#[test]
fn a_realm_has_its_name_and_the_life_of_its_heads_in_a_form() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let edit = format!("{REALM}/settings/edit?id=acme");
    assert_eq!(b.get(&format!("{REALM}/settings")).header("location"), Some(&*edit));
    let at = revision(&mut b, &edit);
    let wrong = b.post(&edit, &[("revision", &at), ("name", "Acme"), ("head_lifetime", "59")]);
    assert!(wrong.status == 422 && text(&wrong).contains("id=\"head_lifetime-error\""), "{wrong}");
    let saved = b.post(&edit, &[("revision", &at), ("name", "Acme & sons"), ("head_lifetime", "7200")]);
    assert_eq!(saved.header("location"), Some("/console/r/acme/settings"), "{saved}");
    let realm = s.get("/api/v1/realms/acme").ok();
    assert_eq!((&realm["name"], &realm["head_lifetime"]), (&json!("Acme & sons"), &json!(7200)));
    // It is neither made nor deleted from here, and the path says which one it is, whatever the query says.
    assert!(b.page(&format!("{REALM}/settings/edit?id=management")).contains("Acme &#38; sons"));
    for act in ["new", "delete"] {
        let path = format!("{REALM}/settings/{act}?id=acme");
        assert_eq!((b.get(&path).status, b.post(&path, &[("revision", "2")]).status), (404, 404), "{act}");
    }
    let mut other = Browser::signed_in(&s, &plane.org_key("administrator", "one"));
    let at = revision(&mut other, &edit);
    assert_eq!(other.post(&edit, &[("revision", &at), ("name", "Mine"), ("head_lifetime", "60")]).status, 403);
}
