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
//! | `held` | what a management key holds, which bounds what its holder may grant |
//! | `registry`, `transaction` | a store, a clock and randomness; transactions over one realm |
//! | `journal` | what the next snapshot must make anew |
//! | `outbox` | events that are told to whoever listens: written, and delivered |
//! | `audit` | the audit log, with a row of which every change ends |
//! | `grants` | nobody grants what their own key does not hold |
//! | `directory` | what keys' records refer to by number, and how much of it a realm and each org have taken |
//! | `pending` | imports that are under way: what nobody sees before it is done |
//! | `tenants` | realms, orgs, owners, roles |
//! | `keys`, `import` | keys: one, or many by their digests |
//! | `publish` | what a publisher needs, and what an edge would answer |
//! | `events` | which events there were, and those that time brings |
//! | `usage` | what edges report of requests, alerts, and what is kept for a time |
//! | `fleet` | what edges report of themselves: who has which epoch |
//! | `sign_ins` | who is signed in to the console |
//! | `pulse` | how it all is doing, for whoever watches over a server |
//! | `backup` | the whole registry as a file, and a registry from it |
//! | [`management`] | the realm whose keys authorise the management API |
//! | [`people`] | people whom an identity provider vouches for, and those who were invited |
//! | [`limits`] | every bound, with its reason |
//!
//! Each row uses those above it, and none below.
#![forbid(unsafe_code)]

mod audit;
mod backup;
mod directory;
mod error;
mod events;
mod fleet;
mod grants;
mod held;
mod import;
mod journal;
mod keys;
pub mod limits;
pub mod management;
mod model;
mod openapi;
mod outbox;
mod pending;
pub mod people;
mod publish;
mod pulse;
mod registry;
mod sign_ins;
mod store;
mod tenants;
mod transaction;
mod usage;

pub use audit::{Anchor, Audit, AuditFilter, AuditPage, AuditRow, ChainedRow};
pub use backup::{Backup, BackupFile, Differing, PublishedKey, restore_backup, verify_backup};
pub use error::{Error, Kind, Warning};
pub use events::{Event, EventFilter, EventPage, EventState, Events};
pub use fleet::{EdgeFilter, EdgeMode, EdgePage, EdgeReport, EdgeRow, Fleet, Heard, Reported, Standing};
pub use import::{Import, ImportDefaults, ImportFormat, ImportJob, ImportReport, ImportState, Imports, RefusedLine};
#[cfg(feature = "attacks")]
pub use import::{each_line, key_of};
pub use keys::{
    BulkEdited, BulkRevoked, BulkWarning, CONFIRMED, FoundKey, Keys, KnownService, RefusedKey, SecretKind, ServicePage,
    TYPED_NAME,
};
pub use model::*;
pub use outbox::{Due, EventKind, Outbox};
pub use publish::{
    EpochRequest, Explanation, LastEpoch, Lease, Ledger, LedgerRow, NewHead, Node, Pace, PepperRow, PepperState, PublishedFile,
    Question, RealmState, Reason, RootRow, Since, Snapshot, Twin, Usable, UsablePage,
};
pub use pulse::{Pulse, RealmPulse};
pub use registry::{Env, Registry, Uptime};
pub use sign_ins::{SignIn, SignIns};
pub use store::{CopyProgress, Database};
pub use tenants::Tenants;
pub use usage::{
    BucketSpan, Ingested, Leak, LoggedRequest, Purged, Request, RequestPage, Total, Usage, UsageBatch, UsageBucket, UsageEvent,
    UsageQuery, UsageSeries,
};
