//! What only PostgreSQL has: a network, other nodes, other people's tables; and copies from one store to the other.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use edgelatch_core::tree::ObjectId;
use edgelatch_registry::{Digest, EpochRequest, Error, KeyFilter, Metadata, Registry, RootRow, Scope};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::postgres::{PASSWORD, server};
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, env, ip, new_key, new_org, slug};

fn clock() -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(NOW))
}

fn connect(url: &str) -> Result<Registry, Error> {
    Registry::connect(&url.parse()?, env(&clock()))
}

fn establish(url: &str) -> Result<Registry, Error> {
    Registry::establish(&url.parse()?, env(&clock()))
}

/// An error that tells where, and not the password.
fn refused(result: Result<Registry, Error>, code: &str, words: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    let text = format!("{error} {error:?}");
    assert!(text.contains(words), "{text}");
    assert!(!text.contains(PASSWORD) && !text.contains("%40ss") && !text.contains("wrong"), "{text}");
}

#[test]
fn what_is_wrong_with_an_address_is_told_at_once() {
    let Some(server) = server() else { return };
    let url = server.tcp_url(&server.schema(), "127.0.0.1", "");
    refused(connect(&url), "not_initialised", "postgres://edgelatch@127.0.0.1:");
    refused(connect(&url.replace("/postgres?", "/nowhere?")), "store_unreachable", "\"nowhere\" does not exist");
    refused(connect(&url.replace("p%40ss", "wrong")), "store_unreachable", "authentication failed");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    refused(connect(&format!("postgres://edgelatch:wrong@{nobody}/keys")), "store_unreachable", "refused");
    refused(establish(&server.url("nowhere")), "store_unwritable", "search_path");
    establish(&url).unwrap();
    refused(establish(&url), "already_initialised", "postgres://edgelatch@127.0.0.1:");
    connect(&url).unwrap();
}

#[test]
fn tables_of_others_and_newer_ones_are_left_alone() {
    let Some(server) = server() else { return };
    let schema = server.schema();
    server.admin().batch_execute(&format!("CREATE TABLE {schema}.keys (a INT)")).unwrap();
    refused(establish(&server.url(&schema)), "store_corrupt", "\"keys\" already exists");
    refused(connect(&server.url(&schema)), "not_initialised", "postgres://edgelatch@");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = $1";
    assert_eq!(server.admin().query_one(tables, &[&schema]).unwrap().get::<_, i64>(0), 1);
    let f = Fixture::postgres().unwrap();
    f.execute("UPDATE edgelatch_schema SET version = 99").unwrap();
    refused(Registry::connect(&f.database, env(&f.clock)), "store_newer", "99");
}

#[test]
fn of_nodes_that_begin_at_once_one_makes_the_tables() {
    let Some(server) = server() else { return };
    let url = server.url(&server.schema());
    let codes: Vec<_> = std::thread::scope(|scope| {
        let nodes: Vec<_> = (0..4).map(|_| scope.spawn(|| establish(&url).map_or_else(|e| e.code(), |_| "made"))).collect();
        nodes.into_iter().map(|node| node.join().unwrap()).collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == "made").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == "already_initialised").count(), 3, "{codes:?}");
}

/// Holds the lock that writers take, as a node that is busy does.
fn hold(schema: &str) -> postgres::Client {
    let mut other = server().unwrap().admin();
    other.execute("SELECT pg_advisory_lock(1701079916, hashtext($1))", &[&schema]).unwrap();
    other
}

#[test]
fn another_nodes_writer_is_waited_for_and_then_reported() {
    let Some(f) = Fixture::postgres() else { return };
    let other = hold(f.schema.as_deref().unwrap());
    // Readers go on, and so does another registry in the same database.
    assert!(f.registry.realm(&f.realm).is_ok());
    let neighbour = Fixture::postgres().unwrap();
    assert!(neighbour.registry.keys(&f.realm).make(&caller(), &new_key("ci")).is_ok());
    assert_eq!(f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap_err().code(), "store_busy");
    drop(other);
    assert!(f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).is_ok());
}

#[test]
fn a_connection_lost_between_or_before_a_commit_goes_unnoticed() {
    let Some(f) = Fixture::postgres() else { return };
    let (server, schema) = (server().unwrap(), f.schema.as_deref().unwrap());
    assert!(server.cut(schema) > 0);
    f.registry.keys(&f.realm).make(&caller(), &new_key("one")).unwrap();
    assert!(server.cut(schema) > 0);
    assert_eq!(f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap().len(), 1);
    // While it waits for its turn.
    let other = hold(schema);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| f.registry.keys(&f.realm).make(&caller(), &new_key("two")));
        let waiting = "SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'";
        while server.admin().query_opt(waiting, &[&schema]).unwrap().is_none() {
            std::thread::yield_now();
        }
        server.cut(schema);
        drop(other);
        writer.join().unwrap().unwrap();
    });
    assert_eq!(f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap().len(), 2);
    assert_eq!(f.registry.ledger(&f.realm).changes().unwrap(), 2);
}

/// Whether the server got as far as the commit cannot be known: nothing is tried again, and nothing is claimed.
#[test]
fn a_connection_lost_in_a_commit_is_reported_as_such() {
    let Some(f) = Fixture::postgres() else { return };
    f.execute(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON realms DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()",
    )
    .unwrap();
    let error = f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap_err();
    assert_eq!(error.code(), "store_commit_unknown", "{error}");
    f.execute("DROP TRIGGER die ON realms").unwrap();
    assert!(f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap().is_empty());
}

#[test]
fn an_encrypted_connection_checks_the_certificate() {
    let Some(server) = server() else { return };
    let schema = server.schema();
    let local = server.tcp_url(&schema, "localhost", "&sslmode=require");
    let other_name = server.tcp_url(&schema, "127.0.0.1", "&sslmode=require");
    // The roots come from the environment, and a process has but one.
    let run = |url: &str, roots: &str| {
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", "postgres::encrypted_child", "--nocapture"]);
        let out = test.env("EDGELATCH_TEST_URL", url).env("SSL_CERT_FILE", roots).output().unwrap();
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let certificate = server.certificate();
    let ours = certificate.to_str().unwrap();
    let out = run(&local, ours);
    assert!(out.contains("encrypted: made"), "{out}");
    for (url, roots) in [(&other_name, ours), (&local, "/dev/null")] {
        let out = run(url, roots);
        assert!(out.contains("encrypted: store_unreachable") && out.contains("certificate"), "{out}");
    }
}

#[test]
fn encrypted_child() {
    let Ok(url) = std::env::var("EDGELATCH_TEST_URL") else { return };
    match establish(&url) {
        Ok(_) => println!("encrypted: made"),
        Err(error) => println!("encrypted: {} {error}", error.code()),
    }
}

/// Bytes decide, not the database's language: under English rules `_` comes before `-`, and case hardly counts.
fn text_is_ordered_by_its_bytes(f: Fixture) {
    for org in ["aa", "a_b", "a-b", "a.b", "a1"] {
        f.registry.tenants(&f.realm).create_org(&caller(), &new_org(org)).unwrap();
    }
    let orgs: Vec<String> = f.registry.tenants(&f.realm).orgs().unwrap().into_iter().map(|org| org.org.to_string()).collect();
    assert_eq!(orgs, ["a-b", "a.b", "a1", "a_b", "aa", "one", "two"]);
}

/// The same letters to one store and to the other.
fn a_search_folds_case_as_unicode_does(f: Fixture) {
    for name in ["Straße ÄÖ", "strasse aeo"] {
        f.registry.keys(&f.realm).make(&caller(), &new_key(name)).unwrap();
    }
    let found = |text: &str| {
        let filter = KeyFilter { search: Some(text.into()), ..KeyFilter::default() };
        f.registry.keys(&f.realm).all(&filter).unwrap().len()
    };
    assert_eq!(
        (found("STRA"), found("straße"), found("Ä"), found("ä"), found("äö"), found("a"), found("e\u{308}")),
        (2, 2, 1, 1, 1, 2, 0)
    );
}

fn of_equal_names_one_wins(f: Fixture) {
    let other = f.open();
    let wins: usize = std::thread::scope(|scope| {
        let create = |registry: &Registry| registry.tenants(&f.realm).create_org(&caller(), &new_org("new"));
        let (registry, other) = (&f.registry, &other);
        let tries: Vec<_> = [registry, other, registry, other].map(|r| scope.spawn(move || create(r))).into_iter().collect();
        tries.into_iter().map(|t| usize::from(t.join().unwrap().map_err(|e| assert_eq!(e.code(), "exists")).is_ok())).sum()
    });
    assert_eq!(wins, 1);
}

/// Fills a registry with something of everything.
fn fill(f: &Fixture) {
    for i in 0..20 {
        let mut new = new_key(&format!("key {i}"));
        if i % 3 == 0 {
            new.ip = ip(&["10.0.0.0/8", "2001:db8::/32"], &["192.0.2.1"]);
            new.scope = Scope::List(vec!["cdn".parse().unwrap(), "dns".parse().unwrap()]);
            new.metadata = Metadata::parse(r#"{"team":"wéb"}"#).unwrap();
            new.expires_at = Some(NOW + 60 + i);
        }
        let key = f.registry.keys(&f.realm).make(&caller(), &new).unwrap().key;
        if i % 5 == 0 {
            f.registry.keys(&f.realm).revoke(&caller(), key.key_id, None).unwrap();
        }
    }
    let digest = Digest::parse("sha256", &"ab".repeat(32)).unwrap();
    f.registry.keys(&f.realm).import(&caller(), &new_key("legacy"), &digest).unwrap();
    f.registry.ledger(&f.realm).add_root(&RootRow { version: 1, object: vec![0, 255, 7] }).unwrap();
    for _ in 0..3 {
        f.registry.ledger(&f.realm).reserve(&request()).unwrap();
    }
}

fn request() -> EpochRequest {
    EpochRequest { above: 0, tree: ObjectId([7; 32]), records: 1, changes: 1, root_version: 1, now: NOW, lifetime: 60 }
}

/// All that a registry shows of its realm.
fn all(registry: &Registry) -> String {
    let realm = slug("acme");
    let snapshot = registry.ledger(&realm).snapshot(None).unwrap();
    let mut keys: Vec<String> = snapshot.state.records.iter().map(|key| format!("{key:?} {:?}", key.digest)).collect();
    keys.sort();
    let listed = registry.keys(&realm).all(&KeyFilter::default()).unwrap();
    let parts =
        (registry.realms().unwrap(), registry.tenants(&realm).orgs().unwrap(), registry.tenants(&realm).owners(None).unwrap());
    let more = (
        registry.tenants(&realm).roles().unwrap(),
        registry.ledger(&realm).newest(100).unwrap(),
        registry.ledger(&realm).roots().unwrap(),
    );
    format!("{keys:?} {} {listed:?} {parts:?} {more:?}", snapshot.changes)
}

#[test]
fn a_copy_is_complete_and_goes_on_where_the_original_was() {
    let from = Fixture::sqlite();
    fill(&from);
    let mut line = vec![from];
    line.extend(Fixture::postgres_empty());
    line.push(Fixture::sqlite_empty());
    for pair in line.windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        let mut seen = Vec::new();
        let rows = from.registry.copy_to(&to.registry, &mut |progress| seen.push(progress)).unwrap();
        assert!(rows > 100 && seen.iter().any(|p| p.table == "key_rows" && p.rows == 21 && p.of == 21));
        assert_eq!(all(&from.registry), all(&to.registry));
    }
    for copy in &line[1..] {
        assert_eq!(copy.registry.ledger(&copy.realm).reserve(&request()).unwrap().epoch, 4);
        // Ids follow the copied ones in every table.
        copy.registry.tenants(&copy.realm).create_org(&caller(), &new_org("three")).unwrap();
        copy.registry.keys(&copy.realm).make(&caller(), &new_key("new")).unwrap();
        assert_eq!(copy.registry.keys(&copy.realm).all(&KeyFilter::default()).unwrap().len(), 22);
    }
}

/// A target that holds anything is refused, and keeps what it has.
fn a_copy_never_mixes(f: Fixture) {
    let (from, before) = (Fixture::sqlite(), all(&f.registry));
    fill(&from);
    let error = from.registry.copy_to(&f.registry, &mut |_| {}).unwrap_err();
    assert_eq!(error.code(), "store_not_empty");
    assert_eq!(all(&f.registry), before);
    assert_eq!(f.registry.copy_to(&f.registry, &mut |_| {}).unwrap_err().code(), "store_not_empty");
}

/// A row that cannot be taken leaves the target empty.
#[test]
fn a_copy_is_all_or_nothing() {
    let from = Fixture::sqlite();
    fill(&from);
    from.execute("PRAGMA foreign_keys = OFF; UPDATE epochs SET realm_id = 77 WHERE epoch = 2").unwrap();
    for to in [Some(Fixture::sqlite_empty()), Fixture::postgres_empty()].into_iter().flatten() {
        let error = from.registry.copy_to(&to.registry, &mut |_| {}).unwrap_err();
        assert_eq!(error.code(), "store_failed", "{error}");
        assert!(to.registry.realms().unwrap().is_empty());
    }
}

#[test]
fn a_registry_shows_no_password() {
    let Some(f) = Fixture::postgres() else { return };
    assert!(!format!("{:?} {} {:?}", f.registry, f.registry.database(), f.database).contains(PASSWORD));
}

on_both_stores!(text_is_ordered_by_its_bytes, a_search_folds_case_as_unicode_does, of_equal_names_one_wins, a_copy_never_mixes);
