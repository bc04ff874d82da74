//! The endpoints, one file a family: what requests hold, how the document describes it, and what is done.
//!
//! | read | for |
//! |---|---|
//! | `keys`, `rotate`, `bulk` | keys: one by one, their new secrets, many at once |
//! | `ip_entry` | IP lists as requests hold them |
//! | `realms`, `orgs`, `owners`, `roles` | what keys belong to |
//! | `audit`, `usage` | who did what, what edges saw |
//! | `fleet` | which edge serves by which epoch, and whether a change is everywhere |
//! | `explain` | what a key would get |

pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod explain;
pub(crate) mod fleet;
mod ip_entry;
pub(crate) mod keys;
pub(crate) mod orgs;
pub(crate) mod owners;
pub(crate) mod realms;
pub(crate) mod roles;
pub(crate) mod rotate;
pub(crate) mod usage;
