//! The publisher's ledger: which epochs were taken, and the roots that edges follow.

use edgelatch_core::root::Root;
use edgelatch_core::tree::ObjectId;
use serde_json::json;

use super::Ledger;
use super::pace::Pace;
use super::states::LastEpoch;
use crate::audit::Target;
use crate::error::{Error, Kind};
use crate::limits::LEDGER_ROWS;
use crate::model::{Caller, format_time};
use crate::store::{Statements, args, columns, fields};
use crate::transaction::Transaction;

/// What a publisher is about to sign.
#[derive(Clone, Copy, Debug)]
pub struct EpochRequest {
    /// The epoch must be above this one, such as the one a target serves already.
    pub above: u64,
    /// The tree.
    pub tree: ObjectId,
    /// Keys in it.
    pub records: u64,
    /// The realm's change counter that the tree shows.
    pub changes: u64,
    /// Root version that the head names.
    pub root_version: u32,
    /// When it is signed.
    pub now: u64,
    /// How long the head lives, in seconds.
    pub lifetime: u64,
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// The epoch.
    pub epoch: u64,
    /// Its tree.
    pub tree: ObjectId,
    /// Keys in it.
    pub records: u64,
    /// The realm's change counter that it shows.
    pub changes: u64,
    /// Root version that its head names.
    pub root_version: u32,
    /// When it was signed: never before the epoch preceding it.
    pub issued_at: u64,
    /// When its head ends.
    pub not_after: u64,
    /// When every target held it; none when the publisher did not get that far.
    pub published_at: Option<u64>,
}

impl LedgerRow {
    /// What is asked of it to know whether another one is due.
    pub fn last(&self) -> LastEpoch {
        let LedgerRow { epoch, changes, root_version, issued_at, not_after, published_at, .. } = *self;
        LastEpoch { epoch, changes, root_version, issued_at, not_after, published: published_at.is_some() }
    }
}

/// A root version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootRow {
    /// Its version.
    pub version: u32,
    /// Its bytes.
    pub object: Vec<u8>,
}

columns! { EPOCH: LedgerRow { epoch, tree, records, changes, root_version, issued_at, not_after, published_at } }
columns! { ROOT: RootRow { version, object } }

impl Ledger<'_> {
    /// How often the realm's publishable state has changed: cheap to poll.
    pub fn changes(&self) -> Result<u64, Error> {
        self.0.read(|tx| tx.count("SELECT changes FROM realms WHERE id = $1", args![tx.realm]))
    }

    /// What makes the next epoch due.
    pub fn pace(&self) -> Result<Pace, Error> {
        self.0.read(|tx| {
            let sql = "SELECT changes, head_lifetime, (SELECT coalesce(max(version), 0) FROM roots WHERE realm_id = $1) \
                       FROM realms WHERE id = $1";
            let row: Option<(u64, u64, u32)> = tx.one(sql, args![tx.realm])?;
            let (changes, head_lifetime, root_version) =
                row.ok_or_else(|| Error::Store { detail: "the realm vanished".into() })?;
            Ok(Pace { changes, head_lifetime, root_version })
        })
    }

    /// Takes the next epoch and commits it. To be called before signing: an epoch, once taken, is never given again, also
    /// when its publisher dies before the head is out.
    ///
    /// A publisher that was held up may ask with a tree from before what another one has published meanwhile. Edges would take it, since its epoch
    /// is higher, and accept again what was revoked in between; so it is [`Error::Outrun`], and so is one that names another root than the newest.
    pub fn reserve(&self, request: &EpochRequest) -> Result<LedgerRow, Error> {
        self.0.write(|tx| {
            let vanished = || Error::Store { detail: "the realm vanished".into() };
            let EpochRequest { tree, records, changes, root_version, lifetime, .. } = *request;
            let sql = "SELECT least_changes, changes, (SELECT coalesce(max(version), 0) FROM roots WHERE realm_id = $1) \
                       FROM realms WHERE id = $1";
            let (least, now, newest): (u64, u64, u32) = tx.one(sql, args![tx.realm])?.ok_or_else(vanished)?;
            // One from after the present step is of a database that has gone back since.
            if !(least..=now).contains(&changes) || root_version != newest {
                return Err(Error::Outrun { changes, root_version });
            }
            // Times of issue grow with epochs, so that a small step back of the clock shows nowhere.
            let sql = "UPDATE realms SET last_epoch = CASE WHEN last_epoch > $2 THEN last_epoch ELSE $2 END + 1, \
                       last_issued_at = CASE WHEN last_issued_at > $3 THEN last_issued_at ELSE $3 END, least_changes = $4, restored = 0 \
                       WHERE id = $1 RETURNING last_epoch, last_issued_at";
            let taken: Option<(u64, u64)> = tx.one(sql, args![tx.realm, request.above, request.now, changes])?;
            let (epoch, issued_at) = taken.ok_or_else(vanished)?;
            let not_after = issued_at.saturating_add(lifetime);
            let row = fields! {
                realm_id: tx.realm, epoch: epoch, tree: &tree.0[..], records: records, changes: changes,
                root_version: root_version, issued_at: issued_at, not_after: not_after,
            };
            tx.add("epochs", row)?;
            // The newest that every target held stays, however long ago that was: what waits is counted from there.
            let sql = "DELETE FROM epochs WHERE realm_id = $1 AND epoch + $2 <= $3 AND epoch <> \
                       (SELECT coalesce(max(epoch), 0) FROM epochs WHERE realm_id = $1 AND published_at IS NOT NULL)";
            tx.run(sql, args![tx.realm, LEDGER_ROWS, epoch])?;
            Ok(LedgerRow { epoch, tree, records, changes, root_version, issued_at, not_after, published_at: None })
        })
    }

    /// Whether the registry comes from a backup and has taken no epoch since. Until then nobody knows whether it is older than what is published.
    pub fn is_restored(&self) -> Result<bool, Error> {
        self.0.read(|tx| tx.count("SELECT restored FROM realms WHERE id = $1", args![tx.realm])).map(|restored| restored > 0)
    }

    /// The latest time at which anything was signed, in Unix seconds, 0 for none: nothing is signed with an earlier one.
    pub fn last_issued_at(&self) -> Result<u64, Error> {
        self.0.read(|tx| tx.count("SELECT last_issued_at FROM realms WHERE id = $1", args![tx.realm]))
    }

    /// Lets the next epoch be signed with the present time where the last one was signed with a later one, by a clock that was ahead. Edges accept
    /// that: they go by epochs, and ask of the time of issue only that it is not in their future. Returns the time that stood there; none where
    /// it is not in the future, and nothing was changed.
    pub fn repair_clock(&self, caller: &Caller) -> Result<Option<u64>, Error> {
        self.0.change(caller, |change| {
            let (row, now) = (change.tx.realm, change.now);
            let last = change.count("SELECT last_issued_at FROM realms WHERE id = $1", args![row])?;
            if last <= now {
                return Ok(None);
            }
            change.run("UPDATE realms SET last_issued_at = $2 WHERE id = $1", args![row, now])?;
            let time = |at| Some(serde_json::json!({ "last_issued_at": format_time(at) }));
            change.log("realm.repair_clock", &Target::realm(self.0.realm, None), time(last), time(now))?;
            Ok(Some(last))
        })
    }

    /// Notes that every target holds `epoch`.
    pub fn mark_published(&self, epoch: u64) -> Result<(), Error> {
        let now = self.0.now()?;
        self.0.write(|tx| {
            let sql = "UPDATE epochs SET published_at = $3 WHERE realm_id = $1 AND epoch = $2";
            tx.run(sql, args![tx.realm, epoch, now]).map(drop)
        })
    }

    /// The newest epochs, newest first.
    pub fn newest(&self, limit: usize) -> Result<Vec<LedgerRow>, Error> {
        self.0.read(|tx| {
            let rest = format!("FROM epochs WHERE realm_id = $1 ORDER BY epoch DESC LIMIT {limit}");
            tx.all(EPOCH.select(&rest), args![tx.realm])
        })
    }

    /// Keeps a realm's first root.
    pub fn add_root(&self, root: &RootRow) -> Result<(), Error> {
        let now = self.0.now()?;
        self.0.write(|tx| insert_root(tx, root, now))
    }

    /// Keeps a root that follows the newest one, proven by whoever calls, and logs it. One that exists is never replaced. Where it begins an
    /// era, the epochs that it does not count are forgotten from its least one on: they are given again. What was settled about such epochs is
    /// settled no more, or a registry from before those that are given again would pass for one that knows them.
    pub fn follow_root(&self, caller: &Caller, root: &RootRow) -> Result<(), Error> {
        let read = Root::inspect(&root.object).map_err(|error| Error::Snapshot { detail: error.to_string() })?;
        self.0.change(caller, |change| {
            let now = change.now;
            insert_root(&mut change.tx, root, now)?;
            if read.era == read.version {
                let id = change.tx.realm;
                change.run("DELETE FROM epochs WHERE realm_id = $1 AND epoch >= $2", args![id, read.min_epoch])?;
                for column in ["last_epoch", "settled_epoch"] {
                    let sql = format!("UPDATE realms SET {column} = $2 WHERE id = $1 AND {column} > $2");
                    change.run(&sql, args![id, read.min_epoch.saturating_sub(1)])?;
                }
            }
            let said = json!({
                "root_version": read.version, "era": read.era, "min_epoch": read.min_epoch, "expires_at": format_time(read.expires_at),
                "root_threshold": read.root.threshold(), "publisher_threshold": read.publisher.threshold(),
            });
            change.log("realm.root", &Target::realm(self.0.realm, None), None, Some(said))
        })
    }

    /// Every root version, oldest first.
    pub fn roots(&self) -> Result<Vec<RootRow>, Error> {
        self.0.read(|tx| tx.all(ROOT.select("FROM roots WHERE realm_id = $1 ORDER BY version"), args![tx.realm]))
    }
}

/// Keeps a root version; one that exists is never replaced.
fn insert_root(tx: &mut Transaction<'_>, root: &RootRow, now: u64) -> Result<(), Error> {
    let row = fields! { realm_id: tx.realm, version: root.version, object: &root.object[..], created_at: now };
    let exists = || Error::Exists { kind: Kind::Root, id: root.version.to_string() };
    tx.add("roots", row).map_err(|e| e.or_unique(exists))
}
