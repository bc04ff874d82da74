//! Which edge serves by which epoch: what edges report of themselves, and who lacks a change.
//!
//! An epoch is believed to show a change only if the ledger says so of this very epoch. One that nobody signed here shows none: an
//! edge that claims it is behind.
//!
//! | read | for |
//! |---|---|
//! | `report` | what an edge says, and how it is written down |
//! | `look` | lists, and how far a change has got |

mod look;
mod report;

use crate::transaction::handle;

pub use look::{EdgeFilter, EdgePage, EdgeRow, Standing};
pub use report::{EdgeMode, EdgeReport, Heard, Reported};

handle! {
    /// The edges of a realm.
    Fleet = fleet
}
