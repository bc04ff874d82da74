//! A backup is read, line by line. What is not exactly as it was written is refused.

use std::io::{BufRead, Read};

use edgelatch_core::hex::Hex;
use sha2::{Digest, Sha256};

use super::cell::Taken;
use super::{Backup, BackupFile, FORMAT, Mark};
use crate::error::Error;
use crate::limits::MAX_BACKUP_LINE;
use crate::store::{TableHead, Value, lasting_tables};

/// What stands in a line.
pub(super) enum Part {
    Table(TableHead),
    Row(Vec<Value>),
}

/// Reads a backup through, and says what is in it.
pub fn verify_backup(from: &mut dyn BufRead) -> Result<Backup, Error> {
    read(from, &mut |_| Ok(()))
}

/// Hands the parts of a backup to `take`. Whether it is whole is known when this returns: nothing that was taken may last before.
pub(super) fn read(from: &mut dyn BufRead, take: &mut dyn FnMut(Part) -> Result<(), Error>) -> Result<Backup, Error> {
    let mut lines = Lines { from, digest: Sha256::new(), line: Vec::new(), number: 0 };
    let mut found = Backup::default();
    match lines.next()?.and_then(|line| serde_json::from_slice(line).ok()) {
        Some(Mark::Backup { format: FORMAT, schema, taken_at }) => (found.schema, found.taken_at) = (schema, taken_at),
        Some(Mark::Backup { .. }) => return Err(lines.wrong("is of a format that this program does not know")),
        _ => return Err(lines.wrong("does not begin a backup")),
    }
    let (mut expected, mut table, mut files) = (lasting_tables(), None::<TableHead>, false);
    loop {
        found.bytes += lines.line.len() as u64;
        // As it is over all lines before the next one.
        let before = lines.digest.clone();
        let Some(line) = lines.next()? else { return Err(damaged("it ends too early: the last line is missing")) };
        if line.starts_with(b"[") {
            let (Ok(values), Some(head)) = (serde_json::from_slice::<Vec<Taken>>(line), &mut table) else {
                return Err(lines.wrong("is no row of a table"));
            };
            if values.len() != head.columns.len() {
                return Err(lines.wrong("has another number of values than its table has columns"));
            }
            head.rows += 1;
            found.rows += 1;
            take(Part::Row(values.into_iter().map(|taken| taken.0).collect()))?;
            continue;
        }
        if let Some(TableHead { name, rows, .. }) = table.take() {
            found.tables.insert(name.into(), rows);
        }
        match serde_json::from_slice(line) {
            Ok(Mark::Table { name, columns, last_id }) if !files => {
                let Some(name) = expected.next().filter(|known| *known == name) else {
                    return Err(lines.wrong("begins a table that is not the next one"));
                };
                let head = TableHead { name, columns, last_id, rows: 0 };
                take(Part::Table(head.clone()))?;
                table = Some(head);
            }
            Ok(Mark::File { name, content }) => {
                files = true;
                found.files.push(BackupFile { name, content });
            }
            Ok(Mark::End { rows, sha256 }) => {
                found.sha256 = Hex(&before.finalize()).to_string();
                // Written once more, so that a byte which means nothing is noticed as well.
                let end = Mark::End { rows: found.rows, sha256: found.sha256.clone() };
                let mut end = serde_json::to_vec(&end).map_err(|e| Error::Store { detail: e.to_string() })?;
                end.push(b'\n');
                if sha256 != found.sha256 || rows != found.rows || lines.line != end {
                    return Err(lines.wrong("says another digest than the lines before it have: something was changed"));
                }
                found.bytes += end.len() as u64;
                return match (expected.next(), lines.next()?) {
                    (None, None) => Ok(found),
                    (Some(_), _) => Err(damaged("tables are missing")),
                    (None, Some(_)) => Err(damaged("something follows the last line")),
                };
            }
            _ => return Err(lines.wrong("is not understood")),
        }
    }
}

struct Lines<'r> {
    from: &'r mut dyn BufRead,
    digest: Sha256,
    line: Vec<u8>,
    number: u64,
}

impl Lines<'_> {
    /// The next line with its end; none after the last.
    fn next(&mut self) -> Result<Option<&[u8]>, Error> {
        self.line.clear();
        self.number += 1;
        let read = (&mut *self.from).take(MAX_BACKUP_LINE).read_until(b'\n', &mut self.line);
        read.map_err(|error| damaged(&format!("it cannot be read: {error}")))?;
        self.digest.update(&self.line);
        match self.line.last() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(&self.line)),
            Some(_) => Err(self.wrong("is cut off")),
        }
    }

    fn wrong(&self, what: &str) -> Error {
        damaged(&format!("line {} {what}", self.number))
    }
}

pub(super) fn damaged(detail: &str) -> Error {
    Error::BackupDamaged { detail: detail.into() }
}
