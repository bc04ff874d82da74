//! Pages of the console about usage, health, logs, many keys at once, and how they speak.

use crate::common::browser::{Browser, text};
use crate::common::{Plane, slug};
use edgelatch_registry::{Preset, management};
use edgelatch_testkit::registry::Place;
use serde_json::json;

const REALM: &str = "/console/r/acme";

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
    // Nothing waits where nobody is told.
    assert!(all.contains("No webhook") && !all.contains("Waits") && !all.contains("Deliver again"), "{all}");
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
