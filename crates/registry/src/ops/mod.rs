//! The operations, grouped by what they are about.

mod act;
mod activity;
mod epochs;
mod keys;
mod leases;
mod list;
mod load;
mod once;
mod orgs;
mod owners;
mod realms;
mod roles;
mod rotate;
mod rules;
mod snapshot;
mod status;

pub use activity::{Activity, ActivityFilter, ActivityPage, Anchor};
pub use epochs::{EpochRequest, LedgerRow, RootRow};
pub use leases::Lease;
pub use once::Idempotency;
pub use snapshot::Snapshot;
pub use status::BulkRevoked;
