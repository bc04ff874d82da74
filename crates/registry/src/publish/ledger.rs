//! The publisher's ledger: which epochs were taken, and the roots that edges follow.

use edgelatch_core::tree::ObjectId;

use super::Ledger;
use crate::error::{Error, Kind};
use crate::limits::LEDGER_ROWS;
use crate::store::{Statements, args, columns, fields};

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

    /// Takes the next epoch and commits it. To be called before signing: an epoch, once taken, is never given again, also
    /// when its publisher dies before the head is out.
    pub fn reserve(&self, request: &EpochRequest) -> Result<LedgerRow, Error> {
        self.0.write(|tx| {
            // Edges refuse a newer epoch with an earlier time of issue; a clock set back must not look like one.
            let sql = "UPDATE realms SET last_epoch = CASE WHEN last_epoch > $2 THEN last_epoch ELSE $2 END + 1, \
                       last_issued_at = CASE WHEN last_issued_at > $3 THEN last_issued_at ELSE $3 END \
                       WHERE id = $1 RETURNING last_epoch, last_issued_at";
            let taken: Option<(u64, u64)> = tx.one(sql, args![tx.realm, request.above, request.now])?;
            let (epoch, issued_at) = taken.ok_or_else(|| Error::Store { detail: "the realm vanished".into() })?;
            let EpochRequest { tree, records, changes, root_version, lifetime, .. } = *request;
            let not_after = issued_at.saturating_add(lifetime);
            let row = fields! {
                realm_id: tx.realm, epoch: epoch, tree: &tree.0[..], records: records, changes: changes,
                root_version: root_version, issued_at: issued_at, not_after: not_after,
            };
            tx.add("epochs", row)?;
            let sql = "DELETE FROM epochs WHERE realm_id = $1 AND epoch + $2 <= $3";
            tx.run(sql, args![tx.realm, LEDGER_ROWS, epoch])?;
            Ok(LedgerRow { epoch, tree, records, changes, root_version, issued_at, not_after, published_at: None })
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

    /// Keeps a root version; one that exists is never replaced.
    pub fn add_root(&self, root: &RootRow) -> Result<(), Error> {
        let now = self.0.now()?;
        self.0.write(|tx| {
            let row = fields! { realm_id: tx.realm, version: root.version, object: &root.object[..], created_at: now };
            let exists = || Error::Exists { kind: Kind::Root, id: root.version.to_string() };
            tx.add("roots", row).map_err(|e| e.or_unique(exists))
        })
    }

    /// Every root version, oldest first.
    pub fn roots(&self) -> Result<Vec<RootRow>, Error> {
        self.0.read(|tx| tx.all(ROOT.select("FROM roots WHERE realm_id = $1 ORDER BY version"), args![tx.realm]))
    }
}
