//! The targets of what the server logs: what `EDGELATCH_LOG` can choose by. No field ever holds a secret, nor what a client made up.

/// Epochs published, and what kept them from it.
pub(crate) const PUBLISHER: &str = "edgelatch::publisher";
/// Every call of the management API: who, what, from where, how it went, how long it took. Every stream of heads when it ends.
pub(crate) const ACCESS: &str = "edgelatch::access";
/// Calls of the management API that failed through no fault of the caller's.
pub(crate) const API: &str = "edgelatch::api";
/// Events that were not delivered.
pub(crate) const EVENTS: &str = "edgelatch::events";
/// The database of countries, read again.
pub(crate) const GEOIP: &str = "edgelatch::geoip";
/// Clearing away, and reminders.
pub(crate) const UPKEEP: &str = "edgelatch::upkeep";
/// The certificate that clients are shown, read again.
pub(crate) const TLS: &str = "edgelatch::tls";
/// What is wrong with this node or a realm, when it begins and when it ends.
pub(crate) const HEALTH: &str = "edgelatch::health";
