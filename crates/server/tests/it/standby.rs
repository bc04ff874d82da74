//! A node that another one publishes for: what it serves, streams included, and when it serves nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::common::events::Events;
use crate::common::realm::{init, peppers_in};
use crate::common::{Served, caller, slug};
use edgelatch_core::head::Head;
use edgelatch_core::signed::Role;
use edgelatch_registry::{Database, Env, Handover, NewKey, Registry, restore_backup, verify_backup};
use edgelatch_server::{Options, Publishing, Realms};
use edgelatch_sync::{DataDir, Directory, Publisher, Target, init_in, key_file};
use edgelatch_testkit::registry::Place;

/// A realm in PostgreSQL, and the data directory that it began in.
struct Shared {
    place: Place,
    dir: DataDir,
}

impl Shared {
    fn new() -> Option<Shared> {
        let place = Place::postgres()?;
        let dir = DataDir::new(place.dir.path().join("first"));
        let registry = Arc::new(Registry::establish(&place.database, Env::system()).unwrap());
        init_in(&dir, &registry, &init("acme"), &mut |_| Ok(())).unwrap();
        Some(Shared { place, dir })
    }

    fn registry(&self) -> Arc<Registry> {
        let database: &Database = &self.place.database;
        Arc::new(Registry::connect(database, Env::system()).unwrap())
    }

    fn node(&self, name: &str, realms: Realms) -> (Served, DataDir) {
        let dir = DataDir::new(self.place.dir.path().join(name));
        std::fs::create_dir_all(dir.published().join("r")).unwrap();
        let (registry, of, here, key) = (self.registry(), self.registry(), dir.clone(), self.dir.key(Role::Publisher));
        let begin = move |realm: &edgelatch_registry::Slug| {
            let key = key_file::load(&key, Role::Publisher, realm)?;
            let publisher = Publisher::new(Arc::clone(&of), realm.clone(), key, 3600, &here)?;
            Ok((publisher, vec![Box::new(Directory::new(here.realm(realm))) as Box<dyn Target>]))
        };
        let peppers = peppers_in(&dir);
        let publishing = Publishing {
            registry,
            dir: dir.clone(),
            node: slug(name),
            realms,
            begin: Box::new(begin),
            peppers,
            interval: Duration::from_millis(20),
        };
        let options = Options { publishing: Some(publishing), ..Options::new(([127, 0, 0, 1], 0).into(), dir.published()) };
        (Served::start(options, ""), dir)
    }

    fn create(&self, name: &str) {
        let new = NewKey::new(slug("main"), name.parse().unwrap());
        self.registry().keys(&slug("acme")).create(&caller(), &new, Handover::default()).unwrap().created().unwrap();
    }

    fn shown(&self) -> u64 {
        self.registry().realm_states().unwrap()[0].shown_epoch
    }
}

fn wait(what: &str, mut until: impl FnMut() -> bool) {
    let there = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(20));
        until()
    });
    assert!(there.take(1_500).any(|there| there), "{what}");
}

/// Status and epoch of the head that a node serves.
fn head(s: &Served) -> (u16, u64) {
    let reply = s.get("/r/acme/head");
    (reply.status, Head::inspect(&reply.body).map_or(0, |head| head.epoch))
}

#[test]
fn streams_of_a_standby_tell_of_what_another_node_publishes() {
    let Some(shared) = Shared::new() else { return };
    let (publisher, _) = shared.node("a", Realms::All);
    // What lies there and is none of it goes.
    let objects = DataDir::new(shared.place.dir.path().join("b")).realm(&slug("acme")).join("objects");
    std::fs::create_dir_all(&objects).unwrap();
    let left = objects.join("0".repeat(64));
    std::fs::write(&left, b"left").unwrap();
    let (standby, _) = shared.node("b", Realms::None);
    wait("both serve", || head(&publisher).0 == 200 && head(&standby) == head(&publisher));
    wait("it is cleared away", || !left.exists());
    let mut events = Events::open(standby.addr, "");
    let (first, _, _) = events.next_event().unwrap();
    shared.create("one");
    let (epoch, bytes, patch) = events.next_event().unwrap();
    // With the patch, as on the node that published it: an edge asks for nothing more.
    assert!(epoch > first && patch.is_some());
    assert_eq!(publisher.get("/r/acme/head").body, bytes);
    assert!(standby.get("/r/acme/bundle").status == 200 && standby.log.lines("not copied").is_empty());
}

/// A directory that was copied from a backup, or belongs to a node that was off for a week: old files are not served for a moment.
#[test]
fn what_lay_there_before_is_not_served_as_new() {
    let Some(shared) = Shared::new() else { return };
    let (publisher, _) = shared.node("a", Realms::All);
    wait("it serves", || head(&publisher).0 == 200);
    let (standby, _) = shared.node("b", Realms::None);
    wait("it has copied", || head(&standby).0 == 200);
    let (_, old) = head(&standby);
    drop(standby);
    shared.create("one");
    wait("it is out", || shared.shown() > old && head(&publisher).1 == shared.shown());
    let newest = shared.shown();
    let (standby, _) = shared.node("b", Realms::None);
    wait("it serves", || {
        let (status, epoch) = head(&standby);
        assert!(status == 503 || epoch == newest, "{status} {epoch}, and {newest} is out");
        status == 200
    });
}

/// A registry out of a backup knows which epochs were given, and nothing of what is published: no node serves an old one as the newest.
#[test]
fn what_is_restored_is_not_served_before_it_is_published() {
    let Some(shared) = Shared::new() else { return };
    let (publisher, _) = shared.node("a", Realms::All);
    shared.create("one");
    wait("it is out", || head(&publisher) == (200, shared.shown()));
    let (mut bytes, old) = (Vec::new(), shared.shown());
    shared.registry().backup(&mut bytes, &[], &mut |_| {}).unwrap();
    drop(publisher);
    let Some(place) = Place::postgres() else { return };
    let open = || Ok(Box::new(std::io::Cursor::new(bytes.clone())) as Box<dyn std::io::BufRead>);
    restore_backup(&place.database, Env::system(), &verify_backup(&mut &*bytes).unwrap(), &open, &mut |_| {}).unwrap();
    let restored = Shared { place, dir: shared.dir.clone() };
    let (standby, _) = restored.node("b", Realms::None);
    for _ in 0..40 {
        assert_eq!(head(&standby).0, 503);
        std::thread::sleep(Duration::from_millis(20));
    }
    let (publisher, _) = restored.node("c", Realms::All);
    wait("both serve", || head(&publisher).0 == 200 && head(&standby) == head(&publisher));
    assert!(head(&standby).1 > old);
}

/// Its disk takes nothing: it knows that it is behind, and serves nothing.
#[test]
fn a_standby_that_cannot_keep_up_says_so() {
    let Some(shared) = Shared::new() else { return };
    let (publisher, _) = shared.node("a", Realms::All);
    let (standby, dir) = shared.node("b", Realms::None);
    wait("both serve", || head(&publisher).0 == 200 && head(&standby) == head(&publisher));
    let objects = dir.realm(&slug("acme")).join("objects");
    let away = dir.path().join("away");
    std::fs::rename(&objects, &away).unwrap();
    std::fs::write(&objects, b"in the way").unwrap();
    shared.create("one");
    wait("it is out", || head(&publisher) == (200, shared.shown()));
    wait("it says so", || head(&standby).0 == 503 && standby.get("/healthz").status == 503);
    assert_eq!((head(&publisher).0, publisher.get("/healthz").status), (200, 200));
    std::fs::remove_file(&objects).unwrap();
    std::fs::rename(&away, &objects).unwrap();
    wait("it has caught up", || head(&standby) == (200, shared.shown()) && standby.get("/healthz").status == 200);
}
