//! The control plane's store and rules: realms, orgs, owners, roles, keys, and the ledger of published epochs.
//!
//! Everything passes through [`Registry`]: each operation checks its input into types that cannot be invalid, runs as one
//! transaction, and leaves uniqueness to the database. A secret leaves in [`Created`] and is kept nowhere; digests leave in
//! a [`Snapshot`] only.
//!
//! | read | for |
//! |---|---|
//! | `model` | what is kept |
//! | [`Preset`], [`Settings`] | what an org's administrators may do: data |
//! | [`Caller`] | who acts, for the activity log |
//! | [`management`] | the realm whose keys authorise the management API |
//! | `text`, `time`, `ip_rules`, `digest` | input, checked |
//! | `ops` | the operations |
//! | `database` | where the data lies |
//! | `store` | the database: portable SQL over a small interface, SQLite and PostgreSQL behind it |
//! | [`limits`] | every bound, with its reason |
#![forbid(unsafe_code)]

mod caller;
mod database;
mod digest;
mod env;
mod error;
mod ip_rules;
pub mod limits;
pub mod management;
mod model;
#[cfg(feature = "openapi")]
mod openapi;
mod ops;
mod preset;
mod registry;
mod settings;
mod store;
mod text;
mod time;
mod warning;
mod words;

pub use caller::Caller;
pub use database::Database;
pub use digest::Digest;
pub use env::Env;
pub use error::{Error, Kind};
pub use ip_rules::{ALLOW_MODES, IpEdit, IpEntry, IpRules, ListEdit, ORDERS, from_word, parse_cidr, word};
pub use model::{
    Changed, Created, Direction, Filter, Keep, Key, KeyEdit, NewKey, NewOrg, NewOwner, NewRealm, NewRole, Once, Org, OrgEdit,
    Origin, Owner, OwnerEdit, OwnerKind, Page, Realm, Role, RoleEdit, Rotate, Scope, Sort, Sources, State, Status,
};
pub use ops::{
    Activity, ActivityFilter, ActivityPage, Alert, Anchor, BulkRevoked, EpochRequest, Explanation, Idempotency, Import,
    ImportDefaults, ImportFormat, ImportReport, Ingested, Lease, LedgerRow, Purged, Question, Reason, RefusedLine, Request,
    RequestFilter, RequestPage, RootRow, Snapshot, Total, Usable, UsablePage, UsageBatch, UsageEvent,
};
pub use preset::{Preset, PresetData, PresetRole};
pub use registry::Registry;
pub use settings::{
    Authority, Credential, Deletion, EmptyList, Environment, Field, IpLists, Revocation, RotationMode, Settings,
};
pub use store::CopyProgress;
pub use text::{Description, Metadata, Name, Note, Pattern, Prefix, Service, Slug, is_member_name};
pub use time::{PRESETS, format as format_time, parse_expiry, parse_span, parse_start, parse_time};
pub use warning::Warning;
