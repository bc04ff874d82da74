//! `cargo xtask fuzz`: the attacks below `crates/*/fuzz`, each for some time, from the kept corpus and from the vectors. What it finds stays in
//! `target/fuzz`; a longer campaign is the same command with more seconds.

use crate::{seeds, tools};
use anyhow::{Context, Result, bail, ensure};
use edgelatch_testkit::{
    process,
    shell::{self, command},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

/// What compiles them: counting branches takes options that only this one has.
pub const TOOLCHAIN: &str = "nightly";
/// Seconds after which a single input is taken to hang: the slowest takes a tenth of one.
const HANGS: &str = "-timeout=20";
/// Inputs of a target that are kept in the repository, and bytes of one: all of them together stay far below a megabyte.
const KEPT: usize = 60;
const KEPT_BYTES: u64 = 1024;

/// Lines of a failure that are shown.
const TOLD: usize = 20;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only these attacks; all if none is named
    targets: Vec<String>,
    /// How long each is to run
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many run at once
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Put the smallest inputs that reach everything into the repository
    #[arg(long)]
    keep: bool,
}

/// One attack.
struct Target {
    name: String,
    /// The `fuzz` directory of the attacked crate.
    dir: PathBuf,
}

impl Target {
    fn program(&self) -> PathBuf {
        work().join("x86_64-unknown-linux-gnu/release").join(&self.name)
    }

    fn kept(&self) -> PathBuf {
        self.dir.join("corpus").join(&self.name)
    }
}

fn work() -> PathBuf {
    shell::target().join("fuzz")
}

/// Whether this machine has the compiler.
pub fn is_possible() -> bool {
    shell::capture(&mut command("rustup", ["toolchain", "list"])).is_ok_and(|list| list.contains(TOOLCHAIN))
}

pub fn main(arguments: &Arguments) -> Result<()> {
    ensure!(is_possible(), "`rustup toolchain install {TOOLCHAIN} --profile minimal` is needed first");
    let all = targets()?;
    let names: Vec<&str> = all.iter().map(|target| target.name.as_str()).collect();
    if let Some(name) = arguments.targets.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("no attack is called {name:?}; there are {}", names.join(", "));
    }
    let chosen = |target: &Target| arguments.targets.is_empty() || arguments.targets.contains(&target.name);
    let chosen: Vec<Target> = all.into_iter().filter(chosen).collect();
    build(&chosen)?;
    let waiting = Mutex::new(chosen.iter());
    let next = || waiting.lock().ok()?.next();
    let failed = Mutex::new(0);
    let work = || {
        for target in std::iter::from_fn(next) {
            if let Err(error) = run(target, arguments) {
                println!("FAIL {}: {error:#}", target.name);
                *failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += 1;
            }
        }
    };
    thread::scope(|scope| (0..arguments.jobs.max(1)).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!("{} passed, {failed} failed", chosen.len() - failed);
    if failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}

/// Every program of every `crates/*/fuzz`.
fn targets() -> Result<Vec<Target>> {
    let mut all = Vec::new();
    for package in fs::read_dir(shell::root().join("crates"))? {
        let dir = package?.path().join("fuzz");
        let Ok(programs) = fs::read_dir(dir.join("src/bin")) else { continue };
        for program in programs {
            let path = program?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).context("the name of an attack is text")?;
            all.push(Target { name: name.to_owned(), dir: dir.clone() });
        }
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

fn build(targets: &[Target]) -> Result<()> {
    let cargo_fuzz = tools::fuzz()?;
    let mut dirs: Vec<&PathBuf> = targets.iter().map(|target| &target.dir).collect();
    dirs.sort();
    dirs.dedup();
    for dir in dirs {
        let mut cargo = command(&cargo_fuzz, ["fuzz", "build", "--sanitizer", "none", "--target-dir"]);
        cargo.arg(work()).current_dir(dir.parent().context("it lies in a crate")?);
        // The compiler of the project is in the environment of whatever Cargo starts.
        cargo.env("RUSTUP_TOOLCHAIN", TOOLCHAIN).env_remove("CARGO").env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR");
        shell::run(&mut cargo)?;
    }
    Ok(())
}

/// Runs one for some time. An error says which input did it, and how to see it again.
fn run(target: &Target, arguments: &Arguments) -> Result<()> {
    let (found, crashes) = (fresh("corpus", &target.name)?, fresh("crashes", &target.name)?);
    let seeds = fresh("seeds", &target.name)?;
    let given = seeds::write(&target.name, &seeds)?;
    let mut attack = Command::new(target.program());
    attack.arg(&found).args(target.kept().is_dir().then(|| target.kept())).arg(&seeds);
    attack.args([HANGS, "-rss_limit_mb=4096", "-print_final_stats=1", &format!("-max_total_time={}", arguments.seconds)]);
    attack.arg(format!("-artifact_prefix={}/", crashes.display()));
    let (begin, mut executions, mut told) = (Instant::now(), 0u64, Vec::new());
    let status = process::follow(&mut attack, Duration::from_secs(5), |line| {
        let limit = Duration::from_secs(arguments.seconds + 120);
        ensure!(begin.elapsed() < limit, "it did not end within {} s", limit.as_secs());
        let Some(line) = line else { return Ok(()) };
        if let Some(number) = line.strip_prefix("stat::number_of_executed_units:") {
            executions = number.trim().parse().context("a number of executions")?;
        }
        if !line.starts_with('#') {
            told.push(line.to_owned());
        }
        Ok(())
    })?;
    if !status.success() {
        let input = fs::read_dir(&crashes)?.filter_map(|entry| Some(entry.ok()?.path())).next();
        let again = input.map_or("it left no input".into(), |input| {
            format!("the input is kept; again with\n  {} {}", target.program().display(), input.display())
        });
        // What went wrong, and not how the fuzzer came there.
        let from = told.iter().position(|line| line.contains("panicked at")).unwrap_or(told.len().saturating_sub(TOLD));
        let told: Vec<&str> = told[from..].iter().take(TOLD).map(String::as_str).collect();
        bail!("after {executions} executions\n{}\n{again}", told.join("\n"));
    }
    ensure!(executions > 0, "nothing was executed");
    println!("ok   {:14} {executions} executions in {:.0} s, {given} seeds", target.name, begin.elapsed().as_secs_f32());
    if arguments.keep { keep(target, &found, &seeds) } else { Ok(()) }
}

/// A directory that stays from one run to the next, but for seeds, which are made anew.
fn fresh(kind: &str, name: &str) -> Result<PathBuf> {
    let dir = work().join(kind).join(name);
    if kind != "corpus" && dir.is_dir() {
        fs::remove_dir_all(&dir)?;
    }
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Inputs that reach all that is reached, the smallest of them, as few as there is room for.
fn keep(target: &Target, found: &Path, seeds: &Path) -> Result<()> {
    let (merged, kept) = (fresh("merged", &target.name)?, target.kept());
    let mut merge = Command::new(target.program());
    merge.arg("-merge=1").arg(&merged).args(kept.is_dir().then_some(&kept)).args([found, seeds]);
    shell::capture(&mut merge)?;
    let mut inputs: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(&merged)? {
        let path = entry?.path();
        inputs.push((fs::metadata(&path)?.len(), path));
    }
    inputs.sort();
    if kept.is_dir() {
        fs::remove_dir_all(&kept)?;
    }
    fs::create_dir_all(&kept)?;
    // Spread over all lengths: the shortest alone would reach little.
    let inputs: Vec<PathBuf> = inputs.into_iter().filter(|(bytes, _)| *bytes <= KEPT_BYTES).map(|(_, path)| path).collect();
    for path in inputs.iter().step_by(inputs.len().div_ceil(KEPT).max(1)) {
        fs::copy(path, kept.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(())
}
