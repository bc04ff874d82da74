//! The `edgelatch` command: parsing and printing around the registry, the publisher, the server and the core.
//!
//! | read | for |
//! |---|---|
//! | `commands` | the tree of subcommands; each has its arguments, its help, what it does and how it prints in one file |
//! | `args` | arguments that several commands take |
//! | `context` | what commands begin with: data directory, registry, realm |
//! | `arrival` | waiting until a change is everywhere |
//! | `output`, `progress`, `mask` | printing, and what must not be printed |
//! | `failure` | why a command did nothing, and which command helps |
//! | `secret_file`, `log` | a file that takes a secret; the log of a server |
#![forbid(unsafe_code)]

mod args;
mod arrival;
mod commands;
mod context;
mod failure;
mod log;
mod mask;
mod output;
mod prelude;
mod progress;
mod secret_file;

use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use commands::Command;
use context::Context;
use failure::Failure;

/// Issues API keys and publishes the signed snapshots by which edges verify them offline
#[derive(Parser)]
#[command(
    name = "edgelatch",
    version,
    max_term_width = 110,
    after_help = "\
Begin:
  edgelatch init --realm acme
  edgelatch keys create --name ci --role reader --allow 10.0.0.0/8
  edgelatch serve

Exit code: 0 done; 1 done, and the answer is no (refused, altered, came before); 2 not done, and the reason is on standard error."
)]
struct Cli {
    #[command(flatten)]
    context: Context,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let Cli { context, command } = Cli::try_parse().unwrap_or_else(|error| refuse(&error));
    command.run(&context).unwrap_or_else(|failure| {
        failure.print(context.json);
        ExitCode::from(output::FAILED)
    })
}

/// Ends the command, since its arguments do not fit.
///
/// clap quotes what was typed, which may be a secret in the wrong place. So a value that its reader refused is reported in our
/// own words, which never repeat it ([`Failure::misfit`]); in clap's other sentences stands what may be the name of a
/// command or an argument ([`without_typed`]), and whatever looks like a key is masked.
fn refuse(error: &clap::Error) -> ! {
    let text = without_typed(error);
    // Who asked for JSON gets it, though the arguments could not be read.
    let json = std::env::args_os().take_while(|arg| arg != "--").any(|arg| arg == "--json");
    if let Some(failure) = Failure::misfit(error) {
        failure.print(json);
    } else if error.use_stderr() && json {
        let sentence = text.split("\n\n").next().unwrap_or_default();
        Failure::usage(sentence.trim_start_matches("error: ")).print(true);
    } else {
        let masked = mask::mask(&text);
        if masked == error.to_string() || !error.use_stderr() {
            error.exit()
        }
        output::note(format_args!("{}", masked.trim_end()));
    }
    std::process::exit(i32::from(output::FAILED))
}

/// The longest name of a command or an argument that somebody may have meant.
const MAX_NAME: usize = 24;

/// clap's text, without words that were typed where nothing, or something else, is taken. A name with a slip in it stays.
fn without_typed(error: &clap::Error) -> String {
    let name = |word: &str| word.len() <= MAX_NAME && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let typed = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) if !word.is_empty() => Some(word.as_str()),
        _ => None,
    };
    let argument = typed(ContextKind::InvalidArg)
        .filter(|word| error.kind() == ErrorKind::UnknownArgument && !(word.starts_with("--") && name(word)));
    let command = typed(ContextKind::InvalidSubcommand).filter(|word| !name(word));
    let mut text = error.to_string();
    for word in [argument, command, typed(ContextKind::InvalidValue)].into_iter().flatten() {
        text = text.replace(&format!("'{word}'"), "'\u{2026}'").replace(&format!("-- {word}"), "-- \u{2026}");
    }
    text
}
