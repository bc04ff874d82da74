//! Follows a published realm: refreshes when they are due, one at a time, and takes up what a stream tells of.
//!
//! | read | for |
//! |---|---|
//! | here | when: the loop, and pauses |
//! | `pulse` | what requests know of it, and how they wait |
//! | `update`, `deliver` | one refresh: what is fetched, and in which order |
//! | `stream` | keeping a stream of heads open |

mod deliver;
pub(crate) mod pulse;
mod stream;
mod update;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::builder::Refresh;
use crate::cache::Keeper;
use crate::source::Source;
use crate::verifier::Shared;
pub(crate) use deliver::Pace;
use edgelatch_http::Error;
use pulse::{Landed, Running};
use stream::{SILENCE, Said, watch};
pub(crate) use update::Updater;

/// Longest pause while nothing is loaded: every request is refused until then.
const COLD_PAUSE: Duration = Duration::from_secs(5);
/// Longest first pause behind a failure: however rarely somebody looks, most of what goes wrong is over in a moment.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Between two refreshes while a stream is open: they catch what a stream kept to itself.
const SAFETY_NET: Duration = Duration::from_secs(60);
/// Refreshes are at most 1.1 intervals apart unless one was missed: at three intervals they are missing, not late.
const MAX_AGE_INTERVALS: u32 = 3;
/// Heads that wait for the refresh under way; who tells of more waits.
const MAX_PUSHED: usize = 8;

/// Begins to follow, and waits until something serves or the first refresh has failed.
pub(crate) async fn follow(shared: Arc<Shared>, source: Source, settings: Refresh, cache: Option<PathBuf>) -> Running {
    let (landed, mut landing) = watch::channel(Landed::default());
    let updater = Updater::new(Arc::clone(&shared), source);
    let keeper = cache.map(|directory| Keeper::new(directory, &shared));
    let now = Instant::now();
    let follower = Follower {
        shared: Arc::clone(&shared),
        updater,
        settings,
        keeper,
        landed,
        failures: 0,
        due: now,
        seen: None,
        ended: now,
        streaming: false,
    };
    let task = tokio::spawn(follower.run());
    let running = Running::new(landing.clone(), settings.max_wait, task.abort_handle(), shared);
    // It can only be the end of the task that is not waited for.
    let _ = landing.changed().await;
    running
}

struct Follower {
    shared: Arc<Shared>,
    updater: Updater,
    settings: Refresh,
    keeper: Option<Keeper>,
    landed: watch::Sender<Landed>,
    /// Refreshes that failed since one succeeded.
    failures: u32,
    /// When the next refresh is.
    due: Instant,
    /// When what serves was known to be the newest.
    seen: Option<Instant>,
    /// When the last refresh ended.
    ended: Instant,
    streaming: bool,
}

impl Follower {
    async fn run(mut self) {
        if let Some(keeper) = &mut self.keeper
            && keeper.resume(&mut self.updater).await
        {
            self.landed.send_modify(|landed| landed.land(Ok(true)));
        }
        self.refresh(None).await;
        let (says, mut said) = mpsc::channel(MAX_PUSHED);
        // Ends with this one.
        let mut streams = JoinSet::new();
        if self.settings.stream {
            let (source, shared) = (self.updater.source().clone(), Arc::clone(&self.shared));
            streams.spawn(watch(source, shared, says, self.settings.max_backoff));
        }
        loop {
            tokio::select! {
                () = sleep_until(self.due) => self.refresh(None).await,
                demanded = self.shared.pulse.asked() => {
                    if demanded || !self.resting() {
                        self.refresh(None).await;
                    }
                }
                Some(said) = said.recv() => self.hear(said).await,
                () = turn(&mut self.keeper, &self.shared) => {
                    if let Some(keeper) = &mut self.keeper {
                        keeper.write(&self.updater).await;
                    }
                }
            }
        }
    }

    /// One refresh, and what follows from how it went.
    async fn refresh(&mut self, pushed: Option<stream::Told>) {
        let (begun, deadline) = (Instant::now(), self.settings.deadline);
        self.shared.pulse.takes_off();
        let told = pushed.as_ref().map(|told| told.at);
        let update = self.updater.refresh(pushed.map(|told| told.pushed));
        let late = || Error::source("deadline", format!("the refresh took longer than {} ms", deadline.as_millis()));
        let result = timeout(deadline, update).await.unwrap_or_else(|_| Err(late()));
        // What was fetched while a head waited may be further.
        let overtaken =
            told.is_some_and(|told| told <= self.ended) && result.as_ref().is_err_and(|error| error.code() == "rollback");
        let result = if overtaken { Ok(false) } else { result };
        self.ended = Instant::now();
        match &result {
            Ok(_) => {
                self.failures = 0;
                self.shared.counters.refreshed(self.shared.now());
                // Only a machine that slept meanwhile gets that far past the deadline; what was brought is then as old as that sleep.
                let slept = self.ended - begun > deadline + FIRST_PAUSE;
                self.due = if slept { self.ended } else { self.ended + self.pause() };
                self.seen_at(told.unwrap_or(begun));
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                let longest = self.cold(self.settings.max_backoff);
                let pause = doubled(self.failures, self.settings.interval.min(FIRST_PAUSE), longest);
                self.due = self.ended + pause.mul_f64(0.5 + 0.5 * random());
                self.shared.report(error);
            }
        }
        if let Some(keeper) = &mut self.keeper {
            keeper.note(&self.shared);
        }
        self.tell();
        self.shared.pulse.lands();
        self.landed.send_modify(|landed| landed.land(result));
    }

    async fn hear(&mut self, said: Said) {
        match said {
            Said::Up => {
                self.stream(true);
                // After a failure one is due at once, since the source is back.
                self.due = if self.failures > 0 { Instant::now() } else { Instant::now() + self.pause() };
            }
            // A source that failed is left alone for the pause behind that; then it is asked.
            Said::Head(_) if self.resting() => {}
            Said::Head(told) => self.refresh(Some(told)).await,
            // As good as a refresh that found nothing.
            Said::Idle(at) if self.failures == 0 => self.seen_at(at),
            Said::Idle(_) => {}
            Said::Down => {
                self.stream(false);
                if self.failures == 0 {
                    // Many edges may have lost theirs at this moment.
                    let within = self.cold(self.settings.interval).mul_f64(random());
                    let stale = self.seen.map_or(self.ended, |seen| seen + self.max_age());
                    self.due = (Instant::now() + within).min(stale);
                }
            }
        }
    }

    fn stream(&mut self, up: bool) {
        self.streaming = up;
        self.shared.counters.streaming.store(up, std::sync::atomic::Ordering::Relaxed);
        self.tell();
    }

    /// Whether a refresh has failed, and the pause behind it is not over.
    fn resting(&self) -> bool {
        self.failures > 0 && Instant::now() < self.due
    }

    fn seen_at(&mut self, at: Instant) {
        self.seen = self.seen.max(Some(at));
        self.tell();
    }

    /// Tells requests how long what serves is good, and whether it is of use to wait.
    fn tell(&self) {
        let good = self.seen.map(|seen| seen + self.max_age());
        let resting = (self.failures > 0).then_some(self.due);
        self.shared.pulse.tell(good, resting);
    }

    fn max_age(&self) -> Duration {
        let usual = self.settings.interval * MAX_AGE_INTERVALS;
        // A stream is believed that long after its last sign of life, unless a shorter time is asked for.
        self.settings.max_age.unwrap_or(if self.streaming { usual.max(SILENCE) } else { usual })
    }

    /// From one refresh that succeeded to the next.
    fn pause(&self) -> Duration {
        let interval = self.settings.interval;
        // Signs of life are too far apart for a very small `max_age`, which goes by refreshes alone.
        let rarely = self.streaming && self.max_age() > stream::HEARTBEAT;
        let pause = self.cold(if rarely { interval.max(SAFETY_NET) } else { interval }).mul_f64(0.9 + 0.2 * random());
        if rarely { pause } else { pause.min(self.max_age()) }
    }

    /// While nothing is loaded, nobody waits long.
    fn cold(&self, pause: Duration) -> Duration {
        let serves = self.shared.read().is_ok_and(|edge| edge.head().is_some());
        if serves { pause } else { pause.min(COLD_PAUSE) }
    }
}

/// Resolves when there is something to write; never without a keeper.
async fn turn(keeper: &mut Option<Keeper>, shared: &Shared) {
    match keeper {
        Some(keeper) => keeper.turn(shared).await,
        None => std::future::pending().await,
    }
}

/// The pause after so many failures, from 1: doubling from `first` to `longest`.
pub(crate) fn doubled(failures: u32, first: Duration, longest: Duration) -> Duration {
    let factor = 1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    first.checked_mul(factor).map_or(longest, |pause| pause.min(longest))
}

/// From 0 to below 1. Where the system has no randomness, pauses have no jitter.
pub(crate) fn random() -> f64 {
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(300));
        let pauses = [1, 2, 3, 9, 10, 32, 33, u32::MAX].map(|failures| doubled(failures, first, longest).as_secs());
        assert_eq!(pauses, [1, 2, 4, 256, 300, 300, 300, 300]);
        assert!((0..100).all(|_| (0.0..1.0).contains(&random())));
    }
}
