//! The database: concurrency, damage, and what it alone decides.

use edgelatch_core::tree::ObjectId;
use edgelatch_registry::{Database, Digest, EpochRequest, KeyFilter, NewRole, Registry};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, env, new_key, new_org, slug};

fn request(above: u64, now: u64) -> EpochRequest {
    EpochRequest { above, tree: ObjectId([7; 32]), records: 1, changes: 1, root_version: 1, now, lifetime: 60 }
}

fn concurrent_creates_all_land(f: Fixture) {
    let other = f.open();
    std::thread::scope(|scope| {
        for (n, registry) in [&f.registry, &other, &f.registry, &other].into_iter().enumerate() {
            let realm = &f.realm;
            scope.spawn(move || {
                for i in 0..25 {
                    registry.keys(realm).make(&caller(), &new_key(&format!("{n}-{i}"))).unwrap();
                }
            });
        }
    });
    assert_eq!(f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap().len(), 100);
    assert_eq!(f.registry.ledger(&f.realm).changes().unwrap(), 100);
}

fn of_concurrent_imports_one_wins(f: Fixture) {
    let digest = Digest::parse("sha256", &"cd".repeat(32)).unwrap();
    let other = f.open();
    let wins: usize = std::thread::scope(|scope| {
        let tries: Vec<_> = [&f.registry, &other, &f.registry, &other]
            .map(|registry| scope.spawn(|| registry.keys(&f.realm).import(&caller(), &new_key("legacy"), &digest).is_ok()))
            .into_iter()
            .collect();
        tries.into_iter().map(|t| usize::from(t.join().unwrap())).sum()
    });
    assert_eq!(wins, 1);
}

fn an_epoch_is_given_once(f: Fixture) {
    let other = f.open();
    let mut all: Vec<u64> = std::thread::scope(|scope| {
        let takers: Vec<_> = [&f.registry, &other]
            .map(|registry| {
                let realm = &f.realm;
                scope.spawn(move || {
                    (0..20).map(|_| registry.ledger(realm).reserve(&request(0, NOW)).unwrap().epoch).collect::<Vec<_>>()
                })
            })
            .into_iter()
            .collect();
        takers.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    all.sort_unstable();
    assert_eq!(all, (1..=40).collect::<Vec<_>>());
    // Never below what a target holds already, such as after a restored backup.
    assert_eq!(f.registry.ledger(&f.realm).reserve(&request(99, NOW)).unwrap().epoch, 100);
    // A clock set back does not take the time of issue with it.
    let late = f.registry.ledger(&f.realm).reserve(&request(0, NOW + 50)).unwrap();
    let back = f.registry.ledger(&f.realm).reserve(&request(0, NOW)).unwrap();
    assert_eq!((late.issued_at, back.issued_at, back.not_after), (NOW + 50, NOW + 50, NOW + 110));
    f.registry.ledger(&f.realm).mark_published(back.epoch).unwrap();
    let rows = f.registry.ledger(&f.realm).newest(2).unwrap();
    assert_eq!((rows[0].epoch, rows[0].published_at, rows[1].published_at), (back.epoch, Some(NOW), None));
}

fn the_ledger_is_pruned_and_the_counter_is_not(f: Fixture) {
    for _ in 0..1005 {
        f.registry.ledger(&f.realm).reserve(&request(0, NOW)).unwrap();
    }
    assert_eq!(f.registry.ledger(&f.realm).newest(5000).unwrap().len(), 1000);
    assert_eq!(f.registry.ledger(&f.realm).reserve(&request(0, NOW)).unwrap().epoch, 1006);
}

#[test]
fn damage_is_named_and_left_alone() {
    let f = Fixture::sqlite();
    let path = f.dir.path().join("broken.db");
    for bytes in [b"not a database at all, but long enough to be read as one".repeat(40), vec![0xff; 8192]] {
        std::fs::write(&path, &bytes).unwrap();
        let error = Registry::connect(&Database::file(&path), env(&f.clock)).unwrap_err();
        assert_eq!(error.code(), "store_corrupt", "{error}");
        assert!(error.to_string().contains("broken.db") && error.to_string().contains("backup"));
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
    // Another program's database.
    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert_eq!(Registry::connect(&Database::file(&path), env(&f.clock)).unwrap_err().code(), "store_corrupt");
    // A newer program's.
    let newer = rusqlite::Connection::open(f.path()).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    assert_eq!(Registry::connect(&Database::file(f.path()), env(&f.clock)).unwrap_err().code(), "store_newer");
}

/// What a process leaves that dies while it makes a registry: before its one transaction is committed there is none.
#[test]
fn a_registry_begun_and_left_is_begun_again() {
    let f = Fixture::sqlite();
    let path = f.dir.path().join("left.db");
    let open = || Registry::connect(&Database::file(&path), env(&f.clock));
    for begun in ["", "PRAGMA journal_mode = WAL", "PRAGMA journal_mode = WAL; BEGIN; CREATE TABLE realms (a); ROLLBACK"] {
        std::fs::write(&path, "").unwrap();
        rusqlite::Connection::open(&path).unwrap().execute_batch(begun).unwrap();
        let before = std::fs::read(&path).unwrap();
        assert_eq!(open().unwrap_err().code(), "not_initialised");
        assert_eq!(std::fs::read(&path).unwrap(), before);
        let both = std::thread::scope(|scope| {
            let makers = [(), ()].map(|()| {
                scope.spawn(|| Registry::establish(&Database::file(&path), env(&f.clock)).map_err(|e| e.code()).map(drop))
            });
            makers.map(|maker| maker.join().unwrap())
        });
        assert!(both.contains(&Ok(())) && both.contains(&Err("already_initialised")), "{both:?}");
        open().unwrap();
        std::fs::remove_file(&path).unwrap();
    }
    // Other things that lie there are left alone.
    for other in [&b"text"[..], &[0; 4096]] {
        std::fs::write(&path, other).unwrap();
        assert_eq!(Registry::establish(&Database::file(&path), env(&f.clock)).unwrap_err().code(), "already_initialised");
        assert_eq!(std::fs::read(&path).unwrap(), other);
    }
}

#[test]
fn absent_and_present_databases() {
    let f = Fixture::sqlite();
    let absent = Registry::connect(&Database::file(f.dir.path().join("none.db")), env(&f.clock)).unwrap_err();
    assert_eq!(absent.code(), "not_initialised");
    let present = Registry::establish(&Database::file(f.path()), env(&f.clock)).unwrap_err();
    assert_eq!(present.code(), "already_initialised");
    let nowhere = Registry::establish(&Database::file(f.path().join("below/a/file.db")), env(&f.clock)).unwrap_err();
    assert_eq!(nowhere.code(), "store_unwritable");
}

#[test]
fn a_lock_is_waited_for_and_then_reported() {
    let f = Fixture::sqlite();
    let other = rusqlite::Connection::open(f.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Readers go on.
    assert!(f.registry.realm(&f.realm).is_ok());
    assert_eq!(f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap_err().code(), "store_busy");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).is_ok());
}

#[cfg(unix)]
#[test]
fn the_database_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let f = Fixture::sqlite();
    for file in std::fs::read_dir(f.dir.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}

fn names_are_taken_once(f: Fixture) {
    let name: edgelatch_registry::Name = "x".parse().unwrap();
    assert_eq!(f.registry.tenants(&f.realm).create_org(&caller(), &new_org("one")).unwrap_err().code(), "exists");
    let role = |role: &str, org: Option<&str>| NewRole {
        role: slug(role),
        org: org.map(slug),
        name: name.clone(),
        permissions: vec!["dns.*".parse().unwrap()],
    };
    assert_eq!(f.registry.tenants(&f.realm).create_role(&caller(), &role("reader", None)).unwrap_err().code(), "exists");
    f.registry.tenants(&f.realm).create_role(&caller(), &role("reader", Some("one"))).unwrap();
    assert_eq!(f.registry.tenants(&f.realm).create_role(&caller(), &role("reader", Some("one"))).unwrap_err().code(), "exists");
    f.registry.tenants(&f.realm).create_role(&caller(), &role("reader", Some("two"))).unwrap();
    let roles = f.registry.tenants(&f.realm).roles().unwrap();
    assert_eq!(roles.iter().filter(|r| r.role.as_str() == "reader").count(), 3);
    assert_eq!(roles[0].permissions.len(), 1);
}

fn a_lease_is_one_nodes_at_a_time(f: Fixture) {
    let (publisher, [a, b]) = (slug("publisher"), ["node-a", "node-b"].map(slug));
    let acquire = |node| f.registry.ledger(&f.realm).acquire_lease(&publisher, node, 30).unwrap();
    let first = acquire(&a);
    assert_eq!((&first.holder, first.fence, first.expires_at), (&a, 1, NOW + 30));
    f.advance(29);
    assert_eq!(acquire(&b), first);
    let renewed = acquire(&a);
    assert_eq!((renewed.fence, renewed.expires_at), (1, NOW + 59));
    f.advance(30);
    let second = acquire(&b);
    assert_eq!((&second.holder, second.fence), (&b, 2));
    // The one that stalled neither renews nor ends what has passed on.
    f.registry.ledger(&f.realm).release_lease(&publisher, &renewed).unwrap();
    assert_eq!(acquire(&a), second);
    f.registry.ledger(&f.realm).release_lease(&publisher, &second).unwrap();
    assert_eq!((acquire(&a).fence, acquire(&b).holder), (3, a));
    assert_eq!(f.registry.ledger(&f.realm).acquire_lease(&publisher, &b, 0).unwrap_err().code(), "invalid");
}

fn of_nodes_that_want_a_lease_one_gets_it(f: Fixture) {
    let other = f.open();
    let holders: Vec<_> = std::thread::scope(|scope| {
        let tries: Vec<_> = [&f.registry, &other, &f.registry, &other]
            .into_iter()
            .enumerate()
            .map(|(n, registry)| {
                let (realm, node) = (&f.realm, slug(&format!("node-{n}")));
                scope.spawn(move || registry.ledger(realm).acquire_lease(&slug("publisher"), &node, 30).unwrap())
            })
            .collect();
        tries.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(holders.iter().all(|lease| lease == &holders[0]), "{holders:?}");
}

on_both_stores!(
    concurrent_creates_all_land,
    of_concurrent_imports_one_wins,
    an_epoch_is_given_once,
    the_ledger_is_pruned_and_the_counter_is_not,
    names_are_taken_once,
    a_lease_is_one_nodes_at_a_time,
    of_nodes_that_want_a_lease_one_gets_it,
);

/// A process that dies while it makes a registry may leave its first transaction for others to undo.
#[test]
fn what_a_dead_process_began_to_make_is_made_anew() {
    let f = Fixture::sqlite();
    let [begun, left] = ["begun.db", "left.db"].map(|name| f.dir.path().join(name));
    std::fs::write(&begun, "").unwrap();
    let other = rusqlite::Connection::open(&begun).unwrap();
    other.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN; CREATE TABLE t (a)").unwrap();
    other.execute("INSERT INTO t VALUES (zeroblob(100000))", ()).unwrap();
    for suffix in ["", "-journal"] {
        let part = |path: &std::path::Path| format!("{}{suffix}", path.display());
        assert!(std::fs::copy(part(&begun), part(&left)).unwrap() > 0, "nothing was written yet");
    }
    assert_eq!(Registry::connect(&Database::file(&left), env(&f.clock)).unwrap_err().code(), "not_initialised");
    assert!(Registry::establish(&Database::file(&left), env(&f.clock)).unwrap().realms().unwrap().is_empty());
}
