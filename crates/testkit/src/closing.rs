//! How each kind of program says, as it ends, how many tests passed and how many failed.

use crate::tally::Tally;

/// What to read in a program's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Nothing: it counts as one test, which passes if the program succeeds.
    Status,
    /// `cargo test` and wasm-bindgen's runner, which Cargo starts: `test result: ok. 3 passed; 0 failed; 0 ignored; …`, one line
    /// for each test program.
    Libtest,
    /// `node --test`: `# pass 3`, `# fail 0`, `# skipped 0`; newer versions write `ℹ` for `#`.
    Node,
    /// Our own programs: `3 passed, 0 failed`, or one line for each host that they start, `deno: 3 passed, 0 failed`.
    Ours,
}

impl Counts {
    /// What a step counts for, given whether its programs succeeded and what they printed.
    ///
    /// A failed program is a failure whatever it printed. So is one that counted nothing at all, or a runner that finds no test
    /// would pass. A test that is switched off counts as failed: nothing is skipped silently.
    pub fn judge(self, succeeded: bool, output: &str) -> Tally {
        let lines = output.lines().map(str::trim);
        let mut sum = match self {
            Counts::Status => Tally { passed: succeeded.into(), failed: 0 },
            Counts::Libtest => add_up(lines.clone().filter_map(libtest)),
            Counts::Node => add_up(lines.clone().filter_map(node)),
            Counts::Ours => add_up(lines.clone().filter_map(ours)),
        };
        if self == Counts::Libtest {
            let begun = lines.clone().filter(|line| line.starts_with("Running ") || line.starts_with("Doc-tests ")).count();
            let ended = lines.filter(|line| line.starts_with("test result: ") || *line == "no tests to run!").count();
            // Test programs that died before they could sum up.
            sum.failed += begun.saturating_sub(ended);
        }
        if !succeeded || sum == Tally::default() {
            sum.failed = sum.failed.max(1);
        }
        sum
    }
}

fn add_up(tallies: impl Iterator<Item = Tally>) -> Tally {
    tallies.fold(Tally::default(), |mut sum, tally| {
        sum += tally;
        sum
    })
}

fn number(text: &str, unit: &str) -> Option<usize> {
    text.strip_suffix(unit)?.parse().ok()
}

fn libtest(line: &str) -> Option<Tally> {
    let (_, said) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut said = said.split("; ");
    let passed = number(said.next()?, " passed")?;
    Some(Tally { passed, failed: number(said.next()?, " failed")? + number(said.next()?, " ignored")? })
}

fn node(line: &str) -> Option<Tally> {
    let (word, count) = line.strip_prefix("# ").or_else(|| line.strip_prefix("\u{2139} "))?.split_once(' ')?;
    let count = count.parse().ok()?;
    match word {
        "pass" => Some(Tally { passed: count, failed: 0 }),
        "fail" | "cancelled" | "skipped" | "todo" => Some(Tally { passed: 0, failed: count }),
        _ => None,
    }
}

fn ours(line: &str) -> Option<Tally> {
    let said = line.split_once(": ").map_or(line, |(_, said)| said);
    let (passed, failed) = said.split_once(", ")?;
    let said = Tally { passed: number(passed, " passed")?, failed: number(failed, " failed")? };
    // A host on which nothing was run.
    Some(if said == Tally::default() { Tally { passed: 0, failed: 1 } } else { said })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who counts, whether it succeeded, what it printed, and what that counts for: passed and failed.
    const CASES: &[(Counts, bool, &str, (usize, usize))] = &[
        (Counts::Status, true, "8 passed, 2 failed", (1, 0)),
        (Counts::Status, false, "", (0, 1)),
        // cargo test
        (Counts::Libtest, true, "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out", (3, 0)),
        (Counts::Libtest, false, "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured", (3, 2)),
        (Counts::Libtest, true, "test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured", (3, 2)),
        // One program of two died.
        (
            Counts::Libtest,
            false,
            "Running unittests src/lib.rs (a)\nRunning tests/b.rs (b)\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured",
            (3, 1),
        ),
        (Counts::Libtest, false, "Doc-tests a", (0, 1)),
        // wasm-bindgen's runner
        (
            Counts::Libtest,
            true,
            "Running unittests src/lib.rs (a)\nno tests to run!\nRunning tests/b.rs (b)\n\
             test result: ok. 6 passed; 0 failed; 0 ignored; 0 filtered out; finished in 4.76s",
            (6, 0),
        ),
        // node --test
        (Counts::Node, true, "# tests 4\n# pass 4\n# fail 0\n# cancelled 0\n# skipped 0\n# pass on\n# todo 0", (4, 0)),
        (Counts::Node, true, "\u{2139} pass 5\n\u{2139} fail 0\n\u{2139} skipped 1", (5, 1)),
        (Counts::Node, false, "# pass 4\n# fail 2\n# cancelled 1", (4, 3)),
        // our own programs, alone and for each host that they start
        (Counts::Ours, true, "3 passed, 0 failed", (3, 0)),
        (Counts::Ours, true, "node: 8 passed, 0 failed\ndeno: 7 passed, 0 failed\nbun: 6 passed, 0 failed", (21, 0)),
        (Counts::Ours, false, "deno: 7 passed, 0 failed\nbun: 5 passed, 2 failed", (12, 2)),
        (Counts::Ours, true, "node: 8 passed, 0 failed\ndeno: 0 passed, 0 failed", (8, 1)),
        (Counts::Ours, true, "3 passed, 2 failed", (3, 2)),
        (Counts::Ours, false, "3 passed, 0 failed", (3, 1)),
        // what looks like a sum and is none
        (Counts::Ours, true, "ok   sdk  1.0 s  9 passed, 0 failed\nall 9 passed, none failed\n1 passed, 0 failed", (1, 0)),
    ];

    #[test]
    fn every_runner_s_closing_lines_are_added_up() {
        for (counts, succeeded, output, (passed, failed)) in CASES {
            let expected = Tally { passed: *passed, failed: *failed };
            assert_eq!(counts.judge(*succeeded, output), expected, "{counts:?} {succeeded} {output}");
        }
    }

    #[test]
    fn a_runner_that_ends_without_a_closing_line_has_failed() {
        for counts in [Counts::Libtest, Counts::Node, Counts::Ours] {
            for (succeeded, output) in
                [(true, ""), (true, "test a ... ok\nok 1 - b\n"), (false, ""), (true, "0 passed, 0 failed")]
            {
                assert_eq!(counts.judge(succeeded, output), Tally { passed: 0, failed: 1 }, "{counts:?} {output}");
            }
        }
    }
}
