//! Programs of several versions over one database: the one that knows [`MIGRATIONS`], and one after it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::contract::{REALM, count, on_each_place};
use super::schema::{MIGRATIONS, Migrations, tables};
use super::{Statements, Store, args};
use crate::error::Error;

/// What a next program may bring: a column, a table, and what is for one dialect alone.
const SECOND: &str = "\
ALTER TABLE realms ADD COLUMN colour {int} NOT NULL DEFAULT 7;

{sqlite}
CREATE TABLE only_sqlite (id {id}) {strict};

{postgres}
CREATE TABLE only_postgres (id {id}) {strict};

CREATE TABLE later (id {id}, realm_id {int} NOT NULL REFERENCES realms (id)) {strict};";
const NEXT: Migrations = &[MIGRATIONS[0], SECOND];

/// Opens a new database, or the same one again, as a program does that knows some migrations.
type Open<'a> = dyn Fn(bool, Migrations) -> Result<Box<dyn Store>, Error> + Sync + 'a;

fn on_each(test: impl Fn(&Open<'_>)) {
    on_each_place(|place| test(&|new, known| place.open(new, known)));
}

/// Opens the next program while this one is at work.
fn upgrade(open: &Open<'_>) {
    let old = open(true, MIGRATIONS).unwrap();
    old.writing(|s| s.run(REALM, args!["first"])).unwrap();
    let (done, mut written) = (AtomicBool::new(false), 1);
    let new = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut n = 0;
            while !done.load(Ordering::SeqCst) || n < 20 {
                n += 1;
                old.writing(|s| s.run(REALM, args![format!("r{n}")])).unwrap();
                // SQLite's writers do not queue: one without a pause starves the others.
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            n
        });
        let reader = scope.spawn(|| {
            // Two tables in one transaction, in the order opposite to the migrations'.
            while !done.load(Ordering::SeqCst) {
                let read = old.reading(|s| {
                    s.count("SELECT count(*) FROM epochs", &[])?;
                    Ok((count(s)?, count(s)?))
                });
                let (before, after) = read.unwrap();
                assert_eq!(before, after);
            }
        });
        let new = open(false, NEXT);
        done.store(true, Ordering::SeqCst);
        written += writer.join().unwrap();
        reader.join().unwrap();
        new.unwrap()
    });
    // What the old one wrote is there, before, during and after; both go on.
    assert_eq!(new.reading(count).unwrap(), written);
    old.writing(|s| s.run(REALM, args!["last of the old"])).unwrap();
    new.writing(|s| s.run(REALM, args!["first of the new"])).unwrap();
    assert_eq!((old.reading(count).unwrap(), new.reading(count).unwrap()), (written + 2, written + 2));
    for table in tables() {
        new.reading(|s| s.count(format!("SELECT count(*) FROM {table}"), &[])).unwrap();
    }
    let filled = "SELECT count(*) FROM realms WHERE colour = 7 AND (SELECT count(*) FROM later) = 0";
    assert_eq!(new.reading(|s| s.count(filled, &[])).unwrap(), written + 2);
    let only = ["only_sqlite", "only_postgres"].map(|table| new.reading(|s| s.columns(table)).is_ok());
    assert!(only[0] != only[1], "{only:?}");
    // A program from before that starts now is told.
    let error = open(false, MIGRATIONS).err().unwrap();
    assert!(matches!(error, Error::NewerSchema { found: 2, known: 1 }), "{error}");
    assert_eq!(open(false, NEXT).unwrap().reading(count).unwrap(), written + 2);
}

#[test]
fn a_schema_is_brought_up_to_date_while_in_use() {
    on_each(upgrade);
}

/// Several new programs at once: one migrates, the others find it done.
#[test]
fn of_programs_that_start_at_once_one_migrates() {
    on_each(|open| {
        open(true, MIGRATIONS).unwrap().writing(|s| s.run(REALM, args!["a"])).unwrap();
        let stores: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| open(false, NEXT).unwrap())).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(stores.iter().all(|store| store.reading(count).unwrap() == 1));
    });
}

/// A migration that fails leaves the schema as it was, and the old program at work.
#[test]
fn a_migration_that_fails_changes_nothing() {
    const HALF: &str =
        "ALTER TABLE realms ADD COLUMN half TEXT; UPDATE realms SET half = slug; ALTER TABLE nowhere ADD COLUMN x TEXT;";
    const BROKEN: Migrations = &[MIGRATIONS[0], HALF];
    on_each(|open| {
        let old = open(true, MIGRATIONS).unwrap();
        old.writing(|s| s.run(REALM, args!["a"])).unwrap();
        assert!(open(false, BROKEN).is_err());
        assert!(!old.reading(|s| s.columns("realms")).unwrap().contains(&"half".to_owned()));
        old.writing(|s| s.run(REALM, args!["b"])).unwrap();
        assert_eq!(open(false, NEXT).unwrap().reading(count).unwrap(), 2);
    });
}
