//! Many keys at once, by their digests: all of them, or none and a report of what stands in the way. They are written by many short
//! transactions, so that nobody waits for an import, and are there from the last one on (`pending`). What a key must be like is decided in
//! `keys`.
//!
//! | read | for |
//! |---|---|
//! | `read`, `line` | lines of a file; a line as a key to be |
//! | `check` | what can be decided of a line without the other lines |
//! | `batch` | lines written, many at once |
//! | `jobs` | imports that go on while nobody waits for them |

mod batch;
mod check;
mod jobs;
mod line;
mod read;

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;

use serde::Serialize;

use crate::audit::Target;
use crate::error::Error;
use crate::grants::Grant;
use crate::held::Held;
use crate::keys::{Keys, hold_imports, note};
use crate::limits::{ENTRY_ROWS, IMPORT_ROWS, MAX_REFUSALS, PROGRESS_LINES};
use crate::model::{Caller, Committed, ImportId, words};
use crate::pending::{Pending, give_way};
use crate::store::Statements;
use crate::transaction::{Change, InRealm};
use batch::{Described, is_about_a_line, rows_of};
use check::Known;
use line::{Line, key};
use read::{csv, json_lines};

pub use jobs::{ImportJob, ImportState, Imports};
pub use line::ImportDefaults;

/// Hands over each line of a file with its number, by the names of its columns, or what is wrong with it; for attacks.
#[cfg(feature = "attacks")]
pub fn each_line(
    format: ImportFormat,
    input: &mut dyn Read,
    take: &mut dyn FnMut(u64, Result<BTreeMap<&'static str, String>, Error>),
) -> Result<(), Error> {
    let mut take = |number, line| {
        take(number, line);
        Ok(())
    };
    match format {
        ImportFormat::Csv => csv(input, &mut take),
        ImportFormat::JsonLines => json_lines(input, &mut take),
    }
}

/// The key that a line describes, and its digest; for attacks.
#[cfg(feature = "attacks")]
pub fn key_of(
    line: &BTreeMap<&'static str, String>,
    defaults: &ImportDefaults,
    now: u64,
) -> Result<(crate::model::NewKey, crate::model::Digest), Error> {
    key(line, defaults, now)
}

words! {
    /// How an import is written.
    ImportFormat {
        /// Comma-separated values under a header line.
        Csv = "csv",
        /// One JSON object a line.
        JsonLines = "jsonl",
    }
}

/// How to import.
#[derive(Clone, Debug)]
pub struct Import {
    /// How it is written.
    pub format: ImportFormat,
    /// What lines leave out.
    pub defaults: ImportDefaults,
    /// Only report what would happen.
    pub dry_run: bool,
}

/// A line that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RefusedLine {
    /// Its number, from 1.
    pub line: u64,
    /// Stable name of the reason.
    pub code: &'static str,
    /// The column.
    pub field: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

/// What an import did, or why it did nothing.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
pub struct ImportReport {
    /// Lines with a key.
    pub keys: u64,
    /// Lines that were refused.
    pub refused: u64,
    /// The first of them.
    pub refusals: Vec<RefusedLine>,
    /// Whether the keys were imported: only if none was refused, and it was no dry run.
    pub done: bool,
}

impl ImportReport {
    fn refuse(&mut self, line: u64, error: &Error) {
        self.refused += 1;
        if self.refusals.len() < MAX_REFUSALS {
            let field = error.field().map(Into::into);
            self.refusals.push(RefusedLine { line, code: error.code(), field, reason: error.to_string() });
        }
    }
}

impl Keys<'_> {
    /// Imports a file of digests: every line or none. `progress` hears how many lines were read. Others act meanwhile; who changes an org's
    /// settings, owners or roles, or the realm's, breaks the import off.
    pub fn import_file(
        &self,
        caller: &Caller,
        import: &Import,
        input: &mut dyn Read,
        progress: &mut dyn FnMut(u64),
    ) -> Result<ImportReport, Error> {
        self.import_as(caller, import, input, progress, None)
    }

    /// The same; where it is done, that `job` has ended is written with it.
    fn import_as(
        &self,
        caller: &Caller,
        import: &Import,
        input: &mut dyn Read,
        progress: &mut dyn FnMut(u64),
        job: Option<&ImportId>,
    ) -> Result<ImportReport, Error> {
        let begun = self.0.now()?;
        // What a dead one holds would be refused.
        self.0.registry.remove_dead_imports()?;
        let mut work = Work {
            realm: self.0,
            caller: caller.clone().telling(Committed::default()),
            import,
            job,
            begun,
            pending: None,
            known: Known::default(),
            report: ImportReport::default(),
            brought: BTreeMap::new(),
            lines: VecDeque::new(),
            rows: 0,
        };
        let result = work.read(input, progress).and_then(|()| work.end());
        if let (false, Some(pending)) = (matches!(result, Ok(true)), work.pending) {
            let undone = pending.undo(self.0.registry);
            // Why it failed matters more than that its rows wait for the upkeep.
            result.and(undone.map(|()| false))?;
        } else if result? {
            work.report.done = true;
            work.caller.committed().change().into_iter().for_each(|change| caller.committed().set(change));
        }
        Ok(work.report)
    }
}

struct Work<'w> {
    realm: InRealm<'w>,
    /// Whoever imports, who is told of no change before all is done.
    caller: Caller,
    import: &'w Import,
    /// What is told that it is done.
    job: Option<&'w ImportId>,
    /// When it began: keys are as old as that.
    begun: u64,
    /// None until something is committed.
    pending: Option<Pending>,
    known: Known,
    report: ImportReport,
    /// How many keys it brings to each org.
    brought: BTreeMap<u64, i64>,
    /// Lines that wait for the next transaction, each with its number.
    lines: VecDeque<(u64, Described)>,
    /// Rows that they come to.
    rows: usize,
}

/// How a transaction of an import ended.
enum Step {
    Written,
    /// All is there now.
    Done,
    /// Something stands in the way, or it was never to be done. The transaction left nothing.
    Refused,
}

impl Work<'_> {
    fn read(&mut self, input: &mut dyn Read, progress: &mut dyn FnMut(u64)) -> Result<(), Error> {
        let mut lines = 0u64;
        let format = self.import.format;
        let mut take = |number, line| {
            self.line(number, line)?;
            lines += 1;
            if lines.is_multiple_of(PROGRESS_LINES) {
                progress(lines);
            }
            Ok(())
        };
        match format {
            ImportFormat::Csv => csv(input, &mut take),
            ImportFormat::JsonLines => json_lines(input, &mut take),
        }
    }

    fn line(&mut self, number: u64, line: Result<Line, Error>) -> Result<(), Error> {
        let line = line.and_then(|line| key(&line, &self.import.defaults, self.begun));
        self.rows += rows_of(&line);
        self.lines.push_back((number, line));
        while self.rows >= IMPORT_ROWS {
            self.step(false)?;
            give_way();
        }
        Ok(())
    }

    /// Writes the last lines, and lets everything be there unless something stands in the way; returns whether it is.
    fn end(&mut self) -> Result<bool, Error> {
        loop {
            match self.step(true)? {
                Step::Written => give_way(),
                Step::Done => return Ok(true),
                Step::Refused => return Ok(false),
            }
        }
    }

    /// Writes lines by one transaction; if no more will come and these are the last, it decides.
    fn step(&mut self, no_more: bool) -> Result<Step, Error> {
        let (realm, caller) = (self.realm, self.caller.clone());
        let (mut tried, mut refused) = (false, false);
        let result = realm.change(&caller, |change| {
            // What is remembered would not be true for a second try, should the connection be lost on the way.
            if std::mem::replace(&mut tried, true) {
                return Err(Error::Store { detail: "the connection was lost during an import".into() });
            }
            let pending = self.write(change)?;
            if !no_more || !self.lines.is_empty() {
                return Ok(Some(pending));
            }
            change.check_grant(Grant::Import(change.tx.import))?;
            refused = self.import.dry_run || self.report.refused > 0 || self.report.keys == 0;
            // Any error undoes the transaction; this one is seen by nobody.
            if refused { Err(Error::Busy) } else { self.decide(change, pending).map(|()| None) }
        });
        match result {
            Err(_) if refused => Ok(Step::Refused),
            result => Ok(match result? {
                None => Step::Done,
                written => {
                    self.pending = written;
                    Step::Written
                }
            }),
        }
    }

    /// Writes as many lines as are good for one transaction.
    fn write(&mut self, change: &mut Change<'_>) -> Result<Pending, Error> {
        let now = std::mem::replace(&mut change.now, self.begun);
        let pending = match self.pending {
            None => Pending::begin(&mut change.tx, now)?,
            Some(mut pending) => {
                pending.go_on(&mut change.tx, now, |org| self.known.knows(org))?;
                pending
            }
        };
        change.session().indexed()?;
        let (env, mut rows, mut ready) = (&self.realm.registry.env, 0, Vec::new());
        while let Some((number, line)) = if rows < IMPORT_ROWS { self.lines.pop_front() } else { None } {
            let counted = rows_of(&line);
            self.rows = self.rows.saturating_sub(counted);
            rows += counted;
            match line.and_then(|(new, digest)| self.known.check(change, env, &new, &digest)) {
                Err(error) if !is_about_a_line(&error) => return Err(error),
                line => {
                    let new = line.as_ref().map_or(Ok(0), |line| self.known.directory.new_among(line.org, line.needs()))?;
                    rows += new * ENTRY_ROWS;
                    ready.push((number, line));
                }
            }
        }
        let report = &mut self.report;
        let brought = &mut self.brought;
        batch::write(change, ready, &mut self.known.directory, &mut |number, line| match line {
            Ok(org) => {
                report.keys += 1;
                *brought.entry(org).or_default() += 1;
            }
            Err(error) => report.refuse(number, &error),
        })?;
        change.now = now;
        Ok(pending)
    }

    /// Lets everything be there that was written, unless others have filled up an org meanwhile.
    fn decide(&mut self, change: &mut Change<'_>, pending: Pending) -> Result<(), Error> {
        // What a key brought that was revoked meanwhile stood in no list, so whoever revoked it could not take it away.
        if !Held::is_accepted(change, self.caller.key(), change.now)? {
            return Err(Error::Overtaken { act: "the end of the caller's own key".into() });
        }
        self.known.orgs().try_for_each(|org| change.check_limits(org))?;
        pending.finish(&mut change.tx)?;
        self.brought.iter().try_for_each(|(org, keys)| note(&mut change.tx, *org, [*keys, 0]))?;
        hold_imports(change)?;
        if let Some(job) = self.job {
            jobs::end(&mut change.tx, job, change.now, &ImportReport { done: true, ..self.report.clone() })?;
        }
        let what = serde_json::json!({ "imported": self.report.keys });
        let target = Target::realm(self.realm.realm, self.caller.org());
        change.log("keys.import", &target, None, Some(what))
    }
}
