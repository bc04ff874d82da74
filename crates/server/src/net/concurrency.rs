//! How many calls of one key are at work at a time: so that none, however much it asks for, keeps the database and the memory
//! from all others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use edgelatch_core::key::KeyId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{CALLS_OF_KEY, MAX_IDLE_KEYS};

/// The keys that have calls at work, and some that had.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<u64, Arc<Semaphore>>>);

impl Turns {
    /// Waits until fewer calls of this key are at work. The turn ends when what is returned is dropped.
    pub(crate) async fn take(&self, key: KeyId) -> Option<OwnedSemaphorePermit> {
        let turns = self.of(key);
        turns.acquire_owned().await.ok()
    }

    fn of(&self, key: KeyId) -> Arc<Semaphore> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MAX_IDLE_KEYS {
            // Whoever has a turn or waits for one holds the semaphore too.
            keys.retain(|_, turns| Arc::strong_count(turns) > 1);
        }
        Arc::clone(keys.entry(key.0).or_insert_with(|| Arc::new(Semaphore::new(CALLS_OF_KEY))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn now(turns: &Turns, key: u64) -> Option<OwnedSemaphorePermit> {
        match pin!(turns.take(KeyId(key))).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => turn,
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_key_waits_for_itself_alone() {
        let turns = Turns::default();
        let mut held: Vec<_> = (0..CALLS_OF_KEY).map(|_| now(&turns, 1).unwrap()).collect();
        assert!(now(&turns, 1).is_none());
        assert!(now(&turns, 2).is_some());
        held.pop();
        assert!(now(&turns, 1).is_some());
    }

    #[test]
    fn memory_is_bounded_and_turns_are_kept() {
        let turns = Turns::default();
        let held: Vec<_> = (0..CALLS_OF_KEY).map(|_| now(&turns, 1).unwrap()).collect();
        for key in 2..3 * MAX_IDLE_KEYS as u64 {
            assert!(now(&turns, key).is_some());
        }
        assert!(turns.0.lock().unwrap().len() <= MAX_IDLE_KEYS);
        assert!(now(&turns, 1).is_none());
        drop(held);
    }
}
