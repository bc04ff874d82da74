//! The `edgelatch` command: parsing and printing around the registry, the publisher, the server and the core.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod context;
mod failure;
mod log;
mod output;
mod progress;
mod secret_file;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = args::Cli::try_parse().unwrap_or_else(|error| refuse(&error));
    let json = cli.global.json;
    match commands::run(cli) {
        Ok(code) => code,
        Err(failure) => {
            failure.print(json);
            ExitCode::from(failure::EXIT)
        }
    }
}

/// A refusal quotes what was typed. Who asked for JSON gets it as JSON, though the arguments could not be read.
fn refuse(error: &clap::Error) -> ! {
    let text = error.to_string();
    if error.use_stderr() && std::env::args_os().take_while(|arg| arg != "--").any(|arg| arg == "--json") {
        let sentence = text.split("\n\n").next().unwrap_or_default();
        failure::Failure::usage(sentence.trim_start_matches("error: ")).print(true);
        std::process::exit(i32::from(failure::EXIT))
    }
    let masked = output::mask(&text);
    if masked == text || !error.use_stderr() {
        error.exit()
    }
    output::note(format_args!("{}", masked.trim_end()));
    std::process::exit(i32::from(failure::EXIT))
}
