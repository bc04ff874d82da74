//! Events: which there were and what became of them, and those that time alone brings. How they are written and delivered is in `outbox`.
//!
//! | read | for |
//! |---|---|
//! | `look` | lists; an event is delivered once more |
//! | `reminders` | keys that should get a new secret |
//! | `notices` | keys that are about to expire, or that nobody uses |

mod look;
mod notices;
mod reminders;

use crate::transaction::handle;

pub use look::{Event, EventFilter, EventPage, EventState};

handle! {
    /// The events of a realm.
    Events = events
}
