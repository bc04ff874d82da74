//! How long a fresh process takes until its first verdict, with the snapshot's bytes in memory.

use anyhow::Result;
use edgelatch_testkit::shell::{self, command};

use super::table::{Table, Target::AtMost};
use super::{STARTS, json, kept, median};

pub const SIZES: &[&str] = &["1000000", "10000000"];

/// What a snapshot's bytes come from.
const FORMAT: &[&str] = &[
    "crates/core/src/build",
    "crates/core/src/bundle.rs",
    "crates/core/src/head.rs",
    "crates/core/src/root.rs",
    "crates/core/src/signed.rs",
    "crates/core/src/tree",
    "crates/core/src/wire.rs",
    "crates/testkit/examples/plain.rs",
];

pub fn measure(sizes: &[u64], table: &mut Table) -> Result<()> {
    for size in sizes {
        let dir = kept::place("plain", *size, FORMAT)?;
        if !dir.exists() {
            println!("making a snapshot of {size} plain keys, which later runs use again");
            let begun = dir.with_extension("begun");
            std::fs::create_dir_all(&begun)?;
            let flags = ["run", "--quiet", "--release", "--package", "edgelatch-testkit", "--example", "plain", "--"];
            shell::run(command("cargo", flags).arg(&begun).arg(size.to_string()))?;
            std::fs::rename(begun, &dir)?;
        }
        println!("starting with {size} keys");
        let runs: Result<Vec<_>> =
            (0..STARTS).map(|_| json(command("node", ["js/bench/first.mjs", "edgelatch"]).arg(&dir))).collect();
        let runs = runs?;
        table.row(
            format!("first verdict, fresh process, {size} plain keys in memory"),
            AtMost(15.0),
            median(&runs, "memory"),
            "ms",
        );
        table.row("    and read from a file", super::Target::None, median(&runs, "file"), "ms");
    }
    Ok(())
}
