//! What is wrong at the moment, and since when: written by whoever finds it, read by the endpoints without any further work.
//!
//! A place is where something can be wrong: `database`, `disk`, `clock`, `clock/accepted`, `outbox`, `tls`, `workers`, or of a realm
//! `realm/NAME/head`, `realm/NAME/root`, `realm/NAME/lease`, `realm/NAME/pepper`, `realm/NAME/publisher`, `realm/NAME/target/TARGET`. What a place is in is
//! written again as often as it is looked at;
//! "since" stays while it is in trouble.

pub(crate) mod endpoints;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::{error, info, warn};

use crate::log::HEALTH;

/// How bad a trouble is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Somebody should look at it before it is failing.
    Warning,
    /// Something does not work now.
    Failing,
}

impl Severity {
    /// As it is written in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Failing => "failing",
        }
    }
}

/// What is wrong with one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// How bad it is.
    pub severity: Severity,
    /// Stable name of what is wrong, for programs.
    pub code: &'static str,
    /// The sentence for whoever runs the server. It may hold paths and addresses, so the endpoints that anybody may ask leave it out.
    pub detail: String,
    /// Since when the place is in trouble, in Unix seconds.
    pub since: u64,
}

/// What is wrong at the moment. Clones share what they hold.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, Trouble>>>);

impl Health {
    /// A place does not work, so that `/healthz` and `/readyz` answer 503.
    pub fn failing(&self, place: &str, code: &'static str, detail: impl Into<String>) {
        self.note(place, Severity::Failing, code, detail.into());
    }

    /// A place will not work for long, or not as well as it should. The endpoints tell of it, and answer 200.
    pub fn warning(&self, place: &str, code: &'static str, detail: impl Into<String>) {
        self.note(place, Severity::Warning, code, detail.into());
    }

    /// Nothing is wrong with a place any more.
    pub fn fine(&self, place: &str) {
        if let Some(ended) = self.lock().remove(place) {
            let seconds = now().saturating_sub(ended.since);
            info!(target: HEALTH, place, code = ended.code, seconds, "fine again");
        }
    }

    /// What is wrong now, by place.
    pub fn troubles(&self) -> BTreeMap<String, Trouble> {
        self.lock().clone()
    }

    /// Forgets every place that begins with `prefix` and is none of `places`: nobody looks at it any more.
    pub fn keep(&self, prefix: &str, places: impl Fn(&str) -> bool) {
        self.lock().retain(|place, _| !place.starts_with(prefix) || places(place));
    }

    /// One place has one trouble: the last that was said of it.
    fn note(&self, place: &str, severity: Severity, code: &'static str, detail: String) {
        let mut troubles = self.lock();
        let known = troubles.get(place);
        let news = known.is_none_or(|known| (known.severity, known.code) != (severity, code));
        let since = known.map_or_else(now, |known| known.since);
        if news {
            match severity {
                Severity::Failing => error!(target: HEALTH, place, code, detail, "failing"),
                Severity::Warning => warn!(target: HEALTH, place, code, detail, "in trouble"),
            }
        }
        troubles.insert(place.to_owned(), Trouble { severity, code, detail, since });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Trouble>> {
        // Each change is one step, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This machine's time, in Unix seconds. Where its clock is wrong, so is "since"; that the clock is wrong is a place of its own.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_in_the_trouble_that_was_said_last() {
        let health = Health::default();
        let writer = health.clone();
        writer.failing("disk", "full", "3 MB are free");
        writer.warning("realm/acme/root", "ends", "7/8 of its life are over");
        let troubles = health.troubles();
        assert_eq!(troubles.keys().collect::<Vec<_>>(), ["disk", "realm/acme/root"]);
        assert_eq!((troubles["disk"].severity, troubles["disk"].code), (Severity::Failing, "full"));
        assert_eq!(troubles["realm/acme/root"].severity, Severity::Warning);
        writer.warning("disk", "nearly_full", "2 GB are free");
        assert_eq!((health.troubles()["disk"].severity, health.troubles()["disk"].code), (Severity::Warning, "nearly_full"));
        for place in ["disk", "realm/acme/root", "disk", "clock"] {
            writer.fine(place);
        }
        assert!(health.troubles().is_empty());
    }

    #[test]
    fn since_stays_while_a_place_is_in_trouble_and_begins_anew_after_it_was_fine() {
        let health = Health::default();
        health.warning("clock", "ahead", "");
        health.lock().get_mut("clock").unwrap().since = 7;
        health.failing("clock", "ahead", "");
        assert_eq!(health.troubles()["clock"].since, 7);
        health.fine("clock");
        health.failing("clock", "ahead", "");
        assert!(health.troubles()["clock"].since > 1_700_000_000);
    }

    #[test]
    fn places_that_are_gone_are_forgotten_and_no_others() {
        let health = Health::default();
        for place in ["disk", "realm/acme/head", "realm/gone/head"] {
            health.failing(place, "missing", "");
        }
        health.keep("realm/", |place| place.starts_with("realm/acme/"));
        assert_eq!(health.troubles().into_keys().collect::<Vec<_>>(), ["disk", "realm/acme/head"]);
    }
}
