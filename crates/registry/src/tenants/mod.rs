//! Who is in the registry: realms, their orgs, and those orgs' owners and roles. Keys are in `keys`.
//!
//! | read | for |
//! |---|---|
//! | `find` | rows, found by their names; an org's settings |
//! | `roles`, `realms`, `orgs`, `owners` | the operations on each |

mod find;
mod orgs;
mod owners;
mod realms;
mod roles;

pub(crate) use find::{OrgRow, org_id, owner_id, role_id};
pub(crate) use realms::find as find_realm;
