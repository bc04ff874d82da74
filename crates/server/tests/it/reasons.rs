//! What else is wrong with a node, each provoked: what its health says of it, and that it says so no more once it is mended.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::common::realm::{Realm, init};
use crate::common::{Plane, Served, raw, slug};
use edgelatch_registry::{Env, Registry};
use edgelatch_server::{Options, Upkeep, Webhook};
use edgelatch_sync::init_in;
use edgelatch_testkit::registry::Place;
use serde_json::Value;

/// Far above what a look takes, far below what nobody would wait for.
const LONG: Duration = Duration::from_secs(60);

fn health(s: &Served) -> Value {
    raw(s.addr, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").json()
}

/// Waits until a place is in this trouble, or in none; a failing one is never called anything else.
fn wait(s: &Served, place: &str, expected: Option<(&str, &str)>) {
    let begin = Instant::now();
    loop {
        let health = health(s);
        let troubles = health["troubles"].as_array().unwrap();
        let found = troubles.iter().find(|trouble| trouble["place"] == place);
        let found = found.map(|trouble| (trouble["severity"].as_str().unwrap(), trouble["code"].as_str().unwrap()));
        if found == expected {
            let fails = troubles.iter().any(|trouble| trouble["severity"] == "failing");
            assert_eq!(health["status"] == "failing", fails, "{health}");
            return;
        }
        assert!(begin.elapsed() < LONG, "{place} should be {expected:?}: {health}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The same registry by a clock that shows this.
fn by_clock(registry: &Registry, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Arc<Registry> {
    let env = Env::new(clock, |bytes| getrandom::fill(bytes).is_ok());
    Arc::new(Registry::connect(registry.database(), env).unwrap())
}

/// The same registry by a clock that is so far ahead.
fn ahead(registry: &Registry) -> (Arc<AtomicU64>, Arc<Registry>) {
    let ahead = Arc::new(AtomicU64::new(0));
    let shown = Arc::clone(&ahead);
    (ahead, by_clock(registry, move || std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + shown.load(Ordering::SeqCst)))
}

fn looked_after(published: PathBuf, registry: Arc<Registry>) -> Served {
    let options = Options::new(([127, 0, 0, 1], 0).into(), published);
    Served::start(Options { upkeep: Some(Upkeep::new(registry)), ..options }, "")
}

#[test]
fn realms_that_are_not_where_they_belong() {
    let realm = Realm::new();
    init_in(&realm.dir, &realm.registry(), &init("second"), &mut |_| Ok(())).unwrap();
    let s = looked_after(realm.dir.published(), realm.registry());
    let head = |name: &str| realm.dir.realm(&slug(name)).join("head");
    let own = std::fs::read(head("second")).unwrap();
    std::fs::copy(head("acme"), head("second")).unwrap();
    wait(&s, "realm/second/head", Some(("failing", "foreign")));
    std::fs::write(head("second"), own).unwrap();
    wait(&s, "realm/second/head", None);
    // One that was deleted, or never was.
    let gone = realm.dir.realm(&slug("gone"));
    std::fs::create_dir_all(&gone).unwrap();
    std::fs::copy(head("acme"), gone.join("head")).unwrap();
    wait(&s, "realm/gone/head", Some(("warning", "no_realm")));
    std::fs::remove_dir_all(&gone).unwrap();
    wait(&s, "realm/gone/head", None);
    // A directory into which nothing was published yet.
    let empty = realm.dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let s = looked_after(empty, realm.registry());
    wait(&s, "realm/acme/head", Some(("warning", "not_here")));
}

#[test]
fn a_clock_that_was_never_set() {
    let realm = Realm::new();
    let set = Arc::new(AtomicU64::new(1_000));
    let shown = Arc::clone(&set);
    let s = looked_after(realm.dir.published(), by_clock(&realm.registry(), move || shown.load(Ordering::SeqCst)));
    wait(&s, "clock", Some(("failing", "unset")));
    set.store(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs(), Ordering::SeqCst);
    wait(&s, "clock", None);
}

#[test]
fn a_clock_whose_jumps_nothing_would_tell() {
    let realm = Realm::new();
    let env = Env::new(|| std::time::UNIX_EPOCH.elapsed().unwrap().as_secs(), |bytes| getrandom::fill(bytes).is_ok());
    // As where `/proc` is hidden.
    let registry = Registry::connect(realm.registry().database(), env.compared(|| None)).unwrap();
    let s = looked_after(realm.dir.published(), Arc::new(registry));
    wait(&s, "clock", Some(("warning", "unwitnessed")));
}

#[test]
fn a_clock_that_differs_from_that_of_the_database() {
    let Some(place) = Place::postgres() else { return };
    let plane = Plane::at(place);
    let (ahead, registry) = ahead(&plane.registry);
    let s = looked_after(plane.options().published, registry);
    ahead.store(400, Ordering::SeqCst);
    wait(&s, "clock", Some(("failing", "differs_from_database")));
    ahead.store(0, Ordering::SeqCst);
    wait(&s, "clock", None);
}

#[test]
fn a_database_that_somebody_else_writes_for_long() {
    let realm = Realm::new();
    let s = looked_after(realm.dir.published(), realm.registry());
    let other = rusqlite::Connection::open(realm.dir.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    wait(&s, "database/writes", Some(("warning", "store_busy")));
    other.execute_batch("ROLLBACK").unwrap();
    wait(&s, "database/writes", None);
}

#[test]
fn events_that_nobody_takes() {
    let plane = Plane::new();
    let (ahead, registry) = ahead(&plane.registry);
    // Nobody listens there.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let serve = || {
        let webhook = Some(Webhook::new(&format!("http://{gone}/"), "a secret that signs alerts, 32 ok").unwrap());
        let options = Options { api: None, console: None, upkeep: Some(Upkeep::new(Arc::clone(&registry))), ..plane.options() };
        Served::start(Options { webhook, ..options }, "")
    };
    assert!(registry.outbox().pending().unwrap() > 0);
    let s = serve();
    wait(&s, "outbox", None);
    ahead.store(400, Ordering::SeqCst);
    wait(&s, "outbox", Some(("warning", "late")));
    drop(s);
    // Tried as often as may be.
    ahead.store(10_000, Ordering::SeqCst);
    for due in registry.outbox().take(500).unwrap() {
        while registry.outbox().failed(&due.event, "the connection could not be made").unwrap().is_some() {}
    }
    assert_eq!(registry.outbox().pending().unwrap(), 0);
    let s = serve();
    wait(&s, "outbox", Some(("warning", "given_up")));
    // A day later nobody is told any more; the list of events still has it.
    ahead.store(2 * 86_400, Ordering::SeqCst);
    wait(&s, "outbox", None);
}
