//! Health is never well while something is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::common::realm::{Realm, init};
use crate::common::relay::{Relay, Way};
use crate::common::{Plane, Reply, Served, raw, slug};
use edgelatch_registry::{Database, Env, Registry};
use edgelatch_server::{Options, Upkeep};
use edgelatch_sync::{DEFAULT_LIFETIME, Directory, init_in};
use edgelatch_testkit::core::build::sign_head;
use edgelatch_testkit::postgres;
use edgelatch_testkit::realm::{head_fields, signers, tree};
use edgelatch_testkit::registry::Place;
use serde_json::Value;

/// Far above what a look takes, far below what nobody would wait for.
const LONG: Duration = Duration::from_secs(60);

fn ask(s: &Served, path: &str) -> Reply {
    raw(s.addr, format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
}

fn health(s: &Served) -> (u16, Value) {
    let reply = ask(s, "/healthz");
    (reply.status, reply.json())
}

/// The codes of a place's troubles.
fn codes(health: &Value, place: &str) -> Vec<String> {
    let troubles = health["troubles"].as_array().unwrap();
    troubles
        .iter()
        .filter(|trouble| trouble["place"] == place)
        .map(|trouble| trouble["code"].as_str().unwrap().into())
        .collect()
}

/// Waits until a place is in this trouble, or in none. Whatever comes before that, it is never said that all is well while it is not.
fn wait(s: &Served, place: &str, code: Option<&str>) -> Value {
    let begin = Instant::now();
    loop {
        let (status, health) = health(s);
        let found = codes(&health, place);
        assert_eq!(status == 200, health["status"] != "failing", "{health}");
        if found == code.into_iter().collect::<Vec<_>>() {
            return health;
        }
        assert!(begin.elapsed() < LONG, "{place} should be {code:?}: {health}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A registry by a clock that can be moved.
fn moved(registry: &Registry) -> (Arc<AtomicU64>, Arc<Registry>) {
    let ahead = Arc::new(AtomicU64::new(0));
    let shown = Arc::clone(&ahead);
    let clock = move || std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + shown.load(Ordering::SeqCst);
    let env = Env::new(clock, |bytes| getrandom::fill(bytes).is_ok());
    (ahead, Arc::new(Registry::connect(registry.database(), env).unwrap()))
}

/// The published files, with the registry at hand, and nobody who publishes.
fn looked_after(realm: &Realm, registry: Arc<Registry>) -> Served {
    Served::start(Options { upkeep: Some(Upkeep::new(registry)), ..realm.options() }, "")
}

#[test]
fn a_node_where_all_is_well_says_so_to_everybody() {
    let realm = Realm::new();
    let s = realm.node("node", vec![realm.own()]);
    for path in ["/livez", "/readyz", "/readyz/files", "/healthz"] {
        let reply = ask(&s, path);
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{path}: {reply}");
        assert_eq!((reply.header("cache-control"), &reply.json()["status"]), (Some("no-store"), &"ok".into()));
        let post = raw(s.addr, format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        assert_eq!((post.status, post.header("allow")), (405, Some("GET,HEAD")), "{path}");
    }
    let (_, health) = health(&s);
    assert_eq!((&health["realms"][0]["realm"], &health["realms"][0]["epoch"]), (&"acme".into(), &1.into()));
    assert!(health["realms"][0]["seconds_left"].as_u64().unwrap() > 3_000, "{health}");
    assert!(!health.to_string().contains(&*realm.dir.path().to_string_lossy()), "{health}");
}

#[test]
fn a_head_that_edges_cannot_use_is_told_of() {
    let realm = Realm::new();
    let s = looked_after(&realm, realm.registry());
    let (place, path) = ("realm/acme/head", realm.dir.realm(&slug("acme")).join("head"));
    let sound = std::fs::read(&path).unwrap();
    let unproven = sign_head(&head_fields(1, &tree(Vec::new())), &signers(&[1])).unwrap();
    assert_eq!(health(&s).0, 200);
    for (bytes, code) in [(None, "missing"), (Some(&b"garbage"[..]), "unreadable"), (Some(&unproven), "unproven")] {
        match bytes {
            None => std::fs::remove_file(&path).unwrap(),
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
        }
        let health = wait(&s, place, Some(code));
        let since = health["troubles"][0]["since"].as_str().unwrap();
        assert!(since.starts_with("20") && since.ends_with('Z'), "{health}");
        assert_eq!((ask(&s, "/readyz").status, ask(&s, "/readyz/files").status, ask(&s, "/livez").status), (503, 503, 200));
        std::fs::write(&path, &sound).unwrap();
        wait(&s, place, None);
        assert_eq!(health_ok(&s), "ok");
    }
    // The log says what is wrong where, once.
    let said: Vec<Value> = s.log.lines("failing").into_iter().filter(|line| line["code"] == "missing").collect();
    assert_eq!((said.len(), &said[0]["target"], &said[0]["place"]), (1, &"edgelatch::health".into(), &place.into()));
    assert!(said[0]["detail"].as_str().unwrap().contains("edgelatch publish"), "{}", said[0]);
    // With the directory it came from, a realm that was here is missed as well.
    std::fs::remove_dir_all(realm.dir.realm(&slug("acme"))).unwrap();
    wait(&s, place, Some("missing"));
}

fn health_ok(s: &Served) -> String {
    health(s).1["status"].as_str().unwrap().to_owned()
}

/// All nodes have that head, so that to take them out of service for it would leave the other realm's edges without any.
#[test]
fn what_is_wrong_with_one_realm_everywhere_takes_no_node_out_of_service() {
    let realm = Realm::new();
    init_in(&realm.dir, &realm.registry(), &init("second"), &mut |_| Ok(())).unwrap();
    let s = looked_after(&realm, realm.registry());
    let ready = || (ask(&s, "/readyz").status, ask(&s, "/readyz/files").status);
    assert_eq!(ready(), (200, 200));
    let head = realm.dir.realm(&slug("acme")).join("head");
    std::fs::write(&head, sign_head(&head_fields(1, &tree(Vec::new())), &signers(&[1])).unwrap()).unwrap();
    wait(&s, "realm/acme/head", Some("unproven"));
    assert_eq!(ready(), (200, 200));
    // Others may have it.
    std::fs::remove_file(&head).unwrap();
    wait(&s, "realm/acme/head", Some("missing"));
    assert_eq!(ready(), (503, 503));
}

/// Eighths of the life of a root or head that are over, and what that is told as.
const STAGES: [(u64, &str); 3] = [(4, "half_over"), (6, "ends"), (7, "ends_soon")];

/// It is in the log, as a warning.
fn told(s: &Served, place: &str, code: &str) {
    let lines = s.log.lines("in trouble");
    let of = |line: &&Value| line["place"] == place && line["code"] == code && line["level"] == "WARN";
    assert_eq!(lines.iter().filter(of).count(), 1, "{place} {code}: {lines:?}");
}

#[test]
fn time_that_passes_and_clocks_that_jump_are_told_of() {
    let realm = Realm::new();
    let (ahead, registry) = moved(&realm.registry());
    let s = looked_after(&realm, registry);
    let head = std::fs::read(realm.dir.realm(&slug("acme")).join("head")).unwrap();
    assert_eq!(health_ok(&s), "ok");
    // At a half, three quarters and seven eighths of its life, and each is in the log.
    for (eighths, code) in STAGES {
        ahead.store(DEFAULT_LIFETIME * eighths / 8 + 60, Ordering::SeqCst);
        let warned = wait(&s, "realm/acme/head", Some(code));
        assert_eq!((&warned["status"], ask(&s, "/readyz").status), (&"warning".into(), 200), "{warned}");
        told(&s, "realm/acme/head", code);
    }
    ahead.store(DEFAULT_LIFETIME + 100, Ordering::SeqCst);
    wait(&s, "realm/acme/head", Some("expired"));
    for (eighths, code) in STAGES {
        ahead.store((1 << 28) * eighths / 8 + 60, Ordering::SeqCst);
        wait(&s, "realm/acme/root", Some(code));
        told(&s, "realm/acme/root", code);
    }
    ahead.store((1 << 28) + 60, Ordering::SeqCst);
    wait(&s, "realm/acme/root", Some("expired"));
    // An epoch of then, read by the clock of now.
    let (later, registry) = moved(&realm.registry());
    later.store(DEFAULT_LIFETIME, Ordering::SeqCst);
    realm.publisher_of(registry, "later").publish(&[&realm.own()]).unwrap();
    ahead.store(0, Ordering::SeqCst);
    wait(&s, "realm/acme/head", Some("from_future"));
    wait(&s, "clock", Some("behind_ledger"));
    wait(&s, "realm/acme/root", None);
    // What was published before is put back: the newest that every target held is another one.
    std::fs::write(realm.dir.realm(&slug("acme")).join("head"), head).unwrap();
    wait(&s, "realm/acme/head", Some("behind"));
}

#[test]
fn changes_that_nobody_publishes_are_told_of() {
    let realm = Realm::new();
    let s = looked_after(&realm, realm.registry());
    realm.create();
    wait(&s, "realm/acme/changes", Some("unpublished"));
    realm.publisher("other").publish(&[&realm.own()]).unwrap();
    wait(&s, "realm/acme/changes", None);
}

#[test]
fn a_target_that_fails_is_told_of_without_its_name() {
    let realm = Realm::new();
    let temp = tempfile::tempdir().unwrap();
    let blocked = temp.path().join("blocked");
    std::fs::write(&blocked, b"in the way").unwrap();
    let s = realm.node("node", vec![realm.own(), Directory::new(&blocked)]);
    realm.create();
    let health = wait(&s, "realm/acme/target", Some("io"));
    assert!(!health.to_string().contains("blocked"), "{health}");
    std::fs::remove_file(&blocked).unwrap();
    wait(&s, "realm/acme/target", None);
    // Where nothing can be written at all, the publisher is in trouble.
    let away = temp.path().join("away");
    let own = realm.dir.realm(&slug("acme"));
    std::fs::rename(own.join("objects"), &away).unwrap();
    std::fs::write(own.join("objects"), b"in the way").unwrap();
    std::fs::remove_dir_all(&blocked).unwrap();
    std::fs::write(&blocked, b"in the way").unwrap();
    realm.create();
    wait(&s, "realm/acme/publisher", Some("io"));
    std::fs::remove_file(own.join("objects")).unwrap();
    std::fs::remove_file(&blocked).unwrap();
    wait(&s, "realm/acme/publisher", None);
    wait(&s, "realm/acme/target", None);
    assert_eq!(health_ok(&s), "ok");
}

#[test]
fn a_published_directory_that_is_gone_is_told_of() {
    let realm = Realm::new();
    // By a node that publishes nothing, or it would write there again between the two.
    let s = looked_after(&realm, realm.registry());
    std::fs::remove_dir_all(realm.dir.published()).unwrap();
    std::fs::write(realm.dir.published(), b"in the way").unwrap();
    wait(&s, "published", Some("unreadable"));
    assert_eq!(ask(&s, "/readyz/files").status, 503);
}

/// A plane whose registry is reached over a relay.
fn behind_relay() -> Option<(Plane, Relay, Served)> {
    let server = postgres::server()?;
    let place = Place::postgres()?;
    let schema = place.schema.clone().unwrap();
    let plane = Plane::at(place);
    let direct = server.tcp_url(&schema, "127.0.0.1", "");
    let port = direct.split_once("@127.0.0.1:").unwrap().1.split_once('/').unwrap().0;
    let relay = Relay::to(format!("127.0.0.1:{port}").parse().unwrap());
    let database: Database = direct.replace(&format!(":{port}/"), &format!(":{}/", relay.addr.port())).parse().unwrap();
    let registry = Arc::new(Registry::connect(&database, Env::system()).unwrap());
    let mut options = plane.options();
    options.api.as_mut().unwrap().registry = registry;
    let served = Served::start(options, &plane.admin);
    Some((plane, relay, served))
}

#[test]
fn a_database_that_is_away_is_told_of_within_seconds_and_so_is_its_return() {
    let Some((_plane, relay, s)) = behind_relay() else { return };
    assert_eq!(health_ok(&s), "ok");
    for (way, codes) in [(Way::Cut, ["store_unreachable", "no_answer"]), (Way::Hung, ["no_answer", "store_unreachable"])] {
        relay.set(way);
        let begin = Instant::now();
        let found = std::iter::repeat_with(|| {
            std::thread::sleep(Duration::from_millis(50));
            self::codes(&health(&s).1, "database")
        });
        let code = found.take(600).find(|found| !found.is_empty()).expect("a database that is away").remove(0);
        assert!(codes.contains(&&*code), "{code}");
        // Two looks and what one may take: not a figure, but a bound.
        assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
        let reply = ask(&s, "/healthz").to_string();
        assert!(!reply.contains("postgres") && !reply.contains("127.0.0.1"), "{reply}");
        assert_eq!((ask(&s, "/readyz").status, ask(&s, "/readyz/files").status, ask(&s, "/livez").status), (503, 200, 200));
        relay.set(Way::Open);
        wait(&s, "database", None);
        wait(&s, "database/writes", None);
        assert_eq!(health_ok(&s), "ok");
    }
}

#[test]
fn a_database_that_takes_no_writes_is_told_of() {
    let Some(place) = Place::postgres() else { return };
    let schema = place.schema.clone().unwrap();
    let (plane, server) = (Plane::at(place), postgres::server().unwrap());
    let s = plane.serve();
    assert_eq!(health_ok(&s), "ok");
    // Reading goes on, as on a standby, or where the disk is full.
    let mut admin = server.admin();
    admin.batch_execute(&format!("ALTER TABLE {schema}.realms ADD CONSTRAINT none CHECK (id < 0) NOT VALID")).unwrap();
    wait(&s, "database/writes", Some("store_failed"));
    assert!(codes(&health(&s).1, "database").is_empty());
    admin.batch_execute(&format!("ALTER TABLE {schema}.realms DROP CONSTRAINT none")).unwrap();
    wait(&s, "database/writes", None);
}

/// A server that ends waits for no look.
#[test]
fn a_look_that_hangs_holds_up_no_end() {
    let Some((_plane, relay, s)) = behind_relay() else { return };
    relay.set(Way::Hung);
    wait(&s, "database", Some("no_answer"));
    let begin = Instant::now();
    drop(s);
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
}
