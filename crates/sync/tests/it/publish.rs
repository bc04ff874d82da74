//! From the registry to an edge, with the real core; and what a publisher must survive.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::{begin, plane, publisher};
use edgelatch_core::signed::Role;
use edgelatch_core::tree::ObjectId;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Database, KeyEdit, Registry};
use edgelatch_sync::{DataDir, Directory, Error, Item, Publisher, Reason, Shown, Target, key_file};
use edgelatch_testkit::DAY;
use edgelatch_testkit::ends::Ends;
use edgelatch_testkit::registry::{NOW, caller, env};

#[test]
fn created_then_accepted_revoked_then_refused() {
    let p = plane();
    let (one, two) = (p.create("one"), p.create("two"));
    let mut edge = p.edge();
    assert_eq!(p.verdict(&edge, &one.secret), Code::Unknown);
    p.publish().unwrap();
    p.push(&mut edge);
    assert_eq!(p.verdict(&edge, &one.secret), Code::Valid);
    p.registry.keys(&p.realm).revoke(&caller(), one.key.key_id, None).unwrap();
    let soon = KeyEdit { expires_at: Some(Some(NOW + 10)), ..KeyEdit::default() };
    p.registry.keys(&p.realm).edit(&caller(), two.key.key_id, &soon).unwrap();
    assert_eq!(p.verdict(&edge, &one.secret), Code::Valid);
    p.publish().unwrap();
    p.push(&mut edge);
    assert_eq!((p.verdict(&edge, &one.secret), p.verdict(&edge, &two.secret)), (Code::Revoked, Code::Valid));
    p.clock.fetch_add(10, Ordering::SeqCst);
    assert_eq!(p.verdict(&edge, &two.secret), Code::Expired);
}

#[test]
fn everything_named_is_there() {
    let p = plane();
    p.create("one");
    let published = p.publish().unwrap();
    assert_eq!(p.file("root/1"), p.root);
    assert!(p.objects().contains(&published.tree));
    for name in p.objects() {
        assert_eq!(ObjectId::of(&p.file(&format!("objects/{name}"))).to_string(), name);
    }
    // Nothing secret is among what is published.
    let seed = fs::read_to_string(p.dir.key(Role::Publisher)).unwrap();
    let seed = seed.lines().last().unwrap().strip_prefix("seed ").unwrap();
    let bundle = p.file("bundle");
    assert!(!bundle.windows(seed.len()).any(|w| w == seed.as_bytes()));
}

#[test]
fn epochs_are_due_after_changes_heartbeats_and_losses() {
    let p = plane();
    assert_eq!(p.if_due(), None);
    p.create("one");
    assert_eq!(p.if_due(), Some(Reason::Change));
    assert_eq!(p.if_due(), None);
    p.clock.fetch_add(DAY / 3 - 1, Ordering::SeqCst);
    assert_eq!(p.if_due(), None);
    let (before, objects) = (p.file("head"), p.objects());
    p.clock.fetch_add(1, Ordering::SeqCst);
    assert_eq!(p.if_due(), Some(Reason::Heartbeat));
    // Another head, another epoch, the same tree.
    let rows = p.registry.ledger(&p.realm).newest(2).unwrap();
    assert_eq!((rows[0].epoch, rows[0].tree), (rows[1].epoch + 1, rows[1].tree));
    assert!(p.file("head") != before && p.objects().iter().all(|o| objects.contains(o)));
    fs::remove_file(p.dir.realm(&p.realm).join("head")).unwrap();
    assert_eq!(p.if_due(), Some(Reason::Repair));
    fs::write(p.dir.realm(&p.realm).join("head"), b"garbage").unwrap();
    assert_eq!(p.if_due(), Some(Reason::Repair));
    assert_eq!(p.if_due(), None);
}

/// Dies between the ledger and the head.
#[derive(Debug)]
struct Dying(Directory);

impl Target for Dying {
    fn name(&self) -> String {
        "dying".into()
    }

    fn read(&self, item: Item) -> Result<Option<Vec<u8>>, Error> {
        self.0.read(item)
    }

    fn write(&self, _: Item, _: &[u8]) -> Result<(), Error> {
        panic!("power cut")
    }

    fn settle(&self) -> Result<(), Error> {
        self.0.settle()
    }

    fn list(&self) -> Result<Vec<(Item, u64)>, Error> {
        self.0.list()
    }

    fn remove(&self, item: Item) -> Result<(), Error> {
        self.0.remove(item)
    }
}

#[test]
fn a_target_that_fails_stops_no_other() {
    let p = plane();
    let blocked = p.dir.path().join("blocked");
    fs::write(&blocked, b"in the way").unwrap();
    for first in [true, false] {
        let (bad, good) = (Directory::new(&blocked), p.target());
        let published = match first {
            true => p.publisher.publish(&[&bad, &good]),
            false => p.publisher.publish(&[&good, &bad]),
        };
        let published = published.unwrap();
        assert_eq!((published.written.len(), published.failed.len(), published.failed[0].code), (1, 1, "io"));
        // Not every target holds it.
        let last = &p.registry.ledger(&p.realm).newest(1).unwrap()[0];
        assert_eq!((last.epoch, last.published_at), (published.epoch, None));
        assert_eq!(p.edge().head().unwrap().epoch, published.epoch);
        assert_eq!(p.publisher.due(&[&bad, &good]).unwrap(), Some(Reason::Repair));
    }
    // When none can be published to, no epoch is spent.
    let epoch = p.registry.ledger(&p.realm).newest(1).unwrap()[0].epoch;
    assert_eq!(p.publisher.publish(&[&Directory::new(&blocked)]).unwrap_err().code(), "io");
    assert_eq!(p.registry.ledger(&p.realm).newest(1).unwrap()[0].epoch, epoch);
}

#[test]
fn no_epoch_is_used_twice_after_a_crash() {
    let p = plane();
    let mut edge = p.edge();
    let served = p.file("head");
    for _ in 0..3 {
        let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = p.publisher.publish(&[&Dying(p.target())]);
        }));
        assert!(died.is_err());
    }
    assert_eq!(p.file("head"), served);
    assert_eq!(p.registry.ledger(&p.realm).newest(1).unwrap()[0].published_at, None);
    // A new process: it sees that the last epoch is not out, and takes a new one.
    let registry = Arc::new(Registry::connect(&Database::file(p.dir.database()), env(&p.clock)).unwrap());
    let again = publisher(&p.dir, &registry, &p.realm).publish_if_due(&[&p.target()]).unwrap().unwrap();
    assert_eq!((again.epoch, again.reason), (5, Reason::Repair));
    p.push(&mut edge);
}

#[test]
#[cfg(unix)]
fn the_lock_is_the_owners_alone() {
    let p = plane();
    p.publish().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(p.dir.lock(&p.realm)).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn concurrent_publishers_take_turns() {
    let p = plane();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let registry = Arc::new(Registry::connect(&Database::file(p.dir.database()), env(&p.clock)).unwrap());
                let publisher = publisher(&p.dir, &registry, &p.realm);
                for _ in 0..5 {
                    publisher.publish(&[&p.target()]).unwrap();
                }
            });
        }
    });
    let roots = p.registry.ledger(&p.realm).roots().unwrap();
    assert_eq!(Shown::of(&p.target(), "acme", &roots).unwrap(), Shown::Epoch(21));
    p.edge();
}

#[test]
fn a_reader_sees_one_epoch_or_the_next() {
    let p = plane();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut edge = p.edge();
            let mut seen = 0;
            while !done.load(Ordering::SeqCst) || seen == 0 {
                let now = p.clock.load(Ordering::SeqCst);
                let mut staged = edge.stage(&[], p.file("bundle"), now).unwrap();
                assert_eq!(staged.check(usize::MAX).unwrap(), 0);
                edge.commit(staged, now).unwrap();
                seen += 1;
            }
            seen
        });
        let ends = Ends(&done);
        for i in 0..20 {
            p.create(&format!("key {i}"));
            p.publish().unwrap();
        }
        drop(ends);
        assert!(reader.join().unwrap() > 0);
    });
}

#[test]
fn refuses_to_publish_what_no_edge_would_take() {
    let p = plane();
    let code = |publisher: &Publisher| publisher.publish(&[&p.target()]).unwrap_err().code();
    let before = p.file("head");
    // A key that the root does not name.
    let other = p.dir.keys().join("other.key");
    let key = key_file::create(&other, Role::Publisher, &p.realm, &env(&p.clock)).unwrap();
    let stranger = Publisher::new(Arc::clone(&p.registry), p.realm.clone(), key, DAY, &p.dir).unwrap();
    assert_eq!(code(&stranger), "not_publisher");
    // Another realm's directory.
    let foreign = Directory::new(p.dir.path().join("foreign"));
    fs::create_dir(foreign.path()).unwrap();
    let head = p.file("head");
    let renamed: Vec<u8> = replace(&head, b"acme", b"zzzz");
    fs::write(foreign.path().join("head"), renamed).unwrap();
    assert_eq!(p.publisher.publish(&[&foreign]).unwrap_err().code(), "target_foreign");
    // A clock that was set back, by more than edges tolerate.
    p.clock.fetch_sub(301, Ordering::SeqCst);
    assert_eq!(code(&p.publisher), "clock_back");
    p.clock.fetch_add(301 + 3650 * DAY, Ordering::SeqCst);
    assert_eq!(code(&p.publisher), "root_expired");
    for lifetime in [0, 59, 31 * DAY] {
        let key = key_file::load(&other, Role::Publisher, &p.realm).unwrap();
        let made = Publisher::new(Arc::clone(&p.registry), p.realm.clone(), key, lifetime, &p.dir);
        assert_eq!(made.unwrap_err().code(), "lifetime");
    }
    assert_eq!(p.file("head"), before);
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn a_failed_beginning_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(NOW));
    let entries = |dir: &Path| fs::read_dir(dir).unwrap().count();
    // A clock that was never set stops it half way.
    let broken = Arc::new(AtomicU64::new(5));
    let dir = DataDir::new(temp.path().join("data"));
    assert_eq!(begin(&dir, &broken).unwrap_err().code(), "clock");
    assert_eq!(entries(temp.path()), 0);
    begin(&dir, &clock).unwrap();
    let count = entries(dir.path());
    assert_eq!(begin(&dir, &clock).unwrap_err().code(), "already_initialised");
    assert_eq!(entries(dir.path()), count);
    // Keys without a registry are somebody's: they stay.
    fs::remove_file(dir.database()).unwrap();
    assert_eq!(begin(&dir, &clock).unwrap_err().code(), "not_empty");
    assert!(dir.key(Role::Root).exists());
    let file = temp.path().join("file");
    fs::write(&file, b"").unwrap();
    assert_eq!(begin(&DataDir::new(file.join("data")), &clock).unwrap_err().code(), "io");
}
