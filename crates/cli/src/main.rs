//! The `edgelatch` command: parsing and printing around the registry, the publisher, the server and the core.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod context;
mod failure;
mod output;

use std::process::ExitCode;

use clap::Parser;
use edgelatch_core::key::KeyText;

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

/// A refusal quotes what was typed. A key pasted in the wrong place must not end up in a log that way.
fn refuse(error: &clap::Error) -> ! {
    let is_key = |arg: &String| KeyText::parse(arg.as_bytes()).is_ok();
    let keys: Vec<String> = std::env::args().filter(is_key).collect();
    if keys.is_empty() {
        error.exit()
    }
    let text = keys.iter().fold(error.to_string(), |text, key| text.replace(key.as_str(), "<key>"));
    output::note(format_args!("{}", text.trim_end()));
    std::process::exit(i32::from(failure::EXIT))
}
