//! The `edgelatch` command: parsing and printing around the registry, the publisher, the server and the core.
//!
//! | read | for |
//! |---|---|
//! | `commands` | the tree of subcommands; each has its arguments, its help, what it does and how it prints in one file |
//! | `args` | arguments that several commands take |
//! | `context` | what commands begin with: data directory, registry, realm |
//! | `config_file` | options from a file |
//! | `arrival` | waiting until a change is everywhere |
//! | `output`, `table`, `progress`, `mask` | printing, and what must not be printed |
//! | `failure` | why a command did nothing, and which command helps |
//! | `secret_file`, `log` | a file that takes a secret; the log of a server |
#![forbid(unsafe_code)]

mod args;
mod arrival;
mod commands;
mod config_file;
mod context;
mod failure;
mod log;
mod mask;
#[cfg(test)]
mod names;
#[cfg(feature = "otel")]
mod otel;
mod output;
mod prelude;
mod progress;
mod remark;
mod secret_file;
mod table;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};

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

/// A process that dies leaves no image of its memory, in which secrets and signing keys would be.
#[cfg(unix)]
fn without_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // To take less than one has is refused to nobody.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

#[cfg(not(unix))]
fn without_core_dumps() {}

fn main() -> ExitCode {
    without_core_dumps();
    let given = match config_file::arguments(&Cli::command(), std::env::args_os().collect()) {
        Ok(given) => given,
        Err(failure) => {
            failure.print(asks_for_json(), &Cli::command(), &[]);
            return ExitCode::from(output::FAILED);
        }
    };
    let matches = Cli::command().try_get_matches_from(given).unwrap_or_else(|error| refuse(&error));
    let Cli { mut context, command } = Cli::from_arg_matches(&matches).unwrap_or_else(|error| refuse(&error));
    context.described = Cli::command;
    context.realms = matches.get_many("realm").into_iter().flatten().cloned().collect();
    table::wide(context.wide);
    let one = match (&command, &context.realms[..]) {
        (Command::Serve(_), _) | (_, [] | [_]) => Ok(()),
        _ => Err(Failure::usage("--realm: this command is about one realm, and several were named")),
    };
    one.and_then(|()| command.run(&context)).unwrap_or_else(|failure| {
        failure.print(context.json, &called(&matches), &context.take_warnings());
        ExitCode::from(output::FAILED)
    })
}

/// The command that was called, with the arguments that stand everywhere.
fn called(mut matches: &ArgMatches) -> clap::Command {
    let mut command = Cli::command();
    command.build();
    while let Some((name, below)) = matches.subcommand() {
        matches = below;
        match command.find_subcommand(name) {
            Some(found) => command = found.clone(),
            None => break,
        }
    }
    command
}

/// Ends the command, since its arguments do not fit.
///
/// clap quotes what was typed, which may be a secret in the wrong place. So a value that its reader refused is reported in our
/// own words, which never repeat it ([`Failure::misfit`]); in clap's other sentences stands what may be the name of a
/// command or an argument ([`without_typed`]), and whatever looks like a key is masked.
fn refuse(error: &clap::Error) -> ! {
    let text = without_typed(error);
    let json = asks_for_json();
    if let Some(failure) = Failure::misfit(error) {
        failure.print(json, &Cli::command(), &[]);
    } else if error.use_stderr() && json {
        let sentence = text.split("\n\n").next().unwrap_or_default();
        Failure::usage(sentence.trim_start_matches("error: ")).print(true, &Cli::command(), &[]);
    } else {
        let masked = mask::mask(&text);
        if masked == error.to_string() || !error.use_stderr() {
            error.exit()
        }
        output::note(format_args!("{}", masked.trim_end()));
    }
    std::process::exit(i32::from(output::FAILED))
}

/// Who asks for JSON gets it, also where the arguments cannot be read.
fn asks_for_json() -> bool {
    std::env::args_os().take_while(|arg| arg != "--").any(|arg| arg == "--json")
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
