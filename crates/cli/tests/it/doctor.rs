//! `doctor` finds what is wrong with a data directory, and says what mends it.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::common::Plane;
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::{Database, Env, EpochRequest, Registry};
use serde_json::Value;

/// The findings: place, code and what to do.
fn findings(p: &Plane, args: &[&str]) -> Vec<(String, String, String)> {
    let ran = p.run(&[&["--json", "doctor"], args].concat());
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let all: Vec<_> = report["findings"].as_array().unwrap().iter().collect();
    assert_eq!(ran.code, i32::from(!all.is_empty()), "{}{}", ran.out, ran.err);
    all.into_iter().map(|finding| (text(finding, "place"), text(finding, "code"), text(finding, "mend"))).collect()
}

/// The one finding, or several that must all be of these.
fn finds(p: &Plane, args: &[&str], expected: &[(&str, &str, &str)]) {
    let found = findings(p, args);
    for (place, code, mend) in expected {
        let fits = |of: &(String, String, String)| of.0.starts_with(place) && of.1 == *code && of.2.contains(mend);
        assert!(found.iter().any(fits), "{place} {code}, mended by `{mend}`: {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

fn sound(p: &Plane) {
    assert_eq!(findings(p, &[]), []);
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_sound_control_plane_has_no_findings_and_nothing_is_changed() {
    let p = Plane::new();
    let files = |p: &Plane| {
        let mut files = p.files();
        // Whether the database takes writes is found out by writing what is there.
        files.retain(|path, _| !path.to_string_lossy().contains("registry.db"));
        files
    };
    let before = files(&p);
    let text = p.ok(&["doctor"]);
    assert!(text.contains("nothing found") && text.contains("damage") && text.contains("signing keys"), "{text}");
    assert!(!p.ok(&["doctor", "--quick"]).contains("damage"));
    assert_eq!(files(&p), before);
}

#[test]
fn published_files_and_changes_are_looked_at() {
    let p = Plane::new();
    let (head, sound_head) = (p.published("head"), fs::read(p.published("head")).unwrap());
    fs::remove_file(&head).unwrap();
    finds(&p, &[], &[("realm/acme/head", "missing", "edgelatch publish")]);
    fs::write(&head, "garbage").unwrap();
    finds(&p, &[], &[("realm/acme/head", "unreadable", "edgelatch publish")]);
    fs::write(&head, &sound_head).unwrap();
    sound(&p);
    p.create(&["--name", "k", "--role", "reader"]);
    finds(&p, &[], &[("realm/acme/changes", "unpublished", "edgelatch publish --realm acme")]);
    // What is advised does mend it.
    p.ok(&["publish"]);
    sound(&p);
    // A publisher that died between taking an epoch and writing it has published nothing.
    p.create(&["--name", "l", "--role", "reader"]);
    let registry = Registry::connect(&Database::file(p.data().join("registry.db")), Env::system()).unwrap();
    let realm = "acme".parse().unwrap();
    let ledger = registry.ledger(&realm);
    let (tree, changes, now) = (ObjectId([7; 32]), ledger.changes().unwrap(), registry.env().now().unwrap());
    ledger.reserve(&EpochRequest { above: 0, tree, records: 2, changes, root_version: 1, now, lifetime: 3_600 }).unwrap();
    finds(&p, &[], &[("realm/acme/changes", "unpublished", "edgelatch publish --realm acme")]);
    p.ok(&["publish"]);
    sound(&p);
    fs::write(&head, &sound_head).unwrap();
    finds(&p, &[], &[("realm/acme/head", "behind", "edgelatch publish --realm acme")]);
    p.ok(&["publish"]);
    let later = SystemTime::now() + Duration::from_secs(3_600);
    File::options().write(true).open(&head).unwrap().set_modified(later).unwrap();
    finds(&p, &[], &[("clock", "behind_files", "NTP")]);
}

#[test]
fn targets_are_looked_at() {
    let p = Plane::new();
    let to = p.beside("to");
    let dir = to.to_str().unwrap().to_owned();
    let mend = format!("edgelatch publish --to {dir}");
    finds(&p, &["--to", &dir], &[("target", "missing", mend.as_str())]);
    p.ok(&["publish", "--to", &dir]);
    assert_eq!(findings(&p, &["--to", &dir]), []);
    p.ok(&["publish"]);
    finds(&p, &["--to", &dir], &[("target", "behind", "edgelatch publish --to")]);
    fs::write(to.join("head"), "garbage").unwrap();
    finds(&p, &["--to", &dir], &[("target", "unproven", "edgelatch publish --to")]);
}

#[test]
fn keys_and_modes_are_looked_at() {
    let p = Plane::new();
    let (publisher, root) = (p.data().join("keys/publisher.key"), p.data().join("keys/root.key"));
    chmod(&publisher, 0o644);
    finds(&p, &[], &[("keys/acme", "key_exposed", "replace")]);
    chmod(&publisher, 0o600);
    sound(&p);
    let own = fs::read(&publisher).unwrap();
    fs::remove_file(&publisher).unwrap();
    finds(&p, &[], &[("keys/acme", "key_missing", "where it is kept")]);
    // Those of another control plane, whose realm has the same name.
    let other = Plane::new();
    fs::copy(other.data().join("keys/publisher.key"), &publisher).unwrap();
    finds(&p, &[], &[("keys/acme", "key_unnamed", "root")]);
    fs::write(&publisher, &own).unwrap();
    sound(&p);
    fs::copy(other.data().join("keys/root.key"), &root).unwrap();
    finds(&p, &[], &[("keys/acme", "key_unnamed", "root")]);
    // A root key that is kept elsewhere is none to worry about.
    fs::remove_file(&root).unwrap();
    sound(&p);
    chmod(&p.data(), 0o777);
    finds(&p, &[], &[("data", "exposed", "mode")]);
    chmod(&p.data(), 0o755);
    sound(&p);
    fs::write(p.data().join("node"), "Not A Name\n").unwrap();
    finds(&p, &[], &[("node", "node", "remove the file")]);
}

#[test]
fn the_database_is_looked_at() {
    let p = Plane::empty();
    finds(&p, &[], &[("data", "not_initialised", "edgelatch init"), ("database", "not_initialised", "edgelatch init")]);
    let p = Plane::new();
    let database = rusqlite::Connection::open(p.data().join("registry.db")).unwrap();
    let number = |sql: &str| database.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
    let size = number("PRAGMA page_size");
    let root = number("SELECT rootpage FROM sqlite_schema WHERE name = 'events_age'");
    // Closing the last connection moves everything into the file.
    drop(database);
    let path = p.data().join("registry.db");
    let mut bytes = fs::read(&path).unwrap();
    let begin = usize::try_from((root - 1) * size).unwrap();
    bytes[begin..begin + usize::try_from(size).unwrap()].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let found = findings(&p, &[]);
    assert!(
        found.iter().any(|(place, code, mend)| {
            place == "database" && ["damaged", "store_corrupt"].contains(&code.as_str()) && mend.contains("backup")
        }),
        "{found:#?}"
    );
    // Which a look at rows of every day does not tell.
    assert_eq!(findings(&p, &["--quick"]), []);
}

/// What the clock is compared with must be there where the unit that is handed out runs the program.
#[test]
fn the_unit_does_not_hide_what_tells_a_clock_that_jumps() {
    let unit = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/edgelatch.service")).unwrap();
    let value = |name: &str| unit.lines().rev().find_map(|line| line.strip_prefix(&format!("{name}=")));
    for file in edgelatch_registry::Uptime::FILES {
        // Neither belongs to a process, which is all that `pid` leaves of /proc.
        assert!(file.starts_with("/proc/") && !file.starts_with("/proc/self") && value("ProcSubset") == Some("all"), "{file}");
        let hidden = ["InaccessiblePaths", "TemporaryFileSystem"].into_iter().filter_map(value);
        assert!(
            hidden.flat_map(str::split_whitespace).all(|path| !file.starts_with(path.trim_start_matches(['-', '+']))),
            "{file}"
        );
    }
}
