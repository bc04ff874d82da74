//! `cargo xtask ci`: everything that a change must pass. What is cheap to find out comes first, then the tests, then all of it at work.

use crate::{
    deny, fastly,
    steps::{Choice, Plan, Step, Steps},
    test, tools, wasm,
};
use anyhow::{Result, ensure};
use edgelatch_testkit::{
    closing::Counts,
    shell::{self, command},
};
use std::process::Command;

const BEFORE: &[Step] = &[
    Step { name: "format", about: "rustfmt has nothing to change", plan: format },
    Step { name: "clippy", about: "no warning from the compiler or clippy", plan: clippy },
    Step { name: "deny", about: "licences, sources and bans of what every workspace depends on", plan: deny::plan },
    Step { name: "rustdoc", about: "no warning from rustdoc", plan: rustdoc },
];
const AFTER: &[Step] =
    &[Step { name: "demo", about: "each row of the demo is as expected", plan: || test::own_step(Counts::Ours, &["demo"]) }];

/// Crates that are workspaces of their own and are compiled to wasm.
const WASM_CRATES: &[&str] = &["wasm", "wasm/upkeep", "wasm/testing", "tests/conformance/ip_wasm"];

/// Attacks: workspaces of their own too, since another compiler builds them.
const ATTACKS: &[&str] = &["crates/core/fuzz", "crates/registry/fuzz"];

pub fn main(choice: &Choice) -> Result<()> {
    let Some(chosen) = choice.of(BEFORE.iter().chain(test::STEPS).chain(AFTER))? else { return Ok(()) };
    let before = worktree();
    let mut steps = Steps { strict: true, ..Steps::default() };
    chosen.iter().for_each(|step| steps.run(step.name, (step.plan)()));
    steps.check("worktree", || {
        let (before, after) = (before?, worktree()?);
        ensure!(before == after, "a step changed what is checked in:\n{}", after.0);
        Ok(())
    });
    steps.close();
    Ok(())
}

/// Which files differ from what is checked in, and how.
fn worktree() -> Result<(String, String)> {
    let git = |arguments: &[&str]| shell::capture(&mut command("git", arguments));
    Ok((git(&["status", "--porcelain"])?, git(&["diff", "HEAD"])?))
}

fn in_wasm_crates(arguments: &[&str]) -> impl Iterator<Item = Command> {
    WASM_CRATES.iter().map(move |dir| shell::cargo_in(dir, "wasm", arguments))
}

fn in_fastly_programs(arguments: &[&str]) -> impl Iterator<Item = Command> {
    fastly::PROGRAMS.iter().map(move |dir| fastly::cargo(dir, arguments))
}

fn in_attacks(arguments: &[&str]) -> impl Iterator<Item = Command> {
    ATTACKS.iter().map(move |dir| shell::cargo_in(dir, "fuzz", arguments))
}

fn format() -> Result<Plan> {
    let own = command("cargo", ["fmt", "--all", "--check"]);
    let check = ["fmt", "--check"];
    let others = in_wasm_crates(&check).chain(in_fastly_programs(&check)).chain(in_attacks(&check));
    Ok(Plan::Run(Counts::Status, [own].into_iter().chain(others).collect()))
}

fn clippy() -> Result<Plan> {
    tools::add_target(wasm::TARGET)?;
    tools::add_target(fastly::TARGET)?;
    let own = command("cargo", ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]);
    let wasm = in_wasm_crates(&["clippy", "--target", wasm::TARGET, "--all-targets", "--", "-D", "warnings"]);
    // As programs have it that are none of axum's.
    let bare =
        command("cargo", ["clippy", "--package", "edgelatch-tower", "--no-default-features", "--lib", "--", "-D", "warnings"]);
    let check = ["clippy", "--all-targets", "--", "-D", "warnings"];
    let others = wasm.chain(in_fastly_programs(&check)).chain(in_attacks(&check));
    Ok(Plan::Run(Counts::Status, [own, bare].into_iter().chain(others).collect()))
}

fn rustdoc() -> Result<Plan> {
    let mut doc = command("cargo", ["doc", "--workspace", "--no-deps", "--document-private-items"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    Ok(Plan::Run(Counts::Status, vec![doc]))
}
