//! Pages of the console about what is due, about services, and about imports that go on while nobody waits.

use std::thread::sleep;
use std::time::Duration;

use crate::common::Plane;
use crate::common::browser::{Browser, OWN, text, value};
use serde_json::{Value, json};

const REALM: &str = "/console/r/acme";
const API: &str = "/api/v1/realms/acme";

#[test]
fn what_is_due_is_shown_by_what_it_is_due_for() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let reminders = format!("{REALM}/reminders");
    // Whoever has nothing to do is told what will stand here.
    let page = b.page(&reminders);
    assert!(page.contains("Nothing is due") && page.contains("30, 7 and 1 days"), "{page}");
    let make = |org: &str, name: &str, expires: &str| {
        let made = s.call(&format!("POST {API}/keys"), &json!({ "org": org, "name": name, "expires_at": expires })).ok();
        made["key"]["key_id"].as_str().unwrap().to_owned()
    };
    let (day, week) = (make("one", "of a day", "20h"), make("two", "of a week", "6d"));
    let (later, gone) = (make("one", "of a year", "1y"), make("one", "revoked", "20h"));
    s.call(&format!("POST {API}/keys/{gone}/revoke"), &Value::Null).ok();
    let of = |b: &mut Browser<'_>, query: &str| {
        let page = b.page(&format!("{reminders}?{query}"));
        [&day, &week, &later, &gone].map(|id| page.contains(&format!("name=\"key\" value=\"{id}\"")))
    };
    // The most urgent part unless another is asked for; nothing of keys that are revoked.
    assert_eq!(of(&mut b, ""), [true, false, false, false]);
    assert_eq!(of(&mut b, "part=expires_in_week"), [true, true, false, false]);
    assert_eq!(of(&mut b, "part=expires_soon&org=two"), [false, true, false, false]);
    assert_eq!(of(&mut b, "part=never_used"), [true, true, true, false]);
    assert_eq!(of(&mut b, "part=rotation_due"), [false; 4]);
    assert_eq!(of(&mut b, "part=nothing"), [true, false, false, false]);
    // The same in the table of keys, to which it leads.
    let page = b.page(&format!("{REALM}/keys?which=expires_in_week"));
    assert!(page.contains(&day) && page.contains(&week) && !page.contains(&later) && !page.contains(&gone), "{page}");
    assert!(b.page(&format!("{REALM}/keys?which=expires_in_day&state=revoked")).contains(&gone));
    // What is done to a selection leads back here.
    b.page(&reminders);
    let selected = [("key", day.as_str()), ("act", "edit"), ("from", "reminders"), ("sure", "1"), ("expires", "1y")];
    let done = b.post(&format!("{REALM}/keys/selected"), &selected);
    assert_eq!(done.header("location"), Some("/console/r/acme/reminders?changed=1"), "{done}");
    assert!(b.page(&format!("{reminders}?changed=1")).contains("1 key changed"));
    assert_eq!(of(&mut b, "part=expires_in_day"), [false; 4]);
    // It leads nowhere else.
    let selected = [("key", week.as_str()), ("act", "edit"), ("from", "//evil.example"), ("sure", "1"), ("expires", "1y")];
    let done = b.post(&format!("{REALM}/keys/selected"), &selected);
    assert_eq!(done.header("location"), Some("/console/r/acme/keys?changed=1"), "{done}");
    // Whoever has one org sees that one.
    let mut one = Browser::signed_in(&s, &plane.org_key("viewer", "one"));
    assert_eq!(of(&mut one, "part=never_used"), [true, false, true, false]);
}

#[test]
fn services_are_listed_counted_added_and_removed() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let services = format!("{REALM}/services");
    assert!(b.page(&format!("{services}?org=one")).contains("No key names a service"));
    let make = |org: &str, scope: Value| {
        s.call(&format!("POST {API}/keys"), &json!({ "org": org, "name": "CI", "scope": scope })).ok()
    };
    make("one", json!(["cdn", "dns"]));
    let both = make("one", json!(["cdn"]));
    make("one", json!("all"));
    make("two", json!(["waf"]));
    let listed = |query: &str| s.get(&format!("{API}/services{query}")).ok();
    let of = |org: &str, service: &str, listed: bool, keys: u64| json!({ "org": org, "service": service, "listed": listed, "keys": keys });
    let all = listed("");
    let wanted = json!([of("one", "cdn", false, 2), of("one", "dns", false, 1), of("two", "waf", false, 1)]);
    assert_eq!((&all["services"], &all["unscoped"], &all["next"]), (&wanted, &json!(1), &Value::Null));
    // Page by page, the same.
    let first = listed("?limit=2");
    let rest = listed(&format!("?limit=2&cursor={}", first["next"].as_str().unwrap()));
    assert_eq!((&first["services"][1], &rest["services"][0], &rest["next"]), (&wanted[1], &wanted[2], &Value::Null));
    // Whoever reaches one org has that one.
    let own = s.call_as(&plane.org_key("viewer", "two"), &format!("GET {API}/services"), &[], &Value::Null).ok();
    assert_eq!(own["services"], json!([wanted[2]]));
    // The keys that name one, and those alone.
    let page = b.page(&services);
    assert!(page.contains("/console/r/acme/keys?service=cdn&amp;org=one") && !page.contains("name=\"service\""), "{page}");
    assert!(b.page(&format!("{REALM}/keys?service=cdn&org=one")).contains(">2 keys<"));
    assert_eq!(s.get(&format!("{API}/keys?service=waf")).ok()["total"], 1);
    let id = both["key"]["key_id"].as_str().unwrap();
    s.call(&format!("PATCH {API}/keys/{id}"), &json!({ "scope": ["waf"] })).ok();
    let total = |service: &str| s.get(&format!("{API}/keys?service={service}")).ok()["total"].clone();
    assert_eq!([total("waf"), total("cdn")], [2, 1]);
    // A list begins with what keys name.
    let path = format!("{services}?org=one");
    let act = |b: &mut Browser<'_>, act: &str, service: &str| {
        let revision = value(&b.page(&path), "revision").to_owned();
        b.post(&path, &[("revision", &revision), ("act", act), ("service", service)])
    };
    let setting = || s.get(&format!("{API}/orgs/one")).ok()["settings"]["services"].clone();
    let refused = act(&mut b, "add", "<b>no</b>");
    let page = text(&refused);
    assert!(refused.status == 422 && page.contains("id=\"service-error\"") && page.contains("&#60;b&#62;no"), "{page}");
    assert_eq!((act(&mut b, "add", "mail").status, setting()), (303, json!(["cdn", "dns", "waf", "mail"])));
    assert_eq!((act(&mut b, "remove", "dns").status, setting()), (303, json!(["cdn", "waf", "mail"])));
    assert_eq!(act(&mut b, "add", "mail").status, 422);
    let all = listed("?org=one");
    let wanted =
        json!([of("one", "cdn", true, 1), of("one", "dns", false, 1), of("one", "mail", true, 0), of("one", "waf", true, 1)]);
    assert_eq!(all["services"], wanted);
    let last = s.get(&format!("{API}/activity?action=org.edit")).ok();
    assert_eq!(last["activity"][0]["after"]["settings"]["services"], json!(["cdn", "waf", "mail"]));
    // Whoever began before somebody else changed it changes nothing.
    let late = b.post(&path, &[("revision", "1"), ("act", "remove"), ("service", "cdn")]);
    assert_eq!((late.status, setting()), (412, json!(["cdn", "waf", "mail"])));
    assert_eq!((act(&mut b, "any", "").status, setting()), (303, Value::Null));
    // What may be read need not be theirs to change.
    let mut viewer = Browser::signed_in(&s, &plane.org_key("viewer", "one"));
    assert_eq!(act(&mut viewer, "add", "mail").status, 403);
    assert_eq!(b.post(&services, &[("revision", "1"), ("act", "any")]).status, 404);
}

/// Sends a file from the page of imports.
fn upload(b: &mut Browser<'_>, act: &str, name: &str, file: &str) -> String {
    b.page(&format!("{REALM}/keys/import"));
    let field = |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let fields = [("form", b.form.as_str()), ("lines", ""), ("org", "one"), ("owner", "alice"), ("role", "reader")];
    let fields: String = fields.iter().map(|(name, value)| field(name, value)).collect();
    let head = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/plain\r\n\r\n"
    );
    let body = format!("{fields}{head}{file}\r\n{}--b--\r\n", field("try", "1"));
    let headers = [&[("Content-Type", "multipart/form-data; boundary=b")], OWN].concat();
    let reply = b.send(&format!("POST {REALM}/keys/import?{act}"), &headers, body.as_bytes());
    assert_eq!(reply.status, 303, "{reply}");
    reply.header("location").unwrap().to_owned()
}

/// The page of an import once it has ended.
fn ended(b: &mut Browser<'_>, place: &str) -> String {
    for _ in 0..600 {
        let page = b.page(place);
        if !page.contains("http-equiv=\"refresh\"") {
            return page;
        }
        // It asks again by itself, with scripts and without.
        assert!(page.contains("hx-trigger=\"every 1s\"") && page.contains("<progress"), "{page}");
        sleep(Duration::from_millis(20));
    }
    panic!("it does not end");
}

#[test]
fn a_file_is_imported_while_nobody_waits() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let count = || s.get(&format!("{API}/keys")).ok()["total"].as_u64().unwrap();
    let lines: String = (1..=3_000).map(|n| format!("{n:032x}{n:032x},key {n}\n")).collect();
    let good = format!("sha256,name\n{lines}");
    let place = upload(&mut b, "", "keys.csv", &good);
    let page = ended(&mut b, &place);
    assert!(page.contains("would be imported: 3000") && count() == 0, "{page}");
    let place = upload(&mut b, "import=1", "keys.csv", &good);
    let page = ended(&mut b, &place);
    assert!(page.contains("Imported keys: 3000") && count() == 3_000, "{page}");
    // Again: each line is refused, and told of by its number.
    let place = upload(&mut b, "import=1", "keys.csv", &good);
    let page = ended(&mut b, &place);
    assert!(page.contains("refused: 3000") && page.contains("<td data-title=\"Line\">2</td>"), "{page}");
    assert!(page.contains("Only the first ones") && count() == 3_000, "{page}");
    // By a file's name, JSON; what holds no line, and what is none.
    let json = json!({ "sha256": "f".repeat(64), "name": "<i>last</i>" }).to_string();
    let place = upload(&mut b, "import=1", "keys.JSONL", &json);
    assert!(ended(&mut b, &place).contains("Imported keys: 1"));
    let place = upload(&mut b, "import=1", "keys.csv", "sha256,name\n");
    assert!(ended(&mut b, &place).contains("no line with a key"));
    let place = upload(&mut b, "import=1", "keys.csv", "what,ever\n1,2\n");
    let page = ended(&mut b, &place);
    assert!(page.contains("class=\"error\"") && page.contains("is no column"), "{page}");
    // Whoever left the page finds them again.
    let page = b.page(&format!("{REALM}/keys/import"));
    assert_eq!(page.matches("/console/r/acme/keys/import/imp_").count(), 6, "{page}");
    let acts = s.get(&format!("{API}/activity?action=keys.import")).ok();
    assert_eq!(acts["activity"].as_array().unwrap().len(), 2, "{acts}");
    for nowhere in ["imp_00000000000000000000000000000000", "key_00000000000", "import"] {
        assert_eq!(b.get(&format!("{REALM}/keys/import/{nowhere}")).status, 404, "{nowhere}");
    }
}

#[test]
fn what_somebody_looks_for_is_found_from_where_they_are() {
    let plane = Plane::new();
    let s = plane.serve();
    let made =
        s.call(&format!("POST {API}/keys"), &json!({ "org": "one", "owner": "alice", "name": "CI", "roles": ["reader"] })).ok();
    let id = made["key"]["key_id"].as_str().unwrap();
    let mut b = Browser::signed_in(&s, &plane.admin);
    // From a key to who changed it, from an owner and a role to their keys.
    let key = b.page(&format!("{REALM}/keys/{id}"));
    assert!(key.contains(&format!("{REALM}/activity?target={id}")), "{key}");
    let log = b.page(&format!("{REALM}/activity?target={id}"));
    assert!(log.contains("key.create") && !log.contains("owner.create"), "{log}");
    assert!(b.page(&format!("{REALM}/owners")).contains("/console/r/acme/keys?owner=alice&#38;org=one"));
    assert!(b.page(&format!("{REALM}/keys?owner=alice&org=one")).contains(id));
    assert!(b.page(&format!("{REALM}/roles")).contains("/console/r/acme/keys?role=reader"));
    assert!(b.page(&format!("{REALM}/keys?role=reader")).contains(id));
    // The audit log of a stretch of days.
    for (query, is_there) in
        [("since=2001-01-31", true), ("until=2001-01-31", false), ("since=2001-01-31&until=2199-01-31", true)]
    {
        let log = b.page(&format!("{REALM}/activity?{query}"));
        assert_eq!(log.contains("<code>key.create</code>"), is_there, "{query}: {log}");
    }
    let wrong = b.page(&format!("{REALM}/activity?since=yesterday-ish"));
    assert!(wrong.contains("class=\"error\"") && wrong.contains("value=\"yesterday-ish\""), "{wrong}");
    // Edges that lack the last change, and those that are gone.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let report = json!({ "edge": "e1", "name": "fra-1", "report": 1, "epoch": 0, "issued_at": now, "root_version": 1, "serving": 0, "at": now, "mode": "timer", "sdk": "x" });
    s.call(&format!("POST {API}/edges"), &report).ok();
    let shown = |b: &mut Browser<'_>, part: &str| b.page(&format!("{REALM}/fleet?part={part}")).contains("<bdi>fra-1</bdi>");
    // Reports are written a moment after they were taken.
    for _ in 0..200 {
        if shown(&mut b, "") {
            break;
        }
        sleep(Duration::from_millis(50));
    }
    assert_eq!(["", "lacking", "gone"].map(|part| shown(&mut b, part)), [true, true, false]);
    // From a request that was refused to what the key would get from there.
    let event = json!({ "key_id": id, "at": now, "method": "GET", "endpoint": "/", "ip": "192.0.2.9", "status": 403, "code": "ip_denied" });
    s.call(&format!("POST {API}/usage"), &json!({ "batch": "b", "events": [event] })).ok();
    let requests = b.page(&format!("{REALM}/keys/{id}/requests"));
    assert!(requests.contains(&format!("{REALM}/keys/{id}?ask=1&amp;ip=192.0.2.9")), "{requests}");
    assert!(b.page(&format!("{REALM}/keys/{id}?ask=1&ip=192.0.2.9")).contains("class=\"why\""));
}
