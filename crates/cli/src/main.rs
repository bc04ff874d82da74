//! The `edgelatch` command: parsing and printing around the registry, the publisher, the server and the core.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod context;
mod failure;
mod output;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let json = cli.global.json;
    match commands::run(cli) {
        Ok(code) => code,
        Err(failure) => {
            failure.print(json);
            ExitCode::from(failure::EXIT)
        }
    }
}
