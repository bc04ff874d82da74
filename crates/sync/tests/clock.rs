//! A clock that is ahead signs nothing; what was signed by one can be mended.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use common::{Plane, plane};
use edgelatch_core::edge::Offer;
use edgelatch_core::head::Head;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Database, Env, Registry, Uptime};
use edgelatch_sync::{Error, Publisher};
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

    /// A process that begins now.
    fn process(&self) -> Publisher {
        let (clock, uptime): (Arc<AtomicU64>, _) = (Arc::clone(&self.plane.clock), Arc::clone(&self.uptime));
        let env = Env::new(move || clock.load(Ordering::SeqCst), |bytes| getrandom::fill(bytes).is_ok())
            .compared(move || uptime.lock().unwrap().clone());
        let registry = Arc::new(Registry::connect(&Database::file(self.plane.dir.database()), env).unwrap());
        common::publisher(&self.plane.dir, &registry, &self.plane.realm)
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
