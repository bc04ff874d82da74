//! A clock that is ahead signs nothing; what was signed by one can be mended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::common::{self, Plane, plane};
use edgelatch_core::edge::{Edge, HostConfig, Offer};
use edgelatch_core::head::Head;
use edgelatch_core::signed::Role;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Database, Env, RealmEdit, Registry, RootRow, Uptime};
use edgelatch_sync::trust::{self, Change, RootDraft};
use edgelatch_sync::{DataDir, Directory, Error, Publisher, Signer, init_in, key_file};
use edgelatch_testkit::postgres;
use edgelatch_testkit::registry::caller;

/// A machine whose clock can be set, and which counts the seconds that it runs.
struct Machine {
    plane: Plane,
    uptime: Arc<Mutex<Option<Uptime>>>,
}

impl Machine {
    fn new() -> Machine {
        let uptime = Some(Uptime { boot: "first".into(), seconds: 1_000 });
        Machine { plane: plane(), uptime: Arc::new(Mutex::new(uptime)) }
    }

    /// The registry as a process has it that begins now.
    fn registry(&self) -> Arc<Registry> {
        let (clock, uptime): (Arc<AtomicU64>, _) = (Arc::clone(&self.plane.clock), Arc::clone(&self.uptime));
        let env = Env::new(move || clock.load(Ordering::SeqCst), |bytes| getrandom::fill(bytes).is_ok())
            .compared(move || uptime.lock().unwrap().clone());
        Arc::new(Registry::connect(&Database::file(self.plane.dir.database()), env).unwrap())
    }

    fn process(&self) -> Publisher {
        common::publisher(&self.plane.dir, &self.registry(), &self.plane.realm)
    }

    fn code(&self, publisher: &Publisher) -> &'static str {
        publisher.publish(&[&self.plane.target()]).map_or_else(|error: Error| error.code(), |_| "published")
    }

    /// Lets time pass, asleep or not.
    fn pass(&self, seconds: u64) {
        self.plane.clock.fetch_add(seconds, Ordering::SeqCst);
        self.uptime.lock().unwrap().as_mut().unwrap().seconds += seconds;
    }

    fn set(&self, seconds: i64) {
        self.plane.clock.fetch_add(seconds as u64, Ordering::SeqCst);
    }
}

const DAY: u64 = 86_400;

#[test]
fn a_jump_ahead_is_noticed_whatever_became_of_the_process() {
    let machine = Machine::new();
    assert_eq!(machine.code(&machine.process()), "published");
    // A long pause is none.
    machine.pass(30 * DAY);
    let process = machine.process();
    assert_eq!(machine.code(&process), "published");
    machine.pass(60);
    machine.set(300);
    assert_eq!(machine.code(&process), "published");
    machine.set(301);
    assert_eq!((machine.code(&process), machine.code(&machine.process())), ("clock_off", "clock_off"));
    // No epoch was spent, and nothing was signed.
    let head = Head::inspect(&machine.plane.file("head")).unwrap();
    assert_eq!(machine.plane.registry.ledger(&machine.plane.realm).newest(1).unwrap()[0].epoch, head.epoch);
    machine.set(-301);
    assert_eq!(machine.code(&process), "published");
}

#[test]
fn what_nothing_tells_is_taken_as_it_is() {
    let machine = Machine::new();
    assert_eq!(machine.code(&machine.process()), "published");
    machine.set(3 * DAY as i64);
    *machine.uptime.lock().unwrap() = Some(Uptime { boot: "second".into(), seconds: 5 });
    assert_eq!(machine.code(&machine.process()), "published");
    machine.set(3 * DAY as i64);
    *machine.uptime.lock().unwrap() = None;
    assert_eq!(machine.code(&machine.process()), "published");
}

#[test]
fn who_says_that_the_clock_is_right_says_so_once() {
    let machine = Machine::new();
    assert_eq!(machine.code(&machine.process()), "published");
    machine.set(DAY as i64);
    let accepting = machine.process().accepting_clock();
    assert_eq!(machine.code(&accepting), "published");
    assert_eq!((machine.code(&accepting), machine.code(&machine.process())), ("published", "published"));
    machine.set(DAY as i64);
    assert_eq!(machine.code(&accepting), "clock_off");
}

/// Edges that hold the head from before, that hold the head from the future, and that begin: all take the next one.
#[test]
fn a_head_from_the_future_is_mended_without_a_new_era() {
    let machine = Machine::new();
    let p = &machine.plane;
    assert_eq!(machine.code(&machine.process()), "published");
    let mut before = p.edge();
    let created = p.create("ci");
    machine.set(3 * DAY as i64);
    assert_eq!(machine.code(&machine.process().accepting_clock()), "published");
    // An edge whose clock was as wrong.
    let mut deceived = p.edge();
    let future = p.file("head");
    machine.set(-3 * (DAY as i64));
    let process = machine.process();
    assert_eq!(before.offer(&[], &future, p.clock.load(Ordering::SeqCst)).unwrap_err().code(), "clock_invalid");
    assert_eq!(machine.code(&process), "clock_back");
    let ahead = process.repair_clock(&caller()).unwrap();
    assert_eq!(ahead, Some(p.clock.load(Ordering::SeqCst) + 3 * DAY));
    assert_eq!(process.repair_clock(&caller()).unwrap(), None);
    // It is due at once, not in three days.
    assert!(process.publish_if_due(&[&p.target()]).unwrap().is_some());
    assert!(process.publish_if_due(&[&p.target()]).unwrap().is_none());
    for edge in [&mut before, &mut deceived] {
        assert!(!matches!(edge.offer(&[], &p.file("head"), p.clock.load(Ordering::SeqCst)), Ok(Offer::Unchanged) | Err(_)));
        p.push(edge);
        assert_eq!(p.verdict(edge, &created.secret), Code::Valid);
    }
    assert_eq!(p.verdict(&p.edge(), &created.secret), Code::Valid);
}

/// A clock that is wrong is not made the measure of all that follows.
#[test]
fn nothing_is_repaired_by_a_wrong_clock() {
    let machine = Machine::new();
    assert_eq!(machine.code(&machine.process()), "published");
    machine.set(3 * DAY as i64);
    assert_eq!(machine.process().repair_clock(&caller()).unwrap_err().code(), "clock_off");
}

/// A root by a clock that is ahead would be the newest from then on, and no other could follow it before that time.
#[test]
fn no_root_is_made_or_adopted_by_a_wrong_clock() {
    let machine = Machine::new();
    let p = &machine.plane;
    assert_eq!(machine.code(&machine.process()), "published");
    let newest = || trust::newest_root(&p.registry, &p.realm).unwrap().1.version;
    machine.set(365 * DAY as i64);
    let registry = machine.registry();
    let refused = trust::draft_of(&registry, &p.realm, &p.dir, &Change::default()).unwrap_err();
    assert_eq!((refused.code(), newest()), ("clock_off", 1));
    // One that was drafted elsewhere by such a clock is not taken, by whichever clock.
    let draft = signed(p, &Change::default());
    for (back, code) in [(0, "clock_off"), (-365 * DAY as i64, "root_change")] {
        machine.set(back);
        assert_eq!((adopt(&machine, &draft).unwrap_err().code(), newest()), (code, 1));
    }
    machine.pass(60);
    adopt(&machine, &signed(p, &Change::default())).unwrap();
    assert_eq!((newest(), machine.code(&machine.process())), (2, "published"));
}

/// A root from the future that is the newest all the same is followed, once a clock is known to be right.
#[test]
fn a_root_from_the_future_is_followed() {
    let machine = Machine::new();
    let p = &machine.plane;
    machine.set(365 * DAY as i64);
    let draft = signed(p, &Change::default());
    p.registry.ledger(&p.realm).follow_root(&caller(), &RootRow { version: 2, object: draft.finish().unwrap() }).unwrap();
    machine.set(-365 * DAY as i64);
    // Nothing says which of the two clocks is right.
    let follow = || trust::draft_of(&machine.registry(), &p.realm, &p.dir, &Change::default());
    std::fs::remove_file(p.dir.clock()).unwrap_or_default();
    assert!(follow().unwrap_err().to_string().contains("set the clock"));
    // A head was signed here, and the machine has counted since.
    assert_eq!(machine.code(&machine.process()), "published");
    machine.pass(DAY);
    follow().unwrap();
    let draft = signed_by(p, follow().unwrap());
    adopt(&machine, &draft).unwrap();
    machine.process().publish(&[&p.target()]).unwrap();
    let mut edge = Edge::new(&p.root, HostConfig::default()).unwrap();
    let now = p.clock.load(Ordering::SeqCst);
    let roots = [2, 3].map(|version| p.file(&format!("root/{version}")));
    let roots = roots.each_ref().map(Vec::as_slice);
    let mut staged = edge.stage(&roots, p.file("bundle"), now).unwrap();
    staged.check(usize::MAX).unwrap();
    edge.commit(staged, now).unwrap();
    assert_eq!(edge.head().unwrap().root_version, 3);
}

/// Signatures may be gathered for long: a root that has ended meanwhile, or is about to, would stop all publishing.
#[test]
fn a_root_without_time_left_is_not_adopted() {
    let machine = Machine::new();
    let p = &machine.plane;
    let draft = signed(p, &Change { lifetime: Some(30 * DAY), ..Change::default() });
    for days in [29, 1, 1, 365] {
        machine.pass(days * DAY + 1);
        let refused = adopt(&machine, &draft).unwrap_err();
        assert_eq!(refused.code(), "root_change");
        assert!(refused.to_string().contains("new draft"), "{refused}");
    }
    // As much as a head lives must be left.
    let draft = signed(p, &Change { lifetime: Some(30 * DAY), ..Change::default() });
    let edit = RealmEdit { head_lifetime: Some(20 * DAY), ..RealmEdit::default() };
    p.registry.edit_realm(&caller(), &p.realm, &edit).unwrap();
    machine.pass(16 * DAY);
    assert_eq!(adopt(&machine, &draft).unwrap_err().code(), "root_change");
    adopt(&machine, &signed(p, &Change { lifetime: Some(DAY), ..Change::default() })).unwrap();
}

fn signed(p: &Plane, change: &Change) -> RootDraft {
    signed_by(p, trust::draft_of(&p.registry, &p.realm, &p.dir, change).unwrap())
}

/// With the root's key.
fn signed_by(p: &Plane, mut draft: RootDraft) -> RootDraft {
    draft.sign(&key_file::load(&p.dir.key(Role::Root), Role::Root, &p.realm).unwrap()).unwrap();
    draft
}

fn adopt(machine: &Machine, draft: &RootDraft) -> Result<(), Error> {
    let p = &machine.plane;
    let publisher = key_file::load(&p.dir.key(Role::Publisher), Role::Publisher, &p.realm).unwrap().public();
    trust::adopt(&machine.registry(), &p.realm, &p.dir, &caller(), draft, &[publisher])
}

/// A machine that was paused has counted nothing meanwhile. Where its database is on another machine whose clock says the same, its own is right.
#[test]
fn a_paused_machine_is_believed_where_another_clock_agrees() {
    let Some(server) = postgres::server() else { return };
    let (schema, dir) = (server.schema(), tempfile::tempdir().unwrap());
    let here: Database = server.url(&schema).parse().unwrap();
    // Known by a name, as one on another machine is.
    let there: Database = server.tcp_url(&schema, "db.example", "&hostaddr=127.0.0.1&sslmode=disable").parse().unwrap();
    assert!(here.is_local() && !there.is_local());
    let dir = DataDir::new(dir.path().join("data"));
    let ran = Arc::new(AtomicU64::new(1_000));
    let env = |ahead: u64| {
        let ran = Arc::clone(&ran);
        let clock = move || std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + ahead;
        Env::new(clock, |bytes| getrandom::fill(bytes).is_ok())
            .compared(move || Some(Uptime { boot: "first".into(), seconds: ran.load(Ordering::SeqCst) }))
    };
    let registry = Arc::new(Registry::establish(&here, env(0)).unwrap());
    init_in(&dir, &registry, &common::first("acme"), &mut |_| Ok(())).unwrap();
    // The clock was set on by an hour, which the machine has not counted: as after a pause.
    let noted = std::fs::read_to_string(dir.clock()).unwrap();
    let said: u64 = noted.lines().nth(2).unwrap().parse().unwrap();
    std::fs::write(dir.clock(), noted.replace(&said.to_string(), &(said - 3_600).to_string())).unwrap();
    let publish = |database: &Database, ahead: u64| {
        let registry = Arc::new(Registry::connect(database, env(ahead)).unwrap());
        let realm = "acme".parse().unwrap();
        let published = common::publisher(&dir, &registry, &realm).publish(&[&Directory::new(dir.realm(&realm))]);
        published.map_or_else(|error| error.code(), |_| "published")
    };
    // One clock says nothing about itself.
    assert_eq!(publish(&here, 0), "clock_off");
    assert_eq!(publish(&there, 3_600), "clock_off");
    assert_eq!(publish(&there, 0), "published");
}
