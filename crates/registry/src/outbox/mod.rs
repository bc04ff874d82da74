//! What is told to whoever listens: acts on keys, and what nobody did but somebody should look at (alerts). An event is written in the
//! transaction of what it tells of, so that none is lost with a process; servers take events from here and deliver them. Lists of them are in
//! `events`.
//!
//! | read | for |
//! |---|---|
//! | `raise` | an event, written |
//! | `deliver` | events, taken, delivered, or tried again |

mod deliver;
mod raise;

pub use deliver::{Due, Outbox};
pub use raise::EventKind;
pub(crate) use raise::{News, about, raise};
