//! Threads that publish and copy: so many that one slow realm holds up no other.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::dispatcher;

use crate::limits::{SLOW_WORKERS, WORKERS};

type Job = Box<dyn FnOnce() + Send>;

/// The threads, which end when this is dropped, each after what it is at.
pub(super) struct Workers(Idle);

/// What is to be done, and by how many it is done.
#[derive(Clone)]
pub(super) struct Idle(Arc<(Mutex<Queue>, Condvar)>);

#[derive(Default)]
struct Queue {
    quick: VecDeque<Job>,
    /// Of realms that took long the last time: they are given half of the threads at most.
    slow: VecDeque<Job>,
    at_work: usize,
    slow_at_work: usize,
    ended: bool,
}

impl Queue {
    /// The next one, and whether it is a slow one.
    fn next(&mut self) -> Option<(Job, bool)> {
        if let Some(job) = self.quick.pop_front() {
            return Some((job, false));
        }
        if self.slow_at_work < SLOW_WORKERS { self.slow.pop_front().map(|job| (job, true)) } else { None }
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
            if queue.ended {
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
        for number in 0..WORKERS {
            let (idle, log) = (workers.idle(), dispatcher::get_default(Clone::clone));
            let work = move || dispatcher::with_default(&log, || idle.work());
            std::thread::Builder::new().name(format!("publish-{number}")).spawn(work)?;
        }
        Ok(workers)
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
