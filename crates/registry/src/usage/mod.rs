//! What edges report about requests, and what follows from it: counters, logs of requests, alerts. What is kept for a time only
//! goes from here too. What administrators did is in `audit`. Begin with `ingest`.
//!
//! | read | for |
//! |---|---|
//! | `ingest` | a batch of events, taken once |
//! | `failures` | verdicts, counted; many refusals raise an alert |
//! | `alerts`, `reminders` | the outbox of alerts; reminders of rotations go into it |
//! | `requests` | the log of requests made with a key |
//! | `purge` | what has been kept long enough |

mod alerts;
mod failures;
mod ingest;
mod purge;
mod reminders;
mod requests;

use crate::transaction::handle;

pub use alerts::{Alert, Alerts};
pub use failures::Total;
pub use ingest::{Ingested, UsageBatch, UsageEvent};
pub use purge::Purged;
pub use requests::{Request, RequestPage};

handle! {
    /// What a realm's edges reported.
    Usage = usage
}
