//! What comes from the npm registry, as the lock files say.

use crate::fresh::Work;
use anyhow::Result;
use edgelatch_testkit::shell::{self, command};

const DEPENDENCIES: Work =
    Work { name: "npm", recipe: "npm", inputs: &["js/package-lock.json"], outputs: &["js/node_modules"] };
/// What the SDK is compared with.
const CONTENDERS: Work = Work {
    name: "npm-bench",
    recipe: "npm",
    inputs: &["tests/bench/package-lock.json"],
    outputs: &["tests/bench/node_modules"],
};

/// What the adapters are for.
const HOSTS: Work = Work {
    name: "npm-hosts",
    recipe: "npm",
    inputs: &["tests/hosts/package-lock.json"],
    outputs: &["tests/hosts/node_modules"],
};

/// A browser's other end, and what looks at pages in it.
const CONSOLE: Work = Work {
    name: "npm-console",
    recipe: "npm",
    inputs: &["tests/console/package-lock.json"],
    outputs: &["tests/console/node_modules"],
};

/// What the SDK is bundled with; each major version of Next has a place of its own, since both have one name, and so have frameworks
/// that bring a bundler.
const BUNDLERS: Work = Work {
    name: "npm-bundlers",
    recipe: "npm",
    inputs: &[
        "tests/hosts/bundlers/package-lock.json",
        "tests/hosts/bundlers/next-15/package-lock.json",
        "tests/hosts/bundlers/next-16/package-lock.json",
        "tests/hosts/bundlers/apps/package-lock.json",
    ],
    outputs: &[
        "tests/hosts/bundlers/node_modules",
        "tests/hosts/bundlers/next-15/node_modules",
        "tests/hosts/bundlers/next-16/node_modules",
        "tests/hosts/bundlers/apps/node_modules",
    ],
};

/// Installs what builds and tests the SDK.
pub fn dependencies() -> Result<()> {
    DEPENDENCIES.update(false, || run("js", INSTALL)).map(drop)
}

/// Installs what the benchmark of requests loads beside the SDK.
pub fn contenders() -> Result<()> {
    CONTENDERS.update(false, || run("tests/bench", INSTALL)).map(drop)
}

/// Installs the frameworks that the adapters are tested on.
pub fn hosts() -> Result<()> {
    HOSTS.update(false, || run("tests/hosts", INSTALL)).map(drop)
}

/// Installs what drives the console in a browser.
pub fn console() -> Result<()> {
    CONSOLE.update(false, || run("tests/console", INSTALL)).map(drop)
}

/// Installs bundlers, and hosts that bundle.
pub fn bundlers() -> Result<()> {
    let install =
        || ["", "/next-15", "/next-16", "/apps"].iter().try_for_each(|at| run(&format!("tests/hosts/bundlers{at}"), INSTALL));
    BUNDLERS.update(false, install).map(drop)
}

const INSTALL: &[&str] = &["ci", "--no-audit", "--no-fund", "--loglevel=error"];

/// Runs npm in a directory.
pub fn run(directory: &str, arguments: &[&str]) -> Result<()> {
    shell::run(command("npm", arguments).current_dir(shell::root().join(directory)))
}
