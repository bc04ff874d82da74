//! The activity log: who did what, from where, before and after.
//!
//! | read | for |
//! |---|---|
//! | `row` | a row, its hash, and the chain's end |
//! | `append` | the row that ends an act |
//! | `list`, `verify` | pages of the log; whether it is as it was written |

mod append;
mod list;
mod row;
mod verify;

pub(crate) use append::{Target, logged};
pub use list::{ActivityFilter, ActivityPage};
pub use row::Activity;
pub use verify::Anchor;
