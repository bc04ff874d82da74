//! Keys and their lifecycle. Each operation is one transaction. Many keys at once by their digests are in `import`; what an
//! edge would answer to a key is in `publish`, what edges did answer in `usage`.
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

use crate::model::Slug;
use crate::registry::Registry;
use crate::transaction::InRealm;

pub(crate) use create::new_key_id;
pub(crate) use due::{ROTATED, due_sql};
pub(crate) use filter::conditions;
pub(crate) use load::{load_rows, row_of};
pub use revoke::BulkRevoked;
pub(crate) use rows::{IPS, KEY_COLUMNS, PartRows, ROLES, SERVICES, ip_rows, key_values, role_rows, service_rows};
pub(crate) use rules::{KEY_LIMITS, check_new, tidy};

/// Keys of a realm.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'r>(pub(crate) InRealm<'r>);

impl Registry {
    /// Keys of a realm.
    pub fn keys<'r>(&'r self, realm: &'r Slug) -> Keys<'r> {
        Keys(InRealm { registry: self, realm })
    }
}
