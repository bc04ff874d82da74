//! Programs for Fastly Compute, which can be linked for it alone, and are tried in Viceroy.

use crate::tools;
use anyhow::Result;
use edgelatch_testkit::shell::{self, command};
use std::process::Command;

/// What they are compiled for.
pub const TARGET: &str = "wasm32-wasip1";
/// Runs them.
pub const VICEROY: &str = "viceroy";
/// Where they lie: workspaces of their own.
pub const PROGRAMS: &[&str] = &["examples/fastly", "tests/hosts/servers/fastly"];

/// Cargo for one of them.
pub fn cargo(dir: &str, arguments: &[&str]) -> Command {
    let mut cargo = command("cargo", arguments);
    // There, so that its own .cargo/config.toml counts.
    cargo.current_dir(shell::root().join(dir)).env("CARGO_TARGET_DIR", shell::target().join("fastly"));
    cargo
}

/// What compiles them all; nothing where what runs them is not installed.
pub fn build() -> Result<Vec<Command>> {
    if !shell::exists(VICEROY) {
        return Ok(Vec::new());
    }
    tools::add_target(TARGET)?;
    Ok(PROGRAMS.iter().map(|dir| cargo(dir, &["build", "--release"])).collect())
}
