//! Streams of heads over real sockets.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::common::events::Events;
use crate::common::realm::Realm;
use crate::common::{self, Plane, Reply, Served, slug};
use edgelatch_server::limits::STREAM_PATCH_BYTES;
use edgelatch_server::{ApiOptions, Connections, FailureRate, Options, Streams};
use edgelatch_sync::Item;
use edgelatch_testkit::core::build::{HeadFields, sign_head};
use edgelatch_testkit::core::head::Head;
use edgelatch_testkit::core::tree::ObjectId;
use edgelatch_testkit::realm::signers;
use serde_json::json;

/// Looks often, so that a test need not wait.
const QUICK: Duration = Duration::from_millis(10);

fn quick() -> Streams {
    Streams { look: QUICK, ..Streams::default() }
}

/// A realm, and a server of its files that publishes nothing.
fn served(streams: Streams, connections: Connections) -> (Realm, Served) {
    let realm = Realm::new();
    let served = Served::start(Options { streams, connections, ..realm.options() }, "");
    (realm, served)
}

fn open(s: &Served) -> Events {
    Events::open(s.addr, "")
}

fn published(realm: &Realm) -> Vec<u8> {
    std::fs::read(realm.dir.realm(&slug("acme")).join("head")).unwrap()
}

/// Replaces the published head, as a publisher does.
fn put(realm: &Realm, head: &[u8]) {
    let path = realm.dir.realm(&slug("acme")).join("head");
    std::fs::write(path.with_extension("new"), head).unwrap();
    std::fs::rename(path.with_extension("new"), path).unwrap();
}

fn wait(what: &str, mut until: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !until() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(QUICK);
    }
}

#[test]
fn the_current_head_comes_at_once_and_each_new_one_when_it_is_published() {
    let realm = Realm::new();
    // Only the publisher task can be as quick as that: the next look is an hour away.
    let streams = Streams { look: Duration::from_secs(3_600), ..Streams::default() };
    let s = realm.node_with("node-1", vec![realm.own()], |options| options.streams = streams);
    let mut events = open(&s);
    assert_eq!(events.status(), 200);
    let header = |name: &str| events.head.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    assert_eq!(header("content-type: ").as_deref(), Some("text/event-stream"));
    assert_eq!(header("cache-control: ").as_deref(), Some("no-store, no-transform"));
    assert_eq!(events.next_head(), Some((1, published(&realm))));
    realm.create();
    let (epoch, head) = events.next_head().unwrap();
    assert_eq!((epoch, &head), (2, &published(&realm)));
    drop(events);
    let line = s.log.wait("stream", 0);
    assert_eq!((&line["target"], &line["realm"]), (&"edgelatch::access".into(), &"acme".into()));
    assert_eq!((&line["ip"], &line["heads"], &line["end"]), (&"127.0.0.1".into(), &2.into(), &"closed".into()));
}

#[test]
fn what_is_changed_over_the_api_is_published_at_once() {
    let realm = Realm::new();
    // Only being woken can be as quick as that: the publisher looks again in an hour.
    let hour = Duration::from_secs(3_600);
    let s = realm.node_with("node-1", vec![realm.own()], |options| {
        options.publishing.as_mut().unwrap().interval = hour;
        let failures = FailureRate { burst: 1_000, per_minute: 1_000, ..FailureRate::default() };
        options.api = Some(ApiOptions {
            registry: realm.registry(),
            addr: None,
            client_ip: None,
            failures,
            github_keys: None,
            geoip: None,
        });
    });
    let mut events = open(&s);
    assert_eq!(events.next_head().unwrap().0, 1);
    for epoch in 2..5 {
        s.call("POST /api/v1/realms/acme/keys", &json!({ "org": "main", "name": format!("key {epoch}") })).ok();
        assert_eq!(events.next_head().unwrap().0, epoch);
    }
}

#[test]
fn what_another_process_publishes_is_told() {
    let (realm, s) = served(quick(), Connections::default());
    let mut events = open(&s);
    assert_eq!(events.next_head().unwrap().0, 1);
    realm.create();
    realm.publisher("other").publish(&[&realm.own()]).unwrap();
    assert_eq!(events.next_head(), Some((2, published(&realm))));
}

/// The head of `like` with another epoch and tree.
fn head_of(like: &[u8], epoch: u64, tree: ObjectId, signed_by: &[u8]) -> Vec<u8> {
    let Head { realm, root_version, issued_at, not_after, tree_bytes, records, .. } = Head::inspect(like).unwrap();
    let fields = HeadFields { realm, root_version, epoch, issued_at, not_after, tree, tree_bytes, records };
    sign_head(&fields, &signers(signed_by)).unwrap()
}

#[test]
fn the_patch_from_the_head_told_before_comes_along() {
    let (realm, s) = served(quick(), Connections::default());
    let directory = realm.dir.realm(&slug("acme"));
    let mut events = open(&s);
    assert_eq!(events.next_event().unwrap().2, None);
    let publisher = realm.publisher("other");
    let mut publish = || {
        realm.create();
        publisher.publish(&[&realm.own()]).unwrap();
        events.next_event().unwrap()
    };
    // It has only just begun, and knows of no tree before.
    let (_, first, patch) = publish();
    assert_eq!(patch, None);
    let (epoch, second, patch) = publish();
    let [from, to] = [&first, &second].map(|head| Head::inspect(head).unwrap().tree);
    let published = std::fs::read(directory.join(Item::Patch { to, from }.to_string())).unwrap();
    assert_eq!((epoch, patch), (3, Some(published.clone())));
    // Who comes later may have the head before.
    assert_eq!(Events::open(s.addr, "Last-Event-ID: 2\r\n").next_event().unwrap().2, Some(published));
    // Another head of the same tree takes none.
    put(&realm, &head_of(&second, 4, to, &[1]));
    assert_eq!(events.next_event().unwrap().2, None);
}

#[test]
fn a_patch_that_is_large_or_not_there_does_not_come_along() {
    let (realm, s) = served(quick(), Connections::default());
    let directory = realm.dir.realm(&slug("acme"));
    let mut events = open(&s);
    let (mut epoch, first) = events.next_head().unwrap();
    let mut from = Head::inspect(&first).unwrap().tree;
    let most = usize::try_from(STREAM_PATCH_BYTES).unwrap();
    for (length, comes) in [(Some(most), true), (Some(most + 1), false), (None, false), (Some(0), true)] {
        epoch += 1;
        let to = ObjectId([u8::try_from(epoch).unwrap(); 32]);
        let patch = length.map(|length| vec![7; length]);
        if let Some(patch) = &patch {
            let path = directory.join(Item::Patch { to, from }.to_string());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, patch).unwrap();
        }
        put(&realm, &head_of(&first, epoch, to, &[1]));
        assert_eq!(events.next_event().unwrap().2, patch.filter(|_| comes), "{length:?}");
        from = to;
    }
}

#[test]
fn who_has_the_current_head_is_told_the_next_one_only() {
    let (realm, s) = served(quick(), Connections::default());
    let mut resumed = Events::open(s.addr, "Last-Event-ID: 1\r\n");
    assert_eq!(resumed.block().unwrap(), [": ", "retry: 10000"].map(str::trim_end));
    // Another epoch is no reason to be silent, nor is a higher one: under a new era epochs may begin anew.
    for other in ["0", "2", "99", "x"] {
        let mut events = Events::open(s.addr, &format!("Last-Event-ID: {other}\r\n"));
        let first = events.block().unwrap();
        assert_eq!((&*first[0], &*first[1], &*first[3]), ("id: 1", "event: head", "retry: 10000"));
    }
    realm.create();
    realm.publisher("other").publish(&[&realm.own()]).unwrap();
    assert_eq!(resumed.next_head().unwrap().0, 2);
}

#[test]
fn a_stream_with_nothing_to_say_says_so() {
    let (_realm, s) = served(Streams { heartbeat: QUICK, ..Streams::default() }, Connections::default());
    let mut events = open(&s);
    assert_eq!(events.next_head().unwrap().0, 1);
    for _ in 0..3 {
        assert_eq!(events.block().unwrap(), [":"]);
    }
}

fn refused(addr: SocketAddr) -> Reply {
    let reply = common::raw(addr, b"GET /r/acme/stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!((reply.refused(), reply.header("retry-after")), ((503, "too_many_streams".into()), Some("60")));
    reply
}

#[test]
fn an_address_has_so_many_streams_and_all_together_so_many() {
    let of_address = Streams { max_per_address: 2, ..quick() };
    let of_all = Streams { max: 2, ..quick() };
    for (limits, what) in [(of_address, "this address"), (of_all, "all streams")] {
        let (_realm, s) = served(limits, Connections::default());
        let held = [open(&s), open(&s)];
        assert!(refused(s.addr).json()["detail"].as_str().unwrap().starts_with(what));
        drop(held);
        wait("places become free", || open(&s).status() == 200);
    }
}

#[test]
fn a_stream_takes_no_place_among_the_connections() {
    let (_realm, s) = served(quick(), Connections { max: 1, ..Connections::default() });
    let mut streams = [open(&s), open(&s), open(&s)];
    for events in &mut streams {
        assert_eq!(events.next_head().unwrap().0, 1);
    }
    assert_eq!(s.get("/r/acme/head").status, 200);
}

/// A head that takes as much room as one can.
fn long_head(like: &[u8], epoch: u64) -> Vec<u8> {
    head_of(like, epoch, Head::inspect(like).unwrap().tree, &(1..=32).collect::<Vec<_>>())
}

/// A connection through which little fits before somebody reads it.
fn narrow(addr: SocketAddr) -> std::net::TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(2_048).unwrap();
    socket.set_tcp_mss(536).unwrap();
    socket.connect(&addr.into()).unwrap();
    socket.into()
}

#[test]
fn who_reads_nothing_is_dropped_and_nobody_waits_for_them() {
    // Long enough for all buffers between the two to fill.
    let connections = Connections { write_timeout: Duration::from_secs(3), ..Connections::default() };
    let (realm, s) = served(quick(), connections);
    let first = published(&realm);
    let _slow = Events::on(narrow(s.addr), "");
    let mut quick = open(&s);
    assert_eq!(quick.next_head(), Some((1, first.clone())));
    let mut epoch = 1;
    while s.log.lines("stream").is_empty() {
        epoch += 1;
        assert!(epoch < 2_000, "the slow reader is still there");
        let head = long_head(&first, epoch);
        put(&realm, &head);
        assert_eq!(quick.next_head(), Some((epoch, head)));
    }
    let line = s.log.wait("stream", 0);
    assert_eq!(line["end"], "dropped");
    assert!(line["heads"].as_u64().unwrap() < epoch, "{line}");
    assert_eq!(s.log.lines("stream").len(), 1);
}

#[test]
fn who_vanished_is_found_out_though_what_was_sent_fits_the_buffers() {
    let connections = Connections { write_timeout: Duration::from_millis(300), ..Connections::default() };
    let (realm, s) = served(quick(), connections);
    let first = published(&realm);
    let _vanished = Events::on(narrow(s.addr), "");
    let mut quick = open(&s);
    assert_eq!(quick.next_head().unwrap().0, 1);
    // More than the client's window takes, less than the server's buffer does.
    for epoch in 2..5 {
        let head = long_head(&first, epoch);
        put(&realm, &head);
        assert_eq!(quick.next_head(), Some((epoch, head)));
    }
    let line = s.log.wait("stream", 0);
    assert_eq!((&line["heads"], &line["end"]), (&4.into(), &"closed".into()));
}

#[test]
fn streams_end_when_the_server_stops() {
    let (_realm, s) = served(quick(), Connections::default());
    let mut streams = [open(&s), open(&s)];
    for events in &mut streams {
        assert_eq!(events.next_head().unwrap().0, 1);
    }
    let (log, begun) = (s.log.clone(), Instant::now());
    drop(s);
    assert!(begun.elapsed() < edgelatch_server::limits::DRAIN / 2);
    for events in &mut streams {
        assert_eq!(events.next_head(), None);
    }
    assert_eq!(log.wait("stream", 1)["end"], "stopped");
}

#[test]
fn a_head_that_cannot_be_read_ends_its_streams() {
    let (realm, s) = served(quick(), Connections::default());
    for damage in [Some(&b"garbage"[..]), None] {
        let head = published(&realm);
        let mut events = open(&s);
        assert_eq!(events.next_head().unwrap().0, 1);
        match damage {
            Some(bytes) => put(&realm, bytes),
            None => std::fs::remove_file(realm.dir.realm(&slug("acme")).join("head")).unwrap(),
        }
        while let Some((epoch, _)) = events.next_head() {
            assert_eq!(epoch, 1);
        }
        let (status, code) = if damage.is_some() { (503, "unreadable") } else { (404, "not-found") };
        assert_eq!(s.get("/r/acme/stream").refused(), (status, code.into()));
        put(&realm, &head);
    }
    assert_eq!(s.get("/r/other/stream").refused(), (404, "not-found".into()));
    assert_eq!(s.send("POST /r/acme/stream", "", &[], b"").status, 405);
}

#[test]
fn streams_are_counted() {
    let (realm, plane) = (Realm::new(), Plane::new());
    let s = Served::start(Options { streams: Streams { max: 1, ..quick() }, ..plane.options() }, &plane.admin);
    let directory = plane.dir.path().join("published/r/acme");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("head"), published(&realm)).unwrap();
    let metrics = |open: u64, refused: u64| {
        let text = String::from_utf8(s.get("/metrics").body).unwrap();
        let figures = [("open", open), ("dropped_total", 0), ("refused_total", refused)];
        figures.iter().all(|(name, value)| text.lines().any(|line| line == format!("edgelatch_streams_{name} {value}")))
    };
    assert!(metrics(0, 0));
    let mut events = open(&s);
    assert_eq!(events.next_head().unwrap().0, 1);
    refused(s.addr);
    assert!(metrics(1, 1));
    drop(events);
    wait("the stream is gone", || metrics(0, 1));
}
