//! Published files over a real socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::realm::Realm;
use crate::common::{Served, caller, slug};
use edgelatch_server::{Options, serve_until};

/// A realm, and a server of its files that publishes nothing.
fn served() -> (Realm, Served) {
    let realm = Realm::new();
    let served = Served::start(realm.options(), "");
    (realm, served)
}

/// The same with one that publishes.
fn publishing() -> (Realm, Served) {
    let realm = Realm::new();
    let served = realm.node("node-1", vec![realm.own()]);
    (realm, served)
}

#[test]
fn files_are_served_with_their_caching_rules() {
    let (p, s) = served();
    let directory = p.dir.realm(&slug("acme"));
    let object = std::fs::read_dir(directory.join("objects")).unwrap().next().unwrap().unwrap().file_name();
    let object = format!("objects/{}", object.to_str().unwrap());
    for (path, cache) in [
        ("head", "no-cache"),
        ("bundle", "no-cache"),
        ("root/1", "public, max-age=31536000, immutable"),
        (&object, "public, max-age=31536000, immutable"),
    ] {
        let url = format!("/r/acme/{path}");
        let reply = s.get(&url);
        assert_eq!((reply.status, reply.header("cache-control")), (200, Some(cache)), "{path}");
        assert_eq!(reply.body, std::fs::read(directory.join(path)).unwrap());
        assert_eq!(reply.header("content-length"), Some(&*reply.body.len().to_string()));
        assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
        let etag = reply.header("etag").unwrap();
        assert!(etag.starts_with('"') && etag.len() == 66);
        let again = s.send(&format!("GET {url}"), "", &[("If-None-Match", &*format!("\"x\", {etag}"))], b"");
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(etag)));
        assert_eq!(again.header("cache-control"), Some(cache));
        let head = s.send(&format!("HEAD {url}"), "", &[], b"");
        assert_eq!((head.status, head.body.len(), head.header("etag")), (200, 0, Some(etag)));
        assert_eq!(head.header("content-length"), reply.header("content-length"));
    }
}

#[test]
fn nothing_else_is_served() {
    let (_p, s) = served();
    for path in [
        "/",
        "/r/acme",
        "/r/acme/",
        "/r/other/head",
        "/r/acme/root/2",
        "/r/acme/root/01",
        "/r/acme/objects/x",
        "/r/acme/objects",
        "/r/acme/.edgelatch/recent",
        "/r/acme/../../../registry.db",
        "/r/acme/..%2f..%2f..%2fregistry.db",
        "/r/%2e%2e/keys/root.key",
        "/r/acme/objects/..%2f..%2f..%2f..%2fkeys%2froot.key",
        "/registry.db",
        "/r/acme/head%00",
        "/r/ACME/head",
        "/r/acme//head",
        "/r/%ff/head",
    ] {
        let reply = s.get(path);
        assert_eq!((reply.status, reply.header("content-type")), (404, Some("application/problem+json")), "{path}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let body = reply.json();
        assert_eq!((&body["status"], &body["type"]), (&404.into(), &"urn:edgelatch:problem:not-found".into()));
        assert!(!String::from_utf8_lossy(&reply.body).contains("registry"));
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let reply = s.send(&format!("{method} /r/acme/head"), "", &[], b"");
        assert_eq!((reply.status, reply.header("content-type")), (405, Some("application/problem+json")), "{method}");
        assert_eq!(reply.header("allow"), Some("GET,HEAD"));
    }
}

#[test]
fn what_another_process_publishes_is_served_at_once() {
    let (p, s) = served();
    let (head, bundle) = (s.get("/r/acme/head"), s.get("/r/acme/bundle"));
    p.create();
    p.publisher("other").publish(&[&p.own()]).unwrap();
    for (path, before) in [("/r/acme/head", head), ("/r/acme/bundle", bundle)] {
        let after = s.send(&format!("GET {path}"), "", &[("If-None-Match", before.header("etag").unwrap())], b"");
        assert_eq!(after.status, 200);
        assert_ne!(after.body, before.body);
    }
}

#[test]
fn changes_are_published_while_serving() {
    let (p, s) = publishing();
    let before = s.get("/r/acme/head").body;
    let key = p.create();
    let line = s.log.wait("published", 0);
    assert_eq!((&line["target"], &line["level"]), (&"edgelatch::publisher".into(), &"INFO".into()));
    assert_eq!((&line["realm"], &line["epoch"], &line["records"]), (&"acme".into(), &2.into(), &1.into()));
    assert_eq!(line["reason"], "change");
    assert_ne!(s.get("/r/acme/head").body, before);
    let start = Instant::now();
    p.registry().keys(&slug("acme")).revoke(&caller(), key.key_id, None).unwrap();
    s.log.wait("published", 1);
    assert!(start.elapsed() < Duration::from_secs(5));
    // A publisher in trouble says so, goes on serving, and recovers.
    let served = s.get("/r/acme/head").body;
    let away = p.dir.path().join("away");
    std::fs::rename(p.dir.realm(&slug("acme")).join("objects"), &away).unwrap();
    std::fs::write(p.dir.realm(&slug("acme")).join("objects"), b"in the way").unwrap();
    p.create();
    let line = s.log.wait("not published", 0);
    assert_eq!((&line["level"], &line["retry_seconds"]), (&"ERROR".into(), &1.into()));
    assert_eq!(s.get("/r/acme/head").body, served);
    std::fs::remove_file(p.dir.realm(&slug("acme")).join("objects")).unwrap();
    s.log.wait("published", 2);
    assert_ne!(s.get("/r/acme/head").body, served);
}

#[test]
fn a_taken_address_is_reported() {
    let (p, s) = served();
    let options = Options { addr: s.addr, ..p.options() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(serve_until(options, |_| {}, std::future::pending())).unwrap_err();
    assert_eq!(error.code(), "listen");
    assert!(error.to_string().contains(&s.addr.to_string()));
}

#[test]
fn stopping_does_not_wait_for_idle_connections() {
    let (_p, s) = publishing();
    let mut stream = TcpStream::connect(s.addr).unwrap();
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let start = Instant::now();
    drop(s);
    assert!(start.elapsed() < Duration::from_secs(5));
}
