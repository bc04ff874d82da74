//! What the server does beside answering.
//!
//! | read | for |
//! |---|---|
//! | `background` | a thread that works in rounds; work that blocks |
//! | `watched` | what is made of files that may change |
//! | `publishing` | publishing each realm whenever an epoch is due, on one of several nodes; copying what another one publishes |
//! | `targets` | what each target holds of a realm |
//! | `watch` | looking at what may be wrong |
//! | `upkeep` | clearing away what was kept long enough, reminders |
//! | `webhook` | delivery of the registry's events |
//! | `geoip` | countries of addresses, from a file that may change |
//! | `uses` | writing down what management keys are used for |
//! | `reports` | writing down what edges report of themselves |

pub(crate) mod background;
pub(crate) mod geoip;
pub(crate) mod publishing;
pub(crate) mod reports;
pub(crate) mod targets;
pub(crate) mod upkeep;
pub(crate) mod uses;
pub(crate) mod watch;
pub(crate) mod watched;
pub(crate) mod webhook;
