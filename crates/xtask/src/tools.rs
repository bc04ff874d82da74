//! Tools that take minutes to install: kept in the cache directory, checked by version, installed once.

use anyhow::{Context, Result, ensure};
use edgelatch_testkit::shell::{self, command};
use std::{env, ffi::OsString, fs, path::PathBuf};

/// The `wasm-bindgen` version that wasm/Cargo.lock, the test runner and `wasm-bindgen-cli-support` agree on.
pub const WASM_BINDGEN: &str = "0.2.130";

/// Where tools are kept that take minutes to install: outside `target`, so that `cargo clean` spares them.
pub fn cache() -> Result<PathBuf> {
    if let Some(dir) = env::var_os("EDGELATCH_CACHE") {
        return Ok(dir.into());
    }
    let base = match env::var_os("XDG_CACHE_HOME") {
        Some(dir) => PathBuf::from(dir),
        None => env::home_dir().context("no home directory: set EDGELATCH_CACHE")?.join(".cache"),
    };
    Ok(base.join("edgelatch"))
}

/// Adds a compilation target to the project's toolchain when it is missing.
pub fn add_target(triple: &str) -> Result<()> {
    let installed = shell::capture(&mut command("rustup", ["target", "list", "--installed"]))?;
    if installed.lines().any(|line| line.trim() == triple) {
        return Ok(());
    }
    println!("adding the Rust target {triple}");
    shell::run(&mut command("rustup", ["target", "add", triple]))
}

/// Where nginx is, if it is installed. Debian puts it where only root's `PATH` leads.
pub fn nginx() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs = env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    dirs.map(|dir| dir.join("nginx")).find(|program| program.is_file())
}

struct Tool {
    /// Directory below the cache.
    dir: &'static str,
    binary: &'static str,
    package: &'static str,
    version: &'static str,
    /// wasm-bindgen-cli does not build with its published lock file.
    locked: bool,
}

const RUNNER: Tool = Tool {
    dir: "tools-wbg",
    binary: "wasm-bindgen-test-runner",
    package: "wasm-bindgen-cli",
    version: WASM_BINDGEN,
    locked: false,
};
const PACK: Tool = Tool { dir: "tools-pack", binary: "wasm-pack", package: "wasm-pack", version: "0.15.1", locked: true };

const SBOM: Tool = Tool { dir: "tools-sbom", binary: "cargo-sbom", package: "cargo-sbom", version: "0.10.0", locked: true };

/// Installs what lists the parts of a program if need be, and returns where it is.
pub fn sbom() -> Result<PathBuf> {
    Ok(SBOM.installed()?.join(SBOM.binary))
}

/// Compiles attacks so that a fuzzer sees which branches they reach.
const FUZZ: Tool = Tool { dir: "tools-fuzz", binary: "cargo-fuzz", package: "cargo-fuzz", version: "0.13.2", locked: true };

/// Installs what compiles attacks if need be, and returns where it is.
pub fn fuzz() -> Result<PathBuf> {
    Ok(FUZZ.installed()?.join(FUZZ.binary))
}

/// Looks at licences, sources and duplicates of what is compiled in.
const DENY: Tool = Tool { dir: "tools-deny", binary: "cargo-deny", package: "cargo-deny", version: "0.20.2", locked: true };

/// Installs what looks at dependencies if need be, and returns where it is.
pub fn deny() -> Result<PathBuf> {
    Ok(DENY.installed()?.join(DENY.binary))
}

/// Installs what is missing and returns a `PATH` that finds all of it.
pub fn path() -> Result<OsString> {
    agree()?;
    let mut dirs = Vec::new();
    for tool in [&RUNNER, &PACK] {
        dirs.push(tool.installed()?);
    }
    let rest = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(dirs.into_iter().chain(env::split_paths(&rest)))?)
}

fn agree() -> Result<()> {
    let lock = fs::read_to_string(shell::root().join("wasm/Cargo.lock")).context("cannot read wasm/Cargo.lock")?;
    let found = lock.split("[[package]]").find_map(|package| {
        let rest = package.split_once("name = \"wasm-bindgen\"\nversion = \"")?.1;
        rest.split('"').next()
    });
    ensure!(
        found == Some(WASM_BINDGEN),
        "wasm/Cargo.lock holds wasm-bindgen {found:?}, crates/xtask expects {WASM_BINDGEN}: raise both together"
    );
    Ok(())
}

impl Tool {
    fn installed(&self) -> Result<PathBuf> {
        let root = cache()?.join(self.dir);
        let bin = root.join("bin");
        if self.has_version(&bin.join(self.binary)) {
            return Ok(bin);
        }
        println!("installing {} {} into {} (once, some minutes)", self.package, self.version, root.display());
        // Unoptimised: it builds in a third of the time and our test module is small.
        let mut cargo = command("cargo", ["install", self.package, "--version", self.version, "--debug", "--force", "--root"]);
        cargo.arg(&root).args(self.locked.then_some("--locked"));
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
        shell::run(&mut cargo)?;
        ensure!(
            self.has_version(&bin.join(self.binary)),
            "{} in {} is not version {}",
            self.binary,
            bin.display(),
            self.version
        );
        Ok(bin)
    }

    fn has_version(&self, binary: &PathBuf) -> bool {
        binary.is_file()
            && shell::capture(&mut command(binary, ["--version"])).is_ok_and(|text| text.trim().ends_with(self.version))
    }
}
