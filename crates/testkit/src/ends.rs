//! Threads that go on until they are told to end.

use std::sync::atomic::{AtomicBool, Ordering};

/// Tells them when it is dropped, as it is also where a test fails: the scope of a thread waits for it, and would wait for ever.
pub struct Ends<'a>(pub &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
