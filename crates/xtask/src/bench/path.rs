//! What the check costs in front of servers, beside what others put there, and without a server.

use anyhow::{Context, Result};
use edgelatch_testkit::shell::{self, command};
use serde_json::Value;
use std::{fs, path::PathBuf};

use super::table::{
    Table,
    Target::{self, AtLeast, AtMost},
};
use super::{json, number};
use crate::npm;

/// Numbers of keys that are measured, those of a quick run first.
const SIZES: [&str; 3] = ["1000", "100000", "1000000"];

#[derive(clap::Args)]
pub struct Run {
    /// Of `path`: fewer and shorter rounds, which show whether everything works; its figures are rough
    #[arg(long)]
    quick: bool,
    /// Of `path`: write the figures to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Of `path`: write figures and chart into BENCHMARKS.md and what it shows
    #[arg(long, conflicts_with = "quick")]
    write: bool,
}

pub fn measure(arguments: &Run, table: &mut Table) -> Result<()> {
    npm::contenders()?;
    let dir = shell::target().join("bench").join("path");
    let sizes = if arguments.quick { &SIZES[..2] } else { &SIZES };
    println!("making snapshots of {} keys", sizes.join(", "));
    let flags = ["run", "--quiet", "--release", "--package", "edgelatch-testkit", "--example", "figures", "--", "--files"];
    shell::capture(command("cargo", flags).arg(&dir).args(sizes))?;
    println!("loading servers, in interleaved rounds");
    let mut program = command("node", ["tests/bench/run.mjs"]);
    let figures = json(program.arg(&dir).args(arguments.quick.then_some("--quick")))?;
    let file = dir.join("figures.json");
    for path in [Some(&file), arguments.json.as_ref()].into_iter().flatten() {
        fs::write(path, format!("{figures:#}\n")).with_context(|| format!("cannot write {}", path.display()))?;
    }
    servers(&figures, table);
    inside(&figures["inside"], &figures["goals"], table);
    if arguments.write {
        shell::run(command("node", ["tests/bench/page/write.mjs"]).arg(&file))?;
    }
    println!("measured for {} s; all figures are in {}", figures["made"]["seconds"], file.display());
    Ok(())
}

fn servers(figures: &Value, table: &mut Table) {
    let goal = |name| number(&figures["goals"], name);
    for contender in figures["contenders"].as_array().into_iter().flatten() {
        let text = |key: &str| contender[key].as_str().unwrap_or_default();
        let name = format!("{}, {}", text("family"), text("title"));
        if contender.get("error").is_some() {
            println!("FAILED: {name}: {}", text("error"));
            continue;
        }
        let median = |key: &str| number(&contender[key], "median");
        let (least, most) = match text("id") {
            "edgelatch" => (AtLeast(goal("share")), Target::None),
            "handwritten" => (Target::None, AtLeast(goal("faster"))),
            _ => (Target::None, Target::None),
        };
        table.row(format!("{name}: requests against no check"), least, median("share"), "×");
        table.row("    requests a second", Target::None, median("rate"), "/s");
        table.row("    CPU a request", Target::None, median("cpu"), "µs");
        table.row("    latency at 70 % of that, p50", Target::None, median("p50"), "ms");
        table.row("    p99", Target::None, median("p99"), "ms");
        if contender.get("slower").is_some() {
            table.row("    Edgelatch against it", most, median("slower"), "×");
        }
    }
}

fn inside(inside: &Value, goals: &Value, table: &mut Table) {
    if inside.is_null() {
        return println!("FAILED: requests without a server");
    }
    for row in inside["identity"].as_array().into_iter().flatten() {
        let target = match &goals["identity"][row["keys"].to_string()] {
            Value::Number(most) if number(row, "lines") <= number(goals, "lines") => most.as_f64().map_or(Target::None, AtMost),
            _ => Target::None,
        };
        let what = format!("request to verdict and identity, {} keys, {} header lines", row["keys"], row["lines"]);
        table.row(what, target, number(&row["time"], "median"), "µs");
    }
    for (what, name) in [("requirement as data", "data"), ("    as a function", "function")] {
        table.row(what, Target::None, number(&inside["requirement"][name], "median"), "µs");
    }
    table.row("usage reports, a request", AtMost(number(goals, "usage")), number(&inside["usage"]["added"], "median"), "µs");
    let growth = &inside["growth"];
    let what = format!("wasm memory added by {} requests with {} updates", growth["requests"], growth["updates"]);
    table.row(what, AtMost(number(goals, "growth")), number(growth, "bytes"), "B");
}
