//! The endpoints, one file a family: what requests hold, how the document describes it, and what is done.
//!
//! | read | for |
//! |---|---|
//! | `keys`, `rotate`, `bulk`, `edit_many` | keys: one by one, their new secrets, many at once |
//! | `by_secret`, `leaks` | a key by its secret; reports of secrets that are public |
//! | `imports` | imports that go on while nobody waits for them |
//! | `services` | which services there are |
//! | `ip_entry` | IP lists as requests hold them |
//! | `realms`, `orgs`, `owners`, `roles` | what keys belong to |
//! | `people` | who was invited, and what they may do |
//! | `audit`, `usage`, `events` | who did what, what edges saw, what was told of it |
//! | `export` | both logs, line by line |
//! | `publishing` | where a realm is published, and what is wrong with targets |
//! | `fleet` | which edge serves by which epoch, and whether a change is everywhere |
//! | `explain` | what a key would get |
//! | `whoami` | who calls, and what they may do where |

pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod by_secret;
pub(crate) mod edit_many;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod fleet;
pub(crate) mod imports;
mod ip_entry;
pub(crate) mod keys;
pub(crate) mod leaks;
pub(crate) mod orgs;
pub(crate) mod owners;
pub(crate) mod people;
pub(crate) mod publishing;
pub(crate) mod realms;
pub(crate) mod roles;
pub(crate) mod rotate;
pub(crate) mod services;
pub(crate) mod usage;
pub(crate) mod whoami;
