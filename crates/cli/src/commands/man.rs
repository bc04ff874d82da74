//! `edgelatch man`

use std::path::PathBuf;

use clap_mangen::generate_to;

use crate::prelude::*;

/// Write a manual page for each command
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch man ~/.local/share/man/man1
  man edgelatch-keys-create")]
pub(crate) struct Man {
    /// Directory to write them to; made if it is not there
    #[arg(value_name = "DIR")]
    to: PathBuf,
}

impl Man {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let Man { to } = self;
        let made = std::fs::create_dir_all(&to).and_then(|()| generate_to(context.program(), &to));
        made.map_err(|error| Failure::file(&to, &error))?;
        let dir = to.display().to_string();
        context.done(&json!({ "dir": dir }), &format!("wrote manual pages to {dir}"))
    }
}
