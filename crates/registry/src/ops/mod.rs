//! The operations, grouped by what they are about.

mod act;
mod activity;
mod epochs;
mod explain;
mod failures;
mod import;
mod import_line;
mod keys;
mod leases;
mod list;
mod load;
mod once;
mod orgs;
mod owners;
mod purge;
mod realms;
mod reminders;
mod requests;
mod roles;
mod rotate;
mod rules;
mod snapshot;
mod status;
mod usage;

pub use activity::{Activity, ActivityFilter, ActivityPage, Anchor};
pub use epochs::{EpochRequest, LedgerRow, RootRow};
pub use explain::{Explanation, Question, Reason, Usable, UsablePage};
pub use failures::{Alert, Total};
pub use import::{Import, ImportDefaults, ImportFormat, ImportReport, RefusedLine};
pub use leases::Lease;
pub use once::Idempotency;
pub use purge::Purged;
pub use requests::{Request, RequestFilter, RequestPage};
pub use snapshot::Snapshot;
pub use status::BulkRevoked;
pub use usage::{Ingested, UsageBatch, UsageEvent};
