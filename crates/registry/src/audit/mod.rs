//! The audit log: who did what, from where, before and after. Rows are only ever added, each in the transaction of the change
//! that it is about; what edges saw of requests is in `usage`.
//!
//! | read | for |
//! |---|---|
//! | `row` | a row, its hash over the one before it, and the chain's end |
//! | `append` | the row that ends a change |
//! | `list`, `verify` | pages of the log; whether it is as it was written |

mod append;
mod list;
mod row;
mod verify;

use crate::transaction::handle;

pub(crate) use append::{Target, logged};
pub use list::{AuditFilter, AuditPage};
pub use row::AuditRow;
pub use verify::Anchor;

handle! {
    /// A realm's audit log.
    Audit = audit
}
