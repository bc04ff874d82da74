//! Who is in the registry: realms, their orgs, and those orgs' owners and roles. Keys are in `keys`. Begin with `owners`: orgs and
//! roles go the same way.
//!
//! | read | for |
//! |---|---|
//! | `find` | rows of orgs, owners and roles, found by their names |
//! | `roles`, `realms`, `orgs`, `owners` | the operations on each |

mod find;
mod orgs;
mod owners;
mod realms;
mod roles;

use crate::transaction::handle;

pub(crate) use find::{OrgRow, org_id, owner_id, role_id};
pub(crate) use realms::find_realm;

handle! {
    /// Orgs, owners and roles of a realm.
    Tenants = tenants
}
