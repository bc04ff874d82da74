//! The realm's directory: what its keys' records refer to by number (SPEC section 5.2), exactly as the next snapshot will hold it.
//!
//! Roles have their numbers from when they are made; role sets, scopes and IP policies have theirs while a key needs them, each set
//! of roles, list of services or policy once in the realm, however many keys need it. No number is given twice. So a role that is
//! edited changes one entry, and a scope that is new changes no other key.
//!
//! The directory goes to every edge, whole: no org may fill it for all, so what each org needs is counted too. An entry comes with the
//! first key that needs it and goes with the last. A key that needs one which its org has already costs one statement.
//!
//! | read | for |
//! |---|---|
//! | `tables` | the tables, with what they are called |
//! | `content` | entries as bytes |
//! | `sizes` | how much a realm and each org have, and may have |
//! | `entries` | entries come and go, with those who need them |
//! | `keys` | the numbers of a key, and of all keys of an owner or org |

mod content;
mod entries;
mod keys;
mod sizes;
mod tables;

pub(crate) use content::{policy, role_set, scope};
pub(crate) use entries::{Entries, change_role, find, new_number, scopes, scopes_beside, show_all, stored};
pub(crate) use keys::{Numbers, Repeated, granted, leave_all, regrant, regrant_org, swap};
pub(crate) use sizes::check_roles;
pub(crate) use tables::{of_kind, words};
