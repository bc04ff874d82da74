//! The console over many keys: how long its table takes as each preset shows it, and what it weighs.

use anyhow::Result;
use edgelatch_testkit::shell::{self, command};
use serde_json::Value;

use super::table::{Table, Target::AtMost};
use super::{json, kept, number};

/// What changes the registry that is measured.
const INPUTS: &[&str] = &["crates/registry/src", "tests/console/figures.mjs"];
/// Names an empty database that keys are measured in too, such as one of PostgreSQL.
const DATABASE: &str = "EDGELATCH_BENCH_DATABASE";
/// What half of the requests for a page take at most, and what all but one in a hundred do.
const MOST_MS: [(&str, f64); 2] = [("p50", 50.0), ("p99", 50.0)];

pub fn measure(keys: u64, table: &mut Table) -> Result<()> {
    println!("measuring the console over {keys} keys; making them takes some minutes for each preset the first time");
    shell::run(&mut command("cargo", ["build", "--quiet", "--release", "--package", "edgelatch"]))?;
    let measured = |place: &std::path::Path, more: &[&str]| {
        let mut program = command("node", ["tests/console/figures.mjs"]);
        json(program.arg(shell::target().join("release/edgelatch")).arg(keys.to_string()).arg(place).args(more))
    };
    rows(keys, "", &measured(&kept::place("console", keys, INPUTS)?, &[])?, table);
    if let Ok(url) = std::env::var(DATABASE) {
        // Its keys lie there and are there once, so what lies beside them is made anew.
        let place = kept::place("console-elsewhere", keys, INPUTS)?;
        if place.exists() {
            std::fs::remove_dir_all(&place)?;
        }
        rows(keys, " elsewhere", &measured(&place, &["--preset", "default", "--database", &url])?, table);
    }
    Ok(())
}

fn rows(keys: u64, store: &str, figures: &Value, table: &mut Table) {
    for (preset, found) in figures.as_object().into_iter().flatten() {
        for (page, times) in found["pages"].as_object().into_iter().flatten() {
            for (part, most) in MOST_MS {
                table.row(
                    format!("console of {preset}{store}, {keys} keys, {page}: {part}"),
                    AtMost(most),
                    number(times, part),
                    "ms",
                );
            }
        }
        let weight = number(found, "weight") / 1000.0;
        table.row(
            format!("console of {preset}{store}: weight of the table, style and scripts included"),
            AtMost(150.0),
            weight,
            "kB",
        );
    }
}
