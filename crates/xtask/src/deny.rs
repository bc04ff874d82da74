//! What the project depends on: licences, sources, duplicates, and what must not be there, as `deny.toml` says of each workspace.

use crate::{steps::Plan, tools};
use anyhow::Result;
use edgelatch_testkit::{closing::Counts, shell::command};

/// Every workspace, by its manifest.
const WORKSPACES: &[&str] = &[
    "Cargo.toml",
    "wasm/Cargo.toml",
    "examples/fastly/Cargo.toml",
    "tests/hosts/servers/fastly/Cargo.toml",
    "tests/conformance/ip_wasm/Cargo.toml",
    "crates/core/fuzz/Cargo.toml",
    "crates/registry/fuzz/Cargo.toml",
];

/// Looks at all of them. What is known to be unsafe is no part of it: that list is fetched from where no registry is.
pub fn plan() -> Result<Plan> {
    let deny = tools::deny()?;
    // Its rules are those of the `deny.toml` where it is started: at the root.
    let look = |manifest: &&str| {
        let place = ["--locked", "--all-features", "--manifest-path", *manifest];
        command(&deny, place.into_iter().chain(["check", "bans", "licenses", "sources"]))
    };
    Ok(Plan::Run(Counts::Status, WORKSPACES.iter().map(look).collect()))
}
