//! What requests know of the follower, and how they wait for it. Asked with each request, so it takes no lock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::verifier::Shared;
use edgelatch_http::Error;

/// Stands for no moment.
const NEVER: u64 = 0;

/// Moments, as milliseconds since the verifier was made, from 1.
pub(crate) struct Pulse {
    began: Instant,
    /// Until when what serves is good enough to answer by.
    good: AtomicU64,
    /// Until when the source is left alone after a failure.
    resting: AtomicU64,
    /// When the refresh under way began.
    flight: AtomicU64,
    ask: Notify,
    /// Whether a host asked, and not a request.
    demanded: AtomicBool,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        let [good, resting, flight] = [(); 3].map(|()| AtomicU64::new(NEVER));
        Pulse { began: Instant::now(), good, resting, flight, ask: Notify::new(), demanded: AtomicBool::new(false) }
    }

    /// Resolves when somebody wants a refresh; whether that is to be at all events.
    pub(super) async fn asked(&self) -> bool {
        self.ask.notified().await;
        self.demanded.swap(false, Ordering::AcqRel)
    }

    pub(super) fn takes_off(&self) {
        self.flight.store(self.number(Instant::now()), Ordering::Release);
    }

    pub(super) fn lands(&self) {
        self.flight.store(NEVER, Ordering::Release);
    }

    pub(super) fn tell(&self, good: Option<Instant>, resting: Option<Instant>) {
        let number = |at: Option<Instant>| at.map_or(NEVER, |at| self.number(at));
        self.good.store(number(good), Ordering::Release);
        self.resting.store(number(resting), Ordering::Release);
    }

    fn number(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

/// How many refreshes have ended, and how the last one did.
#[derive(Default)]
pub(crate) struct Landed {
    last: Option<Result<bool, Error>>,
}

impl Landed {
    pub(super) fn land(&mut self, result: Result<bool, Error>) {
        self.last = Some(result);
    }
}

/// The follower as its verifiers hold it: it ends with the last of them.
pub(crate) struct Running {
    landed: watch::Receiver<Landed>,
    max_wait: Duration,
    task: AbortHandle,
    shared: Arc<Shared>,
}

impl Running {
    pub(super) fn new(landed: watch::Receiver<Landed>, max_wait: Duration, task: AbortHandle, shared: Arc<Shared>) -> Self {
        Running { landed, max_wait, task, shared }
    }

    /// See [`Verifier::fresh`](crate::Verifier::fresh).
    pub(crate) async fn fresh(&self, pulse: &Pulse, ready: bool) {
        let now = Instant::now();
        let number = pulse.number(now);
        if ready && number <= pulse.good.load(Ordering::Acquire) {
            return;
        }
        // Before it is looked whether one is under way: one that ends meanwhile is seen to have ended.
        let mut landed = self.landed.clone();
        landed.mark_unchanged();
        if number < pulse.resting.load(Ordering::Acquire) {
            return;
        }
        let flight = pulse.flight.load(Ordering::Acquire);
        if flight == NEVER {
            pulse.ask.notify_one();
        }
        let waited = Duration::from_millis(if flight == NEVER { 0 } else { number.saturating_sub(flight) });
        let until = now + self.max_wait.saturating_sub(waited);
        // By then the request is judged by what is there.
        let _ = timeout_at(until, landed.changed()).await;
    }

    /// See [`Verifier::refresh`](crate::Verifier::refresh).
    pub(crate) async fn refresh(&self) -> Result<bool, Error> {
        let mut landed = self.landed.clone();
        landed.mark_unchanged();
        self.shared.pulse.demanded.store(true, Ordering::Release);
        self.shared.pulse.ask.notify_one();
        landed.changed().await.map_err(|_| Error::Closed)?;
        let last = landed.borrow().last.clone();
        last.unwrap_or(Err(Error::Closed))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}
