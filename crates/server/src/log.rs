//! The targets of what the server logs: what `EDGELATCH_LOG` can choose by. No field ever holds a secret, nor what a client made up.

/// Epochs published, and what kept them from it.
pub(crate) const PUBLISHER: &str = "edgelatch::publisher";
/// Every call of the management API: who, what, from where, how it went, how long it took. Every stream of heads when it ends.
pub(crate) const ACCESS: &str = "edgelatch::access";
/// Calls of the management API that failed through no fault of the caller's.
pub(crate) const API: &str = "edgelatch::api";
/// Alerts that were not delivered.
pub(crate) const ALERTS: &str = "edgelatch::alerts";
/// Clearing away, and reminders.
pub(crate) const UPKEEP: &str = "edgelatch::upkeep";
