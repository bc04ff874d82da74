//! `edgelatch purge`

use edgelatch_registry::Purged;

use crate::prelude::*;

/// Remove what was kept long enough: requests, ended secrets, old ids
#[derive(Args)]
#[command(after_help = "Example:\n  edgelatch purge        # once an hour will do")]
pub(crate) struct Purge {}

impl Purge {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let purged = context.registry()?.purge()?;
        let Purged { requests, secrets, others, .. } = &purged;
        let line = format!("removed {requests} requests, {secrets} ended secrets and {others} other rows, in all realms");
        context.done(&purged, &line)
    }
}
