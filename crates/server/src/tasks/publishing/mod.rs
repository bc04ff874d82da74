//! Publishing: each realm by one node, and what it publishes on every node.
//!
//! | read | for |
//! |---|---|
//! | `look` | the thread that looks at all realms in one query, and says what is to be done about each |
//! | `realm`, `tries`, `tell` | what is done about one: published, or copied from what another node publishes; what came of it |
//! | `workers` | threads that do it, so that one slow realm holds up no other |
//! | `timed` | targets whose calls are timed, so that one that does not answer is told of, and keeps no thread from others |
//! | `beat`, `presence` | saying that this process is at work, which keeps its leases |
//! | `fresh`, `stale`, `known` | whether what lies here is the newest, and telling where it is not; what the rest of this node knows of the realms |
//! | `options`, `shared` | what it takes; what all threads share |
//!
//! Of several nodes that serve one realm, one publishes: the holder of a lease in the registry, until it stops or vanishes. The lease keeps two
//! nodes from each putting a new epoch above the other's without end. Safety does not rest on it: an epoch is taken from the registry's ledger,
//! which gives none twice.

mod beat;
pub(crate) mod fresh;
pub(crate) mod known;
mod look;
pub(crate) mod options;
mod presence;
mod realm;
mod shared;
mod stale;
mod tell;
mod timed;
mod tries;
mod workers;

use std::sync::Arc;

use tokio::sync::Notify;

use self::known::Known;
use self::look::Look;
use self::options::Publishing;
use self::presence::Presence;
use self::shared::Shared;
use self::workers::Workers;
use super::background::{Background, Waker, Woken};
use super::watch::Watched;
use crate::error::Error;

/// The threads. Dropping them ends them, and gives the leases back.
pub(crate) struct Running {
    /// Ends first: nothing new is begun.
    look: Background,
    presence: Background,
    stale: Background,
}

impl Publishing {
    /// Begins. `published` is notified as soon as an epoch is shown here, before its bundle is written; `waker` makes it look at once.
    pub(crate) fn start(
        self,
        (waker, woken): (Waker, Woken),
        published: Arc<Notify>,
        Known { fresh, unpublished }: Known,
        watched: Watched,
    ) -> Result<Running, Error> {
        let node = self.registry.process(self.node.clone()).map_err(|error| Error::Node { detail: error.to_string() })?;
        let presence = Presence::default();
        let shared =
            Arc::new(Shared { options: self, node, presence, fresh, unpublished, watched, published, waker: waker.clone() });
        let workers = Workers::start()?;
        let idle = workers.idle();
        Ok(Running {
            presence: beat::start(Arc::clone(&shared), idle)?,
            stale: stale::start(Arc::clone(&shared))?,
            look: Look::start(shared, workers, (waker, woken))?,
        })
    }
}

impl Running {
    /// Says that they are to end, and waits for nothing: leases are given back as soon as nothing is published any more.
    pub(crate) fn stop(&self) {
        self.look.stop();
        self.presence.stop();
        self.stale.stop();
    }
}
