//! How many streams there may be, and what became of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use edgelatch_core::ip::Ip;

use crate::limits::{MAX_STREAMS, STREAM_HEARTBEAT, STREAM_LOOK, STREAMS_OF_ADDRESS};
use crate::net::client::client;
use crate::problem::Problem;

/// How many streams there may be, and their times.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    /// Open at a time; further ones are refused.
    pub max: u32,
    /// The same for one client address, or one IPv6 network of 64 bits.
    pub max_per_address: u32,
    /// Time after which a stream that had nothing to say says that it is still there.
    pub heartbeat: Duration,
    /// Time between two looks at the published heads, for those that this server's publisher task did not announce.
    pub look: Duration,
}

impl Default for Streams {
    fn default() -> Self {
        Streams { max: MAX_STREAMS, max_per_address: STREAMS_OF_ADDRESS, heartbeat: STREAM_HEARTBEAT, look: STREAM_LOOK }
    }
}

/// Places for streams, and counts for the metrics.
#[derive(Debug)]
pub(crate) struct Places {
    limits: Streams,
    open: Mutex<Open>,
    refused: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    all: u32,
    of: HashMap<Option<Ip>, u32>,
}

impl Places {
    pub(crate) fn new(limits: Streams) -> Arc<Places> {
        Arc::new(Places { limits, open: Mutex::default(), refused: AtomicU64::new(0), dropped: AtomicU64::new(0) })
    }

    /// A place for one more stream of this address, until it is dropped.
    pub(crate) fn take(self: &Arc<Self>, ip: Option<Ip>) -> Result<Place, Problem> {
        let (client, mut open) = (client(ip), self.open());
        let own = open.of.get(&client).copied().unwrap_or(0);
        let full = match () {
            () if open.all >= self.limits.max => Some("all streams of this server are taken"),
            () if own >= self.limits.max_per_address => Some("this address has as many streams open as one may have"),
            () => None,
        };
        if let Some(detail) = full {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Problem::no_stream(detail));
        }
        open.all += 1;
        open.of.insert(client, own + 1);
        Ok(Place { places: Arc::clone(self), client })
    }

    /// Counts a stream whose client did not keep up.
    pub(crate) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Streams that are open now.
    pub(crate) fn open_now(&self) -> u64 {
        u64::from(self.open().all)
    }

    /// Streams that were refused since this process began.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Streams that ended because their client did not keep up, since this process began.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one stream.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) places: Arc<Places>,
    client: Option<Ip>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.open();
        open.all = open.all.saturating_sub(1);
        match open.of.get_mut(&self.client) {
            Some(own) if *own > 1 => *own -= 1,
            // So that addresses which have no stream take no memory.
            _ => drop(open.of.remove(&self.client)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<Ip> {
        Ip::parse(text.as_bytes()).ok()
    }

    #[test]
    fn an_address_has_so_many_and_all_together_so_many() {
        let places = Places::new(Streams { max: 3, max_per_address: 2, ..Streams::default() });
        let first = places.take(ip("2001:db8::1")).unwrap();
        let second = places.take(ip("2001:db8::ffff")).unwrap();
        assert_eq!(places.take(ip("2001:db8::2")).unwrap_err().status(), 503);
        let other = places.take(ip("192.0.2.1")).unwrap();
        assert_eq!(places.take(ip("192.0.2.2")).unwrap_err().status(), 503);
        assert_eq!((places.open_now(), places.refused()), (3, 2));
        drop(first);
        drop(places.take(ip("2001:db8::2")).unwrap());
        drop((second, other));
        assert_eq!(places.open_now(), 0);
        assert!(places.open().of.is_empty());
    }
}
