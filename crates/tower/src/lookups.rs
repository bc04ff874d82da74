//! How a lazy edge gets the objects that verdicts ask for, while their requests wait. Whether one may be fetched is the core's to say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use edgelatch_core::edge::{Fetch, Need};
use edgelatch_core::tree::Place;
use edgelatch_http::Error;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::source::Source;
use crate::verifier::Shared;

/// Objects on their way at once. A source that answers in half a second serves the usual rate with fifty; where it takes longer, keys that were never seen
/// leave half of them to those that were.
const MAX_FLIGHTS: usize = 64;
/// Between two reports of failures: a source that is down fails for every key that is not at hand.
const REPORT_PAUSE: Duration = Duration::from_secs(1);

/// Whether it is worth judging again; `None` until that is known.
type Flight = watch::Receiver<Option<bool>>;

pub(crate) struct Lookups {
    shared: Arc<Shared>,
    source: Source,
    /// A request waits that long for all objects that it needs.
    patience: Duration,
    flights: Mutex<HashMap<Place, Flight>>,
    quiet_until: Mutex<Instant>,
}

/// What is known of an object that is asked for.
enum Found {
    /// It is here, or there is another tree by now.
    Settled,
    /// It may not be fetched now.
    Refused,
    Coming(Flight),
}

impl Lookups {
    pub(crate) fn new(shared: Arc<Shared>, source: Source, patience: Duration) -> Self {
        Lookups { shared, source, patience, flights: Mutex::default(), quiet_until: Mutex::new(Instant::now()) }
    }

    /// Brings the object at a place. Whether it is worth judging again. `begun` is when its request began to wait.
    pub(crate) async fn bring(self: &Arc<Self>, place: Place, returning: bool, begun: Instant) -> bool {
        match self.join(place, returning) {
            Ok(Found::Settled) => true,
            Ok(Found::Refused) | Err(_) => false,
            Ok(Found::Coming(mut flight)) => {
                let landed = timeout_at(begun + self.patience, flight.wait_for(Option::is_some)).await;
                landed.is_ok_and(|done| done.is_ok_and(|done| *done == Some(true)))
            }
        }
    }

    fn join(self: &Arc<Self>, place: Place, returning: bool) -> Result<Found, Error> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&place) {
            return Ok(Found::Coming(flight.clone()));
        }
        if flights.len() >= if returning { MAX_FLIGHTS } else { MAX_FLIGHTS / 2 } {
            return Ok(Found::Refused);
        }
        let now = self.shared.now();
        let (need, generation) = {
            let mut edge = self.shared.write()?;
            match edge.fetch(place, returning, now) {
                Fetch::Granted(need) => (need, edge.generation()),
                Fetch::Refused => return Ok(Found::Refused),
                Fetch::Settled => return Ok(Found::Settled),
            }
        };
        let (lands, flight) = watch::channel(None);
        flights.insert(place, flight.clone());
        let lookups = Arc::clone(self);
        // Not the request's own: whoever goes away must not take it from the others.
        tokio::spawn(async move {
            let brought = lookups.fetch(need, generation).await;
            lookups.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&place);
            lands.send_replace(Some(brought));
        });
        Ok(Found::Coming(flight))
    }

    async fn fetch(&self, need: Need, generation: u32) -> bool {
        let late = || {
            let ms = self.patience.as_millis();
            Error::source("deadline", format!("an object that a key asks for has not come within {ms} ms"))
        };
        let fetched = timeout(self.patience, self.source.object(need.slot)).await.unwrap_or_else(|_| Err(late()));
        let supplied = fetched.and_then(|bytes| {
            let bytes = bytes.ok_or_else(Error::behind)?;
            Ok(self.shared.write()?.supply(need.place, bytes)?)
        });
        let Err(error) = supplied else { return true };
        // What was to be fetched for the tree before may be another object in this one, and there no more.
        if self.shared.read().is_ok_and(|edge| edge.generation() != generation) {
            return true;
        }
        let mut quiet_until = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if now >= *quiet_until {
            *quiet_until = now + REPORT_PAUSE;
            drop(quiet_until);
            self.shared.report(&error);
        }
        false
    }
}
