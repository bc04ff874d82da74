//! Runs steps one after another: a line each with its time, progress while it runs, its output kept in a file.

use anyhow::{Context, Result, bail, ensure};
use edgelatch_testkit::{closing::Counts, process, shell, tally::Tally};
use std::{
    fs::File,
    io::{IsTerminal, Write},
    process::Command,
    time::{Duration, Instant},
};

/// After how long without a line a program is taken to hang: the longest test, and the longest compilation of one crate, take less than half of it.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// What the lines contain in which Cargo's tests, Node's and our own name what failed.
const NAMES: &[&str] = &[" ... FAILED", "panicked at ", "not ok ", "\u{2716} ", "FAIL ", "error: "];
/// How many of them are shown at most.
const NAMED: usize = 12;

/// One thing to be run.
pub struct Step {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it proves.
    pub about: &'static str,
    /// How.
    pub plan: fn() -> Result<Plan>,
}

/// What a step does.
pub enum Plan {
    /// These programs, in order, the last of which counts.
    Run(Counts, Vec<Command>),
    /// Nothing, for this reason. An error where nothing may be skipped.
    Skip(String),
}

/// Which steps to run.
#[derive(clap::Args)]
pub struct Choice {
    /// Only these steps, comma-separated; `--list` names them
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// All but these steps
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    /// Name the steps and do nothing
    #[arg(long)]
    list: bool,
}

impl Choice {
    /// Those of the steps that are to be run; `None` if they were only to be named.
    pub fn of<'s>(&self, steps: impl IntoIterator<Item = &'s Step>) -> Result<Option<Vec<&'s Step>>> {
        let steps: Vec<&Step> = steps.into_iter().collect();
        if self.list {
            steps.iter().for_each(|step| println!("{:14} {}", step.name, step.about));
            return Ok(None);
        }
        let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
        if let Some(name) = self.only.iter().chain(&self.without).find(|name| !names.contains(&name.as_str())) {
            bail!("no step is called {name:?}; there are {}", names.join(", "));
        }
        let named = |names: &[String], step: &Step| names.iter().any(|name| name == step.name);
        let chosen = |step: &&Step| (self.only.is_empty() || named(&self.only, step)) && !named(&self.without, step);
        Ok(Some(steps.into_iter().filter(chosen).collect()))
    }
}

/// A run of several steps and the one sum of all that they counted.
#[derive(Default)]
pub struct Steps {
    /// Whether nothing may be skipped, by a step or by a program of one.
    pub strict: bool,
    /// So far.
    pub sum: Tally,
}

impl Steps {
    /// Runs a step and prints how it went. Whatever goes wrong is a failure of this step and stops no other.
    pub fn run(&mut self, name: &str, plan: Result<Plan>) {
        let begin = Instant::now();
        let done = match plan {
            Ok(Plan::Skip(reason)) if !self.strict => return println!("skip {name}: {reason}"),
            Ok(Plan::Skip(reason)) => Err(anyhow::anyhow!("{reason}, and nothing may be skipped here")),
            Ok(Plan::Run(counts, commands)) => programs(name, begin, counts, commands, self.strict),
            Err(error) => Err(error),
        };
        self.count(name, begin, done);
    }

    /// Looks at something in this process and counts it as one.
    pub fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        let begin = Instant::now();
        self.count(name, begin, check().map(|()| (Tally { passed: 1, failed: 0 }, String::new())));
    }

    /// Adds what was counted, and prints it with what else there is to say.
    fn count(&mut self, name: &str, begin: Instant, done: Result<(Tally, String)>) {
        let (tally, more) = done.unwrap_or_else(|error| (Tally { passed: 0, failed: 1 }, format!("    {error:#}")));
        let word = if tally.failed == 0 { "ok  " } else { "FAIL" };
        println!("{word} {name}  {:.1} s  {tally}", begin.elapsed().as_secs_f32());
        if !more.is_empty() {
            println!("{more}");
        }
        self.sum += tally;
    }

    /// Prints the sum as the last line, and ends this process with a failure if there was one.
    pub fn close(self) {
        println!("{}", self.sum);
        if self.sum.failed > 0 {
            std::process::exit(1);
        }
    }
}

/// Runs a step's programs until one fails. Returns what they counted and, if something failed, the end of what they printed.
fn programs(name: &str, begin: Instant, counts: Counts, commands: Vec<Command>, strict: bool) -> Result<(Tally, String)> {
    let path = shell::scratch("logs")?.join(format!("{name}.log"));
    let mut log = Log { file: File::create(&path)?, text: String::new() };
    let mut failed = None;
    for mut command in commands {
        if strict {
            command.env("CI", "true");
        }
        let line = shell::shown(&command);
        log.add(&format!("$ {line}"))?;
        if !follow(name, begin, &mut command, &mut log, SILENCE).with_context(|| format!("`{line}` did not come to its end"))? {
            failed = Some(line);
            break;
        }
    }
    let tally = counts.judge(failed.is_none(), &log.text);
    if tally.failed == 0 {
        return Ok((tally, String::new()));
    }
    let why = failed.map_or("not every test passed".into(), |line| format!("`{line}` failed"));
    // What names a failure may stand far from the end.
    let named = log.text.lines().filter(|line| NAMES.iter().any(|name| line.contains(name))).take(NAMED);
    let named: String = named.map(|line| format!("    {}\n", line.trim())).collect();
    let tail: Vec<&str> = log.text.lines().rev().take(60).collect();
    let tail: String = tail.iter().rev().map(|line| format!("\n    {line}")).collect();
    Ok((tally, format!("{named}    {why}; all of the output is in {}, and this is its end:{tail}", path.display())))
}

struct Log {
    file: File,
    text: String,
}

impl Log {
    fn add(&mut self, line: &str) -> Result<()> {
        writeln!(self.file, "{line}")?;
        self.text.push_str(line);
        self.text.push('\n');
        Ok(())
    }
}

/// Runs a program, shows from time to time what it printed last, and says whether it succeeded. One that prints nothing for `silence` is ended.
fn follow(name: &str, begin: Instant, command: &mut Command, log: &mut Log, silence: Duration) -> Result<bool> {
    let terminal = std::io::stdout().is_terminal();
    let every = if terminal { Duration::from_millis(250) } else { Duration::from_secs(20) };
    let (mut shown, mut last, mut printed) = (Instant::now(), String::new(), Instant::now());
    let status = process::follow(command, every.min(silence), |line| {
        ensure!(printed.elapsed() < silence, "nothing was printed for {} s after `{last}`: it hangs", silence.as_secs());
        if let Some(line) = line {
            printed = Instant::now();
            log.add(line)?;
            if !line.trim().is_empty() {
                last = line.trim().chars().take(90).collect();
            }
        }
        if shown.elapsed() >= every {
            shown = Instant::now();
            let line = format!("...  {name}  {} s  {last}", begin.elapsed().as_secs());
            if terminal {
                print!("\r\x1b[2K{line}")
            } else {
                println!("{line}")
            }
            std::io::stdout().flush()?;
        }
        Ok(())
    })?;
    if terminal {
        print!("\r\x1b[2K");
    }
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(counts: Counts, script: &str) -> Result<Plan> {
        Ok(Plan::Run(counts, vec![shell::command("sh", ["-c", script])]))
    }

    #[test]
    fn what_goes_wrong_is_counted_and_stops_nothing() {
        let mut steps = Steps::default();
        steps.run("test-no-plan", Err(anyhow::anyhow!("it cannot be planned")));
        steps.check("test-unsound", || Err(anyhow::anyhow!("it is not so")));
        steps.check("test-sound", || Ok(()));
        steps.run("test-absent", Ok(Plan::Run(Counts::Status, vec![Command::new("edgelatch-no-such-program")])));
        steps.run("test-skipped", Ok(Plan::Skip("it is not here".into())));
        assert_eq!(steps.sum, Tally { passed: 1, failed: 3 });
        steps.run("test-counted", sh(Counts::Ours, "echo 3 passed, 0 failed >&2"));
        assert_eq!(steps.sum, Tally { passed: 4, failed: 3 });
        steps.run("test-dead", sh(Counts::Ours, "echo 2 passed, 0 failed; kill -9 $$"));
        assert_eq!(steps.sum, Tally { passed: 6, failed: 4 });
    }

    #[test]
    fn what_hangs_is_ended_with_what_it_began() {
        let dir = shell::scratch("test-hangs").unwrap();
        let pids = dir.join("pids");
        let script = format!("sleep 600 & echo $! > {0}; echo $$ >> {0}; echo begun; wait", pids.display());
        let mut log = Log { file: File::create(dir.join("log")).unwrap(), text: String::new() };
        let mut hangs = shell::command("sh", ["-c", &script]);
        let error = follow("hangs", Instant::now(), &mut hangs, &mut log, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.to_string(), "nothing was printed for 1 s after `begun`: it hangs");
        for pid in std::fs::read_to_string(pids).unwrap().split_whitespace() {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
        }
    }

    #[test]
    fn where_nothing_may_be_skipped_a_step_that_is_skipped_fails_and_its_programs_know() {
        let mut steps = Steps { strict: true, ..Steps::default() };
        steps.run("test-skipped-strictly", Ok(Plan::Skip("it is not here".into())));
        assert_eq!(steps.sum, Tally { passed: 0, failed: 1 });
        steps.run("test-strict", sh(Counts::Status, "test \"$CI\" = true"));
        assert_eq!(steps.sum, Tally { passed: 1, failed: 1 });
    }
}
