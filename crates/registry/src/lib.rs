//! The control plane's store and rules: realms, orgs, owners, roles, keys, and the ledger of published epochs.
//!
//! Everything passes through [`Registry`]: each operation checks its input into types that cannot be invalid, runs as one
//! transaction, and leaves uniqueness to the database. A secret leaves in [`Created`] and is kept nowhere; digests leave in
//! a [`Snapshot`] only.
//!
//! | read | for |
//! |---|---|
//! | `model` | what is kept |
//! | `text`, `time`, `ip_rules`, `digest` | input, checked |
//! | `ops` | the operations |
//! | `database` | where the data lies |
//! | `store` | the database: portable SQL over a small interface, SQLite and PostgreSQL behind it |
//! | [`limits`] | every bound, with its reason |
#![forbid(unsafe_code)]

mod database;
mod digest;
mod env;
mod error;
mod ip_rules;
pub mod limits;
mod model;
mod ops;
mod registry;
mod store;
mod text;
mod time;
mod warning;

pub use database::Database;
pub use digest::Digest;
pub use env::Env;
pub use error::{Error, Kind};
pub use ip_rules::{ALLOW_MODES, IpEdit, IpEntry, IpRules, ListEdit, ORDERS, from_word, parse_cidr, word};
pub use model::{
    Changed, Created, Filter, Key, KeyEdit, NewKey, NewRealm, Org, Origin, Owner, OwnerKind, Page, Realm, Role, Scope, Sources,
    State,
};
pub use ops::{EpochRequest, Lease, LedgerRow, NewOwner, NewRole, RootRow, Snapshot};
pub use registry::Registry;
pub use store::CopyProgress;
pub use text::{Description, Metadata, Name, Note, Pattern, Prefix, Service, Slug};
pub use time::{PRESETS, format as format_time, parse_expiry, parse_span, parse_start, parse_time};
pub use warning::Warning;
