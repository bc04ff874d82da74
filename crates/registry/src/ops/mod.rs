//! The operations, grouped by what they are about.

mod epochs;
mod keys;
mod leases;
mod parties;
mod realms;
mod snapshot;
mod views;

pub use epochs::{EpochRequest, LedgerRow, RootRow};
pub use leases::Lease;
pub use parties::{NewOwner, NewRole};
pub use snapshot::Snapshot;
