//! Publishes whenever an epoch is due, on a thread of its own.
//!
//! Of several nodes that serve one realm, one publishes: the holder of a lease in the registry, until it stops or vanishes. The
//! lease saves work and keeps nodes from outdoing each other; what keeps a realm right is the ledger, from which no epoch is
//! taken twice.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use edgelatch_registry::{Lease, Slug};
use edgelatch_sync::{Directory, Error, FailedTarget, Published, Publisher, Reason, Target};

/// The longest pause after failures in a row.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// The lease's name.
const LEASE: &str = "publisher";
/// Seconds of the lease: so long does it take until another node notices that one has vanished.
pub(crate) const LEASE_SECONDS: u64 = 15;
/// Seconds that must be left of it.
const RENEW_SECONDS: u64 = 10;
/// How often those who wait for the lease look.
const LOOK: Duration = Duration::from_secs(1);

/// What a server reports.
#[derive(Debug)]
pub enum Event {
    /// An epoch is out.
    Published(Published),
    /// It failed and will try again.
    Failed {
        /// Why.
        error: Error,
        /// After how long.
        retry: Duration,
    },
    /// One of several targets does not hold the epoch that the others do.
    TargetFailed {
        /// Which one, and why.
        failed: FailedTarget,
        /// After how long it is tried again, unless a change comes before.
        retry: Duration,
    },
    /// Another node publishes; this one waits for its turn.
    StandsBy {
        /// That node.
        holder: Slug,
    },
    /// The management API failed to answer.
    ApiFailed {
        /// The route.
        endpoint: String,
        /// Why.
        message: String,
    },
    /// An alert was not delivered.
    AlertFailed {
        /// Its number.
        id: u64,
        /// Why.
        reason: String,
        /// When it is tried again, in Unix seconds; none when it is given up.
        again: Option<u64>,
    },
    /// What is kept for a time could not be cleared away.
    UpkeepFailed {
        /// Why.
        message: String,
    },
}

/// What it takes to publish in the background.
#[derive(Debug)]
pub struct Pilot {
    /// Builds and signs.
    pub publisher: Publisher,
    /// Where to.
    pub targets: Vec<Directory>,
    /// How long to wait between looking for changes.
    pub interval: Duration,
    /// This node, among those that publish the realm. The same after a restart, so that it need not wait for itself.
    pub node: Slug,
}

/// A running pilot. Dropping it lets an epoch that is being published finish.
#[derive(Debug)]
pub(crate) struct Running {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a pilot remembers between two looks.
#[derive(Default)]
struct State {
    lease: Option<Lease>,
    failures: u32,
    /// A target that failed is not tried before this.
    repair_at: Option<Instant>,
}

impl State {
    /// How long to wait after another failure.
    fn pause(&mut self) -> Duration {
        let pause = Duration::from_secs(1 << self.failures.min(6)).min(MAX_PAUSE);
        self.failures += 1;
        pause
    }
}

impl Pilot {
    pub(crate) fn start(mut self, report: Arc<dyn Fn(Event) + Send + Sync>) -> std::io::Result<Running> {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("publisher".into()).spawn(move || {
            let mut state = State::default();
            loop {
                let pause = self.look(&mut state, &*report).unwrap_or_else(|error| {
                    let retry = state.pause();
                    report(Event::Failed { error, retry });
                    retry
                });
                if !matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
                    break;
                }
            }
            self.release(state.lease);
        })?;
        Ok(Running { stop: Some(stop), thread: Some(thread) })
    }

    /// Publishes if it is our turn and an epoch is due; returns how long to wait.
    fn look(&mut self, state: &mut State, report: &(dyn Fn(Event) + Send + Sync)) -> Result<Duration, Error> {
        if !self.holds(state, report)? {
            return Ok(LOOK);
        }
        let mut targets: Vec<&mut dyn Target> = self.targets.iter_mut().map(|target| target as &mut dyn Target).collect();
        if state.repair_at.is_some_and(|at| Instant::now() < at)
            && matches!(self.publisher.due(&targets)?, None | Some(Reason::Repair))
        {
            return Ok(self.interval);
        }
        let Some(published) = self.publisher.publish_if_due(&mut targets)? else { return Ok(self.interval) };
        let failed = published.failed.clone();
        report(Event::Published(published));
        if failed.is_empty() {
            *state = State { lease: state.lease.take(), ..State::default() };
            return Ok(self.interval);
        }
        let retry = state.pause();
        state.repair_at = Some(Instant::now() + retry);
        failed.into_iter().for_each(|failed| report(Event::TargetFailed { failed, retry }));
        Ok(self.interval)
    }

    /// Whether this node is the one that publishes.
    fn holds(&self, state: &mut State, report: &(dyn Fn(Event) + Send + Sync)) -> Result<bool, Error> {
        let now = self.publisher.registry().env().now()?;
        let ours = |lease: &Lease| lease.holder == self.node;
        if state.lease.as_ref().is_some_and(|lease| ours(lease) && lease.expires_at >= now + RENEW_SECONDS) {
            return Ok(true);
        }
        let name: Slug = LEASE.parse()?;
        let lease = self.publisher.registry().acquire_lease(self.publisher.realm(), &name, &self.node, LEASE_SECONDS)?;
        let known = state.lease.replace(lease.clone()).map(|lease| lease.holder);
        if !ours(&lease) && known.as_ref() != Some(&lease.holder) {
            report(Event::StandsBy { holder: lease.holder.clone() });
        }
        Ok(ours(&lease))
    }

    /// Lets another node go on at once.
    fn release(&self, lease: Option<Lease>) {
        if let (Some(lease), Ok(name)) = (lease.filter(|lease| lease.holder == self.node), LEASE.parse::<Slug>()) {
            // It ends by itself.
            let _ = self.publisher.registry().release_lease(self.publisher.realm(), &name, &lease);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic has been reported by its own message; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}
