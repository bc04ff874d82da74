//! What the server does beside answering.
//!
//! | read | for |
//! |---|---|
//! | `background` | a thread that works in rounds; work that blocks |
//! | `publisher` | publishing whenever an epoch is due, on one of several nodes |
//! | `upkeep` | clearing away what was kept long enough, reminders |
//! | `alerts` | delivery of the registry's alerts over a webhook |
//! | `uses` | writing down what management keys are used for |
//! | `reports` | writing down what edges report of themselves |

pub(crate) mod alerts;
pub(crate) mod background;
pub(crate) mod publisher;
pub(crate) mod reports;
pub(crate) mod upkeep;
pub(crate) mod uses;
