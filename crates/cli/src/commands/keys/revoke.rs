//! `edgelatch keys revoke` and `enable`

use std::process::ExitCode;

use clap::Args;

use super::view;
use super::which::Which;
use crate::context::{Context, caller};
use crate::failure::Result;

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
