//! Runs steps one after another: a line each with its time, progress while it runs, its output kept in a file.

use anyhow::{Context, Result};
use edgelatch_testkit::{shell, tally::Tally};
use std::{
    fs::File,
    io::{BufRead, BufReader, IsTerminal, Read, Write},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// What a step does.
pub enum Plan {
    /// These programs, in order.
    Run(Vec<Command>),
    /// Nothing, for this reason. An error in CI.
    Skip(String),
}

/// Runs one step and prints how it went. A step that counts no tests of its own counts as one.
pub fn run(name: &str, plan: Result<Plan>) -> Result<Tally> {
    let begin = Instant::now();
    let commands = match plan {
        Ok(Plan::Run(commands)) => commands,
        Ok(Plan::Skip(reason)) if !shell::in_ci() => {
            println!("skip {name}: {reason}");
            return Ok(Tally::default());
        }
        Ok(Plan::Skip(reason)) => return failed(name, begin, &format!("{reason}, and nothing may be skipped when CI is set")),
        Err(error) => return failed(name, begin, &format!("{error:#}")),
    };
    let path = shell::scratch("logs")?.join(format!("{name}.log"));
    let mut log = Log { file: File::create(&path)?, text: String::new() };
    for mut command in commands {
        let line = shell::shown(&command);
        writeln!(log.file, "$ {line}")?;
        let sound = follow(name, begin, &mut command, &mut log).with_context(|| format!("cannot run `{line}`"));
        if !matches!(sound, Ok(true)) {
            let mut tally = count(&log.text);
            tally.failed = tally.failed.max(1);
            let seconds = begin.elapsed().as_secs_f32();
            println!("FAIL {name}  {seconds:.1} s  `{line}`; all of its output is in {}", path.display());
            if let Err(error) = sound {
                println!("    {error:#}");
            }
            let tail: Vec<&str> = log.text.lines().rev().take(60).collect();
            tail.iter().rev().for_each(|line| println!("    {line}"));
            return Ok(tally);
        }
    }
    let tally = count(&log.text);
    let seconds = begin.elapsed().as_secs_f32();
    if tally == Tally::default() {
        println!("ok   {name}  {seconds:.1} s");
        return Ok(Tally { passed: 1, failed: 0 });
    }
    println!("ok   {name}  {seconds:.1} s  {tally}");
    Ok(tally)
}

fn failed(name: &str, begin: Instant, reason: &str) -> Result<Tally> {
    println!("FAIL {name}  {:.1} s  {reason}", begin.elapsed().as_secs_f32());
    Ok(Tally { passed: 0, failed: 1 })
}

struct Log {
    file: File,
    text: String,
}

/// Runs a program, shows from time to time what it printed last, and says whether it succeeded.
fn follow(name: &str, begin: Instant, command: &mut Command, log: &mut Log) -> Result<bool> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let lines = Arc::new(Mutex::new(Vec::new()));
    let readers: Vec<_> = [child.stdout.take().map(boxed), child.stderr.take().map(boxed)]
        .into_iter()
        .flatten()
        .map(|stream| {
            let lines = Arc::clone(&lines);
            thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                let mut line = Vec::new();
                while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                    lines.lock().unwrap_or_else(|e| e.into_inner()).push(plain(&line));
                    line.clear();
                }
            })
        })
        .collect();
    let terminal = std::io::stdout().is_terminal();
    let every = if terminal { Duration::from_millis(250) } else { Duration::from_secs(20) };
    let (mut shown, mut last) = (Instant::now(), String::new());
    let status = loop {
        let status = child.try_wait()?;
        take(&lines, log, &mut last)?;
        if let Some(status) = status {
            break status;
        }
        if shown.elapsed() >= every {
            shown = Instant::now();
            let seconds = begin.elapsed().as_secs();
            let said: String = last.chars().take(90).collect();
            if terminal {
                print!("\r\x1b[2K...  {name}  {seconds} s  {said}");
                std::io::stdout().flush()?;
            } else {
                println!("...  {name}  {seconds} s  {said}");
            }
        }
        thread::sleep(Duration::from_millis(30));
    };
    readers.into_iter().for_each(|reader| drop(reader.join()));
    take(&lines, log, &mut last)?;
    if terminal {
        print!("\r\x1b[2K");
    }
    Ok(status.success())
}

fn boxed(stream: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(stream)
}

fn take(lines: &Mutex<Vec<String>>, log: &mut Log, last: &mut String) -> Result<()> {
    for line in std::mem::take(&mut *lines.lock().unwrap_or_else(|e| e.into_inner())) {
        writeln!(log.file, "{line}")?;
        log.text.push_str(&line);
        log.text.push('\n');
        if !line.trim().is_empty() {
            *last = line.trim().to_owned();
        }
    }
    Ok(())
}

/// A line without its end and without colours.
fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut out = String::new();
    let mut rest = text.trim_end();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').get(1..).unwrap_or("");
    }
    out + rest
}

/// How test programs sum up; `P` and `F` stand for the two numbers.
const SUMMARIES: &[&[&str]] = &[
    // cargo test, wasm-bindgen-test-runner: `test result: ok. 3 passed; 0 failed; …`; deno: `ok | 3 passed | 0 failed (1s)`
    &["test result: ", " passed", " failed"],
    &["ok | ", " passed", " failed"],
    &["FAILED | ", " passed", " failed"],
];

/// Adds up what the summaries in an output say.
fn count(text: &str) -> Tally {
    let mut tally = Tally::default();
    for line in text.lines() {
        let line = line.trim();
        let numbered = |word: &str| before(line, word);
        let summary = SUMMARIES.iter().any(|words| line.starts_with(words[0]));
        let ours = line.ends_with(" failed") && line.contains(" passed, ");
        if summary || ours {
            tally.passed += numbered(" passed").unwrap_or(0);
            tally.failed += numbered(" failed").unwrap_or(0);
        } else if let Some(rest) = line.strip_prefix("# ").or_else(|| line.strip_prefix("\u{2139} ")) {
            // node --test
            tally.passed += rest.strip_prefix("pass ").and_then(|n| n.parse().ok()).unwrap_or(0);
            tally.failed += rest.strip_prefix("fail ").and_then(|n| n.parse().ok()).unwrap_or(0);
        } else if let Some(number) = line.strip_suffix(" pass") {
            // bun test
            tally.passed += number.parse().unwrap_or(0);
        } else if let Some(number) = line.strip_suffix(" fail") {
            tally.failed += number.parse().unwrap_or(0);
        }
    }
    tally
}

/// The number that stands right before a word.
fn before(line: &str, word: &str) -> Option<usize> {
    let (head, _) = line.split_once(word)?;
    head.rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_added_up() {
        let text = "test result: ok. 3 passed; 1 failed; 0 ignored; 0 measured\n# pass 4\n# fail 0\n\u{2139} pass 5\n 6 pass\n 0 fail\n\
             ok | 7 passed | 0 failed (12ms)\nnode: 8 passed, 2 failed\nnothing here\nrunning 9 tests\n";
        assert_eq!(count(text), Tally { passed: 33, failed: 3 });
    }

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(plain(b"\x1b[32mok\x1b[0m | 1\r\n"), "ok | 1");
        assert_eq!(plain(b"plain\n"), "plain");
    }
}
