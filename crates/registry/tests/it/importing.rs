//! While an import is under way others act, nobody sees anything of it, and whatever ends it other than as meant leaves nothing.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use edgelatch_core::build::Tree;
use edgelatch_core::key;
use edgelatch_registry::limits::{ENTRY_ROWS, IMPORT_LEASE, IMPORT_ROWS};
use edgelatch_registry::{
    Digest, Error, Import, ImportDefaults, ImportFormat, ImportReport, KeyFilter, NewKey, NewOwner, NewRole, OrgEdit,
    OwnerEdit, OwnerKind, Registry, RoleEdit, Scope, Service, Since,
};
use edgelatch_testkit::registry::{Fixture, KeysExt, Place, caller, new_key, slug};
use edgelatch_testkit::{on_both_stores, postgres};
use serde_json::json;

/// Lines of a file that takes more than one transaction.
const LINES: usize = IMPORT_ROWS / 3 + 50;

fn hex(text: &str) -> String {
    key::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

/// A file that is read line by line. Before its last one comes, when what fits one transaction is written, somebody acts.
struct Meeting<'a> {
    lines: std::vec::IntoIter<String>,
    rest: Vec<u8>,
    act: Option<Box<dyn FnOnce() + 'a>>,
}

impl Read for Meeting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.rest.is_empty() {
            if self.lines.len() == 1
                && let Some(act) = self.act.take()
            {
                act();
            }
            self.rest = self.lines.next().unwrap_or_default().into_bytes();
        }
        let length = self.rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest.drain(..length);
        Ok(length)
    }
}

/// Keys of org `two` with a scope that nobody else has. The last line ends with `last`.
fn lines(prefix: &str, count: usize, last: &str) -> Vec<String> {
    let line = |n: usize| format!("{},{prefix} {n}{}\n", hex(&format!("{prefix}{n}")), if n + 1 == count { last } else { "" });
    std::iter::once("sha256,name\n".into()).chain((0..count).map(line)).collect()
}

/// Imports with a role that is the org's own, where there is one, and another owner than everybody has.
fn import_with(f: &Fixture, import: &Import, lines: Vec<String>, act: impl FnOnce(&Registry)) -> Result<ImportReport, Error> {
    // Over connections of its own, as another process has them.
    let other = f.open();
    let act: Box<dyn FnOnce() + '_> = Box::new(move || act(&other));
    let mut input = Meeting { lines: lines.into_iter(), rest: Vec::new(), act: Some(act) };
    f.registry.keys(&f.realm).import_file(&caller(), import, &mut input, &mut |_| {})
}

fn how() -> Import {
    let defaults =
        ImportDefaults { org: Some(slug("two")), owner: Some(slug("bob")), roles: vec![slug("auditor")], environment: None };
    Import { format: ImportFormat::Csv, defaults, dry_run: false }
}

/// A registry whose org `two` has an owner and a role that nobody uses yet.
fn start(place: Place) -> Fixture {
    let f = Fixture::new(place);
    let tenants = f.registry.tenants(&f.realm);
    let (org, owner) = (slug("two"), slug("bob"));
    let new = NewOwner { org, owner, kind: OwnerKind::User, name: "Bob".parse().unwrap(), roles: Vec::new() };
    tenants.create_owner(&caller(), &new).unwrap();
    let permissions = vec!["audit.*".parse().unwrap()];
    let role = NewRole { role: slug("auditor"), org: Some(slug("two")), name: "Auditor".parse().unwrap(), permissions };
    tenants.create_role(&caller(), &role).unwrap();
    f
}

fn run(f: &Fixture, lines: Vec<String>, act: impl FnOnce(&Registry)) -> Result<ImportReport, Error> {
    import_with(f, &how(), lines, act)
}

fn count(f: &Fixture) -> u64 {
    f.registry.keys(&f.realm).count(&KeyFilter::default()).unwrap()
}

/// How many keys are written, whoever may see them.
fn written(f: &Fixture) -> u64 {
    f.rows("SELECT count(*) FROM key_rows")[0][0].parse().unwrap()
}

/// How many rows there are of imports that are not done, whoever may see them: of keys, of the directory.
fn left(f: &Fixture) -> (String, String) {
    let rows = |table: &str| f.rows(&format!("SELECT count(*) FROM {table}"))[0][0].clone();
    assert_eq!(rows("imports WHERE pending = 1"), "0");
    assert_eq!(rows("secrets"), rows("key_rows"));
    assert_eq!(rows("directory_entries WHERE users = 0"), "0");
    (rows("key_rows"), rows("directory_entries"))
}

/// A publisher's tree, led from step to step.
struct Follower(u64, Tree);

impl Follower {
    fn new(f: &Fixture) -> Follower {
        let snapshot = f.registry.ledger(&f.realm).snapshot(None).unwrap();
        Follower(snapshot.changes, Tree::build(&snapshot.state).unwrap())
    }

    /// Goes on to the present state, which must be that of a tree built anew; returns its keys and entries of the directory.
    fn go_on(&mut self, f: &Fixture) -> (usize, usize) {
        let Since::Change { changes, change } = f.registry.ledger(&f.realm).since(self.0, None).unwrap() else {
            panic!("everything")
        };
        self.1.change(&change).unwrap();
        self.0 = changes;
        let snapshot = f.registry.ledger(&f.realm).snapshot(None).unwrap();
        assert_eq!(self.1.id(), Tree::build(&snapshot.state).unwrap().id());
        (snapshot.state.records.len(), snapshot.state.entries.len())
    }
}

fn others_act_and_see_nothing_of_it(f: Fixture) {
    let unique = OrgEdit { settings: Some(json!({ "unique_names": true })), ..OrgEdit::default() };
    f.registry.tenants(&f.realm).edit_org(&caller(), &slug("two"), &unique).unwrap();
    let before = f.registry.keys(&f.realm).make(&caller(), &new_key("before")).unwrap().key.key_id;
    let mut follower = Follower::new(&f);
    let first = follower.go_on(&f);
    let in_two = |name: &str, scope: &str| NewKey {
        org: slug("two"),
        scope: Scope::List(vec![Service::parse("scope", scope).unwrap()]),
        ..new_key(name)
    };
    let report = run(&f, lines("k", LINES, ""), |other| {
        let keys = other.keys(&f.realm);
        assert_eq!((count(&f), keys.all(&KeyFilter::default()).unwrap().len()), (1, 1));
        assert!(written(&f) > LINES as u64 / 2, "much of it is there");
        let mine = f.rows("SELECT key_id FROM key_rows WHERE import_id > 0 LIMIT 1")[0][0].parse().unwrap();
        assert_eq!(keys.get(mine).unwrap_err().code(), "not_found");
        assert_eq!(keys.revoke_all(&caller(), &KeyFilter::default(), None, &mut |_| {}).unwrap().matched, 1);
        assert_eq!(follower.go_on(&f), first, "nothing is published");
        // What it holds is held.
        let digest = Digest::parse("sha256", &hex("k7")).unwrap();
        assert_eq!(keys.import(&caller(), &new_key("other"), &digest).unwrap_err().code(), "digest_taken");
        assert_eq!(keys.make(&caller(), &in_two("k 7", "dns")).unwrap_err().code(), "name_taken");
        // A revocation is the emergency brake.
        keys.revoke(&caller(), before, None).unwrap();
        assert_eq!(keys.get(before).unwrap().revoked_at, Some(f.registry.env().now().unwrap()));
        // Somebody needs what so far the import alone did.
        keys.make(&caller(), &NewKey { owner: Some(slug("bob")), roles: vec![slug("auditor")], ..in_two("mine", "cdn") })
            .unwrap();
        // Another org's administrators are no concern of it.
        let edit = OrgEdit { name: Some("First".parse().unwrap()), ..OrgEdit::default() };
        other.tenants(&f.realm).edit_org(&caller(), &slug("one"), &edit).unwrap();
        assert_eq!(follower.go_on(&f).0, 2);
    });
    let report = report.unwrap();
    assert_eq!((report.keys, report.refused, report.done), (LINES as u64, 0, true));
    assert_eq!(count(&f), LINES as u64 + 2);
    assert_eq!(follower.go_on(&f).0, LINES + 2);
    // Who died later, or cleans up, takes nothing of it away.
    f.advance(IMPORT_LEASE + 1);
    f.registry.purge().unwrap();
    assert_eq!(
        (count(&f), f.open().keys(&f.realm).count(&KeyFilter::default()).unwrap()),
        (LINES as u64 + 2, LINES as u64 + 2)
    );
    f.registry.audit(&f.realm).verify(None).unwrap();
}

/// An entry of the directory that an import brought stays hidden while it alone needs it.
fn the_directory_grows_with_the_decision(f: Fixture) {
    let mut follower = Follower::new(&f);
    let scoped = |prefix: &str| -> Vec<String> {
        let with = |(n, line): (usize, String)| line.replace('\n', if n == 0 { ",scope\n" } else { ",cdn\n" });
        lines(prefix, LINES, "").into_iter().enumerate().map(with).collect()
    };
    let report = run(&f, scoped("a"), |_| assert_eq!(follower.go_on(&f), (0, 0)));
    assert!(report.unwrap().done);
    // The role, its set, the scope.
    assert_eq!(follower.go_on(&f), (LINES, 3));
    // What is there already is not hidden by another import that needs it, nor taken away with that one.
    let mut bad = scoped("b");
    bad.extend(["short,x,cdn\n".into(), "short,y,cdn\n".into()]);
    let report = run(&f, bad, |_| assert_eq!(follower.go_on(&f), (LINES, 3))).unwrap();
    assert_eq!((report.refused, report.done), (2, false));
    assert_eq!((follower.go_on(&f), left(&f)), ((LINES, 3), (LINES.to_string(), "3".into())));
}

fn an_act_that_it_depends_on_breaks_it_off(f: Fixture) {
    let tenants = |registry: &Registry, at: usize| {
        let tenants = registry.tenants(&f.realm);
        let settings = OrgEdit { settings: Some(json!({ "max_keys": 1_000_000 - at })), ..OrgEdit::default() };
        let disable = OwnerEdit { disabled: Some(true), ..OwnerEdit::default() };
        let permissions = vec!["x".parse().unwrap()];
        let other = RoleEdit { permissions: Some(permissions.clone()), ..RoleEdit::default() };
        let role = NewRole { role: slug(&format!("new{at}")), org: None, name: "New".parse().unwrap(), permissions };
        match at {
            0 => drop(tenants.edit_org(&caller(), &slug("two"), &settings).unwrap()),
            1 => drop(tenants.edit_owner(&caller(), &slug("two"), &slug("alice"), &disable).unwrap()),
            2 => drop(tenants.edit_role(&caller(), Some(&slug("two")), &slug("auditor"), &other).unwrap()),
            _ => drop(tenants.create_role(&caller(), &role).unwrap()),
        }
    };
    let mut follower = Follower::new(&f);
    let acts = ["org.edit` of `two", "owner.edit` of `alice", "role.edit` of `auditor", "role.create` of `new3"];
    for (at, act) in acts.into_iter().enumerate() {
        let error = run(&f, lines("k", LINES, ""), |other| {
            tenants(other, at);
            assert_eq!(follower.go_on(&f), (0, 0));
        });
        let error = error.unwrap_err();
        assert_eq!(error.code(), "import_overtaken");
        assert!(error.to_string().contains(act), "{error}");
        assert_eq!((left(&f), count(&f)), (("0".into(), "0".into()), 0));
    }
    assert!(!f.registry.realm(&f.realm).unwrap().imports);
    assert!(run(&f, lines("k", LINES, ""), |_| {}).unwrap().done, "started again");
}

/// PostgreSQL counts a table's rows when it likes, and none that a transaction under way has added: it then takes a table for empty that is large,
/// and what joins it could take hours.
#[test]
fn a_database_that_looks_at_its_tables_at_any_moment_holds_nobody_up() {
    let Some(place) = Place::postgres() else { return };
    let (f, ended) = (start(place), AtomicBool::new(false));
    let schema = f.rows("SELECT CAST(current_schema() AS TEXT)")[0][0].clone();
    let look = format!("ANALYZE {schema}.key_rows, {schema}.secrets");
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut database = postgres::server().unwrap().admin();
            while !ended.load(Ordering::Relaxed) {
                database.batch_execute(&look).unwrap();
            }
        });
        let disable = OwnerEdit { disabled: Some(true), ..OwnerEdit::default() };
        let act =
            |other: &Registry| drop(other.tenants(&f.realm).edit_owner(&caller(), &slug("two"), &slug("alice"), &disable));
        let undone = run(&f, lines("k", LINES, ""), act);
        let done = run(&f, lines("k", LINES, ""), |_| {}).map(|report| report.done);
        ended.store(true, Ordering::Relaxed);
        assert_eq!((undone.unwrap_err().code(), done.unwrap(), count(&f)), ("import_overtaken", true, LINES as u64));
    });
}

/// A vacuum holds that lock for as long as it takes, and lets nobody look at the tables meanwhile.
#[test]
fn a_database_that_lets_nobody_look_at_its_tables_holds_nobody_up() {
    let Some(place) = Place::postgres() else { return };
    let f = start(place);
    let schema = f.rows("SELECT CAST(current_schema() AS TEXT)")[0][0].clone();
    let mut vacuum = postgres::server().unwrap().admin();
    vacuum.batch_execute(&format!("BEGIN; LOCK TABLE {schema}.key_rows IN SHARE UPDATE EXCLUSIVE MODE")).unwrap();
    assert!(run(&f, lines("k", LINES, ""), |_| {}).unwrap().done);
    assert_eq!(count(&f), LINES as u64);
}

/// Administrators do not wait for an import.
fn what_it_refers_to_can_be_deleted(f: Fixture) {
    for at in 0..3 {
        let error = run(&f, lines("k", LINES, ""), |other| {
            let tenants = other.tenants(&f.realm);
            match at {
                0 => drop(tenants.delete_role(&caller(), Some(&slug("two")), &slug("auditor"), None).unwrap()),
                1 => drop(tenants.delete_owner(&caller(), &slug("two"), &slug("bob"), None).unwrap()),
                _ => drop(tenants.delete_org(&caller(), &slug("two"), None).unwrap()),
            }
        });
        assert_eq!(error.unwrap_err().code(), "import_overtaken", "{at}");
        assert_eq!(left(&f), ("0".into(), "0".into()));
        if at == 0 {
            let permissions = vec!["audit.*".parse().unwrap()];
            let role = NewRole { role: slug("auditor"), org: Some(slug("two")), name: "A".parse().unwrap(), permissions };
            f.registry.tenants(&f.realm).create_role(&caller(), &role).unwrap();
        } else if at == 1 {
            let (org, owner) = (slug("two"), slug("bob"));
            let new = NewOwner { org, owner, kind: OwnerKind::User, name: "B".parse().unwrap(), roles: Vec::new() };
            f.registry.tenants(&f.realm).create_owner(&caller(), &new).unwrap();
        }
    }
}

fn what_keys_have_is_not_deleted_whatever_is_imported(f: Fixture) {
    f.registry.keys(&f.realm).make(&caller(), &NewKey { org: slug("two"), ..new_key("there") }).unwrap();
    let done = run(&f, lines("k", LINES, ""), |other| {
        let error = other.tenants(&f.realm).delete_org(&caller(), &slug("two"), None).unwrap_err();
        assert_eq!(error.code(), "in_use");
        assert!(error.to_string().contains("by 1 keys"), "{error}");
    });
    assert!(done.unwrap().done);
}

fn two_at_once(f: Fixture) {
    let mut follower = Follower::new(&f);
    let mut bad = lines("a", LINES, "");
    bad.insert(1, "short,x\n".into());
    let report = run(&f, bad, |other| {
        let import = |lines: Vec<String>| {
            let mut input = Meeting { lines: lines.into_iter(), rest: Vec::new(), act: None };
            other.keys(&f.realm).import_file(&caller(), &how(), &mut input, &mut |_| {}).unwrap()
        };
        let same = import(lines("a", 3, ""));
        assert_eq!((same.refusals.len(), same.refusals[0].code, same.done), (3, "digest_taken", false));
        assert!(import(lines("b", LINES, "")).done);
        assert_eq!(follower.go_on(&f).0, LINES);
    });
    assert_eq!(report.unwrap().refused, 1);
    // What both needed is the other's now.
    assert_eq!((follower.go_on(&f), left(&f)), ((LINES, 2), (LINES.to_string(), "2".into())));
}

fn one_that_died_leaves_nothing(f: Fixture) {
    let changes = f.registry.ledger(&f.realm).changes().unwrap();
    let died = catch_unwind(AssertUnwindSafe(|| run(&f, lines("k", LINES, ""), |_| panic!("the process died"))));
    assert!(died.is_err());
    let (rows, again) = (written(&f), f.open());
    assert!(rows > LINES as u64 / 2 && again.keys(&f.realm).count(&KeyFilter::default()).unwrap() == 0);
    // For a while it may be alive.
    again.purge().unwrap();
    assert_eq!(written(&f), rows);
    f.advance(IMPORT_LEASE + 1);
    assert_eq!(again.purge().unwrap().others, rows);
    assert_eq!((left(&f), f.registry.ledger(&f.realm).changes().unwrap()), (("0".into(), "0".into()), changes));
    // The next import clears it away too.
    assert!(catch_unwind(AssertUnwindSafe(|| run(&f, lines("k", LINES, ""), |_| panic!("again")))).is_err());
    f.advance(IMPORT_LEASE + 1);
    assert!(run(&f, lines("k", LINES, ""), |_| {}).unwrap().done);
    assert_eq!(left(&f).0, LINES.to_string());
}

/// It stood still for so long that somebody took it for dead.
fn one_that_was_taken_for_dead_does_not_come_back(f: Fixture) {
    let error = run(&f, lines("k", LINES, ""), |other| {
        f.advance(IMPORT_LEASE + 1);
        other.purge().unwrap();
        assert!(run(&f, lines("k", 3, ""), |_| {}).unwrap().done);
    });
    assert_eq!(error.unwrap_err().code(), "import_overtaken");
    assert_eq!((count(&f), left(&f).0), (3, "3".into()));
}

fn one_that_is_refused_at_its_end_leaves_nothing(f: Fixture) {
    let changes = f.registry.ledger(&f.realm).changes().unwrap();
    let report = run(&f, lines("k", LINES, "\u{202e}"), |_| {}).unwrap();
    assert_eq!((report.keys, report.refused, report.done), (LINES as u64 - 1, 1, false));
    let dry = import_with(&f, &Import { dry_run: true, ..how() }, lines("k", LINES, ""), |_| {}).unwrap();
    assert_eq!((dry.keys, dry.refused, dry.done), (LINES as u64, 0, false));
    assert_eq!((count(&f), left(&f)), (0, ("0".into(), "0".into())));
    assert_eq!(f.registry.ledger(&f.realm).changes().unwrap(), changes);
    assert!(!f.registry.realm(&f.realm).unwrap().imports);
}

fn a_limit_holds_whoever_fills_it_up(f: Fixture) {
    let settings = OrgEdit { settings: Some(json!({ "max_keys": LINES + 2 })), ..OrgEdit::default() };
    f.registry.tenants(&f.realm).edit_org(&caller(), &slug("two"), &settings).unwrap();
    let create = |registry: &Registry, name: &str| {
        registry.keys(&f.realm).make(&caller(), &NewKey { org: slug("two"), ..new_key(name) })
    };
    // Of three that fit now, one is too many for the import.
    let error = run(&f, lines("k", LINES, ""), |other| (0..3).for_each(|n| drop(create(other, &n.to_string()).unwrap())));
    assert_eq!(error.unwrap_err().code(), "limit_reached");
    assert_eq!((count(&f), left(&f).0), (3, "3".into()));
}

/// What one transaction takes is bounded whatever the lines hold: here each has its own policy, of many networks.
fn heavy_lines_go_in_few_at_once(f: Fixture) {
    let heavy = |prefix: &str, net: u8| -> Vec<String> {
        let allow = |n: usize| (0..40).map(|i| format!("{net}.{n}.{i}.0/24")).collect::<Vec<_>>().join(" ");
        let with = |(n, line): (usize, String)| match n {
            0 => line.replace('\n', ",allow\n"),
            n => line.replace('\n', &format!(",{}\n", allow(n))),
        };
        lines(prefix, 150, "").into_iter().enumerate().map(with).collect()
    };
    let done = run(&f, heavy("k", 10), |_| {
        assert!((1..=IMPORT_ROWS / (40 + ENTRY_ROWS)).contains(&(written(&f) as usize)), "{}", written(&f));
    });
    assert!(done.unwrap().done);
    let bad = [heavy("b", 11), vec!["short,x,\n".into()]].concat();
    assert_eq!(run(&f, bad, |_| {}).unwrap().refused, 1);
    assert_eq!(left(&f), ("150".into(), (2 + 150).to_string()));
}

on_both_stores! {
    start: super::start;
    heavy_lines_go_in_few_at_once,
    others_act_and_see_nothing_of_it,
    the_directory_grows_with_the_decision,
    an_act_that_it_depends_on_breaks_it_off,
    what_it_refers_to_can_be_deleted,
    what_keys_have_is_not_deleted_whatever_is_imported,
    two_at_once,
    one_that_died_leaves_nothing,
    one_that_was_taken_for_dead_does_not_come_back,
    one_that_is_refused_at_its_end_leaves_nothing,
    a_limit_holds_whoever_fills_it_up,
}
