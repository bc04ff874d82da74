//! `edgelatch trust prepare-publisher`

use std::path::PathBuf;

use edgelatch_core::signed::Role;
use edgelatch_sync::trust::Change;

use super::root_change::{Drawn, RootChange};
use crate::prelude::*;

/// Make a second publisher key to be kept elsewhere, for the day on which the first one is lost
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch trust prepare-publisher --save /media/usb/publisher-cold.key

The root names it from now on, and nothing else knows it: keep the file where neither fire nor thief gets both keys. When the first one is lost, put it
into place with `edgelatch trust import-key FILE`; publishing goes on at once, and no edge notices.")]
pub(crate) struct PreparePublisher {
    /// The new file that its secret goes into
    #[arg(long, value_name = "FILE")]
    save: PathBuf,
    #[command(flatten)]
    root: RootChange,
}

impl PreparePublisher {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        context.check_private(&open)?;
        let drawn = Drawn::new(context, &open, Role::Publisher, Some(&self.save))?;
        let change = Change { add: vec![(Role::Publisher, drawn.key.public())], ..Change::default() };
        self.root.carry_out(context, &open, change, Some(drawn), true)
    }
}
