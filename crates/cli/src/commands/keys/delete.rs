//! `edgelatch keys delete`

use edgelatch_registry::Deletion;

use super::which::{Confirm, Which};
use crate::prelude::*;

/// Delete a key for ever
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch keys delete key_0a1B2c3D4e5 --confirm \"CI deploy\"

On a terminal the name is asked for.")]
pub(crate) struct Delete {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    confirm: Confirm,
}

impl Delete {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let Which { key: id, if_revision } = self.which;
        let open = context.open()?;
        let before = open.keys().get(id)?;
        // A deletion cannot be taken back, so a person is asked either way; a program must know the name where the org says so.
        let deletion = open.tenants().org(&before.org)?.settings.deletion;
        let confirm = self.confirm.ask("deleting a key", &before, deletion != Deletion::None)?;
        let key = open.keys().delete(&caller()?, id, confirm.as_deref(), if_revision)?;
        context.show(&json!({ "key": key, "deleted": true }), |_| {
            output::line(format_args!("deleted {}  {}", key.key_id, key.name));
        })
    }
}
