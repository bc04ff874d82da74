//! What whoever publishes or copies looks at, often: all realms, in one query.

use super::leases::Lease;
use super::nodes::{AT_WORK, Node, times};
use super::pace::Pace;
use crate::error::Error;
use crate::model::{MANAGEMENT_REALM, Slug};
use crate::registry::Registry;
use crate::store::{Statements, columns};

/// A realm as whoever publishes or copies it looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealmState {
    /// The realm.
    pub realm: Slug,
    /// Its change counter.
    pub changes: u64,
    /// Its newest root version; 0 before there is one, so that it cannot be published.
    pub root_version: u32,
    /// Seconds that its heads live.
    pub head_lifetime: u64,
    /// The last epoch that was taken.
    pub last: Option<LastEpoch>,
    /// The last number of a published file in the database; 0 where none lies there.
    pub last_file: u64,
    /// The epoch that these files show; 0 for none.
    pub shown_epoch: u64,
    /// When that epoch was signed; none where the ledger does not know it, as after a new era began or a backup was restored.
    pub shown_issued_at: Option<u64>,
    /// Who publishes it, if anybody does.
    pub holder: Option<Lease>,
}

/// What is asked of an epoch to know whether another one is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastEpoch {
    /// The epoch.
    pub epoch: u64,
    /// The realm's change counter that it shows.
    pub changes: u64,
    /// The root version that its head names.
    pub root_version: u32,
    /// When it was signed, in Unix seconds.
    pub issued_at: u64,
    /// When its head ends.
    pub not_after: u64,
    /// Whether every target held it.
    pub published: bool,
}

columns! {
    STATE: RealmState = {
        realm = "r.slug", changes = "r.changes", root_version: Option<u32> = "(SELECT max(version) FROM roots WHERE realm_id = r.id)",
        head_lifetime = "r.head_lifetime", last_file = "r.last_file", shown_epoch = "r.shown_epoch",
        shown_issued_at: Option<u64> = "s.issued_at",
        epoch: Option<u64> = "e.epoch", shows: Option<u64> = "e.changes", names: Option<u32> = "e.root_version", issued_at: Option<u64> = "e.issued_at",
        not_after: Option<u64> = "e.not_after", published_at: Option<u64> = "e.published_at",
        node: Option<Slug> = "n.name", process: Option<Slug> = "n.process", fence: Option<u64> = "l.fence"
    } => RealmState {
        realm, changes, head_lifetime, last_file, shown_epoch, shown_issued_at,
        root_version: root_version.unwrap_or(0),
        last: match (epoch, shows, names, issued_at, not_after) {
            (Some(epoch), Some(changes), Some(root_version), Some(issued_at), Some(not_after)) =>
                Some(LastEpoch { epoch, changes, root_version, issued_at, not_after, published: published_at.is_some() }),
            _ => None,
        },
        holder: match (node, process, fence) {
            (Some(name), Some(process), Some(fence)) => Some(Lease { node: Node { name, process }, fence }),
            _ => None,
        },
    }
}

impl RealmState {
    /// What makes its next epoch due.
    pub fn pace(&self) -> Pace {
        Pace { changes: self.changes, head_lifetime: self.head_lifetime, root_version: self.root_version }
    }
}

impl Registry {
    /// Every realm that edges may follow, by name: all but that of the management keys, and those that were deleted.
    pub fn realm_states(&self) -> Result<Vec<RealmState>, Error> {
        let rest = format!(
            "FROM realms r LEFT JOIN epochs e ON e.realm_id = r.id AND e.epoch = r.last_epoch \
             LEFT JOIN epochs s ON s.realm_id = r.id AND s.epoch = r.shown_epoch LEFT JOIN leases l ON l.realm_id = r.id \
             LEFT JOIN nodes n ON n.process = l.process AND {AT_WORK} WHERE r.deleted_at IS NULL AND r.slug <> $3 ORDER BY r.slug"
        );
        self.store.reading(|session| {
            let [now, latest] = times(session)?;
            session.all(STATE.select(&rest), &[now, latest, MANAGEMENT_REALM.into()])
        })
    }
}
