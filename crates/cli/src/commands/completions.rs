//! `edgelatch completions`

use clap_complete::{Shell, generate};

use crate::prelude::*;

/// Print what a shell needs to complete commands, options and their words
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch completions bash > ~/.local/share/bash-completion/completions/edgelatch
  edgelatch completions zsh > ~/.zfunc/_edgelatch                      # a directory of $fpath
  edgelatch completions fish > ~/.config/fish/completions/edgelatch.fish")]
pub(crate) struct Completions {
    /// The shell that is to complete
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let mut text = Vec::new();
        generate(self.shell, &mut context.program(), "edgelatch", &mut text);
        output::line(format_args!("{}", String::from_utf8_lossy(&text).trim_end()));
        Ok(ExitCode::SUCCESS)
    }
}
