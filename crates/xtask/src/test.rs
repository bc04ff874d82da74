//! `cargo xtask test`: everything that proves something, one line a step.

use crate::{
    console, dist, fastly, fuzz, npm, python,
    steps::{Choice, Plan, Step, Steps},
    tools,
};
use anyhow::Result;
use edgelatch_testkit::{
    closing::Counts,
    s3,
    shell::{self, command, target},
};
use std::{env, ffi::OsStr, path::PathBuf, process::Command, sync::OnceLock, thread};

/// Why a step is skipped.
const NO_PYTHON: &str = "python3 with its venv module is not installed";
/// A target without a standard library.
const NO_STD: &str = "thumbv7em-none-eabi";

/// In this order: what is cheap to find out comes before what needs it.
pub const STEPS: &[Step] = &[
    Step {
        name: "tidy",
        about: "what the repository promises about itself, generated files included",
        plan: || own_step(Counts::Ours, &["tidy"]),
    },
    Step { name: "reader", about: "the independent reader agrees on every vector", plan: reader },
    Step { name: "rust", about: "Rust tests of the workspace", plan: rust },
    Step { name: "fuzz", about: "attacks on what reads foreign bytes, each for some seconds", plan: fuzz },
    Step { name: "no_std", about: "the core builds for a target without std", plan: no_std },
    Step { name: "sdk", about: "wasm file, npm ci, TypeScript, packed tarball", plan: || own_step(Counts::Status, &["sdk"]) },
    Step { name: "wasm", about: "wasm-bindgen tests in Node", plan: wasm },
    Step { name: "js", about: "unit tests of the SDK", plan: || npm(Counts::Node, &["test"]) },
    Step { name: "packaging", about: "the packed package type-checks for its users", plan: packaging },
    Step {
        name: "runtimes",
        about: "the suite on Node, Deno, Bun and workerd, over the packed package; stores of Workers in Miniflare",
        plan: || npm(Counts::Ours, &["run", "test:runtimes"]),
    },
    Step { name: "hosts", about: "the adapters on the real frameworks, their types, and the examples", plan: hosts },
    Step { name: "bundlers", about: "a program out of every bundler, run where the package is not", plan: bundlers },
    Step { name: "contenders", about: "whatever the benchmark loads lets good keys pass, and no others", plan: contenders },
    Step {
        name: "cases-ip",
        about: "address cases in Rust, wasm and the SDK",
        plan: || own_step(Counts::Ours, &["cases", "ip", "tests/vectors/ip_cases.tsv"]),
    },
    Step {
        name: "cases-headers",
        about: "header cases as raw bytes on Node, Deno, Bun, workerd and Fastly, and on every framework",
        plan: header_cases,
    },
    Step { name: "examples", about: "each example, until a revocation reaches it", plan: examples },
    Step { name: "api", about: "the API's document for two linters, the API itself for a fuzzer that reads it", plan: api },
    Step { name: "canary", about: "no secret in any answer, log or file but the one that made it", plan: canary },
    Step { name: "readme", about: "what README.md tells a reader to do", plan: readme },
    Step { name: "guides", about: "what the SDK's guides tell a reader to do, from an empty folder on", plan: guides },
    Step { name: "stream", about: "new epochs reach edges over the server's stream, on Node, Deno and Bun", plan: stream },
    Step { name: "nginx", about: "edges behind a real web server and its caches, misconfigured ones too", plan: nginx },
    Step { name: "readers", about: "published files that take a key, and edges that have one or none", plan: readers },
    Step { name: "s3", about: "buckets as targets on a real server that speaks S3: races, kills, stores that fail", plan: s3 },
    Step { name: "otel", about: "traces reach a collector of OpenTelemetry, and no secret does", plan: otel },
    Step { name: "s3-edge", about: "an edge that reads a bucket, and a store that is away for a while", plan: s3_edge },
    Step { name: "ceremonies", about: "signing keys leak, are lost and are replaced while edges serve", plan: ceremonies },
    Step { name: "pepper", about: "a pepper is given to edges, rotated and retired", plan: pepper },
    Step { name: "fleet", about: "a revocation is waited for until every edge has it", plan: fleet },
    Step {
        name: "shipping",
        about: "what is handed out: program, image, unit and manifests, looked at and run",
        plan: shipping,
    },
    Step {
        name: "console",
        about: "the console in a browser: each system's documentation on the screen, axe on every page",
        plan: console::plan,
    },
    Step { name: "systems", about: "the documentation of each preset's system, walked on the real thing", plan: systems },
];

pub fn main(choice: &Choice) -> Result<()> {
    let Some(chosen) = choice.of(STEPS)? else { return Ok(()) };
    let mut steps = Steps { strict: shell::in_ci(), ..Steps::default() };
    chosen.iter().for_each(|step| steps.run(step.name, (step.plan)()));
    steps.close();
    Ok(())
}

/// This program with other arguments. Its path is kept from the start: a build may put a new file in its place.
pub fn own<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| env::current_exe().unwrap_or_else(|_| target().join("debug/xtask")));
    command(program, args)
}

/// A step that is a command of ours.
pub fn own_step(counts: Counts, arguments: &[&str]) -> Result<Plan> {
    Ok(Plan::Run(counts, vec![own(arguments)]))
}

/// Tests at once for each core: most of them wait, for processes that they kill, for leases that end, for databases.
const PER_CORE: usize = 2;

fn rust() -> Result<Plan> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut tests = command("cargo", ["test", "--workspace", "--no-fail-fast"]);
    tests.env("RUST_TEST_THREADS", (PER_CORE * cores).to_string());
    Ok(Plan::Run(Counts::Libtest, vec![tests]))
}

fn fuzz() -> Result<Plan> {
    if !fuzz::is_possible() {
        return Ok(Plan::Skip(format!("the Rust toolchain {} is not installed", fuzz::TOOLCHAIN)));
    }
    own_step(Counts::Ours, &["fuzz", "--seconds", "20"])
}

fn no_std() -> Result<Plan> {
    tools::add_target(NO_STD)?;
    let build = ["build", "--package", "edgelatch-core", "--target", NO_STD];
    let mut builder = command("cargo", build);
    builder.args(["--features", "builder"]);
    Ok(Plan::Run(Counts::Status, vec![command("cargo", build), builder]))
}

fn wasm() -> Result<Plan> {
    let mut pack = command("wasm-pack", ["test", "--node", "--mode", "no-install"]);
    pack.current_dir(shell::root().join("wasm")).env("PATH", tools::path()?);
    pack.env("CARGO_TARGET_DIR", shell::target().join("wasm"));
    Ok(Plan::Run(Counts::Libtest, vec![pack]))
}

fn npm(counts: Counts, arguments: &[&str]) -> Result<Plan> {
    let mut npm = command("npm", arguments);
    npm.current_dir(shell::root().join("js")).env("DENO_NO_UPDATE_CHECK", "1");
    Ok(Plan::Run(counts, vec![npm]))
}

fn packaging() -> Result<Plan> {
    Ok(Plan::Run(Counts::Status, vec![command("node", ["tests/packaging/types.mjs"])]))
}

fn hosts() -> Result<Plan> {
    npm::hosts()?;
    let programs = ["types", "run", "fastly", "lambda", "mocks", "routers", "examples", "guides"];
    // Where the Rust tests were built, so is the host that is an example of a crate: nothing is left to do.
    let mut commands = vec![command("cargo", ["test", "--workspace", "--no-run"])];
    commands.extend(fastly::build()?);
    commands.extend(programs.map(|name| command("node", [format!("tests/hosts/{name}.mjs")])));
    Ok(Plan::Run(Counts::Ours, commands))
}

fn header_cases() -> Result<Plan> {
    let mut commands = fastly::build()?;
    commands.push(own(["cases", "headers", "tests/vectors/header_cases.tsv"]));
    Ok(Plan::Run(Counts::Ours, commands))
}

fn bundlers() -> Result<Plan> {
    npm::bundlers()?;
    Ok(Plan::Run(Counts::Ours, vec![command("node", ["tests/hosts/bundlers/run.mjs"])]))
}

fn contenders() -> Result<Plan> {
    npm::contenders()?;
    let dir = shell::scratch("contenders")?;
    let mut realm =
        command("cargo", ["run", "--quiet", "--package", "edgelatch-testkit", "--example", "figures", "--", "--files"]);
    realm.arg(&dir).arg("1000");
    let mut smoke = command("node", ["tests/bench/smoke.mjs"]);
    smoke.arg(dir.join("1000"));
    Ok(Plan::Run(Counts::Ours, vec![realm, smoke]))
}

fn examples() -> Result<Plan> {
    Ok(Plan::Run(Counts::Status, vec![command("node", ["tests/runtimes/examples.mjs"])]))
}

/// A program that is given the path of the command.
pub fn with_command(counts: Counts, script: &str, more: Option<PathBuf>) -> Plan {
    let mut node = command("node", [script]);
    node.arg(shell::target().join("debug/edgelatch")).args(more);
    Plan::Run(counts, vec![command("cargo", ["build", "--package", "edgelatch"]), node])
}

fn readme() -> Result<Plan> {
    Ok(with_command(Counts::Status, "tests/e2e/readme.mjs", None))
}

fn guides() -> Result<Plan> {
    Ok(match with_command(Counts::Ours, "tests/e2e/start.mjs", None) {
        Plan::Run(counts, mut commands) => {
            let mut migrating = command("node", ["tests/e2e/migrating.mjs"]);
            migrating.arg(target().join("debug/edgelatch"));
            commands.push(migrating);
            Plan::Run(counts, commands)
        }
        skip => skip,
    })
}

fn stream() -> Result<Plan> {
    Ok(with_command(Counts::Ours, "tests/e2e/stream.mjs", None))
}

fn nginx() -> Result<Plan> {
    let Some(program) = tools::nginx() else { return Ok(Plan::Skip("nginx is not installed".into())) };
    Ok(with_command(Counts::Ours, "tests/e2e/nginx/run.mjs", Some(program)))
}

fn readers() -> Result<Plan> {
    Ok(with_command(Counts::Ours, "tests/e2e/readers.mjs", None))
}

/// The same plan, with the server that speaks S3.
fn with_s3(plan: Plan) -> Result<Plan> {
    if !python::is_there() {
        return Ok(Plan::Skip(NO_PYTHON.into()));
    }
    let moto = python::programs(python::S3)?.join("moto_server");
    Ok(match plan {
        Plan::Run(counts, mut commands) => {
            for command in &mut commands {
                command.env(s3::PROGRAM, &moto);
            }
            Plan::Run(counts, commands)
        }
        skip => skip,
    })
}

fn s3() -> Result<Plan> {
    // Out of all tests, as they were compiled for the step `rust`: for some programs alone Cargo would compile most crates again, with other features.
    let mut tests = command("cargo", ["test", "--workspace", "--no-fail-fast", "--"]);
    tests.args(["buckets::", "s3::", "targets::"]);
    with_s3(Plan::Run(Counts::Libtest, vec![tests]))
}

fn otel() -> Result<Plan> {
    let tests = ["test", "--package", "edgelatch", "--features", "otel", "--test", "it", "otel::"];
    Ok(Plan::Run(Counts::Libtest, vec![command("cargo", tests)]))
}

fn s3_edge() -> Result<Plan> {
    with_s3(with_command(Counts::Ours, "tests/e2e/s3/run.mjs", None))
}

fn ceremonies() -> Result<Plan> {
    Ok(with_command(Counts::Ours, "tests/e2e/ceremonies.mjs", None))
}

fn pepper() -> Result<Plan> {
    Ok(with_command(Counts::Ours, "tests/e2e/pepper.mjs", None))
}

fn fleet() -> Result<Plan> {
    Ok(with_command(Counts::Ours, "tests/e2e/fleet.mjs", None))
}

fn systems() -> Result<Plan> {
    Ok(with_command(Counts::Ours, "tests/systems/run.mjs", None))
}

fn shipping() -> Result<Plan> {
    if !shell::exists(dist::COMPILER) {
        return Ok(Plan::Skip(format!("{} is not installed", dist::COMPILER)));
    }
    let mut look = command("node", ["tests/e2e/shipping/run.mjs"]);
    look.arg(target().join("artifacts"));
    Ok(Plan::Run(Counts::Ours, vec![own(["dist", "--quick"]), look]))
}

fn canary() -> Result<Plan> {
    Ok(with_command(Counts::Ours, "tests/conformance/api/canary.mjs", None))
}

fn api() -> Result<Plan> {
    if !python::is_there() {
        return Ok(Plan::Skip(NO_PYTHON.into()));
    }
    Ok(with_command(Counts::Ours, "tests/conformance/api/run.mjs", Some(python::programs(python::API)?)))
}

fn reader() -> Result<Plan> {
    if !shell::exists("python3") {
        return Ok(Plan::Skip("python3 is not installed".into()));
    }
    Ok(Plan::Run(Counts::Ours, vec![command("python3", ["tests/conformance/reader.py"])]))
}
