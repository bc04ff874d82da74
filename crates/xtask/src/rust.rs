//! `cargo xtask rust`: the Rust tests of the workspace, several programs at a time. Cargo runs one after the other, and many of them wait: for
//! processes that they kill, for leases that end, for databases.

use anyhow::{Context, Result, bail, ensure};
use edgelatch_testkit::{
    process,
    shell::{self, command},
};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// After how long a test program is taken to hang: the longest takes a quarter of it on two cores.
const LIMIT: Duration = Duration::from_secs(12 * 60);

/// A compiled test program.
struct Program {
    /// What it is called in what is printed.
    name: String,
    executable: PathBuf,
    /// Of its package: tests find their files from there.
    dir: PathBuf,
}

pub fn main() -> Result<()> {
    let waiting = Mutex::new(programs()?.into_iter());
    // Each runs as many tests at once, most of which wait for something.
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let next = || waiting.lock().ok()?.next();
    let failed = Mutex::new(Vec::new());
    let work = || {
        for why in std::iter::from_fn(next).filter_map(|program| run(&program)) {
            failed.lock().unwrap_or_else(PoisonError::into_inner).push(why);
        }
    };
    thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    let docs = shell::run(&mut command("cargo", ["test", "--workspace", "--doc", "--no-fail-fast"]));
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Once more, after all else: who reads the end of what was printed wants to know this.
    ensure!(failed.is_empty(), "{} test programs failed:\n{}", failed.len(), failed.join("\n"));
    docs
}

/// Compiles all test programs.
fn programs() -> Result<Vec<Program>> {
    let mut build = command("cargo", ["test", "--workspace", "--no-run", "--message-format", "json-render-diagnostics"]);
    let output = build.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("`{}` failed: {}", shell::shown(&build), output.status);
    }
    let mut all = Vec::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let said: serde_json::Value = serde_json::from_str(line).with_context(|| format!("cargo said {line}"))?;
        if said["profile"]["test"] != true {
            continue;
        }
        let (Some(executable), Some(manifest)) = (said["executable"].as_str(), said["manifest_path"].as_str()) else {
            continue;
        };
        let dir = Path::new(manifest).parent().context("a manifest lies in a directory")?.to_path_buf();
        let source = Path::new(said["target"]["src_path"].as_str().unwrap_or_default());
        let name = source.strip_prefix(shell::root()).unwrap_or(source).display().to_string();
        all.push(Program { name, executable: executable.into(), dir });
    }
    // Whatever starts nodes waits most: those first, so that none is left over when all else is done.
    all.sort_by_key(|program| !program.dir.ends_with("cli"));
    Ok(all)
}

/// Runs a program and prints what it said once it has ended. What it said of its failures, if it did not succeed.
fn run(program: &Program) -> Option<String> {
    let begin = Instant::now();
    let mut test = Command::new(&program.executable);
    test.current_dir(&program.dir).env("CARGO_MANIFEST_DIR", &program.dir);
    let mut text = format!("     Running {}\n", program.name);
    let ended = process::follow(&mut test, Duration::from_secs(5), |line| {
        if let Some(line) = line {
            text += line;
            text.push('\n');
        }
        ensure!(begin.elapsed() < LIMIT, "it did not end within {} s", LIMIT.as_secs());
        Ok(())
    });
    let failure = match ended {
        Ok(status) if status.success() => None,
        Ok(status) => Some(status.to_string()),
        Err(error) => Some(error.to_string()),
    };
    let end = failure.as_deref().unwrap_or("ok");
    println!("{text}     {} ended after {:.0} s: {end}", program.name, begin.elapsed().as_secs_f32());
    let (_, failures) = text.split_once("\nfailures:\n").unwrap_or_default();
    // Its count stands above already, and is counted there.
    let (failures, _) = failures.split_once("\ntest result: ").unwrap_or((failures, ""));
    failure.map(|why| format!("{} ended with {why}\n{}", program.name, failures.trim()))
}
