//! How many calls of one key are at work at a time, so that no key, however much it asks for, takes the database and the memory
//! from all others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use edgelatch_core::key::KeyId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{CALLS_OF_KEY, MAX_IDLE_KEYS};

/// A semaphore for each key that has calls at work, and for some that had.
#[derive(Debug, Default)]
pub(crate) struct ConcurrencyLimit(Mutex<HashMap<u64, Arc<Semaphore>>>);

impl ConcurrencyLimit {
    /// Waits until fewer calls of this key are at work. The call counts until what is returned is dropped.
    pub(crate) async fn acquire(&self, key: KeyId) -> Option<OwnedSemaphorePermit> {
        self.of(key).acquire_owned().await.ok()
    }

    fn of(&self, key: KeyId) -> Arc<Semaphore> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MAX_IDLE_KEYS {
            // Calls that are at work or wait hold their semaphore too.
            keys.retain(|_, calls| Arc::strong_count(calls) > 1);
        }
        Arc::clone(keys.entry(key.0).or_insert_with(|| Arc::new(Semaphore::new(CALLS_OF_KEY))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn now(limit: &ConcurrencyLimit, key: u64) -> Option<OwnedSemaphorePermit> {
        match pin!(limit.acquire(KeyId(key))).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(permit) => permit,
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_key_waits_for_itself_alone() {
        let limit = ConcurrencyLimit::default();
        let mut held: Vec<_> = (0..CALLS_OF_KEY).map(|_| now(&limit, 1).unwrap()).collect();
        assert!(now(&limit, 1).is_none());
        assert!(now(&limit, 2).is_some());
        held.pop();
        assert!(now(&limit, 1).is_some());
    }

    #[test]
    fn memory_is_bounded_and_calls_at_work_still_count() {
        let limit = ConcurrencyLimit::default();
        let held: Vec<_> = (0..CALLS_OF_KEY).map(|_| now(&limit, 1).unwrap()).collect();
        for key in 2..3 * MAX_IDLE_KEYS as u64 {
            assert!(now(&limit, key).is_some());
        }
        assert!(limit.0.lock().unwrap().len() <= MAX_IDLE_KEYS);
        assert!(now(&limit, 1).is_none());
        drop(held);
    }
}
