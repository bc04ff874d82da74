//! What an attacker may try on the console: each is refused, and changes nothing.

use crate::common::browser::{Browser, OWN, between};
use crate::common::{self, Plane, slug};
use edgelatch_registry::{Paging, management};
use edgelatch_server::{ConsoleOptions, FailureRate};
use serde_json::{Value, json};

const KEYS: &str = "/console/r/acme/keys";

/// A key of an org, by its public id.
fn key(s: &common::Served, org: &str, name: &str) -> String {
    let made = s.call("POST /api/v1/realms/acme/keys", &json!({ "org": org, "name": name, "roles": ["reader"] })).ok();
    made["key"]["key_id"].as_str().unwrap().to_owned()
}

/// A key to be imported.
const IMPORT: &str = "sha256,name\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,forged\n";

/// Every form of somebody who is signed in: where it goes, and what would do harm.
fn forms(id: &str) -> Vec<(String, Vec<(&'static str, String)>)> {
    let with = |more: &[(&'static str, &str)]| {
        let mut fields = vec![("send", "1".to_owned()), ("revision", "1".to_owned()), ("sure", "1".to_owned())];
        fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        fields
    };
    vec![
        ("/console/sign-out".into(), with(&[("everywhere", "1")])),
        (format!("{KEYS}/new?org=one"), with(&[("name", "forged")])),
        (format!("{KEYS}/selected"), with(&[("key", id)])),
        ("/console/r/acme/leak".into(), with(&[("secret", "x"), ("revoke", "1")])),
        (format!("{KEYS}/{id}/edit"), with(&[("name", "forged")])),
        (format!("{KEYS}/{id}/rotate"), with(&[("confirm", "CI")])),
        (format!("{KEYS}/{id}/revoke"), with(&[])),
        (format!("{KEYS}/{id}/enable"), with(&[])),
        (format!("{KEYS}/{id}/delete"), with(&[("confirm", "CI")])),
        (format!("{KEYS}/selected"), with(&[("key", id), ("act", "edit"), ("description", "forged")])),
        ("/console/r/acme/services?org=one".into(), with(&[("service", "forged"), ("act", "add")])),
        ("/console/r/acme/services?org=one".into(), with(&[("act", "any")])),
        (format!("{KEYS}/import"), with(&[("lines", IMPORT), ("org", "one"), ("import", "1")])),
        ("/console/r/acme/roles/new".into(), with(&[("role", "forged"), ("permissions", "cache.*"), ("org", "one")])),
        ("/console/r/acme/roles/edit?id=reader".into(), with(&[("name", "forged")])),
        ("/console/r/acme/roles/delete?id=reader".into(), with(&[])),
        ("/console/r/acme/owners/new".into(), with(&[("owner", "forged"), ("org", "one")])),
        ("/console/r/acme/owners/edit?id=alice&org=one".into(), with(&[("name", "forged")])),
        ("/console/r/acme/owners/delete?id=alice&org=one".into(), with(&[])),
        ("/console/r/acme/people/new".into(), with(&[("name", "forged"), ("roles", "administrator"), ("org", "one")])),
        ("/console/r/acme/people/edit?id=person-0000000000000000&org=one".into(), with(&[("roles", "administrator")])),
        ("/console/r/acme/people/link?id=person-0000000000000000&org=one".into(), with(&[])),
        ("/console/r/acme/people/delete?id=person-0000000000000000&org=one".into(), with(&[])),
        ("/console/r/acme/alerts/evt_00000000000000000000000000000000".into(), with(&[])),
        ("/console/r/acme/settings/edit".into(), with(&[("name", "forged"), ("head_lifetime", "60")])),
        ("/console/r/acme/orgs/new".into(), with(&[("org", "forged")])),
        ("/console/r/acme/orgs/edit?id=one".into(), with(&[("name", "forged")])),
        ("/console/r/acme/orgs/delete?id=one".into(), with(&[])),
    ]
}

fn acts(plane: &Plane) -> u64 {
    plane.registry.audit(&slug("acme")).list(&Default::default(), &Paging::first(1)).unwrap().rows[0].seq
}

/// A route that takes a form, and is not among those above, would be tried by no attack.
#[test]
fn each_form_is_attacked() {
    let id = "key_00000000000";
    let forms = forms(id);
    let fits = |route: &str, path: &str| {
        let (path, _) = path.split_once('?').unwrap_or((path, ""));
        let (route, path): (Vec<&str>, Vec<&str>) = (route.split('/').collect(), path.split('/').collect());
        route.len() == path.len() && route.iter().zip(&path).all(|(part, own)| part.starts_with('{') || part == own)
    };
    let mut routes = 0;
    for part in include_str!("../../src/console/mod.rs").split(".route(").skip(1).filter(|part| part.contains("post(")) {
        let route = between(part, "\"", "\"").unwrap();
        routes += 1;
        // Forms of nobody who is signed in have tests of their own.
        let is_theirs = !["/console/sign-in", "/console/invitation"].contains(&route);
        assert!(!is_theirs || forms.iter().any(|(path, _)| fits(route, path)), "{route}");
    }
    assert!(routes > 10, "{routes}");
}

#[test]
fn no_other_site_sends_a_form() {
    let plane = Plane::new();
    let s = plane.serve();
    let id = key(&s, "one", "CI");
    let mut b = Browser::signed_in(&s, &plane.admin);
    b.page(KEYS);
    let own = b.form.clone();
    // Of somebody else who is signed in, and of nobody.
    let mut other = Browser::signed_in(&s, &plane.management_key("administrator", &[]).1);
    other.page(KEYS);
    let before = acts(&plane);
    for (path, fields) in forms(&id) {
        let given = |form: Option<&str>| {
            let mut all: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            form.into_iter().for_each(|form| all.push(("form", form)));
            all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
        };
        let mut send = |form: Option<&str>, headers: &[(&str, &str)]| {
            let all = given(form);
            let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            b.post_as(&path, &all, headers).status
        };
        for form in [None, Some(""), Some(other.form.as_str()), Some("A".repeat(43).as_str())] {
            assert_eq!(send(form, OWN), 403, "{path} {form:?}");
        }
        for headers in [
            &[("Origin", "https://evil.example")][..],
            &[("Origin", "null")],
            &[("Origin", "http://localhost.evil.example")],
            &[("Origin", "http://localhost:1")],
            &[("Sec-Fetch-Site", "cross-site"), ("Origin", "http://localhost")],
            &[("Sec-Fetch-Site", "same-site"), ("Origin", "http://localhost")],
            &[],
        ] {
            assert_eq!(send(Some(&own), headers), 403, "{path} {headers:?}");
        }
        // A form that is none: JSON, or text that a form of another site can send.
        for kind in ["text/plain", "multipart/form-data", "application/json"] {
            let headers = [&[("Content-Type", kind)], OWN].concat();
            let body = format!("form={own}");
            assert_eq!(b.send(&format!("POST {path}"), &headers, body.as_bytes()).status, 415, "{path} {kind}");
        }
    }
    assert_eq!(acts(&plane), before);
    b.page(KEYS);
}

#[test]
fn what_a_browser_held_before_signs_nobody_in() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::new(&s);
    let planted = format!("{}.AAAA", "A".repeat(43));
    b.cookies.insert("edgelatch".into(), planted.clone());
    b.get("/console/sign-in");
    let form_cookie = b.cookies["edgelatch-form"].clone();
    assert_eq!(b.post("/console/sign-in", &[("key", &plane.admin)]).status, 303);
    assert!(b.cookies["edgelatch"] != planted && b.cookies["edgelatch"] != form_cookie);
    for known in [planted, form_cookie] {
        let mut thief = Browser::new(&s);
        thief.cookies.insert("edgelatch".into(), known);
        assert_eq!(thief.get(KEYS).status, 303);
    }
    // Who signs in anew ends what was before.
    let before = b.cookies.clone();
    b.get("/console/sign-in?ended=1");
    assert_eq!(b.post("/console/sign-in", &[("key", &plane.admin)]).status, 303);
    let mut thief = Browser::new(&s);
    thief.cookies = before;
    assert_eq!(thief.get(KEYS).status, 303);
    // Two cookies of one name: one of them was set by somebody else.
    let twice = format!("edgelatch={}.AAAA; edgelatch={}", "A".repeat(43), b.cookies["edgelatch"]);
    assert_eq!(s.send(&format!("GET {KEYS}"), "", &[("Cookie", &twice)], b"").status, 303);
    // A management key in the place where the API takes one is no sign-in.
    assert_eq!(s.send(&format!("GET {KEYS}"), &plane.admin, &[], b"").status, 303);
}

#[test]
fn nobody_sees_another_org() {
    let plane = Plane::new();
    let s = plane.serve();
    let (own, foreign) = (key(&s, "one", "CI"), key(&s, "two", "theirs"));
    let mut b = Browser::signed_in(&s, &plane.org_key("administrator", "one"));
    let page = b.page(KEYS);
    assert!(page.contains(&own) && !page.contains(&foreign) && !page.contains("theirs"), "{page}");
    b.page(&format!("{KEYS}/{own}"));
    let before = acts(&plane);
    for path in ["", "/edit", "/rotate", "/revoke", "/delete", "/enable", "/requests"] {
        assert_eq!(b.get(&format!("{KEYS}/{foreign}{path}")).status, 404, "{path}");
    }
    // What is of another org is not there, nor is anything made in it.
    let of_two = |path: String| path.replace("org=one", "org=two").replace("orgs/edit?id=one", "orgs/edit?id=two");
    for (path, fields) in forms(&foreign) {
        if path.contains("sign-out") || path.contains("leak") || path.contains("/keys/new") {
            continue;
        }
        let path = of_two(path).replace("orgs/delete?id=one", "orgs/delete?id=two");
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (*name, if *name == "org" { "two" } else { value })).collect();
        let reply = b.post(&path, &fields);
        assert!([403, 404, 412].contains(&reply.status), "{path}: {reply}");
    }
    assert_eq!(acts(&plane), before);
    for (path, fields) in forms(&foreign).into_iter().filter(|(path, _)| path.contains(&foreign) || path.contains("selected")) {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(b.post(&path, &fields).status, 404, "{path}");
    }
    for path in [
        format!("{KEYS}?org=two"),
        "/console/r/acme/activity?org=two".into(),
        "/console/r/acme/activity/export?org=two".into(),
        "/console/r/acme/requests/export?org=two".into(),
        "/console/r/acme/services?org=two".into(),
        "/console/r/acme/reminders?org=two".into(),
        "/console/r/acme/fleet".into(),
    ] {
        let reply = b.get(&path);
        assert!(reply.status >= 400, "{path}: {reply}");
        assert!(!String::from_utf8_lossy(&reply.body).contains("theirs"));
    }
    assert_eq!(b.get(&format!("{KEYS}/new?org=two")).status, 404);
    assert_eq!(b.post(&format!("{KEYS}/new?org=two"), &[("name", "mine"), ("send", "1")]).status, 404);
    assert_eq!(b.get(&format!("/console/r/{}/keys", management::REALM)).status, 403);
    assert_eq!(acts(&plane), before);
}

#[test]
fn pages_are_kept_by_nobody_framed_by_nobody_and_run_nothing_of_their_own() {
    let plane = Plane::new();
    let s = plane.serve();
    let id = key(&s, "one", "CI");
    let mut b = Browser::new(&s);
    let mut paths =
        vec!["/console/sign-in".to_owned(), "/console/invitation".into(), "/console".into(), "/console/nowhere".into()];
    let check = |b: &mut Browser<'_>, path: &str| {
        let reply = b.get(path);
        let csp = reply.header("content-security-policy").unwrap_or_else(|| panic!("{path}: {reply}"));
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(csp.split("; ").any(|own| own.trim() == part), "{path}: {csp}");
        }
        assert!(!csp.contains("unsafe"));
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(reply.header("referrer-policy"), Some("same-origin"));
        assert_eq!(reply.header("x-frame-options"), Some("DENY"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        let page = String::from_utf8_lossy(&reply.body).into_owned();
        for forbidden in ["<style", " style=", "<script>", " onclick=", " onload=", "javascript:", "http://", "//cdn"] {
            assert!(!page.contains(forbidden), "{path}: {forbidden}: {page}");
        }
        page
    };
    paths.iter().for_each(|path| drop(check(&mut b, path)));
    b = Browser::signed_in(&s, &plane.admin);
    for area in [
        "keys",
        "keys/new",
        "keys/import",
        "reminders",
        "services?org=one",
        "roles",
        "roles/new",
        "owners",
        "owners/new",
        "owners/edit?id=alice&org=one",
        "owners/delete?id=alice&org=one",
        "orgs",
        "orgs/new",
        "orgs/edit?id=one",
        "people",
        "people/new",
        "usage",
        "activity",
        "alerts",
        "fleet",
        "health",
        "leak",
        "settings/edit",
    ] {
        paths.push(format!("/console/r/acme/{area}"));
    }
    for act in ["", "/edit", "/rotate", "/revoke", "/delete", "/requests"] {
        paths.push(format!("{KEYS}/{id}{act}"));
    }
    let pages: Vec<String> = paths.iter().map(|path| check(&mut b, path)).collect();
    // What they load is named by what it holds, and kept for good.
    for (before, kind) in [("rel=\"stylesheet\" href=\"", "text/css"), ("<script src=\"", "text/javascript")] {
        let asset = between(pages.last().unwrap(), before, "\"").unwrap();
        let reply = b.get(asset);
        assert_eq!((reply.status, reply.header("cache-control")), (200, Some("public, max-age=31536000, immutable")));
        assert!(reply.header("content-type").unwrap().starts_with(kind));
        assert_eq!(b.get(&asset.replace('.', "0.")).status, 404);
    }
    assert_eq!(b.get("/console/assets/..%2f..%2fCargo.toml").status, 404);
}

#[test]
fn under_tls_cookies_are_sent_over_nothing_else() {
    let plane = Plane::new();
    for (https, name) in [(false, "edgelatch="), (true, "__Host-edgelatch=")] {
        let mut options = plane.options();
        options.console = Some(ConsoleOptions { https, ..ConsoleOptions::default() });
        let s = common::Served::start(options, &plane.admin);
        let mut b = Browser::new(&s);
        b.get("/console/sign-in");
        let reply = b.post("/console/sign-in", &[("key", &plane.admin)]);
        let cookie = reply.head.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{reply}"));
        assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Strict") && !cookie.contains("Domain"), "{cookie}");
        assert_eq!(cookie.contains("; Secure"), https);
    }
}

#[test]
fn keys_are_not_tried_without_end() {
    let plane = Plane::new();
    let s = plane.serve_with(|api| api.failures = FailureRate { burst: 3, per_minute: 1, pause: std::time::Duration::ZERO });
    let mut b = Browser::new(&s);
    b.get("/console/sign-in");
    for _ in 0..3 {
        let reply = b.post("/console/sign-in", &[("key", "elm_00000000000000000000000000000000000000")]);
        assert_eq!(reply.status, 403, "{reply}");
    }
    let reply = b.post("/console/sign-in", &[("key", "elm_00000000000000000000000000000000000001")]);
    assert_eq!(reply.status, 429, "{reply}");
    // What was tried is repeated by no page, nor does the log hold it.
    assert!(!String::from_utf8_lossy(&reply.body).contains("elm_0000") && !s.log.text().contains("elm_0000"));
    // The holder of a good key is let in all the same.
    assert_eq!(b.post("/console/sign-in", &[("key", &plane.admin)]).status, 303);
    // A text that would be more than a header is no key.
    b.get("/console/sign-in?ended=1");
    let forged = format!("{}\r\nX-Evil: 1", plane.admin);
    assert!(b.post("/console/sign-in", &[("key", &forged)]).status >= 400);
}

#[test]
fn names_stay_text() {
    let plane = Plane::new();
    let s = plane.serve();
    let names = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "=HYPERLINK(\"http:x\")",
        "' onfocus='alert(1)",
        "{{7*7}}",
    ];
    for name in names {
        let made = s.call("POST /api/v1/realms/acme/keys", &json!({ "org": "one", "name": name, "description": name }));
        assert_eq!(made.status, 201, "{name}: {made}");
        let id = made.json()["key"]["key_id"].as_str().unwrap().to_owned();
        let mut b = Browser::signed_in(&s, &plane.admin);
        for path in [
            "/console/r/acme/activity".to_owned(),
            KEYS.into(),
            format!("{KEYS}/{id}"),
            format!("{KEYS}/{id}/edit"),
            format!("{KEYS}/{id}/delete"),
        ] {
            let page = b.page(&path);
            // As it stands it would end the attribute or the element that it stands in.
            assert!(!page.contains(name) || !name.contains(['<', '"', '\'']), "{path}: {page}");
            assert!(!page.contains("<img") && !page.contains("<script>"), "{path}: {page}");
        }
        let page = b.page(&format!("{KEYS}?search={}", "%22%3E%3Cimg%20src%3Dx%3E"));
        assert!(!page.contains("<img"));
    }
}

#[test]
fn a_lost_session_brings_nobody_elsewhere() {
    let plane = Plane::new();
    let s = plane.serve();
    for bad in [
        "https://evil.example/",
        "//evil.example/",
        "/console//evil.example",
        "/console/\\evil",
        "/api/v1/realms",
        "javascript:alert(1)",
    ] {
        let mut b = Browser::new(&s);
        b.get("/console/sign-in");
        let reply = b.post("/console/sign-in", &[("key", &plane.admin), ("next", bad)]);
        assert_eq!((reply.status, reply.header("location")), (303, Some("/console")), "{bad}");
    }
    // Nor does the API take a cookie for a key.
    let b = Browser::signed_in(&s, &plane.admin);
    let cookie = format!("edgelatch={}", b.cookies["edgelatch"]);
    let call = s.send("GET /api/v1/whoami", "", &[("Cookie", &cookie)], b"");
    assert_eq!(call.status, 401, "{call}");
    assert_eq!(s.call_as("", "GET /api/v1/whoami", &[], &Value::Null).status, 401);
}

/// A form with a file: the fields, then the file, as browsers send them.
fn with_file(fields: &[(&str, &str)], file: &str) -> String {
    let field =
        |(name, value): &(&str, &str)| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let fields: String = fields.iter().map(field).collect();
    format!("{fields}--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"keys.csv\"\r\n\r\n{file}\r\n--b--\r\n")
}

/// The one form with a file is proven before the file is read, and by what stands before it.
#[test]
fn no_other_site_sends_a_file() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    b.page(&format!("{KEYS}/import"));
    let own = b.form.clone();
    let path = format!("POST {KEYS}/import?import=1");
    let kind = ("Content-Type", "multipart/form-data; boundary=b");
    let good = with_file(&[("form", &own), ("org", "one"), ("owner", "alice")], IMPORT);
    let before = acts(&plane);
    let foreign = [
        with_file(&[("org", "one")], IMPORT),
        with_file(&[("form", ""), ("org", "one")], IMPORT),
        with_file(&[("form", &"A".repeat(43)), ("org", "one")], IMPORT),
        // Behind the file it counts for nothing.
        good.replacen(&own, "x", 1)
            .replace("--b--", &format!("--b\r\nContent-Disposition: form-data; name=\"form\"\r\n\r\n{own}\r\n--b--")),
    ];
    for body in foreign {
        let reply = b.send(&path, &[&[kind], OWN].concat(), body.as_bytes());
        assert_eq!(reply.status, 403, "{body}: {reply}");
    }
    for headers in [&[("Origin", "https://evil.example")][..], &[("Sec-Fetch-Site", "cross-site")], &[]] {
        assert_eq!(b.send(&path, &[&[kind], headers].concat(), good.as_bytes()).status, 403, "{headers:?}");
    }
    let broken = &good[..good.len() / 2];
    assert!([400, 403].contains(&b.send(&path, &[&[kind], OWN].concat(), broken.as_bytes()).status));
    let listed = s.get("/api/v1/realms/acme/imports").ok();
    assert_eq!((acts(&plane), listed["imports"].as_array().unwrap().len()), (before, 0), "{listed}");
    // Nor is one begun in another org, or looked at.
    let mut other = Browser::signed_in(&s, &plane.org_key("administrator", "two"));
    other.page(&format!("{KEYS}/import"));
    let body = with_file(&[("form", &other.form.clone()), ("org", "one")], IMPORT);
    let refused = other.send(&path, &[&[kind], OWN].concat(), body.as_bytes());
    assert!([403, 404].contains(&refused.status), "{refused}");
    let begun = b.send(&path, &[&[kind], OWN].concat(), good.as_bytes());
    assert_eq!(begun.status, 303, "{begun}");
    let place = begun.header("location").unwrap().to_owned();
    assert_eq!((b.get(&place).status, other.get(&place).status), (200, 404));
    assert!(!other.page(&format!("{KEYS}/import")).contains(&place));
}
