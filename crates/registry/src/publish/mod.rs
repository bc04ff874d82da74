//! What a publisher needs: one state of a realm, the ledger of epochs, roots, and leases. Nothing is signed here but the
//! throw-away snapshots by which `edge` asks the core itself.
//!
//! | read | for |
//! |---|---|
//! | `records`, `snapshot` | keys as records; everything that a tree is built from, or what has changed of it |
//! | `spelled` | records with what they refer to in the place of numbers |
//! | `ledger`, `leases` | which epochs were taken; which node publishes |
//! | `edge`, `explain` | the real core over a state that was not published: what a key would get, and who may use an address |

#[cfg(test)]
mod cost;
mod edge;
mod explain;
mod leases;
mod ledger;
mod records;
mod snapshot;
mod spelled;

use crate::transaction::handle;

pub use explain::{Explanation, Question, Reason, Usable, UsablePage};
pub use leases::Lease;
pub use ledger::{EpochRequest, LedgerRow, RootRow};
pub use snapshot::{Since, Snapshot};

handle! {
    /// What a publisher of a realm needs.
    Ledger = ledger
}
