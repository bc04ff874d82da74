//! The control plane's figures: lists, creations, usage, imports, publications.

use anyhow::{Result, ensure};

use super::table::{
    Table,
    Target::{self, AtLeast, AtMost},
};
use super::{json, number};
use edgelatch_testkit::shell::{self, command};

/// Digests that the target for imports is about.
pub const IMPORT: u64 = 1_000_000;

pub fn measure(import: u64, table: &mut Table) -> Result<()> {
    println!("measuring the registry; the imports take some minutes");
    let dir = shell::target().join("bench").join("control");
    let flags = ["run", "--quiet", "--release", "--package", "edgelatch-sync", "--example", "control", "--"];
    let figures = json(command("cargo", flags).arg(&dir).arg(import.to_string()))?;
    let lists: Vec<&str> =
        figures.as_object().into_iter().flatten().filter_map(|(name, _)| name.strip_prefix("list ")).collect();
    ensure!(!lists.is_empty(), "no list was measured");
    let whole = |target| if import == IMPORT { target } else { Target::None };
    for list in lists {
        let value = number(&figures, &format!("list {list}"));
        table.row(format!("50 of {import} keys, {list}"), whole(AtMost(20.0)), value, "ms");
    }
    for (what, name, target, unit) in [
        ("create a key beside 100000, commit included".to_owned(), "create", AtMost(10.0), "ms"),
        (format!("    beside {import}, with what lists are found by"), "create beside all", whole(AtMost(10.0)), "ms"),
        ("    the same in PostgreSQL".into(), "create in PostgreSQL: beside all", Target::None, "ms"),
        ("usage in batches of 1000, over 50000 keys".into(), "ingest", AtLeast(20_000.0), "events/s"),
        ("publish after one change among 100000 keys".into(), "publish", Target::None, "ms"),
        (format!("import of {import} digests"), "import", whole(AtMost(60.0)), "s"),
        ("    with tags and descriptions".into(), "import with tags and descriptions", Target::None, "s"),
        ("    the same into PostgreSQL".into(), "import in PostgreSQL: with tags and descriptions", Target::None, "s"),
        ("    into PostgreSQL".into(), "import into PostgreSQL", Target::None, "s"),
        ("    while keys are revoked".into(), "import beside revocations", Target::None, "s"),
        (format!("a revocation during an import of {import} lines, at most"), "revocation beside an import", AtMost(1.0), "s"),
        ("    in PostgreSQL".into(), "revocation beside an import into PostgreSQL", AtMost(1.0), "s"),
    ] {
        if figures.get(name).is_some() {
            table.row(what, target, number(&figures, name), unit);
        }
    }
    Ok(())
}
