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

use crate::model::Slug;
use crate::registry::Registry;
use crate::transaction::InRealm;

pub(crate) use append::{Target, logged};
pub use list::{AuditFilter, AuditPage};
pub use row::AuditRow;
pub use verify::Anchor;

/// A realm's audit log.
#[derive(Clone, Copy, Debug)]
pub struct Audit<'r>(InRealm<'r>);

impl Registry {
    /// A realm's audit log.
    pub fn audit<'r>(&'r self, realm: &'r Slug) -> Audit<'r> {
        Audit(InRealm { registry: self, realm })
    }
}
