//! The control plane's store and rules: realms, orgs, owners, roles, keys, and the ledger of published epochs.
//!
//! Everything passes through [`Registry`]: each operation checks its input into types that cannot be invalid, runs as one
//! transaction, and leaves uniqueness to the database. A secret leaves in [`Created`] and is kept nowhere; digests leave in
//! a [`Snapshot`] only.
//!
//! | read | for |
//! |---|---|
//! | `model` | what is kept, as types that cannot be invalid |
//! | `store` | the database: portable SQL over a small interface, SQLite and PostgreSQL behind it |
//! | `registry`, `transaction` | a store, a clock and randomness; transactions over one realm |
//! | `journal` | what the next snapshot must make anew |
//! | `audit` | the audit log, with a row of which every change ends |
//! | `directory` | what keys' records refer to by number, and how much of it a realm and each org have taken |
//! | `tenants` | realms, orgs, owners, roles |
//! | `keys`, `import` | keys: one, or many by their digests |
//! | `publish` | what a publisher needs, and what an edge would answer |
//! | `usage` | what edges report of requests, alerts, and what is kept for a time |
//! | `fleet` | what edges report of themselves: who has which epoch |
//! | [`management`] | the realm whose keys authorise the management API |
//! | [`limits`] | every bound, with its reason |
//!
//! Each row uses those above it, and none below.
#![forbid(unsafe_code)]

mod audit;
mod directory;
mod error;
mod fleet;
mod import;
mod journal;
mod keys;
pub mod limits;
pub mod management;
mod model;
mod openapi;
mod publish;
mod registry;
mod store;
mod tenants;
mod transaction;
mod usage;

pub use audit::{Anchor, Audit, AuditFilter, AuditPage, AuditRow};
pub use error::{Error, Kind, Warning};
pub use fleet::{EdgeFilter, EdgeMode, EdgePage, EdgeReport, EdgeRow, Fleet, Heard, Reported, Standing};
pub use import::{Import, ImportDefaults, ImportFormat, ImportReport, RefusedLine};
pub use keys::{BulkRevoked, Keys};
pub use model::*;
pub use publish::{
    EpochRequest, Explanation, Lease, Ledger, LedgerRow, Question, Reason, RootRow, Since, Snapshot, Usable, UsablePage,
};
pub use registry::{Env, Registry};
pub use store::{CopyProgress, Database};
pub use tenants::Tenants;
pub use usage::{Alert, Alerts, Ingested, Purged, Request, RequestPage, Total, Usage, UsageBatch, UsageEvent};
