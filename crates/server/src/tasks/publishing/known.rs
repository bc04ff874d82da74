//! What the rest of this node knows of the realms.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use edgelatch_registry::Slug;

use super::fresh::Fresh;
use super::options::Publishing;

/// What others on this node know of it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Whether what lies here is the newest.
    pub(crate) fresh: Arc<Fresh>,
    /// Realms that nobody publishes.
    pub(crate) unpublished: Arc<Unpublished>,
}

impl Known {
    /// Of a server that publishes like this, or does not look at realms at all.
    pub(crate) fn of(publishing: Option<&Publishing>) -> Known {
        let shared = publishing.is_some_and(|publishing| publishing.registry.carries_files());
        Known { fresh: Arc::new(if shared { Fresh::shared() } else { Fresh::default() }), unpublished: Arc::default() }
    }
}

/// Realms that nobody publishes, for whoever changes something in one.
#[derive(Debug, Default)]
pub(crate) struct Unpublished(Mutex<BTreeSet<Slug>>);

impl Unpublished {
    /// Whether nobody publishes the realm.
    pub(crate) fn has(&self, realm: &Slug) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(realm)
    }

    /// These are all.
    pub(super) fn set(&self, realms: BTreeSet<Slug>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = realms;
    }
}
