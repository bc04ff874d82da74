//! What an edge says of itself, and when: after it has taken a new epoch, and from time to time, so that it is known to be there. It is what
//! `edgelatch fleet` shows.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::outbox::drawn;
use super::post::{Answer, Post};
use crate::follow::{FIRST_PAUSE, doubled, random};
use crate::verifier::Shared;

/// What this crate calls itself.
const SDK: &str = concat!("edgelatch-tower/", env!("CARGO_PKG_VERSION"));
/// Until the control plane says otherwise.
const PACE: Pace = Pace { interval: Duration::from_secs(30), spread: Duration::from_secs(1) };
/// The shortest and the longest interval that a control plane may ask for, and the longest spread.
const INTERVALS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3600)];
const MAX_SPREAD: Duration = Duration::from_secs(60);
/// No edge reports more often.
const MIN_GAP: Duration = Duration::from_secs(1);
/// As good as never.
const LONG: Duration = Duration::from_secs(86_400);
/// The latest time that the control plane takes, Unix seconds.
const MAX_TIME: u64 = 253_402_300_799;

/// When a verifier looks for another epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// By a timer, and by a stream where there is one.
    Timer,
    /// Never by itself.
    Manual,
}

#[derive(Clone, Copy)]
struct Pace {
    /// Between two reports.
    interval: Duration,
    /// Over which reports of a new epoch are spread.
    spread: Duration,
}

#[derive(Serialize)]
struct Report<'a> {
    edge: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    report: u64,
    epoch: u64,
    issued_at: u64,
    root_version: u32,
    serving: u64,
    at: u64,
    mode: Mode,
    sdk: &'static str,
    closing: bool,
}

/// Reports one verifier.
pub(super) struct Fleet {
    post: Post,
    /// Of this instance.
    id: String,
    name: Option<String>,
    mode: Mode,
    shared: Arc<Shared>,
    /// Held while a report is under way.
    state: Mutex<State>,
}

struct State {
    count: u64,
    pace: Pace,
    /// The epoch that was seen last, and since when it serves.
    epoch: Option<u64>,
    since: Instant,
    begun: Option<Instant>,
    not_before: Instant,
    /// In a row.
    failures: u32,
    closed: bool,
}

impl State {
    /// The earliest moment of another report.
    fn earliest(&self) -> Instant {
        let gap = self.pace.spread.max(MIN_GAP);
        self.begun.map_or(self.not_before, |begun| self.not_before.max(begun + gap))
    }

    /// A new epoch is told within a moment that differs from edge to edge, and those that follow it meanwhile with it. `None` for the same epoch.
    fn soon(&mut self, epoch: u64) -> Option<Instant> {
        if self.epoch == Some(epoch) {
            return None;
        }
        let now = Instant::now();
        (self.epoch, self.since) = (Some(epoch), now);
        Some(self.earliest().max(now + self.pace.spread.mul_f64(random())))
    }
}

impl Fleet {
    pub(super) fn new(post: Post, name: Option<String>, mode: Mode, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        let state =
            State { count: 0, pace: PACE, epoch: None, since: now, begun: None, not_before: now, failures: 0, closed: false };
        Fleet { post, id: drawn(), name, mode, shared, state: Mutex::new(state) }
    }

    /// Reports, until nobody lets it run any more.
    pub(super) async fn run(self: Arc<Self>) {
        let mut due = Instant::now() + LONG;
        due = self.noticed(due).await;
        loop {
            tokio::select! {
                () = sleep_until(due) => {
                    let next = self.report().await;
                    // What came into force meanwhile.
                    due = self.noticed(next).await;
                }
                () = self.shared.switched.notified() => due = self.noticed(due).await,
            }
        }
    }

    async fn noticed(&self, due: Instant) -> Instant {
        let epoch = self.shared.read().map_or(0, |edge| edge.head().map_or(0, |head| head.epoch));
        self.state.lock().await.soon(epoch).map_or(due, |soon| soon.min(due))
    }

    /// One report. Returns when the next one is.
    async fn report(&self) -> Instant {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if state.closed {
            return now + LONG;
        }
        state.begun = Some(now);
        let answer = self.post.send(self.message(&mut state, false).into()).await;
        let (error, pause) = match answer {
            Answer::Taken(said) => {
                (state.failures, state.not_before) = (0, now);
                state.pace = pace_of(&said).unwrap_or(state.pace);
                return now + state.pace.interval.mul_f64(0.9 + 0.2 * random());
            }
            // What was refused is tried again as seldom as may be: whoever hears of it may mend it.
            Answer::Refused(error) => (error, state.pace.interval),
            Answer::Later(error, asked) => {
                let pause = doubled(state.failures.saturating_add(1), FIRST_PAUSE, state.pace.interval);
                (error, pause.mul_f64(0.5 + 0.5 * random()).max(asked))
            }
        };
        state.failures = state.failures.saturating_add(1);
        let [_, longest] = INTERVALS;
        state.not_before = Instant::now() + pause.min(longest);
        let (first, next) = (state.failures == 1, state.earliest());
        drop(state);
        if first {
            self.shared.report(&error);
        }
        next
    }

    /// Says that this edge ends, if it ever said that it is there.
    pub(super) async fn close(&self) {
        let mut state = self.state.lock().await;
        let told = state.count > 0 && !state.closed;
        state.closed = true;
        if told {
            // Nobody is left to try it again.
            let _ = self.post.send(self.message(&mut state, true).into()).await;
        }
    }

    fn message(&self, state: &mut State, closing: bool) -> String {
        state.count += 1;
        let serves = self.shared.read().ok();
        let head = serves.as_ref().and_then(|edge| edge.head());
        let report = Report {
            edge: &self.id,
            name: self.name.as_deref(),
            report: state.count,
            epoch: head.map_or(0, |head| head.epoch),
            issued_at: head.map_or(0, |head| head.issued_at),
            root_version: serves.as_ref().filter(|_| head.is_some()).map_or(0, |edge| edge.root_version()),
            serving: state.since.elapsed().as_secs(),
            at: Some(self.shared.now()).filter(|at| *at <= MAX_TIME).unwrap_or(0),
            mode: self.mode,
            sdk: SDK,
            closing,
        };
        serde_json::to_string(&report).unwrap_or_default()
    }
}

/// What an answer asks for, within bounds; `None` if it is no such answer.
fn pace_of(said: &[u8]) -> Option<Pace> {
    #[derive(Deserialize)]
    struct Asked {
        interval: u64,
        spread: u64,
    }
    let asked: Asked = serde_json::from_slice(said).ok()?;
    let [least, most] = INTERVALS;
    let interval = Duration::from_secs(asked.interval).clamp(least, most);
    Some(Pace { interval, spread: Duration::from_millis(asked.spread).min(MAX_SPREAD) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_control_plane_asks_for_has_bounds() {
        let asked = |said: &str| pace_of(said.as_bytes()).map(|pace| (pace.interval.as_secs(), pace.spread.as_millis()));
        assert_eq!(asked(r#"{"interval":15,"spread":500}"#), Some((15, 500)));
        assert_eq!(asked(r#"{"interval":0,"spread":0}"#), Some((1, 0)));
        assert_eq!(asked(r#"{"interval":999999999,"spread":999999999}"#), Some((3600, 60_000)));
        assert_eq!((asked(r#"{"interval":-1,"spread":0}"#), asked("[]"), asked("")), (None, None, None));
    }
}
