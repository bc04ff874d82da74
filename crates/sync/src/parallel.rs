//! The same for many things, several at a time: each waits for a disk or a network.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does `work` on each, `at_once` at a time; the results are in no order.
pub(crate) fn each<T: Send, R: Send>(
    at_once: usize,
    items: impl ExactSizeIterator<Item = T> + Send,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let workers = items.len().min(at_once);
    if workers <= 1 {
        return items.map(work).collect();
    }
    let next = Mutex::new(items);
    let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next();
    let some = || std::iter::from_fn(take).map(&work).collect::<Vec<R>>();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(some)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}
