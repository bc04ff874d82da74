//! The publisher's ledger: which epochs were taken, and the roots that edges follow.

use crate::error::Error;
use crate::limits::LEDGER_ROWS;
use crate::model::Slug;
use crate::registry::Registry;
use crate::store::{Row, args};
use crate::transaction::realm_id;

/// What a publisher is about to sign.
#[derive(Clone, Copy, Debug)]
pub struct EpochRequest {
    /// The epoch must be above this one, such as the one a target serves already.
    pub above: u64,
    /// Digest of the tree.
    pub tree: [u8; 32],
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
    /// Digest of its tree.
    pub tree: [u8; 32],
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

fn read(row: &Row<'_>) -> Result<LedgerRow, Error> {
    let wrong = || Error::Store { detail: "a row of the ledger holds something unexpected".into() };
    Ok(LedgerRow {
        epoch: row.int(0)?,
        tree: row.blob(1)?.try_into().map_err(|_| wrong())?,
        records: row.int(2)?,
        changes: row.int(3)?,
        root_version: u32::try_from(row.int(4)?).map_err(|_| wrong())?,
        issued_at: row.int(5)?,
        not_after: row.int(6)?,
        published_at: row.maybe_int(7)?,
    })
}

const COLUMNS: &str = "SELECT epoch, tree, records, changes, root_version, issued_at, not_after, published_at FROM epochs";

impl Registry {
    /// Takes the next epoch and commits it. To be called before signing: an epoch, once taken, is never given again, also
    /// when its publisher dies before the head is out.
    pub fn reserve_epoch(&self, realm: &Slug, request: &EpochRequest) -> Result<LedgerRow, Error> {
        self.store.writing(|session| {
            let id = realm_id(session, realm)?;
            // Edges refuse a newer epoch with an earlier time of issue; a clock set back must not look like one.
            let sql = "UPDATE realms SET last_epoch = CASE WHEN last_epoch > $2 THEN last_epoch ELSE $2 END + 1, \
                       last_issued_at = CASE WHEN last_issued_at > $3 THEN last_issued_at ELSE $3 END \
                       WHERE id = $1 RETURNING last_epoch, last_issued_at";
            let taken = session.row(sql, args![id.0, request.above, request.now], |row| Ok((row.int(0)?, row.int(1)?)))?;
            let (epoch, issued_at) = taken.ok_or_else(|| Error::Store { detail: "the realm vanished".into() })?;
            let not_after = issued_at.saturating_add(request.lifetime);
            let sql = "INSERT INTO epochs (realm_id, epoch, tree, records, changes, root_version, issued_at, not_after) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
            let r = request;
            session.run(sql, args![id.0, epoch, &r.tree[..], r.records, r.changes, r.root_version, issued_at, not_after])?;
            session.run("DELETE FROM epochs WHERE realm_id = $1 AND epoch + $2 <= $3", args![id.0, LEDGER_ROWS, epoch])?;
            let (tree, records, changes, root_version) = (r.tree, r.records, r.changes, r.root_version);
            Ok(LedgerRow { epoch, tree, records, changes, root_version, issued_at, not_after, published_at: None })
        })
    }

    /// Notes that every target holds `epoch`.
    pub fn mark_published(&self, realm: &Slug, epoch: u64) -> Result<(), Error> {
        let now = self.env.now()?;
        self.store.writing(|session| {
            let id = realm_id(session, realm)?;
            let sql = "UPDATE epochs SET published_at = $3 WHERE realm_id = $1 AND epoch = $2";
            session.run(sql, args![id.0, epoch, now]).map(|_| ())
        })
    }

    /// The ledger's newest rows, newest first.
    pub fn ledger(&self, realm: &Slug, limit: usize) -> Result<Vec<LedgerRow>, Error> {
        self.store.reading(|session| {
            let id = realm_id(session, realm)?;
            let sql = format!("{COLUMNS} WHERE realm_id = $1 ORDER BY epoch DESC LIMIT {limit}");
            session.rows(&sql, args![id.0], read)
        })
    }

    /// Keeps a root version; one that exists is never replaced.
    pub fn add_root(&self, realm: &Slug, root: &RootRow) -> Result<(), Error> {
        let now = self.env.now()?;
        self.store.writing(|session| {
            let id = realm_id(session, realm)?;
            let sql = "INSERT INTO roots (realm_id, version, object, created_at) VALUES ($1, $2, $3, $4)";
            let exists = || Error::Exists { kind: crate::error::Kind::Root, id: root.version.to_string() };
            session.run(sql, args![id.0, root.version, &root.object[..], now]).map_err(|e| e.or_unique(exists))?;
            Ok(())
        })
    }

    /// Every root version, oldest first.
    pub fn roots(&self, realm: &Slug) -> Result<Vec<RootRow>, Error> {
        self.store.reading(|session| {
            let id = realm_id(session, realm)?;
            let sql = "SELECT version, object FROM roots WHERE realm_id = $1 ORDER BY version";
            session.rows(sql, args![id.0], |row| {
                let version =
                    u32::try_from(row.int(0)?).map_err(|_| Error::Store { detail: "a root's version is too large".into() })?;
                Ok(RootRow { version, object: row.blob(1)?.to_vec() })
            })
        })
    }
}
