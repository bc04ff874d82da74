//! `cargo xtask test`: everything that proves something, one line a step.

use crate::{
    python,
    steps::{self, Plan},
    tools,
};
use anyhow::{Result, bail};
use edgelatch_testkit::{
    shell::{self, command, target},
    tally::Tally,
};
use std::{env, ffi::OsStr, path::PathBuf, process::Command, sync::OnceLock};

/// A target without a standard library.
const NO_STD: &str = "thumbv7em-none-eabi";

struct Step {
    name: &'static str,
    about: &'static str,
    plan: fn() -> Result<Plan>,
}

/// In this order: what is cheap to find out comes before what needs it.
const STEPS: &[Step] = &[
    Step { name: "codes", about: "generated files are what the verdict table says", plan: || ours(&["codes", "--check"]) },
    Step {
        name: "vectors",
        about: "the vectors are what the core's builder makes of their source",
        plan: || ours(&["vectors", "--check"]),
    },
    Step { name: "reader", about: "the independent reader agrees on every vector", plan: reader },
    Step { name: "rust", about: "Rust tests of the workspace", plan: || cargo(&[&["test", "--workspace", "--no-fail-fast"]]) },
    Step { name: "no_std", about: "the core builds for a target without std", plan: no_std },
    Step { name: "sdk", about: "wasm file, npm ci, TypeScript, packed tarball", plan: || ours(&["sdk"]) },
    Step { name: "wasm", about: "wasm-bindgen tests in Node", plan: wasm },
    Step { name: "js", about: "unit tests of the SDK", plan: || npm(&["test"]) },
    Step { name: "packaging", about: "the packed package type-checks for its users", plan: packaging },
    Step {
        name: "runtimes",
        about: "the suite on Node, Deno, Bun and workerd, over the packed package",
        plan: || npm(&["run", "test:runtimes"]),
    },
    Step {
        name: "cases-ip",
        about: "address cases in Rust, wasm and the SDK",
        plan: || ours(&["cases", "ip", "tests/vectors/ip_cases.tsv"]),
    },
    Step {
        name: "cases-headers",
        about: "header cases as raw bytes on Node, Deno, Bun and workerd",
        plan: || ours(&["cases", "headers", "tests/vectors/header_cases.tsv"]),
    },
    Step { name: "examples", about: "each example, until a revocation reaches it", plan: examples },
    Step { name: "api", about: "the API's document for two linters, the API itself for a fuzzer that reads it", plan: api },
    Step { name: "canary", about: "no secret in any answer, log or file but the one that made it", plan: canary },
    Step { name: "readme", about: "what README.md tells a reader to do", plan: readme },
    Step { name: "systems", about: "the documentation of each preset's system, walked on the real thing", plan: systems },
];

#[derive(clap::Args)]
pub struct Arguments {
    /// Only these steps, comma-separated; `--list` names them
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// All but these steps
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    /// Name the steps and do nothing
    #[arg(long)]
    list: bool,
}

pub fn main(arguments: &Arguments) -> Result<()> {
    if arguments.list {
        STEPS.iter().for_each(|step| println!("{:14} {}", step.name, step.about));
        return Ok(());
    }
    for name in arguments.only.iter().chain(&arguments.without) {
        if !STEPS.iter().any(|step| step.name == name) {
            let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
            bail!("no step is called {name:?}; there are {}", names.join(", "));
        }
    }
    let named = |names: &[String], step: &Step| names.iter().any(|name| name == step.name);
    let chosen = |step: &&Step| (arguments.only.is_empty() || named(&arguments.only, step)) && !named(&arguments.without, step);
    let mut sum = Tally::default();
    for step in STEPS.iter().filter(chosen) {
        sum += steps::run(step.name, (step.plan)())?;
    }
    println!("{sum}");
    if sum.failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}

/// This program with other arguments. Its path is kept from the start: a build may put a new file in its place.
pub fn own<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| env::current_exe().unwrap_or_else(|_| target().join("debug/xtask")));
    command(program, args)
}

fn ours(arguments: &[&str]) -> Result<Plan> {
    Ok(Plan::Run(vec![own(arguments)]))
}

fn cargo(runs: &[&[&str]]) -> Result<Plan> {
    Ok(Plan::Run(runs.iter().map(|arguments| command("cargo", *arguments)).collect()))
}

fn no_std() -> Result<Plan> {
    tools::add_target(NO_STD)?;
    cargo(&[
        &["build", "--package", "edgelatch-core", "--target", NO_STD],
        &["build", "--package", "edgelatch-core", "--target", NO_STD, "--features", "builder"],
    ])
}

fn wasm() -> Result<Plan> {
    let mut pack = command("wasm-pack", ["test", "--node", "--mode", "no-install"]);
    pack.current_dir(shell::root().join("wasm")).env("PATH", tools::path()?);
    pack.env("CARGO_TARGET_DIR", shell::target().join("wasm"));
    Ok(Plan::Run(vec![pack]))
}

fn npm(arguments: &[&str]) -> Result<Plan> {
    let mut npm = command("npm", arguments);
    npm.current_dir(shell::root().join("js")).env("DENO_NO_UPDATE_CHECK", "1");
    Ok(Plan::Run(vec![npm]))
}

fn packaging() -> Result<Plan> {
    Ok(Plan::Run(vec![command("node", ["tests/packaging/types.mjs"])]))
}

fn examples() -> Result<Plan> {
    Ok(Plan::Run(vec![command("node", ["tests/runtimes/examples.mjs"])]))
}

/// A program that is given the path of the command.
fn with_command(script: &str, more: Option<PathBuf>) -> Plan {
    let mut node = command("node", [script]);
    node.arg(shell::target().join("debug/edgelatch")).args(more);
    Plan::Run(vec![command("cargo", ["build", "--package", "edgelatch"]), node])
}

fn readme() -> Result<Plan> {
    Ok(with_command("tests/e2e/readme.mjs", None))
}

fn systems() -> Result<Plan> {
    Ok(with_command("tests/systems/run.mjs", None))
}

fn canary() -> Result<Plan> {
    Ok(with_command("tests/conformance/api/canary.mjs", None))
}

fn api() -> Result<Plan> {
    if !python::is_there() {
        return Ok(Plan::Skip("python3 with its venv module is not installed".into()));
    }
    Ok(with_command("tests/conformance/api/run.mjs", Some(python::programs()?)))
}

fn reader() -> Result<Plan> {
    if !shell::exists("python3") {
        return Ok(Plan::Skip("python3 is not installed".into()));
    }
    Ok(Plan::Run(vec![command("python3", ["tests/conformance/reader.py"])]))
}
