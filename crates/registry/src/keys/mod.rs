//! Keys and their lifecycle. Each operation is one transaction. Many keys at once by their digests are in `import`; what an
//! edge would answer to a key is in `publish`, what edges did answer in `usage`. Begin with `create`: it meets each of the others.
//!
//! | read | for |
//! |---|---|
//! | `load` | keys, read from their tables |
//! | `terms` | what keys are found by: runs of characters, tags, roles, environments, services, makers |
//! | `list`, `narrow` | a filter as SQL, and which keys should be rotated; where its keys are |
//! | `page`, `total` | a page of a list; how many keys there are |
//! | `rules` | what an org's settings say about a key that is made or changed, and its limits |
//! | `services`, `known` | which services an org's keys may name, and which one may have been meant; a list of those there are |
//! | `rows` | a key's rows, written |
//! | `room` | how much keys take of their realm's tree, and the limits of that |
//! | `create`, `edit`, `rotate`, `revoke` | the operations |
//! | `by_secret` | a key found, or revoked, by its secret |
//! | `bulk`, `edit_many` | the same on every key that a filter fits |

mod bulk;
mod by_secret;
mod create;
mod edit;
mod edit_many;
#[cfg(test)]
mod exhaustive;
mod known;
mod list;
mod load;
mod narrow;
mod page;
mod revoke;
pub(crate) mod room;
mod rotate;
mod rows;
mod rules;
mod services;
mod terms;
mod total;

use crate::transaction::handle;

pub use by_secret::{FoundKey, SecretKind};
pub(crate) use by_secret::{FoundSecret, revoke_found};
pub(crate) use create::{hold_imports, insert, make, new_key_id};
pub(crate) use edit::put;
pub use edit_many::{BulkEdited, BulkWarning, RefusedKey};
pub use known::{KnownService, ServicePage};
pub(crate) use list::{ROTATED, conditions, due_sql};
pub(crate) use load::{Loaded, load_rows, load_while, row_of};
pub(crate) use revoke::retire;
pub use revoke::{BulkRevoked, CONFIRMED};
pub(crate) use rotate::renew;
pub(crate) use rows::{Secret, end_secrets, environment_of, ip_rows, new_row, role_rows, service_rows, tag_rows, terms_of};
pub use rules::TYPED_NAME;
pub(crate) use rules::{KEY_LIMITS, check_new, tidy};
pub(crate) use terms::{enter, maker};
pub(crate) use total::note;

handle! {
    /// Keys of a realm.
    Keys = keys
}
