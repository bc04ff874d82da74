//! `edgelatch trust repair-clock`

use edgelatch_registry::format_time;

use crate::args::Signing;
use crate::prelude::*;

/// Let the present time count again, after something was published by a clock that was ahead
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch trust repair-clock && edgelatch publish

Nothing is signed with an earlier time than the last epoch: after one that was signed by a clock days ahead, nothing could be published for days, and
edges refuse that epoch itself. This notes the present time in its place. Edges take the next epoch, since they go by epochs, and of times ask only
that they are not in the future; no new root is needed.")]
pub(crate) struct RepairClock {
    #[command(flatten)]
    signing: Signing,
    /// The clock is right now, though it differs from the database's, or has gone on by more than this machine counted
    #[arg(long)]
    accept_clock: bool,
}

impl RepairClock {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        context.check_private(&open)?;
        let before = context.publisher(&open, &self.signing, self.accept_clock)?.repair_clock(&caller()?)?;
        let line = match before {
            Some(before) => format!(
                "the next epoch is signed with the present time, not with {}: `edgelatch publish` now, unless `edgelatch serve` runs",
                format_time(before)
            ),
            None => "the last epoch was not signed in the future: there is nothing to repair".into(),
        };
        context.done(&json!({ "repaired": before.is_some(), "last_issued_at": before.map(format_time) }), &line)
    }
}
