//! Leases: which of several processes publishes a realm.
//!
//! A lease saves work; it is not what keeps a realm right. A process may stall with a lease in its hand, so that two can believe they hold it.
//! Two publishers still never sign the same epoch: the ledger sees to that.

use super::Ledger;
use super::nodes::{AT_WORK, Node, note, times};
use crate::error::Error;
use crate::store::{Statements, args, columns};

/// Who publishes a realm, as long as that process is at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The process.
    pub node: Node,
    /// Rises whenever the lease passes on: later work carries a higher one.
    pub fence: u64,
}

columns! {
    /// The lease, and its process if that is at work.
    LEASE: (u64, Option<Node>) = { fence = "l.fence", name = "n.name", process = "n.process" } => (fence, match (name, process) {
        (Some(name), Some(process)) => Some(Node { name, process }),
        _ => None,
    })
}

impl Ledger<'_> {
    /// Takes the realm's lease if it is free, or its process not at work any more; tells who has it now: `node`, or another. Says that `node` is at
    /// work for so many seconds.
    pub fn acquire_lease(&self, node: &Node, seconds: u64) -> Result<Lease, Error> {
        self.0.write(|tx| {
            let [now, latest] = times(tx.session())?;
            let rest = format!("FROM leases l LEFT JOIN nodes n ON n.process = l.process AND {AT_WORK} WHERE l.realm_id = $3");
            let fence = match tx.one(LEASE.select(&rest), &[now, latest, tx.realm.into()])? {
                None => 1,
                Some((fence, Some(holder))) if holder == *node => fence,
                Some((fence, Some(holder))) => return Ok(Lease { node: holder, fence }),
                Some((fence, None)) => fence + 1,
            };
            note(tx.session(), node, seconds)?;
            let sql = "INSERT INTO leases (realm_id, process, fence) VALUES ($1, $2, $3) \
                       ON CONFLICT (realm_id) DO UPDATE SET process = $2, fence = $3";
            tx.run(sql, args![tx.realm, node.process.as_str(), fence])?;
            Ok(Lease { node: node.clone(), fence })
        })
    }

    /// Gives a lease back, so that another process can have it. One that has passed on is left alone.
    pub fn release_lease(&self, lease: &Lease) -> Result<(), Error> {
        self.0.write(|tx| {
            let sql = "UPDATE leases SET process = '' WHERE realm_id = $1 AND process = $2 AND fence = $3";
            tx.run(sql, args![tx.realm, lease.node.process.as_str(), lease.fence]).map(drop)
        })
    }
}
