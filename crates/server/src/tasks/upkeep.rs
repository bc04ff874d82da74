//! What is done now and then: clearing away what was kept long enough, and telling what time alone brings.

use std::sync::Arc;
use std::time::Duration;

use edgelatch_registry::{Error, Registry};
use tracing::error;

use super::background::Background;
use crate::log::UPKEEP;

/// Between two rounds, unless told otherwise.
const PAUSE: Duration = Duration::from_secs(3_600);

/// Upkeep of a registry.
#[derive(Clone, Debug)]
pub struct Upkeep {
    /// Which one. Several nodes may do it: what one has done, the others find done.
    pub registry: Arc<Registry>,
    /// How often.
    pub pause: Duration,
}

impl Upkeep {
    /// Upkeep once an hour.
    pub fn new(registry: Arc<Registry>) -> Upkeep {
        Upkeep { registry, pause: PAUSE }
    }

    pub(crate) fn start(self) -> std::io::Result<Background> {
        // The first round comes at once, so that a server that is restarted within the hour does it too.
        let round = move |registry: &mut Arc<Registry>| {
            for act in ACTS {
                // One that fails keeps no other from being done.
                if let Err(error) = act(registry) {
                    error!(target: UPKEEP, %error, "upkeep failed");
                }
            }
            self.pause
        };
        Background::start("upkeep", self.registry, round, drop)
    }
}

type Act = fn(&Registry) -> Result<(), Error>;

/// What is done in each round.
const ACTS: [Act; 3] =
    [|registry| registry.purge().map(drop), |registry| registry.remind().map(drop), |registry| registry.notice().map(drop)];
