//! What is done now and then: clearing away what was kept long enough, and reminding of rotations.

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
            if let Err(error) = run(registry) {
                error!(target: UPKEEP, %error, "upkeep failed");
            }
            self.pause
        };
        Background::start("upkeep", self.registry, round, drop)
    }
}

fn run(registry: &Registry) -> Result<(), Error> {
    registry.purge()?;
    registry.remind().map(drop)
}
