//! What edges report about requests, and what follows from it: counters, logs of requests, alerts. What is kept for a time only
//! goes from here too.
//!
//! | read | for |
//! |---|---|
//! | `ingest` | a batch of events, taken once |
//! | `failures` | refusals, counted; many of them raise an alert |
//! | `alerts`, `reminders` | the outbox of alerts; reminders of rotations go into it |
//! | `requests` | the log of requests made with a key |
//! | `purge` | what has been kept long enough |

mod alerts;
mod failures;
mod ingest;
mod purge;
mod reminders;
mod requests;

pub use alerts::Alert;
pub use failures::Total;
pub use ingest::{Ingested, UsageBatch, UsageEvent};
pub use purge::Purged;
pub use requests::{Request, RequestFilter, RequestPage};
