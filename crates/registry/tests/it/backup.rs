//! A backup shows one state, comes back as it was in either store, and is refused unless it is whole.

use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use edgelatch_core::tree::ObjectId;
use edgelatch_registry::{
    BackupFile, Database, Digest, EpochRequest, Error, Handover, KeyFilter, Metadata, NewHead, Registry, RootRow, Scope,
    UsageBatch, restore_backup, verify_backup,
};
use edgelatch_testkit::ends::Ends;
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, Place, caller, env, ip, new_key, new_org, slug, usage_event};
use sha2::{Digest as _, Sha256};

/// Fills a registry with something of everything.
fn fill(f: &Fixture) {
    let keys = f.registry.keys(&f.realm);
    for i in 0..30 {
        let mut new = new_key(&format!("key {i} \"\\ é Ω"));
        if i % 3 == 0 {
            new.ip = ip(&["10.0.0.0/8", "2001:db8::/32"], &["192.0.2.1"]);
            new.scope = Scope::List(vec!["cdn".parse().unwrap(), "dns".parse().unwrap()]);
            new.metadata = Metadata::parse(r#"{"team":"wéb"}"#).unwrap();
            new.expires_at = Some(NOW + 60 + i);
        }
        let key = keys.make(&caller(), &new).unwrap().key;
        match i % 7 {
            0 => drop(keys.revoke(&caller(), key.key_id, None).unwrap()),
            // The newest key of each table is gone: its row must not be given again.
            1 => drop(keys.delete(&caller(), key.key_id, Some(key.name.as_str()), None).unwrap()),
            _ => {}
        }
        let events = vec![usage_event(Some(key.key_id), NOW, "valid")];
        let batch = UsageBatch { batch: format!("b{i}"), events };
        f.registry.usage(&f.realm).ingest(&batch).unwrap();
    }
    keys.import(&caller(), &new_key("legacy"), &Digest::parse("sha256", &"ab".repeat(32)).unwrap()).unwrap();
    f.registry.ledger(&f.realm).add_root(&RootRow { version: 1, object: vec![0, 255, 7] }).unwrap();
    let node = f.registry.process(slug("node-1")).unwrap();
    f.registry.ledger(&f.realm).acquire_lease(&node, 5).unwrap();
    for _ in 0..3 {
        f.registry.ledger(&f.realm).reserve(&request()).unwrap();
    }
}

fn request() -> EpochRequest {
    EpochRequest { above: 0, tree: ObjectId([7; 32]), records: 1, changes: 1, root_version: 1, now: NOW, lifetime: 60 }
}

fn filled(place: Place) -> Fixture {
    let f = Fixture::new(place);
    fill(&f);
    f
}

fn backup(registry: &Registry) -> Vec<u8> {
    let mut bytes = Vec::new();
    let said = registry.backup(&mut bytes, &[], &mut |_| {}).unwrap();
    assert_eq!((verify_backup(&mut &*bytes).unwrap(), said.tables["epochs"] > 5), (said.clone(), false));
    assert_eq!(said.bytes, bytes.len() as u64);
    bytes
}

fn restore(database: &Database, f: &Fixture, bytes: &[u8]) -> Result<Registry, Error> {
    let backup = verify_backup(&mut &*bytes)?;
    let open = || Ok(Box::new(io::Cursor::new(bytes.to_vec())) as Box<dyn BufRead>);
    restore_backup(database, env(&f.clock), &backup, &open, &mut |_| {})
}

/// Restores into a new file, which must not be there if that is refused; says with which code it was.
fn refused(f: &Fixture, bytes: &[u8]) -> &'static str {
    let path = f.dir.path().join("refused.db");
    let error = restore(&Database::file(&path), f, bytes).expect_err("it was restored");
    assert!(!path.exists(), "{error}");
    assert!(!error.to_string().contains("abababab"), "{error}");
    error.code()
}

/// The same with another last line, as whoever forges one writes it.
fn signed(text: &str) -> Vec<u8> {
    let (lines, _) = text.trim_end().rsplit_once('\n').unwrap();
    let body = format!("{lines}\n");
    let rows = body.lines().filter(|line| line.starts_with('[')).count();
    let hash: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{body}{{\"is\":\"end\",\"rows\":{rows},\"sha256\":\"{hash}\"}}\n").into_bytes()
}

#[test]
fn every_table_comes_back_in_the_other_store_and_back() {
    let from = filled(Place::sqlite());
    let first = backup(&from.registry);
    let mut bytes = first.clone();
    let file = || Some(Place::sqlite());
    for place in [Place::postgres(), file(), Place::postgres(), file()].into_iter().flatten() {
        let restored = restore(&place.database, &from, &bytes).unwrap();
        assert!(
            restored.ledger(&from.realm).is_restored().unwrap() && !from.registry.ledger(&from.realm).is_restored().unwrap()
        );
        bytes = backup(&restored);
        assert!(bytes == first, "not the same in {}", place.database);
        // What goes on there is above all that was ever given, also to what is gone.
        let keys = restored.keys(&from.realm);
        assert_eq!(
            keys.all(&KeyFilter::default()).unwrap(),
            from.registry.keys(&from.realm).all(&KeyFilter::default()).unwrap()
        );
        restored.audit(&from.realm).verify(None).unwrap();
        // Until it takes an epoch, nobody knows what came after the backup.
        restored.ledger(&from.realm).reserve(&request()).unwrap();
        assert!(!restored.ledger(&from.realm).is_restored().unwrap());
    }
    let text = String::from_utf8(first).unwrap();
    let tables = text.lines().filter(|line| line.contains(r#""is":"table""#)).count();
    assert_eq!(tables, 34);
    for table in ["key_rows", "secrets", "audit_log", "requests", "events", "roots", "epochs", "record_sizes", "journal"] {
        let (_, rows) = text.split_once(&format!(r#""is":"table","name":"{table}""#)).unwrap();
        assert!(rows.lines().nth(1).unwrap().starts_with('['), "{table} has no row");
    }
}

/// A row that was taken away must not be another key's: events, cursors and notices remember rows.
fn no_row_is_given_twice(f: Fixture) {
    let keys = f.registry.keys(&f.realm);
    let row = |f: &Fixture| f.rows("SELECT max(id) FROM key_rows")[0][0].parse::<u64>().unwrap();
    let make = |name: &str| keys.make(&caller(), &new_key(name)).unwrap().key;
    let (mut last, mut gone) = (0, make("first"));
    for name in ["second", "third", "fourth"] {
        assert!(row(&f) > last, "{name} has the row of a key before it");
        last = row(&f);
        keys.delete(&caller(), gone.key_id, Some(gone.name.as_str()), None).unwrap();
        gone = make(name);
    }
    last = row(&f);
    keys.delete(&caller(), gone.key_id, Some("fourth"), None).unwrap();
    // Nor after a restore.
    let place = Place::sqlite();
    let restored = restore(&place.database, &f, &backup(&f.registry)).unwrap();
    restored.keys(&f.realm).make(&caller(), &new_key("later")).unwrap();
    let found = rusqlite::Connection::open(place.database.path().unwrap()).unwrap();
    assert!(found.query_one("SELECT max(id) FROM key_rows", [], |row| row.get::<_, i64>(0)).unwrap() > last as i64);
    // Nor by an import.
    let defaults = edgelatch_registry::ImportDefaults {
        org: Some(slug("one")),
        owner: Some(slug("alice")),
        roles: vec![slug("reader")],
        environment: None,
    };
    let how = edgelatch_registry::Import { format: edgelatch_registry::ImportFormat::Csv, defaults, dry_run: false };
    let text = format!("sha256,name\n{},imported\n", "cd".repeat(32));
    assert!(keys.import_file(&caller(), &how, &mut text.as_bytes(), &mut |_| {}).unwrap().done);
    assert!(row(&f) > last);
}

#[test]
fn what_is_cut_off_or_changed_is_refused_and_nothing_is_written() {
    let f = filled(Place::sqlite());
    let whole = backup(&f.registry);
    assert!(whole.len() > 20_000);
    let ends = (0..whole.len()).step_by(4096).chain([whole.len() - 1, whole.len() - 2]);
    for end in ends {
        assert_eq!(refused(&f, &whole[..end]), "backup_damaged", "cut at {end}");
    }
    for at in (0..whole.len()).step_by(97).chain(whole.len() - 100..whole.len()) {
        for bit in [0, 3, 6] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            assert_eq!(verify_backup(&mut &*flipped).unwrap_err().code(), "backup_damaged", "bit {bit} of {at}");
        }
    }
    let mut flipped = whole.clone();
    flipped[10_000] ^= 1;
    assert_eq!(refused(&f, &flipped), "backup_damaged");
    for longer in [b"\n".as_slice(), b"{}", b"[]\n"] {
        assert_eq!(refused(&f, &[&whole, longer].concat()), "backup_damaged");
    }
    restore(&Database::file(f.dir.path().join("refused.db")), &f, &whole).unwrap();
}

/// Somebody who can make the digest anew still gets in nothing that the registry would not have written.
#[test]
fn what_was_forged_is_refused() {
    let f = filled(Place::sqlite());
    let text = String::from_utf8(backup(&f.registry)).unwrap();
    assert_eq!(signed(&text), text.as_bytes(), "the test's own digest");
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        refused(&f, &signed(&text.replacen(from, to, 1)))
    };
    // Columns become a part of statements.
    assert_eq!(replaced(r#""columns":["id","slug""#, r#""columns":["id","slug) VALUES (1); --""#), "backup_damaged");
    assert_eq!(replaced(r#""name":"orgs""#, r#""name":"sqlite_schema""#), "backup_damaged");
    assert_eq!(replaced(r#""schema":1"#, r#""schema":2"#), "backup_schema");
    assert_eq!(replaced(r#""format":1"#, r#""format":2"#), "backup_damaged");
    // An act that never was, and one that was something else.
    assert_eq!(replaced("\"key.revoke\"", "\"key.create\""), "activity_altered");
    let row = text.lines().find(|line| line.contains("\"key.revoke\"")).unwrap();
    assert_eq!(replaced(&format!("{row}\n"), ""), "activity_altered");
    // A key of an org that is not there; a digest that another key has.
    let keys = text.split_once(r#""name":"key_rows""#).unwrap().1;
    let key = keys.lines().nth(1).unwrap();
    let parts: Vec<&str> = key.splitn(6, ',').collect();
    let other = format!("{},{},{},{},77,{}", parts[0], parts[1], parts[2], parts[3], parts[5]);
    assert_eq!(replaced(key, &other), "backup_damaged");
    let tables: Vec<usize> = text.match_indices(r#"{"is":"table""#).map(|(at, _)| at).collect();
    let without = format!("{}{}", &text[..tables[3]], &text[tables[4]..]);
    assert_eq!(refused(&f, &signed(&without)), "backup_damaged");
}

/// What a backup shows is a state that there was: its log's end lies on the chain, and its keys are those that the log tells of.
fn a_backup_beside_a_writer_shows_one_state(f: Fixture) {
    let (done, written, place) = (AtomicBool::new(false), AtomicU64::new(0), Place::sqlite());
    let other = f.open();
    let backups = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let i = written.load(Ordering::SeqCst);
                let made = other.keys(&f.realm).create(&caller(), &new_key(&format!("k{i}")), Handover::default()).unwrap();
                let id = made.created().unwrap().key.key_id;
                if i.is_multiple_of(3) {
                    other.keys(&f.realm).revoke(&caller(), id, None).unwrap();
                }
                written.store(i + 1, Ordering::SeqCst);
            }
        });
        let ends = Ends(&done);
        // Each is begun while the writer, which never pauses, is at another key than it was at the one before.
        let backups: Vec<Vec<u8>> = (0..4)
            .map(|n| {
                while written.load(Ordering::SeqCst) < 3 * n && !writer.is_finished() {
                    std::thread::yield_now();
                }
                backup(&f.registry)
            })
            .collect();
        drop(ends);
        writer.join().unwrap();
        backups
    });
    for (i, bytes) in backups.iter().enumerate() {
        let restored = restore(&Database::file(place.dir.path().join(format!("{i}.db"))), &f, bytes).unwrap();
        let anchor = restored.audit(&f.realm).verify(None).unwrap();
        f.registry.audit(&f.realm).verify(Some(&anchor)).unwrap();
        let all = restored.keys(&f.realm).count(&KeyFilter::default()).unwrap();
        let revoked = KeyFilter { state: Some(edgelatch_registry::State::Revoked), ..KeyFilter::default() };
        let revoked = restored.keys(&f.realm).count(&revoked).unwrap();
        let told = |action: &str| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.lines().filter(|line| line.starts_with('[') && line.contains(&format!(",\"{action}\",\"key\","))).count()
                as u64
        };
        assert_eq!((all, revoked), (told("key.create"), told("key.revoke")));
    }
}

fn a_restore_never_mixes(f: Fixture) {
    fill(&f);
    let (other, before) = (filled(Place::sqlite()), backup(&f.registry));
    let error = restore(&f.database, &f, &backup(&other.registry)).unwrap_err();
    assert_eq!(error.code(), "store_not_empty");
    assert!(backup(&f.registry) == before);
}

/// Tables that an attempt before made, and nothing in them: also where nothing can remove them.
fn empty_tables_are_filled(place: Place) {
    let from = filled(Place::sqlite());
    let f = Fixture::empty(place);
    let bytes = backup(&from.registry);
    assert_eq!(restore(&f.database, &f, &bytes[..bytes.len() - 1]).unwrap_err().code(), "backup_damaged");
    let forged = signed(&String::from_utf8(bytes.clone()).unwrap().replacen("\"key.revoke\"", "\"key.create\"", 1));
    assert_eq!(restore(&f.database, &f, &forged).unwrap_err().code(), "activity_altered");
    assert!(f.registry.realms().unwrap().is_empty());
    let restored = restore(&f.database, &f, &bytes).unwrap();
    assert!(backup(&restored) == bytes);
    restored.tenants(&from.realm).create_org(&caller(), &new_org("three")).unwrap();
}

/// A disk that is full after so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_said() {
    let f = filled(Place::sqlite());
    for room in [0, 10_000, backup(&f.registry).len() - 1] {
        let error = f.registry.backup(&mut Full(room), &[], &mut |_| {}).unwrap_err();
        assert_eq!(error.code(), "backup_stopped");
    }
    f.registry.backup(&mut Full(1 << 20), &[], &mut |_| {}).unwrap();
}

#[test]
fn files_travel_with_it_and_are_not_shown() {
    let f = filled(Place::sqlite());
    let file = BackupFile { name: "keys/publisher.key".into(), content: "seed abc\n".to_owned().into() };
    assert!(!format!("{file:?}").contains("abc"));
    let mut bytes = Vec::new();
    let said = f.registry.backup(&mut bytes, std::slice::from_ref(&file), &mut |_| {}).unwrap();
    let found = verify_backup(&mut &*bytes).unwrap();
    assert_eq!((found.files.as_slice(), said.files.as_slice()), (std::slice::from_ref(&file), std::slice::from_ref(&file)));
    assert!(!serde_json::to_string(&found).unwrap().contains("abc"));
    restore(&Database::file(f.dir.path().join("new.db")), &f, &bytes).unwrap();
}

/// What nodes copy from the database is of this one alone: large objects do not break a backup, and nothing that was published is served out of it.
fn what_is_published_is_not_in_it(f: Fixture) {
    fill(&f);
    let ledger = f.registry.ledger(&f.realm);
    let head = NewHead { before: None, bytes: b"head", epoch: 3 };
    let large = vec![7; MAX_BACKUP_LINE];
    assert!(ledger.put_files(&[("objects/x".into(), large)], &[], Some(head)).unwrap());
    assert_eq!(f.rows("SELECT last_file, shown_epoch FROM realms WHERE slug = 'acme'"), [["2", "3"]]);
    let bytes = backup(&f.registry);
    assert!(bytes.len() < MAX_BACKUP_LINE);
    for passing in ["published_files", "nodes", "leases"] {
        assert!(!String::from_utf8_lossy(&bytes).contains(&format!(r#""name":"{passing}""#)), "{passing}");
    }
    let copied = Registry::establish(&Database::file(f.dir.path().join("copy.db")), env(&f.clock)).unwrap();
    f.registry.copy_to(&copied, &mut |_| {}).unwrap();
    for place in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        let restored = restore(&place.database, &f, &bytes).unwrap();
        for registry in [&restored, &copied] {
            assert!(registry.ledger(&f.realm).files().unwrap().is_empty());
            let state = registry.realm_states().unwrap().into_iter().find(|state| state.realm == f.realm).unwrap();
            assert_eq!((state.last_file, state.shown_epoch, state.holder), (0, 0, None));
            assert_eq!(registry.ledger(&f.realm).newest(1).unwrap()[0].epoch, 3, "epochs are none that were given");
        }
    }
}

/// A backup that could not be read again is none.
#[test]
fn a_line_that_could_not_be_restored_ends_it() {
    let f = filled(Place::sqlite());
    f.execute(&format!("UPDATE orgs SET name = '{}'", "x".repeat(MAX_BACKUP_LINE))).unwrap();
    let error = f.registry.backup(&mut Vec::new(), &[], &mut |_| {}).unwrap_err();
    assert_eq!(error.code(), "backup_stopped");
    assert!(error.to_string().contains("`orgs`"), "{error}");
}

/// Bytes of a line of a backup, at most.
const MAX_BACKUP_LINE: usize = 4 << 20;

on_both_stores!(
    what_is_published_is_not_in_it,
    no_row_is_given_twice,
    a_backup_beside_a_writer_shows_one_state,
    a_restore_never_mixes
);

mod empty {
    use super::*;
    on_both_stores! { start: std::convert::identity; empty_tables_are_filled }
}
