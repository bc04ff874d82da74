//! `cargo xtask bench`: the figures of the design, each beside its target. Nothing here is a test.

mod changes;
mod cold;
mod console;
mod control;
mod kept;
mod lazy;
mod path;
mod table;

use crate::{js, wasm::Size};
use anyhow::{Context, Result};
use edgelatch_testkit::shell::{self, command};
use serde_json::Value;
use table::{
    Table,
    Target::{self, AtLeast, AtMost},
};

const SIZES: &[&str] = &["1000", "100000", "1000000"];
const LARGEST: &str = "1000000";
const STARTS: usize = 7;

/// What is measured.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Part {
    /// Verification, snapshots and the wasm file
    Edge,
    /// The registry and publications from it
    Control,
    /// Pages of the console over many keys
    Console,
    /// A change on its way to edges, and their memory
    Changes,
    /// Fresh processes with many keys
    Cold,
    /// Memory of lazy edges
    Lazy,
    /// Requests to servers with the check in front, and with others'
    Path,
}

#[derive(clap::Args)]
pub struct Arguments {
    /// Only this part
    part: Option<Part>,
    /// Numbers of keys, comma-separated; the last one is the one compared
    #[arg(long, value_delimiter = ',', default_values = SIZES)]
    sizes: Vec<String>,
    /// Digests to import
    #[arg(long, default_value_t = control::IMPORT)]
    import: u64,
    /// Keys beside those that are changed
    #[arg(long, default_value_t = changes::KEYS)]
    keys: u64,
    /// Edges that a change is to reach; each takes as much memory as the tree
    #[arg(long, default_value_t = changes::EDGES)]
    edges: u64,
    /// Numbers of keys that a fresh process begins with, comma-separated
    #[arg(long, value_delimiter = ',', default_values = cold::SIZES)]
    cold: Vec<u64>,
    #[command(flatten)]
    path: path::Run,
}

impl Arguments {
    fn measures(&self, part: Part) -> bool {
        self.part.is_none_or(|only| only == part)
    }
}

/// Target of one verification in wasm, by number of keys.
fn verify_target(size: &str) -> Target {
    match size {
        "1000" => AtMost(500.0),
        "100000" => AtMost(600.0),
        "1000000" => AtMost(800.0),
        "10000000" => AtMost(1000.0),
        _ => Target::None,
    }
}

pub fn main(arguments: &Arguments) -> Result<()> {
    let mut table = Table::default();
    if !matches!(arguments.part, Some(Part::Control | Part::Console | Part::Lazy)) {
        println!("building the SDK");
        js::prepare()?;
    }
    if arguments.measures(Part::Edge) {
        edge(&arguments.sizes, &mut table)?;
    }
    if arguments.measures(Part::Cold) {
        cold::measure(&arguments.cold, &mut table)?;
    }
    if arguments.measures(Part::Changes) {
        changes::measure(arguments.keys, arguments.edges, &mut table)?;
    }
    if arguments.measures(Part::Lazy) {
        lazy::measure(&mut table)?;
    }
    if arguments.measures(Part::Path) {
        path::measure(&arguments.path, &mut table)?;
    }
    if arguments.measures(Part::Control) {
        control::measure(arguments.import, &mut table)?;
    }
    if arguments.measures(Part::Console) {
        console::measure(arguments.keys, &mut table)?;
    }
    table.print();
    Ok(())
}

fn edge(sizes: &[String], table: &mut Table) -> Result<()> {
    let largest = sizes.last().context("no size")?.as_str();
    let dir = shell::target().join("bench");
    let at = |size: &str| dir.join(size).display().to_string();
    println!("making snapshots of {} keys and measuring the core", sizes.join(", "));
    let flags = ["run", "--quiet", "--release", "--package", "edgelatch-testkit", "--example", "figures", "--"];
    let native = json(command("cargo", flags).arg(&dir).args(sizes))?;
    println!("measuring on Node, in interleaved rounds");
    let verify = json(command("node", ["js/bench/verify.mjs"]).arg(&dir).args(sizes))?;
    let mut ours = Vec::new();
    let mut plain = Vec::new();
    for round in 0..STARTS {
        ours.push(json(command("node", ["js/bench/first.mjs", "edgelatch"]).arg(at(largest)))?);
        if round % 3 == 0 && dir.join(largest).join("keys.json").exists() {
            plain.push(json(command("node", ["js/bench/first.mjs", "json"]).arg(at(largest)))?);
        }
    }
    let crowded = json(command("node", ["js/bench/crowded.mjs"]).arg(dir.join("crowded")))?;
    let size = Size::of(&shell::root().join("js/wasm/edgelatch.wasm"))?;

    let contender = |name: &str, size: &str| number(&verify, &format!("{name} {size}"));
    for size in sizes {
        let what = format!("verify in wasm on Node, {size} keys, 50 IP entries");
        table.row(what, verify_target(size), contender("edgelatch sample", size), "ns");
        table.row("    some keys far more often than others", Target::None, contender("edgelatch zipf", size), "ns");
    }
    for (name, least) in [("createHash", 6.0), ("crypto.hash", 5.5), ("subtle", 20.0)] {
        for size in sizes {
            let of = |name: &str| contender(&format!("{name} sample"), size);
            if of(name) > 0.0 {
                let target = if size == LARGEST { AtLeast(least) } else { Target::None };
                table.row(format!("plain JS, {name} + Map + BlockList, {size} keys"), Target::None, of(name), "ns");
                table.row("    times slower than us", target, of(name) / of("edgelatch"), "×");
            }
        }
    }
    let figures = &native[largest];
    let keys: f64 = largest.parse().unwrap_or(1.0);
    for size in sizes {
        let target = if size == LARGEST { AtMost(350.0) } else { Target::None };
        table.row(format!("native Rust, same work, {size} keys"), target, number(&native[size], "native sample"), "ns");
        table.row("    some keys far more often than others", Target::None, number(&native[size], "native zipf"), "ns");
    }
    table.row("cache lines of the tree that a verification reads", AtMost(4.0), cache_lines()?, "");
    table.row(
        format!("first verdict, fresh process, {largest} keys with policies in memory"),
        AtMost(15.0),
        median(&ours, "memory"),
        "ms",
    );
    table.row("    and read from a file", Target::None, median(&ours, "file"), "ms");
    if !plain.is_empty() {
        table.row("    the same keys as JSON, in memory", Target::None, median(&plain, "memory"), "ms");
    }
    for (what, target, name) in [
        ("longest call of an update, 50000 scopes of tenants, 1000 requirements", AtMost(5.0), "call"),
        ("    copying its 10 MB in", Target::None, "input"),
        ("    longest time without a turn of the event loop", Target::None, "stall"),
        ("    first question about 32 roles of 256 patterns full of stars", AtMost(5.0), "question"),
    ] {
        table.row(what, target, number(&crowded, name), "ms");
    }
    table.row("bytes a plain key, index included", AtMost(26.0), number(figures, "plain_bytes") / keys, "B");
    table.row("    with own name, one of 5000 owners", Target::None, number(figures, "named_bytes") / keys, "B");
    table.row("    with one of 8 policies of 50 entries", AtMost(27.0), number(figures, "policy_bytes") / keys, "B");
    table.row("wasm memory / snapshot", AtMost(1.1), median(&ours, "wasmBytes") / number(figures, "policy_bytes"), "×");
    table.row("wasm memory added by 1000000 verifications", AtMost(0.0), median(&ours, "growth"), "B");
    table.row("build and sign a snapshot from scratch", Target::None, number(figures, "build_ms"), "ms");
    table.row("wasm file", AtMost(140.0), size.raw as f64 / 1000.0, "kB");
    table.row("wasm file, brotli", AtMost(52.0), size.brotli as f64 / 1000.0, "kB");
    Ok(())
}

/// On average, counted by a test of the core.
fn cache_lines() -> Result<f64> {
    let flags = ["test", "--quiet", "--package", "edgelatch-core", "--lib", "--", "few_cache_lines", "--nocapture"];
    let said = shell::capture(&mut command("cargo", flags))?;
    let average = said.split_once("Valid: ").and_then(|(_, rest)| rest.split_once(','));
    average.and_then(|(number, _)| number.parse().ok()).context("the test of the core printed no number of cache lines")
}

/// What a program prints. What it says meanwhile is shown.
fn json(command: &mut std::process::Command) -> Result<Value> {
    command.stderr(std::process::Stdio::inherit());
    let text = shell::capture(command)?;
    serde_json::from_str(text.trim()).with_context(|| format!("`{}` printed no JSON", shell::shown(command)))
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or(0.0)
}

fn median(runs: &[Value], key: &str) -> f64 {
    let mut numbers: Vec<f64> = runs.iter().map(|run| number(run, key)).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}
