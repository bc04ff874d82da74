//! Targets whose calls are timed: one that does not answer is told of while it is waited for, and its thread does not count meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use edgelatch_sync::{Error, Item, Target, Version};

use crate::limits::{SLOW_JOB, TARGET_RATE, TARGET_SILENT};

/// A target whose calls are timed.
#[derive(Debug)]
pub(super) struct Timed {
    target: Box<dyn Target>,
    calls: Calls,
}

/// The calls of a target that are under way. Clones share what they hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls(Arc<Mutex<Vec<Call>>>);

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Call {
    begun: Instant,
    /// What it may take.
    time: Duration,
}

/// A call under way, until this is dropped: by a panic too.
struct UnderWay<'c>(&'c Calls, Call);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut calls = self.0.lock();
        // Of two that are equal, either.
        if let Some(at) = calls.iter().position(|call| *call == self.1) {
            calls.swap_remove(at);
        }
    }
}

impl Calls {
    /// Whether one has been waited for long enough that its thread is needed elsewhere.
    pub(super) fn waits(&self) -> bool {
        self.lock().iter().any(|call| call.begun.elapsed() > SLOW_JOB)
    }

    /// For how long the first of those has been waited for that take longer than any should.
    pub(super) fn overdue(&self) -> Option<Duration> {
        self.lock()
            .iter()
            .map(|call| (call.begun.elapsed(), call.time))
            .filter(|(took, time)| took > time)
            .map(|(took, _)| took)
            .max()
    }

    fn begin(&self, bytes: usize) -> UnderWay<'_> {
        let more = Duration::from_secs(u64::try_from(bytes).unwrap_or(u64::MAX) / TARGET_RATE);
        let call = Call { begun: Instant::now(), time: TARGET_SILENT.saturating_add(more) };
        self.lock().push(call);
        UnderWay(self, call)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Timed {
    /// The target, and what is known of its calls.
    pub(super) fn new(target: Box<dyn Target>) -> (Timed, Calls) {
        let calls = Calls::default();
        (Timed { target, calls: calls.clone() }, calls)
    }

    fn time<T>(&self, bytes: usize, call: impl FnOnce(&dyn Target) -> T) -> T {
        let _under_way = self.calls.begin(bytes);
        call(self.target.as_ref())
    }
}

impl Target for Timed {
    fn name(&self) -> String {
        self.target.name()
    }

    fn read(&self, item: Item) -> Result<Option<Vec<u8>>, Error> {
        self.time(0, |target| target.read(item))
    }

    fn has(&self, item: Item) -> Result<bool, Error> {
        self.time(0, |target| target.has(item))
    }

    fn head(&self) -> Result<(Option<Vec<u8>>, Version), Error> {
        self.time(0, |target| target.head())
    }

    fn prepare(&self) -> Result<(), Error> {
        self.time(0, |target| target.prepare())
    }

    fn write(&self, item: Item, bytes: &[u8]) -> Result<(), Error> {
        self.time(bytes.len(), |target| target.write(item, bytes))
    }

    fn replace_head(&self, bytes: &[u8], seen: &Version) -> Result<(), Error> {
        self.time(bytes.len(), |target| target.replace_head(bytes, seen))
    }

    fn settle(&self) -> Result<(), Error> {
        self.time(0, |target| target.settle())
    }

    fn list(&self) -> Result<Vec<(Item, u64)>, Error> {
        self.time(0, |target| target.list())
    }

    fn remove(&self, item: Item) -> Result<(), Error> {
        self.time(0, |target| target.remove(item))
    }

    fn at_once(&self) -> usize {
        self.target.at_once()
    }

    fn weakness(&self) -> Option<&'static str> {
        self.target.weakness()
    }
}

#[cfg(test)]
mod tests {
    use edgelatch_sync::Directory;

    use super::*;

    #[test]
    fn calls_are_known_while_they_are_under_way() {
        let temp = tempfile::tempdir().unwrap();
        let (target, calls) = Timed::new(Box::new(Directory::new(temp.path())));
        target.prepare().unwrap();
        target.write(Item::Root(1), b"root").unwrap();
        assert_eq!(
            (target.read(Item::Root(1)).unwrap().as_deref(), target.has(Item::Head).unwrap()),
            (Some(&b"root"[..]), false)
        );
        assert!(calls.lock().is_empty());
        let ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        let silent = TARGET_SILENT.as_secs();
        let _young = calls.begin(0);
        assert!(!calls.waits() && calls.overdue().is_none());
        // So much may take so much longer.
        let large = Call { begun: ago(silent + 1), time: calls.begin(TARGET_RATE as usize * 10).1.time };
        calls.lock().push(large);
        assert!(calls.waits() && calls.overdue().is_none());
        let hangs = UnderWay(&calls, Call { begun: ago(silent + 1), time: TARGET_SILENT });
        calls.lock().push(hangs.1);
        assert_eq!(calls.overdue().map(|took| took.as_secs()), Some(silent + 1));
        drop(hangs);
        assert!(calls.overdue().is_none());
    }

    #[test]
    fn a_call_that_panics_is_over() {
        let (target, calls) = Timed::new(Box::new(Directory::new("")));
        let panics = || target.time(0, |_| panic!("on purpose"));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).unwrap_err();
        assert!(calls.lock().is_empty());
    }
}
