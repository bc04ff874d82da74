//! Keys and their lifecycle. Each operation is one transaction. Many keys at once by their digests are in `import`; what an
//! edge would answer to a key is in `publish`, what edges did answer in `usage`. Begin with `create`: it meets each of the others.
//!
//! | read | for |
//! |---|---|
//! | `load` | keys, read from their tables |
//! | `list` | a filter as SQL, and which keys should be rotated; pages |
//! | `rules` | what an org's settings say about a key that is made or changed, and its limits |
//! | `rows` | a key's rows, written |
//! | `create`, `edit`, `rotate`, `revoke` | the operations |

mod create;
mod edit;
mod list;
mod load;
mod revoke;
mod rotate;
mod rows;
mod rules;

use crate::transaction::handle;

pub(crate) use create::{hold_imports, new_key_id};
pub(crate) use list::{ROTATED, conditions, due_sql};
pub(crate) use load::{load_rows, row_of};
pub use revoke::BulkRevoked;
pub(crate) use rows::{Secret, ip_rows, new_row, role_rows, service_rows};
pub(crate) use rules::{KEY_LIMITS, check_new, tidy};

handle! {
    /// Keys of a realm.
    Keys = keys
}
