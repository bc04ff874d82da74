//! Events that wait, and are sent in batches: once a batch is full, once an event is old enough, again after a pause.

use edgelatch_http::Error;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::post::{Answer, Post};
use super::{Bounds, UsageEvent, wire};
use crate::follow::{FIRST_PAUSE, doubled, random};
use crate::verifier::Shared;

/// Bytes of one batch: half a megabyte, well below what servers take as a body.
const MAX_BYTES: usize = 1 << 19;

/// What became of events so far, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageStats {
    /// Events taken by the control plane.
    pub delivered: u64,
    /// Events lost: no room, refused for good, or left over when closed.
    pub dropped: u64,
    /// Events waiting to be sent, or for an answer.
    pub waiting: u64,
}

pub(crate) struct Outbox {
    post: Post,
    bounds: Bounds,
    shared: Arc<Shared>,
    /// Ids of events are this and a number.
    prefix: String,
    count: AtomicU64,
    queue: Mutex<Queue>,
    /// Something may be due earlier than before.
    wake: Notify,
    /// One attempt at a time.
    sending: tokio::sync::Mutex<()>,
}

/// Events that are sent together. Sent again it is the same in every byte, so that it counts once.
#[derive(Clone)]
struct Batch {
    body: Bytes,
    count: usize,
}

struct Queue {
    waiting: VecDeque<String>,
    oldest: Instant,
    /// The batch under way, until it is taken or refused.
    batch: Option<Batch>,
    not_before: Instant,
    /// In a row.
    failures: u32,
    delivered: u64,
    dropped: u64,
    /// Whether somebody has heard of a full queue since a batch was last answered.
    told: bool,
    closed: bool,
}

impl Queue {
    fn len(&self) -> usize {
        self.waiting.len() + self.batch.as_ref().map_or(0, |batch| batch.count)
    }

    /// The moment from which something can be sent.
    fn due(&self, bounds: &Bounds) -> Option<Instant> {
        if self.len() == 0 {
            return None;
        }
        let full = self.batch.is_some() || self.waiting.len() >= bounds.max_batch.min(bounds.max_queue);
        Some(if full { self.not_before } else { self.not_before.max(self.oldest + bounds.max_age) })
    }

    fn cut(&mut self, bounds: &Bounds) -> Option<Batch> {
        let (mut events, mut bytes) = (Vec::new(), 0usize);
        while let Some(next) = self.waiting.front() {
            bytes = bytes.saturating_add(next.len() + 1);
            if events.len() == bounds.max_batch || (!events.is_empty() && bytes > MAX_BYTES) {
                break;
            }
            events.extend(self.waiting.pop_front());
        }
        let body = format!("{{\"batch\":\"{}\",\"events\":[{}]}}", drawn(), events.join(","));
        (!events.is_empty()).then(|| Batch { body: body.into(), count: events.len() })
    }
}

/// An id that nobody else draws. Where the system has no randomness a batch could be taken for another one, and is refused instead.
pub(super) fn drawn() -> String {
    let (high, low) = (getrandom::u64().unwrap_or(0), getrandom::u64().unwrap_or(0));
    if high == 0 && low == 0 { String::new() } else { format!("{high:016x}{low:016x}") }
}

impl Outbox {
    pub(super) fn new(post: Post, bounds: Bounds, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        let queue = Queue {
            waiting: VecDeque::new(),
            oldest: now,
            batch: None,
            not_before: now,
            failures: 0,
            delivered: 0,
            dropped: 0,
            told: false,
            closed: false,
        };
        let (prefix, count) = (drawn().chars().take(12).collect(), AtomicU64::new(0));
        let (queue, wake, sending) = (Mutex::new(queue), Notify::new(), tokio::sync::Mutex::new(()));
        Outbox { post, bounds, shared, prefix, count, queue, wake, sending }
    }

    pub(crate) fn put(&self, event: &UsageEvent) {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let text = wire::text(event, &format!("{}-{number:x}", self.prefix));
        let mut queue = self.queue();
        if queue.closed {
            queue.dropped += 1;
            return;
        }
        if queue.len() >= self.bounds.max_queue {
            queue.dropped += 1;
            let first = !std::mem::replace(&mut queue.told, true);
            drop(queue);
            if first {
                let detail = format!("{} events wait already; further ones are dropped", self.bounds.max_queue);
                self.shared.report(&Error::Usage { code: "queue_full", detail });
            }
            return;
        }
        if queue.waiting.is_empty() {
            queue.oldest = Instant::now();
        }
        queue.waiting.push_back(text);
        // At other times whoever waits has been told already.
        let news = queue.waiting.len() == 1 || queue.waiting.len() == self.bounds.max_batch.min(self.bounds.max_queue);
        drop(queue);
        if news {
            self.wake.notify_one();
        }
    }

    pub(crate) fn stats(&self) -> UsageStats {
        let queue = self.queue();
        UsageStats { delivered: queue.delivered, dropped: queue.dropped, waiting: queue.len() as u64 }
    }

    /// Sends what is due, until nobody lets it run any more.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            let due = self.queue().due(&self.bounds);
            let turn = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = turn => drop(self.attempt().await),
                () = self.wake.notified() => {}
            }
        }
    }

    /// See [`Verifier::flush`](crate::Verifier::flush).
    pub(crate) async fn flush(&self) -> bool {
        let done = |queue: &Queue| queue.delivered + queue.dropped;
        let end = {
            let queue = self.queue();
            done(&queue) + queue.len() as u64
        };
        while done(&self.queue()) < end {
            if !self.attempt().await {
                return false;
            }
        }
        true
    }

    /// Takes nothing more, goes on trying until one deadline has passed, and drops the rest.
    pub(super) async fn close(&self) {
        self.queue().closed = true;
        let end = Instant::now() + self.post.deadline();
        while !self.flush().await {
            let next = self.queue().not_before;
            if next >= end {
                break;
            }
            sleep_until(next).await;
        }
        let mut queue = self.queue();
        queue.dropped += queue.len() as u64;
        queue.waiting.clear();
        queue.batch = None;
    }

    /// One attempt at the batch that is under way or next; whether it was answered.
    async fn attempt(&self) -> bool {
        let _one = self.sending.lock().await;
        let batch = {
            let mut queue = self.queue();
            let batch = queue.batch.take().or_else(|| queue.cut(&self.bounds));
            queue.batch.clone_from(&batch);
            batch
        };
        let Some(batch) = batch else { return true };
        let answer = self.post.send(batch.body).await;
        let mut queue = self.queue();
        let count = batch.count as u64;
        let error = match answer {
            Answer::Later(error, asked) => {
                queue.failures = queue.failures.saturating_add(1);
                let longest = self.bounds.max_backoff;
                let pause = doubled(queue.failures, FIRST_PAUSE.min(longest), longest).mul_f64(0.5 + 0.5 * random());
                queue.not_before = Instant::now() + pause.max(asked.min(longest));
                drop(queue);
                self.shared.report(&error);
                return false;
            }
            Answer::Taken(_) => {
                queue.delivered += count;
                None
            }
            Answer::Refused(error) => {
                queue.dropped += count;
                Some(error)
            }
        };
        (queue.batch, queue.failures, queue.not_before, queue.told) = (None, 0, Instant::now(), false);
        drop(queue);
        if let Some(error) = error {
            self.shared.report(&error);
        }
        true
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
