//! Pages of the console about what keys belong to, usage, health, and many keys at once.

use crate::common::browser::{Browser, value};
use crate::common::{self, Plane, slug};
use edgelatch_registry::{Preset, management};
use edgelatch_testkit::registry::Place;
use serde_json::json;

const REALM: &str = "/console/r/acme";

fn text(reply: &common::Reply) -> String {
    String::from_utf8(reply.body.clone()).unwrap()
}

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
fn selected_keys_are_changed_each_as_if_alone() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let make = |name: &str, allow: &str| {
        let made = s.call("POST /api/v1/realms/acme/keys", &json!({ "org": "one", "name": name, "allow": [allow] })).ok();
        made["key"]["key_id"].as_str().unwrap().to_owned()
    };
    let (one, two) = (make("one", "192.0.2.0/24"), make("two", "198.51.100.0/24"));
    let selected = format!("{REALM}/keys/selected");
    b.page(&format!("{REALM}/keys"));
    let keys = [("key", one.as_str()), ("key", two.as_str()), ("act", "edit")];
    let asked = text(&b.post(&selected, &keys));
    assert!(asked.contains(&one) && asked.contains("name=\"allow\"") && asked.contains("(2)"), "{asked}");
    let sure = |allow: &'static str| [&keys[..], &[("sure", "1"), ("description", "shared"), ("allow", allow)]].concat();
    // A network that is none is told of with each key, and what was typed stays.
    let refused = text(&b.post(&selected, &sure("203.0.113.999")));
    assert!(refused.matches("class=\"error\"").count() == 2 && refused.contains("203.0.113.999"), "{refused}");
    let done = b.post(&selected, &sure("203.0.113.7"));
    assert_eq!(done.header("location"), Some("/console/r/acme/keys?changed=2"), "{done}");
    assert!(b.page("/console/r/acme/keys?changed=2").contains("2 keys changed"));
    for (id, own) in [(&one, "192.0.2.0/24"), (&two, "198.51.100.0/24")] {
        let key = s.get(&format!("/api/v1/realms/acme/keys/{id}")).ok();
        let networks: Vec<&str> = key["allow"].as_array().unwrap().iter().map(|one| one["cidr"].as_str().unwrap()).collect();
        assert_eq!((key["description"].as_str(), networks), (Some("shared"), vec![own, "203.0.113.7/32"]));
        assert_eq!(key["state"], "active");
    }
    // One that is gone meanwhile: nothing is half done.
    let gone = [("key", one.as_str()), ("key", "key_0000000000000000000000000000"), ("act", "revoke"), ("sure", "1")];
    assert_eq!(b.post(&selected, &gone).status, 404);
    assert_eq!(s.get(&format!("/api/v1/realms/acme/keys/{one}")).ok()["state"], "active");
    // Without a form, back to the list.
    let back = b.get(&format!("{selected}?page=2"));
    assert_eq!(back.header("location"), Some("/console/r/acme/keys"), "{back}");
}

#[test]
fn keys_are_imported_once_nothing_is_wrong_with_them() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let path = format!("{REALM}/keys/import");
    b.page(&path);
    let count = || s.get("/api/v1/realms/acme/keys").ok()["total"].as_u64().unwrap();
    let digest = |digit: &str| digit.repeat(64);
    let good = format!("sha256,name\n{},first\n{},second", digest("a"), digest("b"));
    let bad = format!("{good}\n<i>,third\n");
    for send in ["try", "import"] {
        let reply = b.post(&path, &[("lines", &bad), ("org", "one"), (send, "1")]);
        let page = text(&reply);
        assert!(page.contains("Lines that are refused") && page.contains("<td data-title=\"Line\">4</td>"), "{send}: {page}");
        // The lines are there to be mended, as text.
        assert!(page.contains(&digest("a")) && !page.contains("<i>"), "{page}");
        assert_eq!(count(), 0, "{send}");
    }
    let tried = text(&b.post(&path, &[("lines", &good), ("org", "one"), ("try", "1")]));
    assert!(tried.contains("would be imported: 2") && count() == 0, "{tried}");
    let done = text(&b.post(&path, &[("lines", &good), ("org", "one"), ("import", "1")]));
    assert!(done.contains("Imported keys: 2") && count() == 2, "{done}");
    // The last column of the last line is empty, and there all the same.
    let tabs = format!("sha256\tname\tdescription\n{}\tthird\t", digest("c"));
    let done = text(&b.post(&path, &[("lines", &tabs), ("org", "one"), ("import", "1")]));
    assert!(done.contains("Imported keys: 1") && count() == 3, "{done}");
}

#[test]
fn usage_is_shown_as_a_chart_and_as_a_table() {
    let plane = Plane::new();
    let s = plane.serve();
    let made = s.call("POST /api/v1/realms/acme/keys", &json!({ "org": "one", "name": "CI" })).ok();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let event = |status: u16, code: &str| json!({ "key_id": made["key"]["key_id"], "at": now, "method": "GET", "endpoint": "/", "status": status, "code": code });
    let batch = json!({ "batch": "b", "events": [event(200, "valid"), event(200, "valid"), event(403, "ip_denied")] });
    s.call("POST /api/v1/realms/acme/usage", &batch).ok();
    let mut b = Browser::signed_in(&s, &plane.admin);
    for by in ["day", "hour"] {
        let page = b.page(&format!("{REALM}/usage?by={by}"));
        assert!(page.contains("<dd class=\"good\">2</dd>") && page.contains("<dd class=\"bad\">1</dd>"), "{page}");
        assert!(page.contains("<td>2</td><td>1</td>") && page.contains("<rect class=\"refused\""), "{page}");
        assert!(page.contains("<code>ip_denied</code>"), "{page}");
    }
    assert!(b.page(&format!("{REALM}/usage?org=two")).contains("<dd class=\"good\">0</dd>"));
    // Whoever may see one org is told of that one, and not how often which verdict was given in the realm.
    let mut other = Browser::signed_in(&s, &plane.org_key("administrator", "two"));
    let page = other.page(&format!("{REALM}/usage"));
    assert!(page.contains("<dd class=\"good\">0</dd>") && !page.contains("ip_denied"), "{page}");
    assert_eq!(other.get(&format!("{REALM}/usage?org=one")).status, 403);
}

#[test]
fn health_is_for_those_who_see_the_realm() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let page = b.page(&format!("{REALM}/health"));
    assert!(page.contains("<h1>Health</h1>") && page.contains("No root of this realm"), "{page}");
    assert_eq!(b.get("/console/r/nowhere/health").status, 404);
}

#[test]
fn whoever_has_several_orgs_chooses_one_of_them_on_each_page() {
    let plane = Plane::new();
    let s = plane.serve();
    for org in ["one", "two"] {
        s.call("POST /api/v1/realms/acme/keys", &json!({ "org": org, "name": format!("key of {org}") })).ok();
        let role = json!({ "role": format!("role-{org}"), "org": org, "permissions": ["cache.view"] });
        s.call("POST /api/v1/realms/acme/roles", &role).ok();
    }
    s.call("POST /api/v1/realms/acme/orgs", &json!({ "org": "three" })).ok();
    let scope = ["one", "two"].map(|org| management::org_service(&slug("acme"), &slug(org)).unwrap());
    let mut b = Browser::signed_in(&s, &plane.management_key("administrator", &scope).1);
    for area in ["keys", "usage", "roles", "owners", "alerts", "activity"] {
        let path = format!("{REALM}/{area}");
        let page = b.page(&path);
        assert!(page.contains("<option value=\"one\" selected>") && page.contains("<option value=\"two\">"), "{area}: {page}");
        // Neither all of the realm, which is not theirs, nor an org of others.
        assert!(
            !page.contains("<option value=\"\">All</option><option value=\"one\"") && !page.contains("three"),
            "{area}: {page}"
        );
        let other = b.page(&format!("{path}?org=two"));
        assert!(other.contains("<option value=\"two\" selected>"), "{area}: {other}");
        assert_eq!(b.get(&format!("{path}?org=three")).status, 403, "{area}");
    }
    // Of events the alerts at first; the others where they are asked for, also with another org.
    assert!(!b.page(&format!("{REALM}/alerts")).contains("key_created"));
    let all = b.page(&format!("{REALM}/alerts?part=all&org=two"));
    assert!(all.contains("key_created") && all.contains("name=\"part\" value=\"all\""), "{all}");
    for (area, own, others) in
        [("keys", "key of two", "key of one"), ("roles", "role-two", "role-one"), ("activity", "key.create", "role-one")]
    {
        let page = b.page(&format!("{REALM}/{area}?org=two"));
        assert!(page.contains(own) && !page.contains(others), "{area}: {page}");
    }
    // Whoever reaches the realm sees all of it, and may choose all the same.
    let mut whole = Browser::signed_in(&s, &plane.admin);
    let page = whole.page(&format!("{REALM}/roles"));
    assert!(page.contains("role-one") && page.contains("role-two") && page.contains("<option value=\"three\">"), "{page}");
    assert!(!whole.page(&format!("{REALM}/roles?org=one")).contains("role-two"));
    // Only they may make a role for all of it.
    assert!(whole.page(&format!("{REALM}/roles/new")).contains("Whole realm"));
    assert!(!b.page(&format!("{REALM}/roles/new")).contains("Whole realm"));
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

/// Without scripts; with them the form is measured before it is sent.
#[test]
fn what_is_too_large_to_import_ends_on_the_form_with_the_limit() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let path = format!("{REALM}/keys/import");
    assert!(b.page(&path).contains("data-most=\"1048576\""));
    let lines = "a".repeat(1024 * 1024);
    let reply = b.post(&path, &[("lines", &lines), ("org", "one"), ("import", "1")]);
    let page = text(&reply);
    assert_eq!(reply.status, 413, "{page}");
    assert!(page.contains("1 MiB") && page.contains("id=\"lines\"") && page.contains("name=\"form\""), "{page}");
    // Another site's is refused as any other form.
    let foreign = b.post_as(&path, &[("lines", "sha256,name")], &[("Origin", "https://evil.example")]);
    assert_eq!(foreign.status, 403);
}

#[test]
fn one_key_is_counted_as_one() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let german = |b: &mut Browser<'_>, path: &str| text(&b.send(&format!("GET {path}"), &[("Accept-Language", "de")], b""));
    let keys = format!("{REALM}/keys");
    for (number, en, de) in [(1, ">1 key<", ">1 Schlüssel<"), (2, ">2 keys<", ">2 Schlüssel<")] {
        s.call("POST /api/v1/realms/acme/keys", &json!({ "org": "one", "name": format!("key {number}") })).ok();
        assert!(b.page(&keys).contains(en) && german(&mut b, &keys).contains(de), "{number}");
    }
    for (query, en, de) in [
        ("done=1", "1 key revoked", "1 Schlüssel widerrufen"),
        ("done=3", "3 keys revoked", "3 Schlüssel widerrufen"),
        ("changed=1", "1 key changed", "1 Schlüssel geändert"),
    ] {
        let path = format!("{keys}?{query}");
        assert!(b.page(&path).contains(en) && german(&mut b, &path).contains(de), "{query}");
    }
}

/// What each system's documentation calls its buttons, fields and columns.
#[test]
fn pages_speak_as_each_presets_documentation_does() {
    for (preset, new, edit, list) in [
        (
            Preset::VergeOs,
            &[
                "New API Key",
                "Expiration Type",
                "Set Date",
                "Never Expire",
                "IP Allow List",
                "IP Deny List",
                "value=\"1\">Submit<",
            ][..],
            &["value=\"1\">Submit<"][..],
            &["+ New API Key"][..],
        ),
        (
            Preset::VergeCloud,
            &["API Key Name", "Basic Information", "Access Scope", "Assign Roles"],
            &[],
            &["Name or Description", "Created At", ">View details<"],
        ),
        (
            Preset::IpAware,
            &["Create New Key", "Key Name", ">Create<"],
            &["Configure Key", "Key Name", ">Save Changes<"],
            &["+ Create New Key"],
        ),
        (
            Preset::Valar,
            &["Create API Key", "1 Day", "3 Months", "No Expiry", "IP Allowlist", ">Create Key<"],
            &["IP Allowlist"],
            &["Key Prefix", "Last Used", "View Audit Log"],
        ),
    ] {
        let plane = Plane::with(Place::sqlite(), preset);
        let s = plane.serve();
        let role = if preset == Preset::IpAware { "developer" } else { "admin" };
        let mut body = json!({ "org": "one", "name": "CI" });
        if matches!(preset, Preset::IpAware | Preset::VergeCloud) {
            body["roles"] = json!([role]);
        }
        let made = s.call("POST /api/v1/realms/acme/keys", &body).ok();
        let id = made["key"]["key_id"].as_str().unwrap();
        let mut b = Browser::signed_in(&s, &plane.admin);
        for (path, words) in [("/new".to_owned(), new), (format!("/{id}/edit"), edit), (String::new(), list)] {
            let page = b.page(&format!("{REALM}/keys{path}"));
            for word in words {
                assert!(page.contains(word), "{preset} {path}: {word}: {page}");
            }
            assert!(path != format!("/{id}/edit") || !page.contains("Create New Key"), "{page}");
        }
        for (act, word) in [
            ("revoke", if preset == Preset::IpAware { "Revoke Key" } else { "Revoke key" }),
            ("rotate", if preset == Preset::Valar { "Rotate Key" } else { "Rotate key" }),
        ] {
            let page = b.page(&format!("{REALM}/keys/{id}/{act}"));
            assert!(page.contains(&format!(">{word}</button>")), "{preset} {act}: {page}");
        }
    }
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

#[test]
fn both_logs_are_files_as_the_api_has_them() {
    let plane = Plane::new();
    let s = plane.serve();
    let made = s.call("POST /api/v1/realms/acme/keys", &json!({ "org": "two", "name": "CI" })).ok();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let event =
        json!({ "key_id": made["key"]["key_id"], "at": now, "method": "GET", "endpoint": "/", "status": 200, "code": "valid" });
    s.call("POST /api/v1/realms/acme/usage", &json!({ "batch": "b", "events": [event] })).ok();
    let mut b = Browser::signed_in(&s, &plane.admin);
    for (log, page) in [("activity", "activity"), ("requests", "usage")] {
        let path = format!("{REALM}/{log}/export?");
        assert!(b.page(&format!("{REALM}/{page}")).contains(&format!("href=\"{path}\"")), "{log}");
        let file = b.get(&path);
        assert_eq!((file.status, file.header("content-type")), (200, Some("application/jsonl")), "{file}");
        assert_eq!(file.header("content-disposition"), Some(&*format!("attachment; filename=\"acme-{log}.jsonl\"")));
        let api = s.get(&format!("/api/v1/realms/acme/{log}/export"));
        assert!(!api.body.is_empty() && text(&file) == text(&api), "{file}");
        // Of one org, to whoever has that one.
        let mut one = Browser::signed_in(&s, &plane.org_key("administrator", "one"));
        let file = one.get(&path);
        assert!(file.status == 200 && !text(&file).contains("CI") && !text(&file).contains("\"two\""), "{file}");
    }
}
