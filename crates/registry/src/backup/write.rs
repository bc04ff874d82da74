//! A backup is written.

use std::io::{BufWriter, Write};

use edgelatch_core::hex::Hex;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::cell::Put;
use super::{Backup, BackupFile, FORMAT, Mark};
use crate::error::Error;
use crate::limits::MAX_BACKUP_LINE;
use crate::registry::Registry;
use crate::store::{CopyProgress, MIGRATIONS, Piece, Progress, TableHead, Value, read_tables};

impl Registry {
    /// Writes everything to `out`: one state of the registry, whoever writes meanwhile, and `files` beside it. No more than a row is in memory.
    pub fn backup(&self, out: &mut dyn Write, files: &[BackupFile], progress: &mut Progress<'_>) -> Result<Backup, Error> {
        let taken_at = self.env.now()?;
        let mut lines = Lines { to: BufWriter::new(out), digest: Sha256::new(), line: Vec::new(), bytes: 0 };
        let mut backup = Backup { taken_at, schema: MIGRATIONS.len() as u64, ..Backup::default() };
        lines.put("the beginning", &Mark::Backup { format: FORMAT, schema: backup.schema, taken_at })?;
        let mut begun = false;
        self.store.reading(|from| {
            // What was written cannot be taken back for a second try, should the connection be lost on the way.
            if std::mem::replace(&mut begun, true) {
                return Err(Error::BackupStopped { detail: "the connection to the database was lost: try again".into() });
            }
            let mut rows = 0;
            read_tables(from, &mut |piece| match piece {
                Piece::Table(table) => {
                    rows = 0;
                    let (name, columns) = (table.name.to_owned(), table.columns.clone());
                    backup.tables.insert(name.clone(), table.rows);
                    lines.put(table.name, &Mark::Table { name, columns, last_id: table.last_id })
                }
                Piece::Row(table, mut values) => {
                    as_restored(table, &mut values);
                    rows += 1;
                    backup.rows += 1;
                    if rows % PROGRESS_ROWS == 0 || rows == table.rows {
                        progress(CopyProgress { table: table.name, rows, of: table.rows });
                    }
                    lines.put(table.name, &values.iter().map(Put).collect::<Vec<_>>())
                }
            })
        })?;
        for BackupFile { name, content } in files {
            lines.put(name, &Mark::File { name: name.clone(), content: content.clone() })?;
        }
        backup.sha256 = Hex(&lines.digest.clone().finalize()).to_string();
        lines.put("the end", &Mark::End { rows: backup.rows, sha256: backup.sha256.clone() })?;
        lines.to.flush().map_err(stopped)?;
        backup.bytes = lines.bytes;
        backup.files = files.to_vec();
        Ok(backup)
    }
}

/// What says something of the database that a realm lies in, and not of the realm: it is kept as it is to be where the backup is restored.
const AS_RESTORED: [(&str, i64); 1] = [("restored", 1)];

fn as_restored(table: &TableHead, values: &mut [Value]) {
    for (name, value) in AS_RESTORED.iter().filter(|_| table.name == "realms") {
        let at = table.columns.iter().position(|column| column == name);
        if let Some(found) = at.and_then(|at| values.get_mut(at)) {
            *found = Value::Int(*value);
        }
    }
}

/// Rows between two reports.
const PROGRESS_ROWS: u64 = 1_000;

struct Lines<'w> {
    to: BufWriter<&'w mut dyn Write>,
    digest: Sha256,
    line: Vec<u8>,
    bytes: u64,
}

impl Lines<'_> {
    /// Writes a line, which holds `what`. One that could not be read again is refused: a backup that is written can be restored.
    fn put(&mut self, what: &str, value: &impl Serialize) -> Result<(), Error> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value).map_err(|e| Error::Store { detail: e.to_string() })?;
        self.line.push(b'\n');
        let length = self.line.len() as u64;
        if length > MAX_BACKUP_LINE {
            let detail = format!(
                "a row of `{what}` makes a line of {length} bytes, and {MAX_BACKUP_LINE} are the most that `restore` takes"
            );
            return Err(Error::BackupStopped { detail });
        }
        self.digest.update(&self.line);
        self.bytes += length;
        self.to.write_all(&self.line).map_err(stopped)
    }
}

fn stopped(error: std::io::Error) -> Error {
    Error::BackupStopped { detail: error.to_string() }
}
