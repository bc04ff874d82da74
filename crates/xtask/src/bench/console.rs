//! The console over many keys: how long its table takes, and what it weighs.

use anyhow::Result;
use edgelatch_testkit::shell::{self, command};

use super::table::{Table, Target::AtMost};
use super::{json, kept, number};

/// What changes the registry that is measured.
const INPUTS: &[&str] = &["crates/registry/src", "tests/console/figures.mjs"];

pub fn measure(keys: u64, table: &mut Table) -> Result<()> {
    println!("measuring the console over {keys} keys; making them takes some minutes the first time");
    shell::run(&mut command("cargo", ["build", "--quiet", "--release", "--package", "edgelatch"]))?;
    let mut program = command("node", ["tests/console/figures.mjs"]);
    program.arg(shell::target().join("release/edgelatch")).arg(keys.to_string()).arg(kept::place("console", keys, INPUTS)?);
    let figures = json(&mut program)?;
    table.row(format!("console, first page of {keys} keys"), AtMost(50.0), number(&figures, "first"), "ms");
    table.row("    sorted by name", AtMost(50.0), number(&figures, "sorted"), "ms");
    table.row("    found by a search", AtMost(50.0), number(&figures, "searched"), "ms");
    table.row("    its weight, style and scripts included", AtMost(150.0), number(&figures, "weight") / 1000.0, "kB");
    Ok(())
}
