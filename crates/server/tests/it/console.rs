//! The console without scripts: signing in, and keys of each preset from the form that makes them to their end.

use crate::common::Plane;
use crate::common::browser::{Browser, between, text, value};
use edgelatch_registry::Preset;
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::Place;
use serde_json::{Value, json};

const KEYS: &str = "/console/r/acme/keys";

on_both_stores! {
    start: crate::common::Plane::at;
    who_signed_in_is_known_until_they_sign_out,
}

fn plane(preset: Preset) -> Plane {
    Plane::with(Place::sqlite(), preset)
}

fn who_signed_in_is_known_until_they_sign_out(plane: Plane) {
    let s = plane.serve();
    let mut b = Browser::new(&s);
    // Whoever is not signed in comes back to where they were.
    let reply = b.get("/console/r/acme/keys?search=a%20b");
    let to = reply.header("location").unwrap().to_owned();
    assert_eq!((reply.status, to.as_str()), (303, "/console/sign-in?next=%2Fconsole%2Fr%2Facme%2Fkeys%3Fsearch%3Da%2520b"));
    let page = b.page(&to);
    let next = value(&page, "next").to_owned();
    let reply = b.post("/console/sign-in", &[("key", &plane.admin), ("next", &next)]);
    assert_eq!((reply.status, reply.header("location")), (303, Some("/console/r/acme/keys?search=a%20b")));
    assert!(b.page(&next).contains("value=\"a b\""));
    assert!(b.page("/console").contains(&plane.admin_id));
    // Neither what lies in the database nor any page holds the key.
    for file in std::fs::read_dir(plane.dir.path()).unwrap().flatten().filter(|file| file.path().is_file()) {
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(!bytes.windows(plane.admin.len()).any(|part| part == plane.admin.as_bytes()), "{:?}", file.path());
    }
    assert!(!b.page("/console").contains(&plane.admin[8..]));

    let mut other = Browser::signed_in(&s, &plane.admin);
    let cookies = b.cookies.clone();
    assert_eq!(b.post("/console/sign-out", &[]).header("location"), Some("/console/sign-in"));
    assert!(b.cookies.is_empty());
    // What somebody kept of it signs nobody in.
    b.cookies = cookies;
    assert_eq!(b.get(KEYS).status, 303);
    other.page(KEYS);
    let mut third = Browser::signed_in(&s, &plane.admin);
    third.page(KEYS);
    assert_eq!(third.post("/console/sign-out", &[("everywhere", "1")]).status, 303);
    assert_eq!(other.get(KEYS).status, 303);
}

/// A session is worth as much as its key is at the moment.
#[test]
fn a_revoked_key_is_out_with_the_next_click() {
    let plane = plane(Preset::Default);
    let s = plane.serve();
    let (id, secret) = plane.management_key("viewer", &[]);
    let mut b = Browser::signed_in(&s, &secret);
    b.page(KEYS);
    // What the API refuses is refused, and said.
    b.page(&format!("{KEYS}/new"));
    let refused = b.post(&format!("{KEYS}/new?org=one"), &[("name", "CI"), ("send", "1")]);
    assert_eq!(refused.status, 403, "{refused}");
    assert_eq!(s.get("/api/v1/realms/acme/keys").ok()["total"], 0);
    s.call(&format!("POST /api/v1/realms/management/keys/{id}/revoke"), &Value::Null).ok();
    let reply = b.get(KEYS);
    assert_eq!(reply.status, 303);
    assert!(reply.header("location").unwrap().ends_with("&ended=1"), "{reply}");
    assert_eq!(b.sign_in(&secret).status, 403);
}

/// The secret of the page that shows it.
fn secret(page: &str) -> String {
    between(page, "id=\"secret\" type=\"text\" readonly value=\"", "\"").unwrap_or_else(|| panic!("{page}")).to_owned()
}

fn make(b: &mut Browser<'_>, fields: &[(&str, &str)]) -> (String, String) {
    let page = b.page(&format!("{KEYS}/new"));
    let once = value(&page, "once").to_owned();
    let fields = [&[("once", once.as_str()), ("send", "1")], fields].concat();
    let reply = b.post(&format!("{KEYS}/new?org=one"), &fields);
    let page = text(&reply);
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")), "{page}");
    // The same form again makes no second key, and shows no secret.
    let again = text(&b.post(&format!("{KEYS}/new?org=one"), &fields));
    assert!(!again.contains("id=\"secret\"") && again.contains("done before"), "{again}");
    (between(&page, "<dd><code>key_", "<").map(|id| format!("key_{id}")).unwrap(), secret(&page))
}

#[test]
fn a_vergeos_key_is_made_edited_and_deleted() {
    let plane = plane(Preset::VergeOs);
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let empty = b.page(KEYS);
    assert!(empty.contains("No keys yet") && empty.contains("New API Key"), "{empty}");
    // Two panels; a further row of a list takes no script.
    let page = b.page(&format!("{KEYS}/new"));
    assert_eq!(page.matches("<fieldset class=\"panel\">").count(), 2);
    let more = b.post(&format!("{KEYS}/new?org=one"), &[("name", "CI"), ("allow.0.cidr", "10.0.0.0/8"), ("more", "allow")]);
    let more = text(&more);
    assert!(
        more.contains("value=\"10.0.0.0/8\"") && more.contains("name=\"allow.1.cidr\"") && more.contains("value=\"CI\""),
        "{more}"
    );
    let (id, made) = make(
        &mut b,
        &[
            ("name", "CI"),
            ("description", "for <b>builds</b>"),
            ("expires", "date"),
            ("expires_date", "2099-01-31T10:00"),
            ("allow.0.cidr", "10.0.0.0/8"),
            ("allow.0.on", "on"),
            ("deny.0.cidr", "10.1.0.0/16"),
            ("deny.0.note", "lab"),
        ],
    );
    assert!(made.starts_with("vos_"));
    let key = s.get(&format!("/api/v1/realms/acme/keys/{id}")).ok();
    assert_eq!((&key["expires_at"], &key["allow"][0]["enabled"]), (&json!("2099-01-31T10:00:00Z"), &json!(true)));
    assert_eq!((&key["deny"][0]["enabled"], &key["deny"][0]["note"]), (&json!(false), &json!("lab")));
    let list = b.page(KEYS);
    for column in ["Last Logged In", "Last Logged In IP", "Expires", "Created"] {
        assert!(list.contains(&format!(">{column}<")), "{column}: {list}");
    }
    assert!(list.contains(&format!("/keys/{id}/edit")) && list.contains(&format!("/keys/{id}/delete")));
    assert!(!list.contains(&made));
    // What does not fit is said at its field, and what was typed stays.
    let page = b.page(&format!("{KEYS}/{id}/edit"));
    let revision = value(&page, "revision").to_owned();
    let fields = [
        ("name", "Build"),
        ("description", "x"),
        ("expires", "keep"),
        ("allow.0.cidr", "10.0.0.0/8"),
        ("allow.1.cidr", "10.0.0.300"),
    ];
    let sent = [&[("revision", revision.as_str()), ("send", "1")][..], &fields[..]].concat();
    let refused = b.post(&format!("{KEYS}/{id}/edit"), &sent);
    let page = text(&refused);
    assert_eq!(refused.status, 422, "{page}");
    assert!(
        page.contains("id=\"allow-error\"") && page.contains("value=\"10.0.0.300\"") && page.contains("value=\"Build\""),
        "{page}"
    );
    assert!(
        page.contains("name=\"allow.1.cidr\" value=\"10.0.0.300\" placeholder=\"192.0.2.0/24\" aria-label=\"Address 2\""),
        "{page}"
    );
    let saved = b.post(&format!("{KEYS}/{id}/edit"), &sent[..6]);
    assert_eq!((saved.status, saved.header("location")), (303, Some(&*format!("{KEYS}/{id}"))), "{saved}");
    let shown = b.page(&format!("{KEYS}/{id}"));
    assert!(shown.contains("Build") && !shown.contains("/rotate\""), "{shown}");
    // Deleting asks first.
    let page = b.page(&format!("{KEYS}/{id}/delete"));
    let revision = value(&page, "revision").to_owned();
    assert!(page.contains("Deletion is permanent"));
    assert_eq!(b.post(&format!("{KEYS}/{id}/delete"), &[("revision", &revision)]).header("location"), Some(KEYS));
    assert_eq!(s.get(&format!("/api/v1/realms/acme/keys/{id}")).status, 404);
}

#[test]
fn a_vergecloud_key_is_made_by_a_wizard_and_never_edited() {
    let plane = plane(Preset::VergeCloud);
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let page = b.page(&format!("{KEYS}/new"));
    assert!(
        page.contains("data-layout=\"wizard\"")
            && !page.contains("name=\"allow.0.cidr\"")
            && !page.contains("name=\"expires\"")
    );
    for role in ["Read-Only Admin", "DNS Manager", "Insights Analyst"] {
        assert!(page.contains(role), "{role}: {page}");
    }
    // Without a role there is no key; the message stands at the roles.
    let refused = b.post(&format!("{KEYS}/new?org=one"), &[("name", "CI"), ("scope", "all"), ("send", "1")]);
    assert!(refused.status == 422 || refused.status == 403, "{refused}");
    assert!(text(&refused).contains("id=\"roles-error\""), "{refused}");
    let (id, made) = make(
        &mut b,
        &[("name", "CI"), ("scope", "some"), ("services", "cdn"), ("roles", "dns-manager"), ("roles", "cache-purger")],
    );
    let key = s.get(&format!("/api/v1/realms/acme/keys/{id}")).ok();
    assert_eq!((&key["scope"], key["roles"].as_array().unwrap().len()), (&json!(["cdn"]), 2));
    let list = b.page(KEYS);
    assert!(list.contains(key["masked"].as_str().unwrap()) && !list.contains(&made) && !list.contains("/edit\""), "{list}");
    assert!(b.page(&format!("{KEYS}/{id}/edit")).contains("cannot be changed"));
    // Services that are none are not all of them.
    let none = b.post(
        &format!("{KEYS}/new?org=one"),
        &[("name", "open"), ("scope", "some"), ("services", " "), ("roles", "admin"), ("send", "1")],
    );
    assert!(none.status == 422 && text(&none).contains("id=\"scope-error\""), "{none}");
    b.page(KEYS);
    // "What would this key get", step by step.
    let why = b.page(&format!("{KEYS}/{id}?ask=1&service=dns&permission=dns.record.create"));
    assert!(why.contains("<li class=\"failed\">"), "{why}");
    let page = b.page(&format!("{KEYS}/{id}/revoke"));
    assert!(page.contains("stop working") && page.contains("cannot be undone"));
    let revision = value(&page, "revision").to_owned();
    assert_eq!(b.post(&format!("{KEYS}/{id}/revoke"), &[("revision", &revision)]).status, 303);
    assert_eq!(s.get(&format!("/api/v1/realms/acme/keys/{id}")).ok()["state"], "revoked");
}

#[test]
fn an_ipaware_key_has_one_role_and_two_administrators_see_each_other() {
    let plane = plane(Preset::IpAware);
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let (id, _) = make(&mut b, &[("name", "Production Server"), ("roles", "developer")]);
    let list = b.page(KEYS);
    assert!(list.contains("<span class=\"badge active\">Active</span>") && list.contains(&id), "{list}");
    // The second one began with an older key than there is.
    let page = b.page(&format!("{KEYS}/{id}/edit"));
    let old = value(&page, "revision").to_owned();
    s.call(&format!("PATCH /api/v1/realms/acme/keys/{id}"), &json!({ "name": "Renamed elsewhere" })).ok();
    let mine = [("revision", old.as_str()), ("name", "Mine"), ("roles", "developer"), ("send", "1")];
    let refused = b.post(&format!("{KEYS}/{id}/edit"), &mine);
    let page = text(&refused);
    assert_eq!(refused.status, 412, "{page}");
    assert!(page.contains("<td><bdi>Renamed elsewhere</bdi></td><td><bdi>Mine</bdi></td>"), "{page}");
    assert_eq!(s.get(&format!("/api/v1/realms/acme/keys/{id}")).ok()["name"], "Renamed elsewhere");
    // Having seen both, they decide.
    let now = value(&page, "revision").to_owned();
    assert_ne!(now, old);
    let mine = [("revision", now.as_str()), ("name", "Mine"), ("roles", "developer"), ("send", "1")];
    assert_eq!(b.post(&format!("{KEYS}/{id}/edit"), &mine).status, 303);
    assert_eq!(s.get(&format!("/api/v1/realms/acme/keys/{id}")).ok()["name"], "Mine");
    // A form without a revision saves nothing.
    assert_eq!(b.post(&format!("{KEYS}/{id}/edit"), &mine[1..]).status, 412);
    // A new secret beside the old one.
    let page = b.page(&format!("{KEYS}/{id}/rotate"));
    let (revision, once) = (value(&page, "revision").to_owned(), value(&page, "once").to_owned());
    let rotated =
        text(&b.post(&format!("{KEYS}/{id}/rotate"), &[("revision", &revision), ("once", &once), ("overlap", "24h")]));
    assert!(secret(&rotated).starts_with("ipa_sk_") && rotated.contains("data-countdown"), "{rotated}");
}

#[test]
fn a_valar_key_is_rotated_by_its_typed_name_and_enabled_again() {
    let plane = plane(Preset::Valar);
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let page = b.page(&format!("{KEYS}/new"));
    for choice in ["1 Day", "1 Week", "1 Month", "3 Months", "1 Year", "No Expiry"] {
        assert!(page.contains(choice), "{choice}: {page}");
    }
    assert!(page.contains("data-most=\"50\"") && !page.contains("type=\"datetime-local\""));
    let (id, made) =
        make(&mut b, &[("name", "CI/CD Pipeline"), ("expires", "3mo"), ("allow.0.cidr", "192.168.1.1"), ("allow.0.on", "on")]);
    let list = b.page(KEYS);
    assert!(list.contains(&made[..12]) && !list.contains(&made[..14]) && list.contains("class=\"menu end\""), "{list}");
    let page = b.page(&format!("{KEYS}/{id}/rotate"));
    let (revision, once) = (value(&page, "revision").to_owned(), value(&page, "once").to_owned());
    let rotate = |b: &mut Browser<'_>, name: &str| {
        b.post(&format!("{KEYS}/{id}/rotate"), &[("revision", &revision), ("once", &once), ("confirm", name)])
    };
    let wrong = rotate(&mut b, "CI");
    assert_eq!(wrong.status, 409, "{wrong}");
    assert!(text(&wrong).contains("aria-invalid=\"true\""));
    let rotated = secret(&text(&rotate(&mut b, "CI/CD Pipeline")));
    assert!(rotated != made && rotated.starts_with("vsp_sk_"));
    let revise = |b: &mut Browser<'_>, word: &str| {
        let page = b.page(&format!("{KEYS}/{id}/{word}"));
        let revision = value(&page, "revision").to_owned();
        b.post(&format!("{KEYS}/{id}/{word}"), &[("revision", &revision), ("confirm", "CI/CD Pipeline")]).status
    };
    assert_eq!(revise(&mut b, "revoke"), 303);
    assert!(b.page(KEYS).contains("<span class=\"badge revoked\">Revoked</span>"));
    assert_eq!(revise(&mut b, "enable"), 303);
    assert_eq!(s.get(&format!("/api/v1/realms/acme/keys/{id}")).ok()["state"], "active");
    // The same by its status, as the documentation has it.
    for status in ["revoked", "active"] {
        let page = b.page(&format!("{KEYS}/{id}/edit"));
        let revision = value(&page, "revision").to_owned();
        let fields = [
            ("revision", revision.as_str()),
            ("name", "CI/CD Pipeline"),
            ("status", status),
            ("allow.0.cidr", "192.168.1.1"),
            ("allow.0.on", "on"),
            ("send", "1"),
        ];
        assert_eq!(b.post(&format!("{KEYS}/{id}/edit"), &fields).status, 303);
        assert_eq!(s.get(&format!("/api/v1/realms/acme/keys/{id}")).ok()["state"], status);
    }
    let log = b.page(&format!("{KEYS}/{id}/requests"));
    assert!(log.contains("No requests yet"), "{log}");
    assert_eq!(revise(&mut b, "delete"), 303);
    assert!(b.page(KEYS).contains("No keys yet"));
}

#[test]
fn the_table_is_searched_filtered_sorted_and_turned() {
    let plane = plane(Preset::Default);
    let s = plane.serve();
    for i in 0..60 {
        let body = json!({ "org": if i % 2 == 0 { "one" } else { "two" }, "name": format!("key {i:02}"), "roles": ["reader"] });
        s.call("POST /api/v1/realms/acme/keys", &body).ok();
    }
    let mut b = Browser::signed_in(&s, &plane.admin);
    let count = |page: &str| page.matches("class=\"name\"").count();
    let first = b.page(KEYS);
    assert_eq!((count(&first), first.contains("60 keys")), (50, true));
    let next = between(&first, "rel=\"next\" href=\"", "\"").unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let second = b.page(&next);
    assert_eq!((count(&second), second.contains("rel=\"prev\"")), (10, true));
    let found = b.page(&format!("{KEYS}?search=key+0&org=one"));
    assert_eq!(count(&found), 5, "{found}");
    let sorted = b.page(&format!("{KEYS}?sort=name&direction=asc"));
    assert!(between(&sorted, "class=\"name\"", "</a>").unwrap().contains("key 00"));
    assert!(sorted.contains("aria-sort=\"ascending\""));
    assert!(b.page(&format!("{KEYS}?search=nothing")).contains("No key fits"));
    assert_eq!(count(&b.page(&format!("{KEYS}?which=never_used"))), 50);
    // A filter that is none is told of, and nothing breaks.
    assert!(b.page(&format!("{KEYS}?state=sideways")).contains("role=\"alert\""));
    // A selection is revoked once that is confirmed.
    let ids: Vec<&str> =
        first.match_indices("name=\"key\" value=\"").map(|(at, found)| &first[at + found.len()..][..15]).take(3).collect();
    let chosen: Vec<(&str, &str)> = ids.iter().map(|id| ("key", *id)).collect();
    let asked = text(&b.post(&format!("{KEYS}/selected"), &chosen));
    assert!(ids.iter().all(|id| asked.contains(id)) && asked.contains("(3)"), "{asked}");
    assert_eq!(s.get("/api/v1/realms/acme/keys?state=revoked").ok()["total"], 0);
    let done = b.post(&format!("{KEYS}/selected"), &[&chosen[..], &[("sure", "1")]].concat());
    assert_eq!(done.header("location"), Some("/console/r/acme/keys?done=3"), "{done}");
    assert_eq!(s.get("/api/v1/realms/acme/keys?state=revoked").ok()["total"], 3);
}

#[test]
fn every_area_has_its_page_in_both_languages() {
    let plane = plane(Preset::Default);
    let s = plane.serve();
    s.call("POST /api/v1/realms/acme/keys", &json!({ "org": "one", "name": "CI" })).ok();
    let mut b = Browser::signed_in(&s, &plane.admin);
    for (area, en, de) in [
        ("keys", "API keys", "API-Schlüssel"),
        ("reminders", "Reminders", "Erinnerungen"),
        ("services", "Services", "Dienste"),
        ("roles", "Roles", "Rollen"),
        ("owners", "Owners", "Inhaber"),
        ("orgs", "Orgs", "Organisationen"),
        ("usage", "Usage", "Benutzung"),
        ("health", "Health", "Zustand"),
        ("activity", "Audit log", "Änderungsprotokoll"),
        ("alerts", "Alerts", "Meldungen"),
        ("fleet", "Fleet", "Edges"),
        ("leak", "Leaked secret", "Geheimnis gefunden"),
    ] {
        let path = format!("/console/r/acme/{area}");
        let page = b.page(&path);
        assert!(page.contains(&format!("<h1>{en}</h1>")) && page.contains("<html lang=\"en\">"), "{page}");
        let german = b.send(&format!("GET {path}"), &[("Accept-Language", "de-AT,de;q=0.9")], b"");
        assert!(text(&german).contains(&format!("<h1>{de}</h1>")) && text(&german).contains("<html lang=\"de\">"), "{german}");
    }
    let log = b.page("/console/r/acme/activity?verify=1&action=key.create");
    assert!(log.contains("key.create") && log.contains("No row is missing"), "{log}");
    assert_eq!(b.get("/console/nowhere").status, 404);
    assert_eq!(b.get("/console/r/nowhere/keys").status, 404);
    assert_eq!(b.get("/console/r/acme/keys/key_00000000000").status, 404);
}

#[test]
fn a_leaked_secret_is_found_and_revoked() {
    let plane = plane(Preset::Default);
    let s = plane.serve();
    let made = s.call("POST /api/v1/realms/acme/keys", &json!({ "org": "one", "name": "CI" })).ok();
    let (secret, id) = (made["secret"].as_str().unwrap(), made["key"]["key_id"].as_str().unwrap());
    let mut b = Browser::signed_in(&s, &plane.admin);
    b.page("/console/r/acme/leak");
    let none = b.post("/console/r/acme/leak", &[("secret", "ek_nothing"), ("find", "1")]);
    assert!(none.status == 404 && !text(&none).contains("ek_nothing"), "{none}");
    let found = b.post("/console/r/acme/leak", &[("secret", secret), ("find", "1")]);
    assert!(found.status == 200 && text(&found).contains(id) && !text(&found).contains(secret), "{found}");
    assert_eq!(s.get(&format!("/api/v1/realms/acme/keys/{id}")).ok()["state"], "active");
    let revoked = b.post("/console/r/acme/leak", &[("secret", secret), ("revoke", "1")]);
    assert!(revoked.status == 200 && !text(&revoked).contains(secret), "{revoked}");
    assert_eq!(s.get(&format!("/api/v1/realms/acme/keys/{id}")).ok()["state"], "revoked");
}
