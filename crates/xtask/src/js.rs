//! The SDK made ready: dependencies, compiled TypeScript, and the packed tarball unpacked where tests and examples find it.

use crate::{fresh::Work, wasm};
use anyhow::Result;
use edgelatch_testkit::shell::{self, command};

const PACKAGE: Work = Work {
    name: "js",
    recipe: "js",
    inputs: &[
        "js/src",
        "js/package.json",
        "js/tsconfig.json",
        "js/scripts",
        "js/README.md",
        "js/wasm/edgelatch.wasm",
        "crates/xtask/src/js.rs",
    ],
    outputs: &["js/dist", "tests/node_modules/edgelatch/package.json", "examples/node_modules/edgelatch/package.json"],
};

const DEPENDENCIES: Work =
    Work { name: "npm", recipe: "npm", inputs: &["js/package-lock.json"], outputs: &["js/node_modules"] };

/// Builds whatever is out of date.
pub fn prepare() -> Result<()> {
    wasm::build(false)?;
    DEPENDENCIES.update(false, || npm(&["ci", "--no-audit", "--no-fund", "--loglevel=error"]))?;
    PACKAGE.update(false, || ["build", "stage"].iter().try_for_each(|script| npm(&["run", "--silent", script])))?;
    Ok(())
}

fn npm(arguments: &[&str]) -> Result<()> {
    shell::run(command("npm", arguments).current_dir(shell::root().join("js")))
}
