//! Every route takes exactly the permission that stands here, and has its bounds.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::common::{self, Plane, slug};
use edgelatch_registry::{NewRole, management};
use edgelatch_server::{API_ROUTES, limits};
use serde_json::{Value, json};

/// Method, path and permission.
const TABLE: [(&str, &str, &str); 60] = [
    ("get", "/api/v1/realms", "realm.view"),
    ("post", "/api/v1/realms", "realm.create"),
    ("get", "/api/v1/realms/{realm}", "realm.view"),
    ("patch", "/api/v1/realms/{realm}", "realm.update"),
    ("delete", "/api/v1/realms/{realm}", "realm.delete"),
    ("get", "/api/v1/realms/{realm}/orgs", "org.view"),
    ("post", "/api/v1/realms/{realm}/orgs", "org.create"),
    ("get", "/api/v1/realms/{realm}/orgs/{org}", "org.view"),
    ("patch", "/api/v1/realms/{realm}/orgs/{org}", "org.update"),
    ("delete", "/api/v1/realms/{realm}/orgs/{org}", "org.delete"),
    ("get", "/api/v1/realms/{realm}/owners", "owner.view"),
    ("post", "/api/v1/realms/{realm}/owners", "owner.create"),
    ("get", "/api/v1/realms/{realm}/orgs/{org}/owners/{owner}", "owner.view"),
    ("patch", "/api/v1/realms/{realm}/orgs/{org}/owners/{owner}", "owner.update"),
    ("delete", "/api/v1/realms/{realm}/orgs/{org}/owners/{owner}", "owner.delete"),
    ("get", "/api/v1/realms/{realm}/people", "person.view"),
    ("post", "/api/v1/realms/{realm}/people", "person.create"),
    ("get", "/api/v1/realms/{realm}/people/{person}", "person.view"),
    ("patch", "/api/v1/realms/{realm}/people/{person}", "person.update"),
    ("delete", "/api/v1/realms/{realm}/people/{person}", "person.delete"),
    ("post", "/api/v1/realms/{realm}/people/{person}/link", "person.create"),
    ("get", "/api/v1/realms/{realm}/roles", "role.view"),
    ("post", "/api/v1/realms/{realm}/roles", "role.create"),
    ("get", "/api/v1/realms/{realm}/roles/{role}", "role.view"),
    ("patch", "/api/v1/realms/{realm}/roles/{role}", "role.update"),
    ("delete", "/api/v1/realms/{realm}/roles/{role}", "role.delete"),
    ("get", "/api/v1/realms/{realm}/services", "key.view"),
    ("get", "/api/v1/realms/{realm}/imports", "key.create"),
    ("post", "/api/v1/realms/{realm}/imports", "key.create"),
    ("get", "/api/v1/realms/{realm}/imports/{import}", "key.create"),
    ("get", "/api/v1/realms/{realm}/keys", "key.view"),
    ("post", "/api/v1/realms/{realm}/keys", "key.create"),
    ("post", "/api/v1/realms/{realm}/keys/import", "key.create"),
    ("post", "/api/v1/realms/{realm}/keys/revoke", "key.delete"),
    ("post", "/api/v1/realms/{realm}/keys/edit", "key.update"),
    ("post", "/api/v1/realms/{realm}/keys/by-secret", "key.view"),
    ("post", "/api/v1/realms/{realm}/keys/by-secret/revoke", "key.delete"),
    ("get", "/api/v1/realms/{realm}/keys/{key_id}", "key.view"),
    ("patch", "/api/v1/realms/{realm}/keys/{key_id}", "key.update"),
    ("delete", "/api/v1/realms/{realm}/keys/{key_id}", "key.delete"),
    ("post", "/api/v1/realms/{realm}/keys/{key_id}/revoke", "key.delete"),
    ("post", "/api/v1/realms/{realm}/keys/{key_id}/enable", "key.update"),
    ("post", "/api/v1/realms/{realm}/keys/{key_id}/rotate", "key.update"),
    ("get", "/api/v1/realms/{realm}/keys/{key_id}/requests", "usage.view"),
    ("post", "/api/v1/realms/{realm}/keys/{key_id}/explain", "key.view"),
    ("get", "/api/v1/realms/{realm}/explain/address", "key.view"),
    ("get", "/api/v1/realms/{realm}/activity", "audit.view"),
    ("get", "/api/v1/realms/{realm}/activity/verify", "audit.view"),
    ("get", "/api/v1/realms/{realm}/activity/export", "audit.view"),
    ("get", "/api/v1/realms/{realm}/requests/export", "usage.view"),
    ("get", "/api/v1/realms/{realm}/events", "event.view"),
    ("get", "/api/v1/realms/{realm}/events/{event}", "event.view"),
    ("post", "/api/v1/realms/{realm}/events/{event}/redeliver", "event.deliver"),
    ("get", "/api/v1/realms/{realm}/usage", "usage.view"),
    ("post", "/api/v1/realms/{realm}/usage", "usage.ingest"),
    ("get", "/api/v1/realms/{realm}/verdicts", "usage.view"),
    ("post", "/api/v1/realms/{realm}/edges", "usage.ingest"),
    ("get", "/api/v1/realms/{realm}/edges", "usage.view"),
    ("get", "/api/v1/realms/{realm}/publishing", "usage.view"),
    ("get", "/api/v1/realms/{realm}/fleet", "usage.view"),
];

/// Outside the table: one without authority, one that takes a signature, one that takes an invitation's link, one that takes any key, one that takes `usage.view` for everything.
const OTHERS: [(&str, &str); 5] = [
    ("get", "/api/v1/openapi.json"),
    ("post", "/api/v1/leaks/github"),
    ("post", "/api/v1/people/accept"),
    ("get", "/api/v1/whoami"),
    ("get", "/metrics"),
];

fn line(method: &str, path: &str) -> String {
    // Nothing that is there, so that nothing is changed by those who may.
    let parts = [
        ("{realm}", "acme"),
        ("{org}", "ghost"),
        ("{owner}", "ghost"),
        ("{role}", "ghost"),
        ("{person}", "ghost"),
        ("{key_id}", "key_00000000000"),
        ("{import}", "imp_00000000000000000000000000000000"),
        ("{event}", "evt_00000000000000000000000000000000"),
    ];
    let path = parts.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
    format!("{} {path}", method.to_uppercase())
}

/// A management key with exactly these permissions.
fn holder(plane: &Plane, role: &str, permissions: &[&str]) -> String {
    let new = NewRole {
        role: slug(role),
        org: None,
        name: role.parse().unwrap(),
        permissions: permissions.iter().map(|act| format!("api.{act}").parse().unwrap()).collect(),
    };
    plane.registry.tenants(&slug(management::REALM)).create_role(&common::caller(), &new).unwrap();
    plane.management_key(role, &[]).1
}

#[test]
fn the_table_is_complete() {
    let table: BTreeSet<_> = TABLE.iter().map(|(method, path, _)| (*method, *path)).chain(OTHERS).collect();
    assert_eq!(table, API_ROUTES.iter().copied().collect());
    // Published files take the one more (`readers.rs`).
    let used: BTreeSet<_> = TABLE.iter().map(|(.., act)| *act).chain(["snapshot.read"]).collect();
    assert_eq!(used, management::PERMISSIONS.into_iter().collect());
}

#[test]
fn each_route_takes_its_permission_and_no_other() {
    let plane = Plane::new();
    let s = plane.serve();
    for (number, act) in management::PERMISSIONS.iter().enumerate() {
        let only = holder(&plane, &format!("only-{number}"), &[act]);
        let others: Vec<&str> = management::PERMISSIONS.into_iter().filter(|other| other != act).collect();
        let others = holder(&plane, &format!("others-{number}"), &others);
        for (method, path, _) in TABLE.iter().filter(|(.., wanted)| wanted == act) {
            let line = line(method, path);
            let body = if *method == "post" || *method == "patch" { json!({ "colour": "red" }) } else { Value::Null };
            let refused = s.call_as(&others, &line, &[], &body);
            assert_eq!(refused.refused(), (403, "insufficient-scope".into()), "{line}");
            let admitted = s.call_as(&only, &line, &[], &body);
            assert!(![400, 401, 403, 405, 429, 500].contains(&admitted.status), "{line}: {admitted}");
            assert_eq!(s.call_as("", &line, &[], &body).refused(), (401, "missing-credential".into()), "{line}");
            // The realm of management keys takes another permission.
            let management = line.replace("/acme", "/management");
            if management != line {
                assert_eq!(s.call_as(&only, &management, &[], &body).refused().0, 403, "{management}");
            }
        }
    }
    assert_eq!(s.send("GET /api/v1/openapi.json", "", &[], b"").status, 200);
}

#[test]
fn bodies_are_bounded_and_read_only_for_those_who_may() {
    let plane = Plane::new();
    let s = plane.serve();
    let announce = |key: &str, path: &str, kind: &str, length: usize| {
        // Only announced: whoever refuses it does so before it is sent.
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {key}\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        s.raw(request.as_bytes()).refused()
    };
    for (path, kind, limit) in [
        ("orgs", "application/json", limits::MAX_BODY_BYTES),
        ("owners", "application/json", limits::MAX_BODY_BYTES),
        ("people", "application/json", limits::MAX_BODY_BYTES),
        ("roles", "application/json", limits::MAX_BODY_BYTES),
        ("keys/revoke", "application/json", limits::MAX_BODY_BYTES),
        ("keys", "application/json", limits::MAX_LISTS_BYTES),
        ("keys/edit", "application/json", limits::MAX_LISTS_BYTES),
        ("keys/by-secret", "application/json", limits::MAX_SECRET_BODY_BYTES),
        ("usage", "application/json", limits::MAX_USAGE_BYTES),
        ("edges", "application/json", limits::MAX_REPORT_BYTES),
        ("keys/import", "text/csv", limits::MAX_IMPORT_BYTES),
        ("imports", "text/csv", limits::MAX_IMPORT_BYTES),
    ] {
        let path = format!("/api/v1/realms/acme/{path}");
        assert_eq!(announce(&plane.admin, &path, kind, limit + 1), (413, "too_large".into()), "{path}");
        assert_eq!(announce("wrong", &path, kind, limit + 1), (401, "invalid-token".into()), "{path}");
    }
    // One that does not say how long it is.
    let head = format!(
        "POST /api/v1/realms/acme/orgs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        plane.admin
    );
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 16, " ".repeat(1 << 16));
    let chunked = [head.as_bytes(), chunk.as_bytes(), b"1\r\n \r\n0\r\n\r\n"].concat();
    assert_eq!(s.raw(&chunked).refused(), (413, "too_large".into()));
    // A head without end.
    let mut stream = TcpStream::connect(s.api).unwrap();
    // What comes after the refusal finds nobody.
    let _ = write!(stream, "GET /api/v1/realms HTTP/1.1\r\nHost: x\r\nX-Long: {}", "x".repeat(2 * limits::MAX_HEAD_BYTES));
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 431");
}

#[test]
fn what_takes_no_query_refuses_one() {
    let plane = Plane::new();
    let s = plane.serve();
    for (method, path) in API_ROUTES {
        let body = if *method == "post" || *method == "patch" { json!({}) } else { Value::Null };
        let refused = s.call(&format!("{}?colour=red", line(method, path)), &body);
        assert_eq!((refused.refused(), &refused.json()["parameter"]), ((422, "invalid".into()), &json!("colour")), "{path}");
    }
}
