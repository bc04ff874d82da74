//! Whether what lies on this node is the newest that is published. A node that cannot tell serves nothing: an old head passed off as the present one
//! would let revoked keys live on.
//!
//! Where the database carries what is published, a node knows at each look which epoch that is. It serves as long as it showed that epoch at a look
//! not longer ago than [`STALE`]. So a database that restarts is not noticed, and whoever has lost it for longer says so: edges that serve go on with
//! what they have until their heads end, and ask another node meanwhile. Where the registry is a file of this machine, what lies beside it is what
//! is published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use edgelatch_registry::{RealmState, Slug};

use crate::limits::STALE;

/// When each realm's files were last known to be the newest.
#[derive(Debug, Default)]
pub(crate) struct Fresh(Option<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Nothing is known before the first look.
    looked: bool,
    realms: BTreeMap<Slug, Option<Instant>>,
}

impl Fresh {
    /// For a node of several that share a database.
    pub(crate) fn shared() -> Fresh {
        Fresh(Some(Mutex::default()))
    }

    /// Whether files of this realm may be served as the newest. Of realms that are not there any more, whatever lies here.
    pub(crate) fn serves(&self, realm: &Slug) -> bool {
        let Some(known) = self.known() else { return true };
        match known.realms.get(realm) {
            Some(at) => at.is_some_and(|at| at.elapsed() <= STALE),
            None => known.looked,
        }
    }

    /// Realms whose files were served once, or are there to be, and are not.
    pub(super) fn stale(&self) -> BTreeSet<Slug> {
        let Some(known) = self.known() else { return BTreeSet::new() };
        let old = |at: Option<Instant>| at.is_none_or(|at| at.elapsed() > STALE);
        known.realms.iter().filter(|(_, at)| old(**at)).map(|(realm, _)| realm.clone()).collect()
    }

    /// Notes a look: which epochs are published, and which this node shows. `at` is when it began, or before.
    pub(super) fn note(&self, at: Instant, states: &[RealmState], shows: impl Fn(&Slug) -> u64) {
        let Some(mut known) = self.known() else { return };
        let before = std::mem::take(&mut known.realms);
        let now = |state: &RealmState| {
            let newest = shows(&state.realm) >= state.shown_epoch && state.shown_epoch > 0;
            let last = if newest { Some(at) } else { before.get(&state.realm).copied().flatten() };
            (state.realm.clone(), last)
        };
        // One that was never published anywhere is missing rather than old.
        known.realms = states.iter().filter(|state| state.last.is_some()).map(now).collect();
        known.looked = true;
    }

    fn known(&self) -> Option<MutexGuard<'_, Known>> {
        self.0.as_ref().map(|known| known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use edgelatch_registry::LastEpoch;

    use super::*;

    fn state(shown_epoch: u64) -> RealmState {
        let realm = "acme".parse().unwrap();
        let last = LastEpoch { epoch: shown_epoch, changes: 0, root_version: 1, issued_at: 0, not_after: 1, published: true };
        RealmState {
            realm,
            changes: 0,
            root_version: 1,
            head_lifetime: 60,
            last: Some(last),
            last_file: 1,
            shown_epoch,
            holder: None,
        }
    }

    #[test]
    fn what_may_be_old_is_not_served() {
        let acme: Slug = "acme".parse().unwrap();
        let other: Slug = "other".parse().unwrap();
        assert!(Fresh::default().serves(&acme));
        let fresh = Fresh::shared();
        assert!(!fresh.serves(&acme) && !fresh.serves(&other));
        let now = Instant::now();
        fresh.note(now, &[state(7)], |_| 6);
        assert!(!fresh.serves(&acme) && fresh.serves(&other));
        fresh.note(now, &[state(7)], |_| 7);
        assert!(fresh.serves(&acme));
        // Behind, but not for long.
        fresh.note(now, &[state(8)], |_| 7);
        assert!(fresh.serves(&acme));
        let Some(long_ago) = now.checked_sub(STALE * 2) else { return };
        fresh.note(long_ago, &[state(8)], |_| 8);
        assert!(!fresh.serves(&acme));
        assert_eq!(fresh.stale(), [acme].into());
    }
}
