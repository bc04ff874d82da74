//! Failed authentications per client address: a bucket for each, asked before any credential is looked at.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use edgelatch_core::ip::Ip;

use crate::limits::{FAILURE_BURST, FAILURES_PER_MINUTE, MAX_ADDRESSES};
use crate::net::client::client;

/// How many failures an address may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureRate {
    /// At once, after a time without any.
    pub burst: u32,
    /// In a minute, from then on; at least one.
    pub per_minute: u32,
}

impl Default for FailureRate {
    fn default() -> Self {
        FailureRate { burst: FAILURE_BURST, per_minute: FAILURES_PER_MINUTE }
    }
}

/// The buckets, each kept as the time at which it will be full again.
#[derive(Debug)]
pub(crate) struct Throttle {
    pause: Duration,
    room: Duration,
    buckets: Mutex<HashMap<Option<Ip>, Instant>>,
}

impl Throttle {
    pub(crate) fn new(rate: FailureRate) -> Throttle {
        let pause = Duration::from_secs(60) / rate.per_minute.max(1);
        Throttle { pause, room: pause * rate.burst.max(1), buckets: Mutex::default() }
    }

    /// How long this address must wait; none if it may go on.
    pub(crate) fn wait(&self, ip: Option<Ip>, now: Instant) -> Option<Duration> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = buckets.get(&client(ip))?;
        (*full + self.pause).checked_duration_since(now + self.room).filter(|wait| !wait.is_zero())
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, ip: Option<Ip>, now: Instant) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let client = client(ip);
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(&client) {
            buckets.retain(|_, full| *full > now);
            if buckets.len() >= MAX_ADDRESSES {
                // Limits per address do not hold up whoever has so many. What protects keys from being guessed is their length.
                buckets.clear();
            }
        }
        let full = buckets.entry(client).or_insert(now);
        *full = (*full).max(now) + self.pause;
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
        let throttle = Throttle::new(FailureRate { burst: 3, per_minute: 6 });
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
        let throttle = Throttle::new(FailureRate { burst: 1, per_minute: 1 });
        let now = Instant::now();
        throttle.failed(ip("2001:db8::1"), now);
        assert!(throttle.wait(ip("2001:db8::ffff:1"), now).is_some());
        assert_eq!(throttle.wait(ip("2001:db8:0:1::1"), now), None);
        throttle.failed(None, now);
        assert!(throttle.wait(None, now).is_some());
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new(FailureRate { burst: 1, per_minute: 1 });
        let now = Instant::now();
        for n in 0..=u32::try_from(MAX_ADDRESSES).unwrap() {
            throttle.failed(Some(Ip::V4(n)), now);
        }
        assert!(throttle.buckets.lock().unwrap().len() <= MAX_ADDRESSES);
        assert!(throttle.wait(Some(Ip::V4(u32::try_from(MAX_ADDRESSES).unwrap())), now).is_some());
    }
}
