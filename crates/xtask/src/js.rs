//! The SDK made ready: compiled TypeScript, and the packed tarball unpacked where tests and examples find it.

use crate::{fresh::Work, npm, wasm};
use anyhow::Result;

const PACKAGE: Work = Work {
    name: "js",
    recipe: "js",
    inputs: &[
        "js/src",
        "js/package.json",
        "js/tsconfig.json",
        "js/tsconfig.cjs.json",
        "js/scripts",
        "js/README.md",
        "js/docs",
        "js/wasm/edgelatch.wasm",
        "js/wasm/testing.wasm",
        "crates/xtask/src/js.rs",
    ],
    outputs: &["js/dist", "tests/node_modules/edgelatch/package.json", "examples/node_modules/edgelatch/package.json"],
};

/// Builds whatever is out of date.
pub fn prepare() -> Result<()> {
    wasm::build(false)?;
    wasm::build_testing(false)?;
    npm::dependencies()?;
    PACKAGE.update(false, || ["build", "stage"].iter().try_for_each(|script| npm::run("js", &["run", "--silent", script])))?;
    Ok(())
}
