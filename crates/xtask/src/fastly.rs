//! Programs for Fastly Compute, which can be linked for it alone, and are tried in Viceroy.

use crate::tools;
use anyhow::Result;
use edgelatch_testkit::shell;
use std::process::Command;

/// What they are compiled for.
pub const TARGET: &str = "wasm32-wasip1";
/// Runs them.
pub const VICEROY: &str = "viceroy";
/// Where they lie: workspaces of their own.
pub const PROGRAMS: &[&str] = &["examples/fastly", "tests/hosts/servers/fastly"];

/// Cargo for one of them.
pub fn cargo(dir: &str, arguments: &[&str]) -> Command {
    shell::cargo_in(dir, "fastly", arguments)
}

/// What compiles them all; nothing where what runs them is not installed.
pub fn build() -> Result<Vec<Command>> {
    if !shell::exists(VICEROY) {
        return Ok(Vec::new());
    }
    tools::add_target(TARGET)?;
    Ok(PROGRAMS.iter().map(|dir| cargo(dir, &["build", "--release"])).collect())
}
