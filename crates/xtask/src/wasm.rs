//! `cargo xtask wasm`: wasm/ → js/wasm/edgelatch.wasm. The SDK instantiates the file itself, so the glue is not kept.

use crate::{fresh::Work, npm, parts, silence, tools};
use anyhow::{Context, Result, bail};
use edgelatch_testkit::shell::{self, command};
use std::{
    fs,
    path::{Path, PathBuf},
};
use walrus::{Module, ModuleConfig};
use wasm_bindgen_cli_support::Bindgen;

/// What it is compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// Features of the module that is shipped; tests need std's allocator and panic handler instead.
const SHIPPED: &[&str] = &["--features", "standalone"];
/// Where the shipped file goes.
const FILE: &str = "js/wasm/edgelatch.wasm";
/// What makes realms for tests of users. No other entry of the package has it.
const TESTING: &str = "js/wasm/testing.wasm";

const SHIPPED_FILE: Work = Work {
    name: "wasm",
    recipe: "4 simd128 web unlocated Oz converge low",
    inputs: &[
        "wasm",
        "crates/core/src",
        "crates/core/Cargo.toml",
        "Cargo.toml",
        "rust-toolchain.toml",
        "js/package-lock.json",
        "crates/xtask/src/silence.rs",
        "crates/xtask/src/wasm.rs",
        "Cargo.lock",
    ],
    outputs: &[FILE],
};

const TESTING_FILE: Work =
    Work { name: "wasm-testing", recipe: "2 web unlocated Oz converge low", outputs: &[TESTING], ..SHIPPED_FILE };

#[derive(clap::Args)]
pub struct Arguments {
    /// Build even if no input changed
    #[arg(long)]
    force: bool,
    /// Say what the code of the file that verifies comes from, largest first
    #[arg(long)]
    parts: bool,
}

/// Whether a module keeps the names of its functions.
#[derive(Clone, Copy, PartialEq)]
enum Names {
    Kept,
    Dropped,
}

pub fn main(arguments: &Arguments) -> Result<()> {
    for (file, built) in [(FILE, build(arguments.force)?), (TESTING, build_testing(arguments.force)?)] {
        let size = Size::of(&shell::root().join(file))?;
        let note = if built { "" } else { " (up to date)" };
        println!("{file}: {} bytes, {} with brotli{note}", size.raw, size.brotli);
    }
    if arguments.parts {
        let named = shell::scratch("parts")?.join("named.wasm");
        verifier(&named, Names::Kept)?;
        parts::print(&fs::read(named)?)?;
    }
    Ok(())
}

/// Builds the wasm file that verifies; `false` if it was up to date.
pub fn build(force: bool) -> Result<bool> {
    SHIPPED_FILE.update(force, || verifier(&shell::root().join(FILE), Names::Dropped))
}

fn verifier(out: &Path, names: Names) -> Result<()> {
    let mut module = read(&compile("wasm", "edgelatch_wasm.wasm", SHIPPED)?, names)?;
    silence::panics(&mut module);
    silence::places(&mut module);
    finish(module, out, names, only_ours)
}

/// Builds the one that makes realms for tests, likewise.
pub fn build_testing(force: bool) -> Result<bool> {
    TESTING_FILE.update(force, || {
        let module = compile("wasm", "edgelatch_wasm_testing.wasm", &["--package", "edgelatch-wasm-testing"])?;
        finish(read(&module, Names::Dropped)?, &shell::root().join(TESTING), Names::Dropped, |_| {})
    })
}

/// Adds what JavaScript calls it by, lets `strip` take out what nobody needs of that, and makes it small.
fn finish(module: Module, out: &Path, names: Names, strip: impl FnOnce(&mut Module)) -> Result<()> {
    let processed = shell::scratch("bindgen")?;
    process(Bindgen::new().web(true)?.input_module("edgelatch", module), &processed)?;
    fs::create_dir_all(shell::root().join("js/wasm"))?;
    let processed = processed.join("edgelatch_bg.wasm");
    let mut module = read(&processed, names)?;
    strip(&mut module);
    module.emit_wasm_file(&processed)?;
    shrink(&processed, out, names)
}

/// Compiles the judge of the address cases and returns its CommonJS module.
pub fn build_conformance(out: &Path) -> Result<PathBuf> {
    let input = compile("tests/conformance/ip_wasm", "edgelatch_ip_wasm.wasm", &[])?;
    process(Bindgen::new().nodejs(true)?.typescript(false).input_module("conformance", read(&input, Names::Dropped)?), out)?;
    Ok(out.join("conformance.js"))
}

/// Builds a crate and returns the module as the compiler leaves it.
fn compile(dir: &str, file: &str, flags: &[&str]) -> Result<PathBuf> {
    tools::add_target(TARGET)?;
    let target = shell::target().join("wasm");
    let mut cargo = command("cargo", ["build", "--quiet", "--release", "--target", TARGET]);
    // There, so that its own .cargo/config.toml counts, as it does for wasm-pack.
    cargo
        .args(flags)
        .args(["--config", &unlocated()?])
        .current_dir(shell::root().join(dir))
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTFLAGS");
    shell::run(&mut cargo)?;
    Ok(target.join(TARGET).join("release").join(file))
}

/// Panic messages name source files: without the directories of the machine that built them, the same bytes come out everywhere.
fn unlocated() -> Result<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let home = home.context("neither CARGO_HOME nor a home directory is known")?;
    let sources = fs::read_dir(home.join("registry/src")).into_iter().flatten().flatten().map(|entry| entry.path());
    let remap = |from: PathBuf| format!("{:?}", format!("--remap-path-prefix={}/=", from.display()));
    let flags: Vec<String> = sources.chain([shell::root().to_owned()]).map(remap).collect();
    Ok(format!("target.{TARGET}.rustflags=[{}]", flags.join(",")))
}

/// Reads a module, of which the sections that only describe it are not to be written again.
fn read(path: &Path, names: Names) -> Result<Module> {
    // The compiler's output is well formed, and walrus takes some features that it uses for wrong.
    let mut config = ModuleConfig::new();
    config.strict_validate(false).generate_name_section(names == Names::Kept).generate_producers_section(false);
    config.parse_file(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Takes out what wasm-bindgen puts in for values of JavaScript, such as a table of them: only numbers cross here, and the module imports nothing.
fn only_ours(module: &mut Module) {
    let theirs: Vec<_> =
        module.exports.iter().filter(|export| export.name.starts_with("__")).map(|export| export.id()).collect();
    theirs.into_iter().for_each(|export| module.exports.delete(export));
    walrus::passes::gc::run(module);
}

fn process(bindgen: &mut Bindgen, out: &Path) -> Result<()> {
    bindgen.generate(out).context("wasm-bindgen refused; its version must equal wasm-bindgen-cli-support in crates/xtask")
}

/// How the module is rewritten: small, until nothing gets smaller. The first kilobyte of memory counts as unused, as it is: it is the far end of the
/// stack, which grows down to 0, so that a stack which reached it traps a little earlier.
const SHRINK: [&str; 3] = ["-Oz", "--converge", "--low-memory-unused"];

/// Rewrites a module with less code for the same. The compiler knows functions; this knows how they are encoded.
fn shrink(module: &Path, out: &Path, names: Names) -> Result<()> {
    npm::dependencies()?;
    let mut optimizer = command("node", ["js/node_modules/binaryen/bin/wasm-opt"]);
    optimizer.args(SHRINK).args((names == Names::Kept).then_some("--debuginfo"));
    shell::run(optimizer.arg("-o").arg(out).arg(module).current_dir(shell::root()))
}

/// Size of a file as it is and as a CDN sends it.
pub struct Size {
    pub raw: usize,
    pub brotli: usize,
}

impl Size {
    pub fn of(path: &Path) -> Result<Size> {
        let script = "const b = require('fs').readFileSync(process.argv[1]);\
             console.log(b.length, require('zlib').brotliCompressSync(b).length)";
        let mut node = command("node", ["-e", script]);
        node.arg(path);
        let text = shell::capture(&mut node)?;
        let numbers: Vec<usize> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [raw, brotli] => Ok(Size { raw, brotli }),
            _ => bail!("cannot measure {}: node printed {text:?}", path.display()),
        }
    }
}
