//! Threads that publish and copy: so many that one slow realm holds up no other. For those that wait for a target which does not answer, others
//! are started, so many at most.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::dispatcher;

use crate::limits::{MAX_HELD, SLOW_WORKERS, WORKERS};

type Job = Box<dyn FnOnce() + Send>;

/// The threads, which end when this is dropped, each after what it is at.
pub(super) struct Workers(Idle);

/// What is to be done, and by how many it is done.
#[derive(Clone)]
pub(super) struct Idle(Arc<(Mutex<Queue>, Condvar)>);

#[derive(Default)]
struct Queue {
    quick: VecDeque<Job>,
    /// Of realms that took long the last time: they are given half of the threads at most, not counting those that are held.
    slow: VecDeque<Job>,
    at_work: usize,
    slow_at_work: usize,
    /// Threads that there are.
    threads: usize,
    held: Held,
    ended: bool,
}

/// How many threads wait for targets that do not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// At work for realms that were quick the last time.
    pub(super) quick: usize,
    /// At work for slow ones.
    pub(super) slow: usize,
}

impl Queue {
    /// The next one, and whether it is a slow one.
    fn next(&mut self) -> Option<(Job, bool)> {
        if let Some(job) = self.quick.pop_front() {
            return Some((job, false));
        }
        let room = self.slow_at_work < SLOW_WORKERS + self.held.slow.min(MAX_HELD);
        if room { self.slow.pop_front().map(|job| (job, true)) } else { None }
    }

    /// How many threads there are to be.
    fn wanted(&self) -> usize {
        WORKERS + (self.held.quick + self.held.slow).min(MAX_HELD)
    }
}

impl Idle {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing is at work, or so long.
    pub(super) fn wait(&self, most: Duration) {
        let (until, mut queue) = (Instant::now() + most, self.queue());
        while queue.at_work > 0 {
            let Some(rest) = until.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) else { return };
            queue = self.0.1.wait_timeout(queue, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn work(&self) {
        let mut queue = self.queue();
        loop {
            // Those that were started beside the others end as soon as they are not needed.
            if queue.ended || queue.threads > queue.wanted() {
                queue.threads -= 1;
                return;
            }
            let Some((job, slow)) = queue.next() else {
                queue = self.0.1.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            queue.at_work += 1;
            queue.slow_at_work += usize::from(slow);
            drop(queue);
            // One that panics has said so; its realm is looked at again.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            queue = self.queue();
            queue.at_work -= 1;
            queue.slow_at_work -= usize::from(slow);
            self.0.1.notify_all();
        }
    }
}

impl Workers {
    pub(super) fn start() -> std::io::Result<Workers> {
        let workers = Workers(Idle(Arc::default()));
        workers.fill(&mut workers.0.queue())?;
        Ok(workers)
    }

    /// Starts threads until there are as many as there are to be.
    fn fill(&self, queue: &mut Queue) -> std::io::Result<()> {
        while queue.threads < queue.wanted() {
            let (idle, log) = (self.idle(), dispatcher::get_default(Clone::clone));
            let work = move || dispatcher::with_default(&log, || idle.work());
            std::thread::Builder::new().name(format!("publish-{}", queue.threads)).spawn(work)?;
            queue.threads += 1;
        }
        Ok(())
    }

    /// Lets so many others do what those cannot that are held. Says whether that many could be replaced.
    pub(super) fn relieve(&self, held: Held) -> bool {
        let mut queue = self.0.queue();
        if queue.held != held {
            queue.held = held;
            // Those that are too many end, and a slow one may begin.
            self.0.0.1.notify_all();
        }
        // What cannot be started now is tried again with the next look.
        self.fill(&mut queue).is_ok() && held.quick + held.slow <= MAX_HELD
    }

    /// To wait for them.
    pub(super) fn idle(&self) -> Idle {
        self.0.clone()
    }

    /// Has something done as soon as a thread is free: `slow` if it may take long.
    pub(super) fn give(&self, slow: bool, job: impl FnOnce() + Send + 'static) {
        let mut queue = self.0.queue();
        if slow {
            queue.slow.push_back(Box::new(job))
        } else {
            queue.quick.push_back(Box::new(job))
        }
        // All: the one that wakes may be one that must not take a slow one.
        self.0.0.1.notify_all();
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.ended = true;
        (queue.quick, queue.slow) = Default::default();
        self.0.0.1.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn eventually(what: &str, mut there: impl FnMut() -> bool) {
        let until = Instant::now() + Duration::from_secs(30);
        while !there() {
            assert!(Instant::now() < until, "{what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn those_that_are_held_are_replaced_so_many_at_most() {
        let workers = Workers::start().unwrap();
        let gate = Arc::new(Mutex::new(()));
        let shut = gate.lock().unwrap();
        let at_work = || workers.0.queue().at_work;
        let hang = |slow| {
            let gate = Arc::clone(&gate);
            workers.give(slow, move || drop(gate.lock()));
        };
        (0..WORKERS).for_each(|_| hang(false));
        eventually("all are held", || at_work() == WORKERS);
        // A quick one, and two slow ones that come to hang as well.
        let (tell, told) = mpsc::channel();
        let quick = tell.clone();
        workers.give(false, move || quick.send("quick").unwrap());
        assert!(workers.relieve(Held { quick: WORKERS, slow: 0 }));
        assert_eq!(told.recv_timeout(Duration::from_secs(30)).unwrap(), "quick");
        (0..SLOW_WORKERS).for_each(|_| hang(true));
        eventually("slow ones too", || at_work() == WORKERS + SLOW_WORKERS);
        let slow = tell.clone();
        workers.give(true, move || slow.send("slow").unwrap());
        assert!(workers.relieve(Held { quick: WORKERS, slow: SLOW_WORKERS }));
        assert_eq!(told.recv_timeout(Duration::from_secs(30)).unwrap(), "slow");
        // There is an end to that, which is said.
        assert!(workers.relieve(Held { quick: MAX_HELD, slow: 0 }));
        assert!(!workers.relieve(Held { quick: MAX_HELD, slow: 1 }));
        assert!(!workers.relieve(Held { quick: usize::MAX / 2, slow: usize::MAX / 2 }));
        assert_eq!(workers.0.queue().threads, WORKERS + MAX_HELD);
        drop(shut);
        workers.relieve(Held::default());
        eventually("the others end", || workers.0.queue().threads == WORKERS);
    }

    #[test]
    fn slow_ones_leave_room_for_quick_ones() {
        let workers = Workers::start().unwrap();
        let (hold, held) = mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let (tell, told) = mpsc::channel();
        for _ in 0..WORKERS * 2 {
            let (held, tell) = (Arc::clone(&held), tell.clone());
            workers.give(true, move || {
                tell.send("slow").unwrap();
                let _ = held.lock().unwrap().recv();
            });
        }
        let next = || told.recv_timeout(Duration::from_secs(30)).unwrap();
        (0..SLOW_WORKERS).for_each(|_| assert_eq!(next(), "slow"));
        let quick = tell.clone();
        workers.give(false, move || quick.send("quick").unwrap());
        assert_eq!(next(), "quick");
        // Nor does it wait for ever for those that hang.
        workers.idle().wait(Duration::from_millis(10));
        drop(hold);
        drop(workers);
    }
}
