//! `edgelatch trust extend`

use edgelatch_sync::trust::Change;

use super::root_change::RootChange;
use crate::prelude::*;

/// Make a root with the same keys that lives longer
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch trust extend
  edgelatch trust extend --root-lifetime 10y --draft root.draft

When a root ends, edges accept no head under it: extend it long before. `edgelatch trust show` says how much of its life is over.")]
pub(crate) struct Extend {
    #[command(flatten)]
    root: RootChange,
}

impl Extend {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        context.check_private(&open)?;
        self.root.carry_out(context, &open, Change::default(), None, false)
    }
}
