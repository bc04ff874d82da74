//! Leases: which of several nodes does a thing that one should do, such as publishing.
//!
//! A lease saves work; it is not what keeps a realm right. Nodes' clocks differ, and a node may stall with a lease in its
//! hand, so that two can believe they hold it. Two publishers still never sign the same epoch: the ledger sees to that.

use super::Ledger;
use crate::error::Error;
use crate::limits::MAX_LEASE_SECONDS;
use crate::model::Slug;
use crate::store::{Statements, args, columns};
use crate::transaction::Transaction;

/// Who does a thing, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The node.
    pub holder: Slug,
    /// Rises whenever the lease passes on: later work carries a higher one.
    pub fence: u64,
    /// When it ends unless it is renewed.
    pub expires_at: u64,
}

columns! { LEASE: Lease { holder, fence, expires_at } }

fn find(tx: &mut Transaction<'_>, name: &Slug) -> Result<Option<Lease>, Error> {
    tx.one(LEASE.select("FROM leases WHERE realm_id = $1 AND name = $2"), args![tx.realm, name.as_str()])
}

impl Ledger<'_> {
    /// Takes a lease that is free or has ended, renews it for its holder, and tells who has it now: `holder`, or another.
    pub fn acquire_lease(&self, name: &Slug, holder: &Slug, seconds: u64) -> Result<Lease, Error> {
        if !(1..=MAX_LEASE_SECONDS).contains(&seconds) {
            return Err(Error::invalid("seconds", format!("must be 1 to {MAX_LEASE_SECONDS}")));
        }
        let now = self.0.now()?;
        self.0.write(|tx| {
            let fence = match find(tx, name)? {
                None => 1,
                Some(lease) if lease.expires_at <= now => lease.fence + 1,
                Some(lease) if lease.holder == *holder => lease.fence,
                Some(lease) => return Ok(lease),
            };
            let lease = Lease { holder: holder.clone(), fence, expires_at: now + seconds };
            let sql = "INSERT INTO leases (realm_id, name, holder, fence, expires_at) VALUES ($1, $2, $3, $4, $5) \
                       ON CONFLICT (realm_id, name) DO UPDATE SET holder = $3, fence = $4, expires_at = $5";
            tx.run(sql, args![tx.realm, name.as_str(), holder.as_str(), fence, lease.expires_at])?;
            Ok(lease)
        })
    }

    /// Gives a lease back, so that another node need not wait for its end. One that has passed on is left alone.
    pub fn release_lease(&self, name: &Slug, lease: &Lease) -> Result<(), Error> {
        self.0.write(|tx| {
            let sql = "UPDATE leases SET expires_at = 0 WHERE realm_id = $1 AND name = $2 AND holder = $3 AND fence = $4";
            tx.run(sql, args![tx.realm, name.as_str(), lease.holder.as_str(), lease.fence]).map(drop)
        })
    }
}
