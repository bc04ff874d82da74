//! The project's own commands: `cargo xtask <command>`. Run `cargo xtask help` for the list.
#![forbid(unsafe_code)]

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod bench;
mod cases;
#[cfg(test)]
mod circles;
mod codes;
mod demo;
mod fresh;
mod generated;
mod js;
mod python;
mod steps;
mod test;
mod tools;
mod vectors;
mod wasm;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show it at work: control plane, edges in Node and workerd, real requests, attacks, a revocation
    Demo(demo::Arguments),
    /// Run all tests: Rust, wasm in Node, the SDK on Node, Deno, Bun and workerd, case files, examples
    Test(test::Arguments),
    /// Build the wasm file into js/wasm/
    Wasm(wasm::Arguments),
    /// Make the SDK ready: wasm file, npm packages, compiled TypeScript, staged package
    Sdk,
    /// Judge every row of a case file on every host
    Cases(cases::Arguments),
    /// Measure the figures of the design and print each beside its target
    Bench(bench::Arguments),
    /// Generate js/src/generated/codes.ts and the tables in the documentation from the core's verdict table
    Codes(codes::Arguments),
    /// Generate tests/vectors/, what Rust, Python and JavaScript check the format against
    Vectors(vectors::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(arguments) => demo::main(&arguments),
        Command::Test(arguments) => test::main(&arguments),
        Command::Wasm(arguments) => wasm::main(&arguments),
        Command::Sdk => js::prepare(),
        Command::Cases(arguments) => cases::main(&arguments),
        Command::Bench(arguments) => bench::main(&arguments),
        Command::Codes(arguments) => codes::main(&arguments),
        Command::Vectors(arguments) => vectors::main(&arguments),
    }
}
