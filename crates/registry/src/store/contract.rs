//! What every store keeps to, whatever rules are written upon it.

use edgelatch_testkit::postgres;

use super::schema::MIGRATIONS;
use super::{Database, Session, Statements, Store, Value, args};
use crate::error::Error;

/// Runs the test with the place for a database of each kind.
pub(super) fn on_each_place(test: impl Fn(&Database)) {
    let dir = tempfile::tempdir().unwrap();
    test(&Database::file(dir.path().join("a.db")));
    let Some(server) = postgres::server() else { return };
    test(&server.url(&server.schema()).parse().unwrap());
}

/// Runs the test on a fresh database of each kind.
fn on_each(test: impl Fn(&dyn Store)) {
    on_each_place(|place| test(&*place.open(true, MIGRATIONS).unwrap()));
}

pub(super) const REALM: &str = "INSERT INTO realms (slug, name, preset, prefix, source_bearer, source_x_api_key, created_at) \
                     VALUES ($1, $1, 'default', 'ek', 1, 1, 0)";

pub(super) fn count(session: &mut dyn Session) -> Result<u64, Error> {
    session.count("SELECT count(*) FROM realms", &[])
}

fn realms(store: &dyn Store) -> u64 {
    store.reading(count).unwrap()
}

#[test]
fn a_transaction_is_all_or_nothing() {
    on_each(|store| {
        let refuse = || Error::invalid("test", "refused");
        let result: Result<(), Error> = store.writing(|s| s.run(REALM, args!["a"]).and(Err(refuse())));
        assert_eq!(result.unwrap_err().code(), "invalid");
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            store.writing(|s| -> Result<(), Error> {
                s.run(REALM, args!["b"])?;
                panic!("in the middle")
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(realms(store), 0);
        assert_eq!(store.writing(|s| s.run(REALM, args!["a"])).unwrap(), 1);
        assert_eq!(realms(store), 1);
    });
}

/// PostgreSQL would turn the commit into a silent rollback; nobody must be told that it was done.
#[test]
fn a_failure_passed_over_is_no_success() {
    on_each(|store| {
        store.writing(|s| s.run(REALM, args!["a"])).unwrap();
        let twice = |s: &mut dyn Session| {
            s.run(REALM, args!["b"])?;
            let error = s.run(REALM, args!["a"]).unwrap_err();
            assert!(matches!(error, Error::Unique { .. }), "{error}");
            assert!(!error.to_string().contains("=(a)"), "{error}");
            Ok(())
        };
        assert_eq!(store.writing(twice).unwrap_err().code(), "store_failed");
        let on = |s: &mut dyn Session| {
            let _ = s.run(REALM, args!["a"]);
            s.run(REALM, args!["c"]).map(|_| ())
        };
        assert_eq!(store.writing(on).unwrap_err().code(), "store_failed");
        assert_eq!(realms(store), 1);
        // What may fail without an end is said in SQL.
        let skip = format!("{REALM} ON CONFLICT DO NOTHING");
        let counts = store.writing(|s| Ok((s.run(&skip, args!["a"])?, s.run(&skip, args!["d"])?))).unwrap();
        assert_eq!((counts, realms(store)), ((0, 1), 2));
    });
}

#[test]
fn parameters_are_counted_and_typed() {
    on_each(|store| {
        let run = |sql: &str, values: &[Value]| store.writing(|s| s.run(sql, values)).map_err(|e| e.code());
        let sql = "UPDATE realms SET name = $2 WHERE slug = $1 AND name <> $2";
        assert_eq!(run(sql, args!["a", "b"]), Ok(0));
        assert_eq!(run(sql, args!["a"]), Err("store_failed"));
        assert_eq!(run(sql, args!["a", "b", "c"]), Err("store_failed"));
        // SQLite sees a wrong type when a row takes it, PostgreSQL before.
        store.writing(|s| s.run(REALM, args!["a"])).unwrap();
        assert_eq!(run("SELECT id FROM realms", &[]), Err("store_failed"));
        assert_eq!(run("UPDATE realms SET changes = $1", args!["text"]), Err("store_failed"));
        assert_eq!(run("UPDATE realms SET changes = $1", args![b"7".as_slice()]), Err("store_failed"));
    });
}

#[test]
fn values_come_back_as_they_went() {
    on_each(|store| {
        let sql = format!("{REALM} RETURNING id");
        let realm = store.writing(|s| s.one::<u64>(&sql, args!["a"])).unwrap().unwrap();
        let blobs: [&[u8]; 4] = [b"", b"\0", b"\xff\\x41'", &[7; 100_000]];
        store
            .writing(|s| {
                for (i, blob) in (1u64..).zip(blobs) {
                    let sql = "INSERT INTO roots (realm_id, version, object, created_at) VALUES ($1, $2, $3, $4)";
                    s.run(sql, args![realm, i, blob, i64::MAX as u64])?;
                }
                let sql = "UPDATE realms SET name = $2, pepper_id = $3 WHERE id = $1";
                s.run(sql, args![realm, "'; -- \\ \"é\u{10ffff}\n%", None::<u64>])
            })
            .unwrap();
        let read = store
            .reading(|s| s.all::<(Vec<u8>, u64, u64)>("SELECT object, created_at, version FROM roots ORDER BY version", &[]));
        for (i, (row, blob)) in (1u64..).zip(read.unwrap().into_iter().zip(blobs)) {
            assert_eq!(row, (blob.to_vec(), i64::MAX as u64, i));
        }
        let sql = "SELECT name, pepper_id, imports FROM realms";
        let row = store.reading(|s| s.one(sql, &[])).unwrap();
        assert_eq!(row, Some(("'; -- \\ \"é\u{10ffff}\n%".to_owned(), None::<u32>, false)));
    });
}

#[test]
fn a_reader_sees_one_state_while_writers_go_on() {
    on_each(|store| {
        let pair = store.reading(|s| {
            let before = count(s)?;
            std::thread::scope(|scope| scope.spawn(|| store.writing(|s| s.run(REALM, args!["a"])).unwrap()).join().unwrap());
            Ok((before, count(s)?))
        });
        assert_eq!((pair.unwrap(), realms(store)), ((0, 0), 1));
    });
}

/// Else one long read would hold up every call of the API, which each begin with a short one.
#[test]
fn readers_wait_for_no_other_reader() {
    on_each(|store| {
        let pair = store.reading(|_| Ok(std::thread::scope(|scope| scope.spawn(|| realms(store)).join().unwrap())));
        assert_eq!(pair.unwrap(), 0);
        // More than there are connections: the last ones wait, and none is lost on the way.
        std::thread::scope(|scope| {
            for _ in 0..4 * crate::limits::CONNECTIONS {
                scope.spawn(|| assert_eq!(realms(store), 0));
            }
        });
        for _ in 0..=crate::limits::CONNECTIONS {
            let read = || store.reading(|_| -> Result<(), Error> { panic!("in the middle") });
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).is_err());
        }
        assert_eq!(realms(store), 0);
    });
}
