//! What the last looks saw.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use edgelatch_core::head::Head;
use edgelatch_registry::{Pulse, Slug};

use crate::net::tls::Life;

/// What the last looks saw. Clones share what they hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Sight>>);

/// What the last looks saw at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sight {
    /// The registry, and how long it took to answer; none before it has answered once.
    pub(crate) registry: Option<(Arc<Pulse>, Duration)>,
    /// The heads that edges get here, by realm; none where there is none that can be read.
    pub(crate) heads: BTreeMap<Slug, Option<HeadSeen>>,
    /// How long the certificate is valid that clients are shown; none where there is none, or that cannot be read.
    pub(crate) certificate: Option<Life>,
    /// Free bytes by what lies there.
    pub(crate) free: BTreeMap<&'static str, u64>,
}

/// What a head says, proven or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeadSeen {
    pub(crate) epoch: u64,
    /// Unix seconds.
    pub(crate) issued_at: u64,
    /// Unix seconds.
    pub(crate) not_after: u64,
}

impl HeadSeen {
    pub(crate) fn of(head: &Head) -> HeadSeen {
        HeadSeen { epoch: head.epoch, issued_at: head.issued_at, not_after: head.not_after }
    }
}

impl Seen {
    /// All of it, as it was seen last.
    pub(crate) fn now(&self) -> Sight {
        self.lock().clone()
    }

    /// Notes what was seen.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Sight)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Sight> {
        // Each note replaces whole values.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
