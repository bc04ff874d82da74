//! Writes what edges report of themselves into the registry: in batches, so that no call waits for it, and a fleet that takes a new
//! epoch costs a few transactions.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use edgelatch_core::key::KeyId;
use edgelatch_registry::{EdgeReport, Heard, Registry, Slug};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::instrument::WithSubscriber;
use tracing::{error, warn};

use super::background::blocking;
use crate::limits::{
    ARRIVALS_PER_SECOND, MAX_IDLE_KEYS, MAX_WAITING_REPORTS, MIN_SPREAD_MILLIS, REPORT_INTERVAL, REPORT_NOTED, REPORT_PAUSE,
    REPORTS_PER_SECOND,
};
use crate::log::API;

/// Where reports are handed in. While too many wait to be written, further ones are dropped, and counted: the next one of the same edge
/// says it all again.
#[derive(Clone, Debug)]
pub(crate) struct Reports {
    sender: Sender<(Slug, Heard)>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    lost: AtomicU64,
    /// Edges that were live in each realm when something was written last. Realms that there are not, there are not here.
    live: Mutex<HashMap<Slug, u64>>,
    /// When a use was noted last of each key that reports.
    noted: Mutex<HashMap<KeyId, Instant>>,
}

/// When an edge is to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Seconds between two reports.
    pub(crate) interval: u64,
    /// Milliseconds over which reports of a new epoch are spread.
    pub(crate) spread: u64,
}

impl Pace {
    /// Of a fleet of so many.
    fn of(live: u64) -> Pace {
        let interval = live.div_ceil(REPORTS_PER_SECOND).max(REPORT_INTERVAL);
        Pace { interval, spread: (live * 1000 / ARRIVALS_PER_SECOND).max(MIN_SPREAD_MILLIS) }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reports {
    /// Starts the task that writes. It ends, with everything written, once every [`Reports`] is gone.
    pub(crate) fn start(registry: Arc<Registry>) -> (Reports, JoinHandle<()>) {
        let (sender, reports) = channel(MAX_WAITING_REPORTS);
        let shared = Arc::<Shared>::default();
        let task = tokio::spawn(write(registry, reports, Arc::clone(&shared)).with_current_subscriber());
        (Reports { sender, shared }, task)
    }

    /// Hands in a report that was heard `at` that time; says when the next one is expected. The realm must be there.
    pub(crate) fn hear(&self, realm: &Slug, report: EdgeReport, at: u64) -> Pace {
        let pace = Pace::of(held(&self.shared.live).get(realm).copied().unwrap_or(0));
        if self.sender.try_send((realm.clone(), Heard { report, at, interval: pace.interval })).is_err() {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
        pace
    }

    /// Whether it is time to note again that a key is used.
    pub(crate) fn noteworthy(&self, key: KeyId) -> bool {
        let mut noted = held(&self.shared.noted);
        if noted.get(&key).is_some_and(|at| at.elapsed() < REPORT_NOTED) {
            return false;
        }
        if noted.len() >= MAX_IDLE_KEYS {
            noted.retain(|_, at| at.elapsed() < REPORT_NOTED);
        }
        noted.insert(key, Instant::now());
        true
    }

    /// How many were lost.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

async fn write(registry: Arc<Registry>, mut reports: Receiver<(Slug, Heard)>, shared: Arc<Shared>) {
    while let Some(first) = reports.recv().await {
        if !reports.is_closed() {
            sleep(REPORT_PAUSE).await;
        }
        let mut all: BTreeMap<Slug, Vec<Heard>> = BTreeMap::new();
        let mut next = Some(first);
        while let Some((realm, heard)) = next {
            all.entry(realm).or_default().push(heard);
            next = reports.try_recv().ok();
        }
        for (realm, heard) in all {
            let (number, of) = (heard.len() as u64, realm.clone());
            match blocking(&registry, move |registry| registry.fleet(&of).report(&heard)).await {
                Ok(done) => {
                    if done.refused > 0 {
                        warn!(target: API, %realm, edges = done.refused, "there are more edges than are kept track of");
                        shared.lost.fetch_add(done.refused, Ordering::Relaxed);
                    }
                    held(&shared.live).insert(realm, done.live);
                }
                Err(error) => {
                    shared.lost.fetch_add(number, Ordering::Relaxed);
                    error!(target: API, %realm, error, reports = number, "reports of edges were lost");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_fleet_is_slowed_down() {
        assert_eq!(Pace::of(0), Pace { interval: 30, spread: 100 });
        assert_eq!(Pace::of(10_000), Pace { interval: 30, spread: 10_000 });
        assert_eq!(Pace::of(20_000), Pace { interval: 40, spread: 20_000 });
    }
}
