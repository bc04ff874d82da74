//! Who may call what: authentication, permissions, confinement.

use std::time::{Duration, Instant};

use crate::common::{self, Plane, slug};
use edgelatch_registry::management;
use edgelatch_server::FailureRate;
use edgelatch_server::limits::FAILURES_APART;
use edgelatch_testkit::registry::alerts;
use serde_json::{Value, json};

const KEYS: &str = "/api/v1/realms/acme/keys";

#[test]
fn refusals_are_those_of_an_edge() {
    let plane = Plane::new();
    let s = plane.serve();
    let get = format!("GET {KEYS}");
    let missing = s.send(&get, "", &[], b"");
    assert_eq!(missing.refused(), (401, "missing-credential".into()));
    assert_eq!(missing.header("www-authenticate"), Some("Bearer realm=\"management\""));
    let (id, revoked) = plane.management_key("viewer", &[]);
    let realm = slug(management::REALM);
    plane.registry.keys(&realm).revoke(&common::caller(), id.parse().unwrap(), None).unwrap();
    let mut bodies = Vec::new();
    for key in ["x", "elm_0000000000000000000000000000000000000", &format!("{}0", plane.admin), &revoked] {
        let refused = s.send(&get, key, &[], b"");
        assert_eq!(refused.refused(), (401, "invalid-token".into()), "{key}");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"management\", error=\"invalid_token\""));
        bodies.push(refused.body);
    }
    let exact = r#"{"type":"urn:edgelatch:problem:invalid-token","title":"Unauthorized","status":401,"detail":"The API key is not valid."}"#;
    assert!(bodies.iter().all(|body| body == exact.as_bytes()));
    // Two credentials, a repeated header, none at all in a place that does not count.
    let x_api_key = [("X-API-Key", &*plane.admin)];
    assert_eq!(s.send(&get, "", &x_api_key, b"").status, 200);
    assert_eq!(s.send(&get, &plane.admin, &x_api_key, b"").refused(), (400, "invalid-request".into()));
    let twice = [x_api_key[0], x_api_key[0]];
    assert_eq!(s.send(&get, "", &twice, b"").refused(), (400, "invalid-request".into()));
    assert_eq!(s.send(&format!("{get}?api_key={}", plane.admin), "", &[], b"").status, 401);
    let no_host = format!("{get} HTTP/1.1\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n", plane.admin);
    assert_eq!(s.raw(no_host.as_bytes()).refused(), (400, "invalid-request".into()));
    let bad_host = no_host.replace("Connection", "Host: a/b\r\nConnection");
    assert_eq!(s.raw(bad_host.as_bytes()).refused(), (400, "invalid-request".into()));
    // A key of another realm is no management key.
    let other = s.call(&format!("POST {KEYS}"), &json!({ "org": "one", "name": "x", "roles": ["admin"] })).ok();
    assert_eq!(s.send(&get, other["secret"].as_str().unwrap(), &[], b"").status, 401);
}

#[test]
fn a_revoked_key_is_refused_at_once_and_an_edited_one_is_what_it_is_now() {
    let plane = Plane::new();
    let s = plane.serve();
    let (id, key) = plane.management_key("viewer", &[]);
    let list = |key: &str| s.send(&format!("GET {KEYS}"), key, &[], b"").status;
    let create = |key: &str| s.call_as(key, &format!("POST {KEYS}"), &[], &json!({ "org": "one", "name": "x" })).status;
    assert_eq!((list(&key), create(&key)), (200, 403));
    let path = format!("/api/v1/realms/management/keys/{id}");
    s.call(&format!("PATCH {path}"), &json!({ "roles": ["key-manager"] })).ok();
    assert_eq!((list(&key), create(&key)), (200, 201));
    s.call(&format!("PATCH {path}"), &json!({ "scope": ["other"] })).ok();
    assert_eq!((list(&key), create(&key)), (403, 403));
    s.call(&format!("PATCH {path}"), &json!({ "scope": "all", "allow": ["192.0.2.1"] })).ok();
    let denied = s.send(&format!("GET {KEYS}"), &key, &[], b"");
    assert_eq!(denied.refused(), (403, "ip-denied".into()));
    // The connection counts; a header does not, unless somebody says so.
    assert_eq!(s.send(&format!("GET {KEYS}"), &key, &[("X-Forwarded-For", "192.0.2.1")], b"").status, 403);
    let behind = plane.serve_with(|api| api.client_ip = Some("trust=127.0.0.0/8".into()));
    assert_eq!(behind.send(&format!("GET {KEYS}"), &key, &[("X-Forwarded-For", "192.0.2.1")], b"").status, 200);
    assert_eq!(behind.send(&format!("GET {KEYS}"), &key, &[("X-Forwarded-For", "192.0.2.2")], b"").status, 403);
    s.call(&format!("PATCH {path}"), &json!({ "allow": [], "allow_mode": "any" })).ok();
    assert_eq!(list(&key), 200);
    s.call(&format!("POST {path}/revoke"), &Value::Null).ok();
    assert_eq!((list(&key), create(&key)), (401, 401));
}

#[test]
fn an_org_key_knows_its_org_only() {
    let plane = Plane::new();
    let s = plane.serve();
    let key = plane.org_key("key-manager", "one");
    let call = |line: &str, body: Value| s.call_as(&key, line, &[], &body);
    let theirs = s.call(&format!("POST {KEYS}"), &json!({ "org": "two", "name": "theirs" })).ok();
    let theirs = theirs["key"]["key_id"].as_str().unwrap();
    // Without a name it acts in its own.
    let own = call(&format!("POST {KEYS}"), json!({ "name": "own" })).ok();
    assert_eq!(own["key"]["org"], "one");
    let own = own["key"]["key_id"].as_str().unwrap();
    let listed = call(&format!("GET {KEYS}"), Value::Null).ok();
    let listed: Vec<&Value> = listed["keys"].as_array().unwrap().iter().map(|key| &key["org"]).collect();
    assert_eq!(listed, ["one"]);
    for line in [format!("GET {KEYS}?org=two"), format!("GET {KEYS}?org=ghost"), format!("POST {KEYS}")] {
        let body = if line.starts_with("POST") { json!({ "org": "two", "name": "x" }) } else { Value::Null };
        assert_eq!(call(&line, body).refused(), (403, "insufficient-scope".into()), "{line}");
    }
    // What is not theirs is not there, whatever is tried with it, and answers as an id that nobody has.
    let (there, nowhere) = (format!("{KEYS}/{theirs}"), format!("{KEYS}/key_00000000000"));
    for (method, rest, body) in [
        ("GET", "", Value::Null),
        ("PATCH", "", json!({ "name": "mine" })),
        ("DELETE", "?confirm=theirs", Value::Null),
        ("POST", "/revoke", Value::Null),
        ("POST", "/enable", Value::Null),
        ("POST", "/rotate", Value::Null),
    ] {
        let [found, absent] = [&there, &nowhere].map(|path| call(&format!("{method} {path}{rest}"), body.clone()));
        assert_eq!(found.refused(), (404, "not_found".into()), "{method} {rest}");
        let text = |reply: &common::Reply| String::from_utf8(reply.body.clone()).unwrap();
        assert_eq!(text(&found).replace(theirs, "ID"), text(&absent).replace("key_00000000000", "ID"));
        assert_ne!(call(&format!("{method} {KEYS}/{own}{rest}"), body).status, 404, "{method} {rest}");
    }
    assert_eq!(s.get(&there).ok()["name"], "theirs");
    // Other realms are out of reach, there or not.
    for realm in ["management", "ghost"] {
        let refused = call(&format!("GET /api/v1/realms/{realm}/keys"), Value::Null);
        assert_eq!(refused.refused(), (403, "insufficient-scope".into()), "{realm}");
    }
}

#[test]
fn a_key_for_several_orgs_names_the_one_it_means() {
    let plane = Plane::new();
    let s = plane.serve();
    let services = ["one", "two"].map(|org| management::org_service(&slug("acme"), &slug(org)).unwrap());
    let key = plane.management_key("key-manager", &services).1;
    let editor = plane.management_key("administrator", &services).1;
    let made = s.call_as(&key, &format!("POST {KEYS}"), &[], &json!({ "org": "two", "name": "x" })).ok();
    let path = format!("{KEYS}/{}", made["key"]["key_id"].as_str().unwrap());
    assert_eq!(s.call_as(&key, &format!("PATCH {path}"), &[], &json!({ "name": "y" })).status, 200);
    let unnamed = s.call_as(&key, &format!("POST {KEYS}"), &[], &json!({ "name": "x" }));
    assert_eq!((unnamed.refused(), &unnamed.json()["pointer"]), ((422, "invalid".into()), &json!("/org")));
    let unnamed = s.call_as(&key, &format!("GET {KEYS}"), &[], &Value::Null);
    assert_eq!((unnamed.refused(), &unnamed.json()["parameter"]), ((422, "invalid".into()), &json!("org")));
    let unnamed = s.call_as(&editor, "PATCH /api/v1/realms/acme/roles/x", &[], &json!({ "name": "y" }));
    assert_eq!((unnamed.refused(), &unnamed.json()["parameter"]), ((422, "invalid".into()), &json!("org")));
    assert_eq!(s.call_as(&key, &format!("GET {KEYS}?org=one"), &[], &Value::Null).ok()["keys"], json!([]));
}

#[test]
fn nobody_raises_their_own_rights() {
    let plane = Plane::new();
    let s = plane.serve();
    let keys = "/api/v1/realms/management/keys";
    let administrator = json!({ "org": "main", "name": "mine", "roles": ["administrator"] });
    let everywhere = plane.management_key("key-manager", &[]);
    let named = plane.management_key("key-manager", &[management::realm_service(&slug(management::REALM)).unwrap()]);
    let scoped = plane.management_key("administrator", &[management::realm_service(&slug("acme")).unwrap()]);
    for (id, key) in [everywhere, named, scoped] {
        let call = |line: String, body: &Value| s.call_as(&key, &line, &[], body).refused();
        let refused = (403, "insufficient-scope".to_owned());
        assert_eq!(call(format!("POST {keys}"), &administrator), refused);
        assert_eq!(call(format!("GET {keys}"), &Value::Null), refused);
        assert_eq!(call(format!("PATCH {keys}/{id}"), &json!({ "roles": ["administrator"] })), refused);
        assert_eq!(call(format!("POST {keys}/{}/rotate", plane.admin_id), &Value::Null), refused);
    }
    assert_eq!(s.call(&format!("POST {keys}"), &administrator).status, 201);
}

#[test]
fn who_may_edit_keys_may_not_revoke_them() {
    let plane = Plane::new();
    let s = plane.serve();
    let made = s.call(&format!("POST {KEYS}"), &json!({ "org": "one", "name": "x", "roles": ["reader"] })).ok();
    let revoke = format!("POST {KEYS}/{}/revoke", made["key"]["key_id"].as_str().unwrap());
    let all = json!({ "filter": { "org": "one" }, "dry_run": true });
    let holder = |role: &str, permissions: Value| {
        s.call("POST /api/v1/realms/management/roles", &json!({ "role": role, "permissions": permissions })).ok();
        plane.management_key(role, &[]).1
    };
    let editor = holder("editor", json!(["api.key.create", "api.key.update", "api.key.view"]));
    let refused = (403, "insufficient-scope".to_owned());
    assert_eq!(s.call_as(&editor, &revoke, &[], &Value::Null).refused(), refused);
    assert_eq!(s.call_as(&editor, &format!("POST {KEYS}/revoke"), &[], &all).refused(), refused);
    let status = format!("PATCH {KEYS}/{}", made["key"]["key_id"].as_str().unwrap());
    assert_eq!(s.call_as(&editor, &status, &[], &json!({ "status": "revoked" })).refused(), refused);
    assert_eq!(s.call_as(&editor, &status, &[], &json!({ "name": "y" })).ok()["key"]["name"], "y");
    let revoker = holder("revoker", json!(["api.key.delete"]));
    assert_eq!(s.call_as(&revoker, &format!("POST {KEYS}/revoke"), &[], &all).ok()["matched"], 1);
    assert_eq!(s.call_as(&revoker, &revoke, &[], &Value::Null).ok()["key"]["state"], "revoked");
}

#[test]
fn failures_are_limited_per_address_and_keep_no_good_key_out() {
    let plane = Plane::new();
    let pause = Duration::from_millis(200);
    let s = plane.serve_with(|api| {
        api.failures = FailureRate { burst: 3, per_minute: 1, pause };
        api.client_ip = Some("trust=127.0.0.0/8".into());
    });
    let from = |ip: &str, key: &str| s.send(&format!("GET {KEYS}"), key, &[("X-Forwarded-For", ip)], b"");
    // Successes and requests without a key cost nothing.
    for _ in 0..10 {
        assert_eq!(from("192.0.2.1", &plane.admin).status, 200);
        assert_eq!(from("192.0.2.1", "").status, 401);
    }
    for _ in 0..3 {
        assert_eq!(from("192.0.2.1", "wrong").status, 401);
    }
    // Whatever is wrong with a key, from now on it is not said, and not soon.
    let (_, revoked) = plane.management_key("viewer", &[]);
    for key in ["wrong", &revoked.replace('_', "-"), "elm_0000000000000000000000000000000000000"] {
        let asked = Instant::now();
        let limited = from("192.0.2.1", key);
        assert_eq!(limited.refused(), (429, "rate_limited".into()));
        assert!(asked.elapsed() >= pause);
        assert!((1..=61).contains(&limited.header("retry-after").unwrap().parse::<u64>().unwrap()));
    }
    // Others behind the address hold keys that are good: they manage, look at the metrics, and report.
    let realm = [management::realm_service(&slug("acme")).unwrap()];
    let (viewer, edge) = (plane.management_key("viewer", &[]).1, plane.management_key("edge", &realm).1);
    let behind = [("X-Forwarded-For", "192.0.2.1")];
    assert_eq!(from("192.0.2.1", &viewer).status, 200);
    assert_eq!(s.send("GET /metrics", &plane.admin, &behind, b"").status, 200);
    let batch = json!({ "batch": "b-1", "events": [] });
    assert_eq!(s.call_as(&edge, "POST /api/v1/realms/acme/usage", &behind, &batch).status, 200);
    // To lack a permission is no guess.
    assert_eq!(from("192.0.2.1", &edge).refused(), (403, "insufficient-scope".into()));
    assert_eq!(from("192.0.2.2", "wrong").status, 401);
    // What makes the address unknown falls back on the connection: it opens no new account each time.
    for broken in ["x", "300.1.1.1", "a"] {
        assert_eq!(from(broken, "wrong").status, 401);
    }
    assert_eq!(from("y", "wrong").status, 429);
}

/// Whoever guesses with many connections at once is judged no faster, and those with a good key behind the same address get through.
#[test]
fn a_flood_of_guesses_is_slowed_and_keeps_no_good_key_out() {
    let plane = Plane::new();
    let s = plane.serve_with(|api| api.failures = FailureRate { burst: 1, per_minute: 1, pause: Duration::ZERO });
    let status = |key: &str| s.send(&format!("GET {KEYS}"), key, &[], b"").status;
    assert_eq!(status("wrong"), 401);
    let begun = Instant::now();
    let guess =
        || std::iter::from_fn(|| (begun.elapsed() < Duration::from_secs(2)).then(|| assert_eq!(status("wrong"), 429))).count();
    let guesses: usize = std::thread::scope(|scope| {
        let flood = [(); 32].map(|()| scope.spawn(guess));
        for _ in 0..3 {
            let asked = Instant::now();
            assert_eq!(status(&plane.admin), 200);
            assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        }
        assert!(!flood.iter().any(|guessing| guessing.is_finished()), "nobody guessed meanwhile");
        flood.into_iter().map(|guessing| guessing.join().unwrap()).sum()
    });
    let most = begun.elapsed().as_millis() / FAILURES_APART.as_millis() + 1;
    assert!((1..=most).contains(&(guesses as u128)), "{guesses} of {most}");
}

#[test]
fn uses_of_management_keys_are_recorded() {
    let plane = Plane::new();
    let (id, key) = plane.management_key("viewer", &[]);
    let s = plane.serve();
    assert_eq!(s.send(&format!("GET {KEYS}"), &key, &[], b"").status, 200);
    assert_eq!(s.call_as(&key, &format!("POST {KEYS}"), &[], &json!({ "org": "one", "name": "x" })).status, 403);
    assert_eq!(s.send(&format!("GET {KEYS}/key_00000000000"), "wrong", &[], b"").status, 401);
    drop(s);
    let realm = slug(management::REALM);
    let shown = plane.registry.keys(&realm).get(id.parse().unwrap()).unwrap();
    assert_eq!((shown.uses, shown.refusals, shown.last_used_ip.as_deref()), (1, 1, Some("127.0.0.1")));
    let log =
        plane.registry.usage(&realm).requests(id.parse().unwrap(), &Default::default(), &Default::default()).unwrap().requests;
    assert_eq!(log[0].endpoint, "/api/v1/realms/{realm}/keys");
    let totals = plane.registry.usage(&realm).totals().unwrap();
    assert!(totals.iter().any(|total| total.code == "malformed" && total.number == 1), "{totals:?}");
}

#[test]
fn guessing_at_management_keys_raises_an_alert() {
    let plane = Plane::new();
    let s = plane.serve_with(|api| api.failures = FailureRate { pause: Duration::ZERO, ..FailureRate::default() });
    let mut statuses: Vec<u16> = (0..25).map(|_| s.send(&format!("GET {KEYS}"), "wrong", &[], b"").status).collect();
    statuses.dedup();
    // The limit on failures leaves enough of them to be told of.
    assert_eq!(statuses, [401, 429]);
    drop(s);
    let told = alerts(&plane.registry);
    let [alert] = &told[..] else { panic!("{told:?}") };
    assert_eq!(alert.realm.as_str(), management::REALM);
    assert!(alert.body.contains("failed_authentication"), "{}", alert.body);
}
