//! The project's own commands: `cargo xtask <command>`. Run `cargo xtask help` for the list.
#![forbid(unsafe_code)]

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod bench;
mod cases;
mod ci;
mod console;
mod demo;
mod deny;
mod dist;
mod fastly;
mod fresh;
mod fuzz;
mod generated;
mod js;
mod npm;
mod parts;
mod python;
mod seeds;
mod silence;
mod steps;
mod test;
mod tidy;
mod tools;
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
    Test(steps::Choice),
    /// Run what a change must pass: format, clippy, rustdoc, all tests, the demo; nothing is skipped
    Ci(steps::Choice),
    /// Check what this repository promises about itself: directions, circles, sizes, what documents point to, generated files
    Tidy,
    /// Build the wasm file into js/wasm/
    Wasm(wasm::Arguments),
    /// Make the SDK ready: wasm file, npm packages, compiled TypeScript, staged package
    Sdk,
    /// Judge every row of a case file on every host
    Cases(cases::Arguments),
    /// Attack what reads foreign bytes with inputs that a fuzzer makes, each attack for some time
    Fuzz(fuzz::Arguments),
    /// Measure the figures of the design and print each beside its target
    Bench(bench::Arguments),
    /// Leave pictures of every page of the console, on a wide and on a narrow screen, in light and dark
    Screenshots(console::Arguments),
    /// Make what is handed out: a static program in an archive, the SDK's package, what they are made of, checksums
    Dist(dist::Arguments),
    /// Generate js/src/generated/codes.ts and the tables in the documentation from the core's verdict table
    Codes(generated::Arguments),
    /// Generate tests/vectors/, what Rust, Python and JavaScript check the format against
    Vectors(generated::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            // 1 is for what came to its end and found failures.
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(arguments) => demo::main(&arguments),
        Command::Test(choice) => test::main(&choice),
        Command::Ci(choice) => ci::main(&choice),
        Command::Tidy => tidy::main(),
        Command::Wasm(arguments) => wasm::main(&arguments),
        Command::Sdk => js::prepare(),
        Command::Cases(arguments) => cases::main(&arguments),
        Command::Fuzz(arguments) => fuzz::main(&arguments),
        Command::Bench(arguments) => bench::main(&arguments),
        Command::Screenshots(arguments) => console::main(&arguments),
        Command::Dist(arguments) => dist::main(&arguments),
        Command::Codes(arguments) => arguments.keep(&generated::from_verdicts()?, "cargo xtask codes"),
        Command::Vectors(arguments) => arguments.keep(&generated::from_builder()?, "cargo xtask vectors"),
    }
}
