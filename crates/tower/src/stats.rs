//! What a verifier has done, for metrics and health checks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use edgelatch_core::edge::LazyStats;
use edgelatch_core::verdict::{CODES, Code};
use edgelatch_http::Error;

use crate::usage::UsageStats;

/// What a verifier has done since it was made. Times are Unix seconds by its clock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Whose keys are verified.
    pub realm: String,
    /// Whether a snapshot is loaded. One whose head has ended is loaded too: verdicts are `snapshot_stale` then.
    pub ready: bool,
    /// The epoch that serves, 0 for none.
    pub epoch: u64,
    /// Version of the root under which it serves, 0 for none.
    pub root_version: u32,
    /// Seconds since the head that serves was issued; `None` for none.
    pub age: Option<u64>,
    /// Whether new heads come from a stream, and not by asking alone.
    pub streaming: bool,
    /// Bytes that the snapshot takes, with what is kept of those before.
    pub memory: usize,
    /// Verdicts by their code, those that were given at least once.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// Times that another epoch came into force.
    pub updates: u64,
    /// Refreshes that ended well, whether they brought anything or not.
    pub refreshes: u64,
    /// Errors by their code.
    pub errors: BTreeMap<&'static str, u64>,
    /// When a refresh last ended well; `None` for never.
    pub refreshed_at: Option<u64>,
    /// The last error.
    pub last_error: Option<LastError>,
    /// What a lazy edge holds and has fetched; `None` for one that keeps the whole snapshot.
    pub lazy: Option<LazyStats>,
    /// What became of events for the control plane; `None` where none are reported.
    pub usage: Option<UsageStats>,
}

/// An error that a verifier told of. The message holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastError {
    /// Its code.
    pub code: &'static str,
    /// What it says.
    pub message: String,
    /// When, Unix seconds.
    pub at: u64,
}

/// Counters behind [`Stats`].
pub(crate) struct Counters {
    verdicts: Vec<AtomicU64>,
    updates: AtomicU64,
    pub(crate) streaming: AtomicBool,
    rest: Mutex<Rest>,
}

#[derive(Default)]
struct Rest {
    refreshes: u64,
    refreshed_at: Option<u64>,
    errors: BTreeMap<&'static str, u64>,
    last_error: Option<LastError>,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Counters {
            verdicts: CODES.iter().map(|_| AtomicU64::new(0)).collect(),
            updates: AtomicU64::new(0),
            streaming: AtomicBool::new(false),
            rest: Mutex::default(),
        }
    }

    pub(crate) fn verdict(&self, code: Code) {
        if let Some(count) = self.verdicts.get(usize::from(code.number())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn updated(&self) {
        self.updates.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refreshed(&self, at: u64) {
        let mut rest = self.rest();
        rest.refreshes += 1;
        rest.refreshed_at = Some(at);
    }

    pub(crate) fn failed(&self, error: &Error, at: u64) {
        let mut rest = self.rest();
        *rest.errors.entry(error.code()).or_default() += 1;
        rest.last_error = Some(LastError { code: error.code(), message: error.to_string(), at });
    }

    /// Fills in what is counted here.
    pub(crate) fn fill(&self, stats: Stats) -> Stats {
        let counts = CODES.iter().zip(&self.verdicts).map(|(row, count)| (row.name, count.load(Ordering::Relaxed)));
        let rest = self.rest();
        Stats {
            streaming: self.streaming.load(Ordering::Relaxed),
            verdicts: counts.filter(|(_, count)| *count > 0).collect(),
            updates: self.updates.load(Ordering::Relaxed),
            refreshes: rest.refreshes,
            refreshed_at: rest.refreshed_at,
            errors: rest.errors.clone(),
            last_error: rest.last_error.clone(),
            ..stats
        }
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
