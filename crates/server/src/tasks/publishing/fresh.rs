//! Whether what lies on this node is the newest that is published. A node that cannot tell serves nothing: an old head passed off as the present one
//! would let revoked keys live on.
//!
//! Where the database carries what is published, a node knows at each look which head that is. It serves as long as it showed that head at a look
//! not longer ago than [`STALE`]. So a database that restarts is not noticed, and whoever has lost it for longer says so: edges that serve go on with
//! what they have until their heads end, and ask another node meanwhile. Where the registry is a file of this machine, what lies beside it is what
//! is published.
//!
//! It is asked whether the head here is that very one, and not whether its epoch is as high: after a new era has begun, or a database has gone back,
//! lower epochs are the newest, and equal ones are others.

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
    realms: BTreeMap<Slug, Seen>,
}

/// What is known of a realm.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Whether the database has something that is published.
    published: bool,
    /// When this node was last seen to show it.
    at: Option<Instant>,
}

impl Seen {
    fn is_recent(self) -> bool {
        self.at.is_some_and(|at| at.elapsed() <= STALE)
    }
}

/// A head, as heads are told apart: none is signed anew under the same epoch within the same second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shows {
    pub(super) epoch: u64,
    pub(super) issued_at: u64,
}

impl Shows {
    /// Whether that is what is published. Its publisher may have the head already, while the database has yet to take it.
    fn is_newest(self, state: &RealmState) -> bool {
        let shown = state.shown_issued_at.map(|issued_at| Shows { epoch: state.shown_epoch, issued_at });
        let signed = state.last.map(|last| Shows { epoch: last.epoch, issued_at: last.issued_at });
        [shown, signed].contains(&Some(self))
    }
}

impl Fresh {
    /// For a node of several that share a database.
    pub(crate) fn shared() -> Fresh {
        Fresh(Some(Mutex::default()))
    }

    /// Whether files of this realm may be served as the newest. Of realms that are not there any more, whatever lies here.
    pub(crate) fn serves(&self, realm: &Slug) -> bool {
        let Some(known) = self.known() else { return true };
        known.realms.get(realm).map_or(known.looked, |seen| seen.is_recent())
    }

    /// Whether the database has nothing that is published, so that no node can serve the realm.
    pub(crate) fn is_unpublished(&self, realm: &Slug) -> bool {
        self.known().is_some_and(|known| known.realms.get(realm).is_some_and(|seen| !seen.published))
    }

    /// Realms whose files were served once, or are there to be, and are not.
    pub(super) fn stale(&self) -> BTreeSet<Slug> {
        let Some(known) = self.known() else { return BTreeSet::new() };
        let stale = known.realms.iter().filter(|(_, seen)| seen.published && !seen.is_recent());
        stale.map(|(realm, _)| realm.clone()).collect()
    }

    /// Notes a look: what is published, and what this node shows. `at` is when it began, or before.
    pub(super) fn note(&self, at: Instant, states: &[RealmState], shows: impl Fn(&Slug) -> Option<Shows>) {
        let Some(mut known) = self.known() else { return };
        let before = std::mem::take(&mut known.realms);
        let now = |state: &RealmState| {
            let newest = shows(&state.realm).is_some_and(|shows| shows.is_newest(state));
            let last = before.get(&state.realm).and_then(|seen| seen.at);
            let seen = Seen { published: state.shown_issued_at.is_some(), at: if newest { Some(at) } else { last } };
            (state.realm.clone(), seen)
        };
        known.realms = states.iter().map(now).collect();
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

    /// A realm whose epochs are signed each at the second of its number, of which the last one is this, and that one is published.
    fn state(last: u64, shown_epoch: u64) -> RealmState {
        let last =
            LastEpoch { epoch: last, changes: 0, root_version: 1, issued_at: last, not_after: last + 60, published: true };
        RealmState {
            realm: slug("acme"),
            changes: 0,
            root_version: 1,
            head_lifetime: 60,
            last: Some(last),
            last_file: 1,
            shown_epoch,
            shown_issued_at: Some(shown_epoch),
            holder: None,
        }
    }

    fn slug(name: &str) -> Slug {
        name.parse().unwrap()
    }

    fn signed(epoch: u64) -> impl Fn(&Slug) -> Option<Shows> {
        move |_| Some(Shows { epoch, issued_at: epoch })
    }

    #[test]
    fn what_may_be_old_is_not_served() {
        let (acme, other) = (slug("acme"), slug("other"));
        assert!(Fresh::default().serves(&acme));
        let fresh = Fresh::shared();
        assert!(!fresh.serves(&acme) && !fresh.serves(&other));
        let now = Instant::now();
        fresh.note(now, &[state(7, 7)], signed(6));
        assert!(!fresh.serves(&acme) && fresh.serves(&other));
        fresh.note(now, &[state(7, 7)], |_| None);
        assert!(!fresh.serves(&acme));
        fresh.note(now, &[state(7, 7)], signed(7));
        assert!(fresh.serves(&acme));
        // Behind, but not for long.
        fresh.note(now, &[state(8, 8)], signed(7));
        assert!(fresh.serves(&acme));
        let Some(long_ago) = now.checked_sub(STALE * 2) else { return };
        fresh.note(long_ago, &[state(8, 8)], signed(8));
        assert!(!fresh.serves(&acme));
        assert_eq!(fresh.stale(), [acme].into());
    }

    /// A node that shows `here`, seen for the first time.
    fn serves(state: RealmState, here: (u64, u64)) -> bool {
        let fresh = Fresh::shared();
        fresh.note(Instant::now(), &[state], |_| Some(Shows { epoch: here.0, issued_at: here.1 }));
        assert_eq!(fresh.stale().is_empty(), fresh.serves(&slug("acme")) || fresh.is_unpublished(&slug("acme")));
        fresh.serves(&slug("acme"))
    }

    #[test]
    fn a_head_that_is_not_the_published_one_is_not_served_however_high_its_epoch_is() {
        // The same, and the one that was signed and is on its way.
        assert!(serves(state(7, 7), (7, 7)) && serves(state(8, 7), (7, 7)) && serves(state(8, 7), (8, 8)));
        // A new era with lower epochs, whose head could not be copied; a database that went back, at once and later.
        assert!(!serves(state(101, 101), (5_000, 90)) && !serves(state(501, 501), (510, 510)));
        assert!(!serves(state(510, 510), (510, 505)) && !serves(state(511, 509), (510, 510)));
    }

    #[test]
    fn where_the_ledger_lost_its_last_epoch_an_old_head_is_as_old_as_before() {
        // After a restore went on above what was published, no row has the last epoch.
        assert!(!serves(RealmState { last: None, ..state(7, 7) }, (6, 6)));
        assert!(serves(RealmState { last: None, ..state(7, 7) }, (7, 7)));
    }

    /// After a backup was restored, say, which holds no published files.
    #[test]
    fn of_what_the_database_does_not_know_nothing_is_served_and_no_node_is_to_blame() {
        let unknown = RealmState { shown_epoch: 0, shown_issued_at: None, ..state(7, 7) };
        let fresh = Fresh::shared();
        fresh.note(Instant::now(), &[unknown], signed(6));
        assert!(!fresh.serves(&slug("acme")) && fresh.is_unpublished(&slug("acme")));
        assert!(fresh.stale().is_empty() && !fresh.is_unpublished(&slug("other")));
    }
}
