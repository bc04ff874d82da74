//! `edgelatch keys revoke`, `revoke-many` and `enable`

use edgelatch_registry::{BulkRevoked, KeyFilter};

use super::view;
use super::which::Which;
use crate::prelude::*;

/// Revoke a key; whether it can be enabled again, or is deleted, is a setting of its org
#[derive(Args)]
#[command(after_help = "Example:\n  edgelatch keys revoke key_0a1B2c3D4e5 && edgelatch publish")]
pub(crate) struct Revoke {
    #[command(flatten)]
    which: Which,
}

impl Revoke {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let Which { key, if_revision } = self.which;
        let revoked = context.open()?.keys().revoke(&caller()?, key, if_revision)?;
        let what = if revoked.deleted { "deleted, as revoking is set to do here:" } else { "revoked" };
        view::changed(context, &revoked, [what, "already revoked:"])
    }
}

/// Revoke all keys that a filter fits, once their number was confirmed
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch keys revoke-many --role admin --created-before 2026-11-01     # counts, shows some, changes nothing
  edgelatch keys revoke-many --role admin --created-before 2026-11-01 --confirm 17

All of them, or none when they are not as many any more.")]
pub(crate) struct RevokeMany {
    #[command(flatten)]
    filter: Filter,
    /// Every key of the realm, in place of a filter
    #[arg(long)]
    all: bool,
    /// How many there are: do it
    #[arg(long, value_name = "COUNT")]
    confirm: Option<u64>,
}

impl RevokeMany {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let filter = KeyFilter::from(self.filter);
        if (filter == KeyFilter::default()) != self.all {
            return Err(Failure::usage("which keys? name a filter, such as --role or --search, or else --all"));
        }
        let revoked = context.open()?.keys().revoke_all(&caller()?, &filter, self.confirm)?;
        context.show(&revoked, print_many)
    }
}

fn print_many(revoked: &BulkRevoked) {
    let matched = revoked.matched;
    if revoked.done {
        output::line(format_args!("revoked {matched} keys"));
    } else if matched == 0 {
        output::line(format_args!("no key fits that is not revoked yet"));
    } else {
        view::table(&revoked.sample);
        let more = matched.saturating_sub(revoked.sample.len() as u64);
        let hidden = if more > 0 { format!(", {more} of them not shown") } else { String::new() };
        output::line(format_args!("{matched} keys fit{hidden}"));
        output::note(format_args!("nothing was changed; to revoke them: the same with --confirm {matched}"));
    }
}

/// Let a revoked key be accepted again, where the org's settings allow that
#[derive(Args)]
#[command(after_help = "Example:\n  edgelatch keys enable key_0a1B2c3D4e5")]
pub(crate) struct Enable {
    #[command(flatten)]
    which: Which,
}

impl Enable {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let Which { key, if_revision } = self.which;
        let enabled = context.open()?.keys().enable(&caller()?, key, if_revision)?;
        view::changed(context, &enabled, ["enabled", "already enabled:"])
    }
}
