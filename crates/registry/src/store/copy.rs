//! A registry from one database into another.

use super::schema::tables;
use super::{Session, Statements, Store, Value};
use crate::error::Error;
use crate::limits::COPY_ROWS;

/// How far a copy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyProgress {
    /// The table being copied.
    pub table: &'static str,
    /// Its rows written so far.
    pub rows: u64,
    /// Its rows in all.
    pub of: u64,
}

fn count(session: &mut dyn Session, table: &str) -> Result<u64, Error> {
    session.count(format!("SELECT count(*) FROM {table}"), &[])
}

/// Copies every table of one state of `source` in one transaction of `target`, and counts both sides before the commit.
pub(crate) fn copy(
    source: &dyn Store,
    target: &dyn Store,
    address: &str,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<u64, Error> {
    source.reading(|from| {
        target.writing(|to| {
            for table in tables() {
                if count(to, table)? > 0 {
                    return Err(Error::NotEmpty { address: address.into(), table: table.into() });
                }
            }
            tables().try_fold(0, |sum, table| Ok(sum + copy_table(from, to, table, progress)?))
        })
    })
}

fn copy_table(
    from: &mut dyn Session,
    to: &mut dyn Session,
    table: &'static str,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<u64, Error> {
    let of = count(from, table)?;
    let columns = from.columns(table)?;
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut rows = 0;
    let mut batch: Vec<Vec<Value>> = Vec::new();
    let mut flush = |batch: &mut Vec<Vec<Value>>| {
        to.load(table, &columns, batch)?;
        rows += batch.len() as u64;
        batch.clear();
        progress(CopyProgress { table, rows, of });
        Ok(())
    };
    from.query(&format!("SELECT {} FROM {table}", columns.join(", ")), &[], &mut |row| {
        batch.push(row.values());
        if batch.len() < COPY_ROWS { Ok(()) } else { flush(&mut batch) }
    })?;
    flush(&mut batch)?;
    if columns.contains(&"id") {
        to.settle(table)?;
    }
    let arrived = count(to, table)?;
    if arrived == of {
        Ok(of)
    } else {
        Err(Error::Store { detail: format!("of {of} rows of table {table} {arrived} arrived, and nothing was copied") })
    }
}
