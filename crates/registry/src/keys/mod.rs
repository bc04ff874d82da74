//! Keys and their lifecycle. Each operation is one transaction. Many keys at once by their digests are in `import`; what an
//! edge would answer to a key is in `publish`.
//!
//! | read | for |
//! |---|---|
//! | `load` | keys, read from their tables |
//! | `filter`, `due`, `list` | a filter as SQL; which keys should be rotated; pages |
//! | `rules` | what an org's settings say about a key that is made or changed, and its limits |
//! | `rows` | a key's rows, written |
//! | `once` | requests that may come twice |
//! | `create`, `edit`, `rotate`, `revoke` | the operations |

mod create;
mod due;
mod edit;
mod filter;
mod list;
mod load;
mod once;
mod revoke;
mod rotate;
mod rows;
mod rules;

pub(crate) use due::{ROTATED, due_sql};
pub(crate) use filter::wheres;
pub(crate) use load::{load_rows, row_of};
pub use once::Idempotency;
pub use revoke::BulkRevoked;
pub(crate) use rows::{KEY_COLUMNS, key_values};
pub(crate) use rules::{ACTIVE_KEYS, ALL_KEYS, check_new, checked};
