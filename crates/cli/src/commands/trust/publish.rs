//! `edgelatch trust publish`

use std::path::PathBuf;

use super::draft_file;
use super::root_change::Publishing;
use crate::prelude::*;

/// Put signed copies of a draft together, make it the realm's newest root, and publish a head under it
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch trust publish root.draft
  edgelatch trust publish ann/root.draft bob/root.draft")]
pub(crate) struct Publish {
    /// The signed draft, or several copies of it
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    publishing: Publishing,
}

impl Publish {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let mut drafts = self.files.iter().map(|file| draft_file::read(file)).collect::<Result<Vec<_>>>()?.into_iter();
        let Some(mut draft) = drafts.next() else { return Err(Failure::usage("FILE: name the signed draft")) };
        drafts.try_for_each(|other| draft.merge(&other))?;
        draft.finish()?;
        let open = context.open()?;
        context.check_private(&open)?;
        self.publishing.publish_draft(context, &open, &draft)
    }
}
