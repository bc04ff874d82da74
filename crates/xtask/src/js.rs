//! The SDK made ready: dependencies, compiled TypeScript, and the packed tarball unpacked where tests and examples find it.

use crate::shell::{self, command};
use crate::wasm;
use anyhow::Result;
use std::fs;

/// What the compiled and staged package is made of.
const INPUTS: &[&str] = &[
    "js/src",
    "js/package.json",
    "js/tsconfig.json",
    "js/scripts",
    "js/README.md",
    "js/wasm/edgelatch.wasm",
    "crates/xtask/src/js.rs",
];
/// Written by the build; without them it is repeated whatever the stamp says.
const OUTPUTS: &[&str] =
    &["js/dist", "tests/node_modules/edgelatch/package.json", "examples/node_modules/edgelatch/package.json"];

/// Builds whatever is out of date.
pub fn prepare() -> Result<()> {
    wasm::build(false)?;
    install()?;
    fresh("js", INPUTS, OUTPUTS, || {
        for script in ["build", "stage"] {
            shell::run(command("npm", ["run", "--silent", script]).current_dir(shell::root().join("js")))?;
        }
        Ok(())
    })
}

/// `npm ci`, if the lock file is not the one installed.
pub fn install() -> Result<()> {
    fresh("npm", &["js/package-lock.json"], &["js/node_modules"], || {
        let arguments = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
        shell::run(command("npm", arguments).current_dir(shell::root().join("js")))
    })
}

/// Runs `work` unless the inputs are those of the last success and the outputs exist.
fn fresh(name: &str, inputs: &[&str], outputs: &[&str], work: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = shell::scratch("stamps")?.join(name);
    let print = shell::fingerprint(name, inputs)?;
    let whole = outputs.iter().all(|output| shell::root().join(output).exists());
    if whole && fs::read_to_string(&stamp).is_ok_and(|old| old == print) {
        return Ok(());
    }
    let _ = fs::remove_file(&stamp);
    work()?;
    fs::write(&stamp, print)?;
    Ok(())
}
