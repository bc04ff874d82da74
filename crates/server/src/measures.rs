//! What this process counts and times of its own work, for `/metrics`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use edgelatch_registry::Slug;

/// What is counted and timed. Clones share what they hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measures(Arc<Mutex<Counts>>);

/// All of it at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Answers at the published files' address, by what was asked for and status.
    pub(crate) files: BTreeMap<(&'static str, u16), u64>,
    /// How long publications took, by realm.
    pub(crate) publications: BTreeMap<Slug, Times>,
    /// Whether this process publishes, by realm.
    pub(crate) publishes: BTreeMap<Slug, bool>,
}

/// Upper bounds of the classes of times, in seconds: from one change among few keys to a tree of ten million built anew.
pub(crate) const BOUNDS: [f64; 10] = [0.005, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0, 120.0];

/// Times in classes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// How many were within each of [`BOUNDS`].
    pub(crate) within: [u64; BOUNDS.len()],
    pub(crate) count: u64,
    /// Seconds of all together.
    pub(crate) sum: f64,
}

impl Measures {
    /// Counts an answer.
    pub(crate) fn answered(&self, what: &'static str, status: u16) {
        *self.lock().files.entry((what, status)).or_default() += 1;
    }

    /// Counts a publication that took so long.
    pub(crate) fn published(&self, realm: &Slug, took: Duration) {
        let mut counts = self.lock();
        let times = counts.publications.entry(realm.clone()).or_default();
        let seconds = took.as_secs_f64();
        for (bound, within) in BOUNDS.iter().zip(&mut times.within) {
            *within += u64::from(seconds <= *bound);
        }
        times.count += 1;
        times.sum += seconds;
    }

    /// Notes whether this process publishes a realm.
    pub(crate) fn publishes(&self, realm: &Slug, it: bool) {
        self.lock().publishes.insert(realm.clone(), it);
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_holds_those_below_it() {
        let (measures, realm) = (Measures::default(), "acme".parse().unwrap());
        for millis in [3, 30, 200_000] {
            measures.published(&realm, Duration::from_millis(millis));
        }
        let times = measures.counts().publications[&realm];
        assert_eq!(times.within, [1, 1, 2, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!((times.count, times.sum), (3, 200.033));
    }
}
