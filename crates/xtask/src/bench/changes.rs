//! What a change costs on its way from the control plane to edges, how long it takes, and what memory edges take meanwhile.

use anyhow::Result;
use edgelatch_testkit::shell::{self, command};

use super::table::{
    Table,
    Target::{self, AtMost},
};
use super::{json, kept, number};

/// Keys that the targets are about.
pub const KEYS: u64 = 1_000_000;
/// Edges that the targets are about.
pub const EDGES: u64 = 200;
/// Processes that they run in.
const PROCESSES: u64 = 4;
/// What the registry that they are imported into looks like.
const TABLES: &[&str] = &["crates/registry/src/store"];

pub fn measure(keys: u64, edges: u64, table: &mut Table) -> Result<()> {
    println!("building the control plane");
    shell::run(&mut command("cargo", ["build", "--quiet", "--release", "--package", "edgelatch"]))?;
    println!("changing one of {keys} keys, which reaches {edges} edges; the first time, they are imported");
    let dir = kept::place("road", keys, TABLES)?;
    let mut program = command("node", ["js/bench/changes.mjs"]);
    program.arg(shell::target().join("release").join("edgelatch")).arg(dir);
    let figures = json(program.args([keys, edges, PROCESSES].map(|number| number.to_string())))?;

    let whole = |limit| if keys == KEYS { AtMost(limit) } else { Target::None };
    let fleet = |limit| if keys == KEYS && edges == EDGES { AtMost(limit) } else { Target::None };
    let kilobytes = |name| number(&figures, name) / 1000.0;
    table.row(format!("one revocation among {keys} keys: to a connected edge"), whole(2.0), kilobytes("connected_bytes"), "kB");
    table.row("    to one that polls: head and patch, requests and replies", whole(12.0), kilobytes("polling_bytes"), "kB");
    table.row("    a poll that finds nothing new", Target::None, kilobytes("idle_poll_bytes"), "kB");
    table.row("    CPU of the control plane beyond idling", whole(50.0), number(&figures, "publish_cpu"), "ms");
    table.row("        with all edges connected, idling included", Target::None, number(&figures, "fleet_publish_cpu"), "ms");
    table.row("        idling, a second", Target::None, number(&figures, "idle_cpu"), "ms");
    table.row("    CPU of an edge beyond idling", whole(2.0), number(&figures, "apply_cpu"), "ms");
    table.row("    longest stall of its event loop, median of changes", whole(5.0), number(&figures, "stall"), "ms");
    table.row("        in the worst of them", Target::None, number(&figures, "worst_stall"), "ms");
    table.row(
        "        of which its own work, without other programs' turns",
        Target::None,
        number(&figures, "stall_work"),
        "ms",
    );
    let refused = &figures["refused"];
    for (what, target, name) in [
        (format!("committed to refused at {edges} connected edges, p50"), fleet(100.0), "p50"),
        ("    p99".into(), fleet(250.0), "p99"),
        ("    the last".into(), Target::None, "most"),
    ] {
        table.row(what, target, number(refused, name), "ms");
    }
    let memory = |name| number(&figures["memory"], name) / number(&figures, "tree_bytes");
    table.row(format!("eager edge of {keys} keys: wasm memory and buffers, at most / tree"), whole(1.2), memory("most"), "×");
    table.row("    after the updates", whole(1.2), memory("now"), "×");
    let workerd = |name| number(&figures["workerd"], name) / number(&figures, "tree_bytes");
    table.row("    in workerd, resident memory added by it, at most / tree", whole(1.2), workerd("most"), "×");
    table.row("        as it was loaded", Target::None, workerd("first"), "×");
    table.row("    in Node, resident memory of its process beyond that before / tree", Target::None, memory("resident"), "×");
    Ok(())
}
