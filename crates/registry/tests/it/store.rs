//! The database: concurrency, damage, and what it alone decides.

use edgelatch_core::bundle::head_bytes;
use edgelatch_core::head::Head;
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::limits::{PAGE_BYTES, WAL_PAGES};
use edgelatch_registry::{Database, Digest, EpochRequest, KeyFilter, NewRole, Registry, RootRow};
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, env, new_key, new_org, slug};
use edgelatch_testkit::{on_both_stores, realm};

fn request(above: u64, now: u64) -> EpochRequest {
    EpochRequest { above, tree: ObjectId([7; 32]), records: 1, changes: 0, root_version: 0, now, lifetime: 60 }
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

/// Whoever was held up with an earlier state, or under an earlier root, is given no epoch: it would be above those that show what came since.
fn an_epoch_never_shows_an_earlier_state(f: Fixture) {
    let ledger = f.registry.ledger(&f.realm);
    for name in ["one", "two"] {
        f.registry.keys(&f.realm).make(&caller(), &new_key(name)).unwrap();
    }
    let asked = |changes, root_version| EpochRequest { changes, root_version, ..request(0, NOW) };
    let code = |changes, root_version| ledger.reserve(&asked(changes, root_version)).map(|row| row.epoch).map_err(|e| e.code());
    assert_eq!((code(1, 0), code(2, 0), code(2, 0)), (Ok(1), Ok(2), Ok(3)));
    assert_eq!((code(1, 0), code(0, 0)), (Err("outrun"), Err("outrun")));
    // A step that never was: the database went back.
    assert_eq!(code(3, 0), Err("outrun"));
    ledger.add_root(&RootRow { version: 1, object: vec![1] }).unwrap();
    assert_eq!((code(2, 0), code(2, 2), code(2, 1)), (Err("outrun"), Err("outrun"), Ok(4)));
    // Nor is one given above a head that was taken over, with keys as they were before that.
    let bundle = realm::bundle(90, &realm::tree(Vec::new()));
    let head = Head::inspect(head_bytes(&bundle).unwrap()).unwrap();
    ledger.take_head(&caller(), &head, &[], "realm.go_on_above").unwrap();
    assert_eq!((code(2, 1), code(3, 1)), (Err("outrun"), Ok(91)));
}

fn the_ledger_is_pruned_and_the_counter_is_not(f: Fixture) {
    for _ in 0..1005 {
        f.registry.ledger(&f.realm).reserve(&request(0, NOW)).unwrap();
    }
    assert_eq!(f.registry.ledger(&f.realm).newest(5000).unwrap().len(), 1000);
    assert_eq!(f.registry.ledger(&f.realm).reserve(&request(0, NOW)).unwrap().epoch, 1006);
}

/// SQLite begins its log anew only where nobody writes for a while; beside an import and other writers it would grow without end.
#[test]
fn the_log_is_begun_anew_once_it_is_long() {
    let f = Fixture::sqlite();
    let object = vec![7; 1 << 20];
    for version in 1..=70 {
        f.registry.ledger(&f.realm).add_root(&RootRow { version, object: object.clone() }).unwrap();
    }
    let log = f.path().with_file_name("registry.db-wal").metadata().unwrap().len();
    assert!(log < WAL_PAGES * PAGE_BYTES, "{log}");
    assert_eq!(f.registry.ledger(&f.realm).roots().unwrap().len(), 70);
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

on_both_stores!(
    concurrent_creates_all_land,
    of_concurrent_imports_one_wins,
    an_epoch_is_given_once,
    an_epoch_never_shows_an_earlier_state,
    the_ledger_is_pruned_and_the_counter_is_not,
    names_are_taken_once,
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

/// As on a disk that is mounted to be read only: what a writer needs beside the file cannot be made, or not be written.
#[cfg(unix)]
#[test]
fn where_nothing_can_be_written_what_is_there_is_read() {
    let f = Fixture::sqlite();
    f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap();
    let (path, Fixture { registry, database, clock, realm, dir, .. }) = (f.path(), f);
    drop(registry);
    let beside = |suffix| format!("{}{suffix}", path.display());
    let (shared, log) = (beside("-shm"), beside("-wal"));
    let look = || {
        let registry = Registry::connect(&database, env(&clock)).unwrap();
        assert_eq!(registry.keys(&realm).all(&Default::default()).unwrap().len(), 1);
        assert_eq!(registry.keys(&realm).make(&caller(), &new_key("x")).unwrap_err().code(), "store_unwritable");
        registry.check_live().map_err(|error| error.code())
    };
    // SQLite follows no links. Fit for a look, and not for a server, which would never see what others change.
    std::os::unix::fs::symlink(dir.path(), &shared).unwrap();
    std::os::unix::fs::symlink("/nowhere/log", &log).unwrap();
    assert_eq!(look(), Err("store_read_only"));
    for link in [&shared, &log] {
        std::fs::remove_file(link).unwrap();
    }
    Registry::connect(&database, env(&clock)).unwrap().check_live().unwrap();
    // This it opens to be read, and goes on looking for what others write.
    std::fs::create_dir(&shared).unwrap();
    assert_eq!(look(), Ok(()));
}
