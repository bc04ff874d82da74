//! What a publisher needs: one state of a realm, the ledger of epochs, roots, and leases. Nothing is signed here but the
//! throw-away snapshots by which `edge` asks the core itself.
//!
//! | read | for |
//! |---|---|
//! | `records`, `snapshot` | keys as records; everything that a tree is built from, or what has changed of it |
//! | `spelled` | records with what they refer to in the place of numbers |
//! | `ledger`, `leases`, `nodes` | which epochs were taken; which process publishes; who is at work |
//! | `peppers` | which pepper snapshots are made with, and which others there are |
//! | `states` | all realms at one look |
//! | `files` | published files, for nodes that copy them |
//! | `edge`, `explain` | the real core over a state that was not published: what a key would get, and who may use an address |

#[cfg(test)]
mod cost;
mod edge;
mod explain;
mod files;
mod leases;
mod ledger;
mod nodes;
mod pace;
mod peppers;
mod records;
mod snapshot;
mod spelled;
mod states;

use crate::transaction::handle;

pub use explain::{Explanation, Question, Reason, Usable, UsablePage};
pub use files::{NewHead, PublishedFile};
pub use leases::Lease;
pub use ledger::{EpochRequest, LedgerRow, RootRow};
pub use nodes::{Node, Twin};
pub use pace::Pace;
pub use peppers::{PepperRow, PepperState};
pub use snapshot::{Since, Snapshot};
pub use states::{LastEpoch, RealmState};

handle! {
    /// What a publisher of a realm needs.
    Ledger = ledger
}
