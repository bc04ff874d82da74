//! Failed authentications per client address: a bucket for each. Whether a key is good is known only once it was judged, so an address that
//! is over its limit is not refused: its calls are judged one after the other, and each failure keeps the next one waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use edgelatch_core::ip::Ip;
use tokio::sync::OwnedMutexGuard;
use tokio::time;

use crate::limits::{FAILURE_BURST, FAILURE_PAUSE, FAILURES_APART, FAILURES_PER_MINUTE, MAX_ADDRESSES};
use crate::net::client::client;

/// How many failures an address may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureRate {
    /// At once, after a time without any.
    pub burst: u32,
    /// In a minute, from then on; at least one.
    pub per_minute: u32,
    /// Time after which one beyond these is answered.
    pub pause: Duration,
}

impl Default for FailureRate {
    fn default() -> Self {
        FailureRate { burst: FAILURE_BURST, per_minute: FAILURES_PER_MINUTE, pause: FAILURE_PAUSE }
    }
}

/// The buckets.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// Time after which one beyond the limit is answered.
    pub(crate) pause: Duration,
    /// Time for which each failure counts.
    each: Duration,
    room: Duration,
    buckets: Mutex<HashMap<Option<Ip>, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    /// When it will be full again.
    full: Instant,
    line: Line,
}

/// The line of an address's calls, with the time from which on the next may be judged: first come, first served. Who hangs up leaves it.
#[derive(Clone, Debug)]
pub(crate) struct Line(Arc<tokio::sync::Mutex<time::Instant>>);

impl Line {
    /// Waits for a call's turn to be judged. Guarantees, for an address over its limit:
    ///
    /// - As long as turns are kept until the call was judged, one is judged at a time, and of those that fail one in each
    ///   [`FAILURES_APART`], also if callers hang up.
    /// - Nobody in the line is refused or overtaken: a good key waits for those before it, at most one for each connection.
    ///
    /// Calls that come while the address may fail once more are in no line, and are judged at once; so are several that come at the same time.
    ///
    /// It cannot promise a good key that its connection outlives the wait: where an address has as many connections as it may and opens
    /// more, the oldest of those that wait make room.
    pub(crate) async fn turn(self) -> Turn {
        let mut next = self.0.lock_owned().await;
        time::sleep_until(*next).await;
        // Taken for a failure until it is known to be none: the caller may hang up before.
        *next = time::Instant::now() + FAILURES_APART;
        Turn(next)
    }
}

/// The turn of a call of an address that is over its limit.
#[derive(Debug)]
pub(crate) struct Turn(OwnedMutexGuard<time::Instant>);

impl Turn {
    /// The call's key was good: the next one need not wait.
    pub(crate) fn passed(mut self) {
        *self.0 = time::Instant::now();
    }
}

impl Throttle {
    pub(crate) fn new(rate: FailureRate) -> Throttle {
        let each = Duration::from_secs(60) / rate.per_minute.max(1);
        Throttle { pause: rate.pause, each, room: each * rate.burst.max(1), buckets: Mutex::default() }
    }

    /// How long this address must wait until it may fail again; none if it may now.
    pub(crate) fn wait(&self, ip: Option<Ip>, now: Instant) -> Option<Duration> {
        self.over(self.buckets().get(&client(ip))?, now)
    }

    fn over(&self, bucket: &Bucket, now: Instant) -> Option<Duration> {
        (bucket.full + self.each).checked_duration_since(now + self.room).filter(|wait| !wait.is_zero())
    }

    /// Where the calls of this address wait to be judged; none if they need not.
    pub(crate) fn line(&self, ip: Option<Ip>, now: Instant) -> Option<Line> {
        let buckets = self.buckets();
        let bucket = buckets.get(&client(ip))?;
        self.over(bucket, now).map(|_| bucket.line.clone())
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, ip: Option<Ip>, now: Instant) {
        let mut buckets = self.buckets();
        let client = client(ip);
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(&client) {
            buckets.retain(|_, bucket| bucket.full > now);
            if buckets.len() >= MAX_ADDRESSES {
                // Limits per address do not hold up whoever has so many. What protects keys from being guessed is their length.
                buckets.clear();
            }
        }
        let line = || Line(Arc::new(tokio::sync::Mutex::new(time::Instant::now())));
        let bucket = buckets.entry(client).or_insert_with(|| Bucket { full: now, line: line() });
        bucket.full = bucket.full.max(now) + self.each;
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<Option<Ip>, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<Ip> {
        Ip::parse(text.as_bytes()).ok()
    }

    #[test]
    fn a_burst_then_a_trickle() {
        let throttle = Throttle::new(FailureRate { burst: 3, per_minute: 6, ..FailureRate::default() });
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(throttle.wait(ip("192.0.2.1"), start), None);
            throttle.failed(ip("192.0.2.1"), start);
        }
        let wait = throttle.wait(ip("192.0.2.1"), start).unwrap();
        assert_eq!(wait, Duration::from_secs(10));
        assert_eq!(throttle.wait(ip("192.0.2.2"), start), None);
        assert_eq!(throttle.wait(ip("192.0.2.1"), start + wait), None);
        throttle.failed(ip("192.0.2.1"), start + wait);
        assert!(throttle.wait(ip("192.0.2.1"), start + wait).is_some());
        assert_eq!(throttle.wait(ip("192.0.2.1"), start + Duration::from_secs(60)), None);
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let throttle = Throttle::new(FailureRate { burst: 1, per_minute: 1, ..FailureRate::default() });
        let now = Instant::now();
        throttle.failed(ip("2001:db8::1"), now);
        assert!(throttle.wait(ip("2001:db8::ffff:1"), now).is_some());
        assert_eq!(throttle.wait(ip("2001:db8:0:1::1"), now), None);
        throttle.failed(None, now);
        assert!(throttle.wait(None, now).is_some());
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new(FailureRate { burst: 1, per_minute: 1, ..FailureRate::default() });
        let now = Instant::now();
        for n in 0..=u32::try_from(MAX_ADDRESSES).unwrap() {
            throttle.failed(Some(Ip::V4(n)), now);
        }
        assert!(throttle.buckets.lock().unwrap().len() <= MAX_ADDRESSES);
        assert!(throttle.wait(Some(Ip::V4(u32::try_from(MAX_ADDRESSES).unwrap())), now).is_some());
    }

    #[test]
    fn over_the_limit_calls_are_judged_in_turn() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let throttle = Throttle::new(FailureRate { burst: 1, per_minute: 1, ..FailureRate::default() });
            let (now, address) = (Instant::now(), ip("192.0.2.1"));
            assert!(throttle.line(address, now).is_none());
            throttle.failed(address, now);
            let begun = time::Instant::now();
            let turn = || throttle.line(address, now).unwrap().turn();
            for failures in 0..10 {
                drop(turn().await);
                assert!(begun.elapsed() >= FAILURES_APART * failures);
            }
            // Those that pass hold nobody up but while they are judged.
            let good = turn().await;
            let passed = begun.elapsed();
            let waiting = time::timeout(FAILURES_APART * 100, turn());
            assert!(waiting.await.is_err(), "two at a time");
            good.passed();
            let hung_up = begun.elapsed();
            for _ in 0..10 {
                turn().await.passed();
            }
            assert_eq!((passed < hung_up, begun.elapsed()), (true, hung_up));
            assert!(throttle.line(ip("192.0.2.2"), now).is_none());
        });
    }
}
