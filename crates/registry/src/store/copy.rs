//! A whole registry, table by table: read in an order that depends on the rows alone, and loaded into a database that has none. A copy joins the
//! two; a backup lies in between. Neither has what holds for one database and its processes alone.

use super::schema::{key_columns, lasting, lasting_tables, tables};
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
    /// Its rows in all; 0 where that is not known.
    pub of: u64,
}

/// Hears how far it has come.
pub(crate) type Progress<'p> = dyn FnMut(CopyProgress) + 'p;

/// A table, and what of it is no row.
#[derive(Clone, Debug)]
pub(crate) struct TableHead {
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<String>,
    /// The last id that was given, where rows have ids.
    pub(crate) last_id: Option<u64>,
    /// How many rows there are; 0 where that is not known.
    pub(crate) rows: u64,
}

fn count(session: &mut dyn Session, table: &str) -> Result<u64, Error> {
    session.count(format!("SELECT count(*) FROM {table}"), &[])
}

/// What is read of a registry.
pub(crate) enum Piece<'p> {
    /// A table, of which the rows follow.
    Table(&'p TableHead),
    /// A row of that table.
    Row(&'p TableHead, Vec<Value>),
}

/// Every table of one state that belongs into a copy, each with its rows in turn.
pub(crate) fn read_tables(from: &mut dyn Session, take: &mut dyn FnMut(Piece<'_>) -> Result<(), Error>) -> Result<(), Error> {
    from.unhurried()?;
    for name in lasting_tables() {
        let columns = from.columns(name)?;
        let last_id = columns.iter().any(|column| column == "id").then(|| from.last_id(name)).transpose()?;
        let table = TableHead { name, columns, last_id, rows: count(from, name)? };
        take(Piece::Table(&table))?;
        let all = table.columns.iter().map(|column| lasting(name, column)).collect::<Vec<_>>().join(", ");
        let order = key_columns(name).unwrap_or_else(|| table.columns.join(" NULLS LAST, ") + " NULLS LAST");
        let sql = format!("SELECT {all} FROM {name} ORDER BY {order}");
        from.query(&sql, &[], &mut |row| take(Piece::Row(&table, row.values())))?;
    }
    Ok(())
}

/// Puts rows into the tables of a database that has none yet, many at a time.
pub(crate) struct Loader<'l> {
    to: &'l mut dyn Session,
    progress: &'l mut Progress<'l>,
    table: Option<TableHead>,
    batch: Vec<Vec<Value>>,
    /// Of this table, and of all before it.
    rows: u64,
    before: u64,
}

impl<'l> Loader<'l> {
    /// Refuses a database that holds anything; errors name its `address`.
    pub(crate) fn new(to: &'l mut dyn Session, address: &str, progress: &'l mut Progress<'l>) -> Result<Self, Error> {
        for table in tables() {
            if count(to, table)? > 0 {
                return Err(Error::NotEmpty { address: address.into(), table: table.into() });
            }
        }
        Ok(Loader { to, progress, table: None, batch: Vec::new(), rows: 0, before: 0 })
    }

    /// The columns that a table has here.
    pub(crate) fn columns(&mut self, table: &str) -> Result<Vec<String>, Error> {
        self.to.columns(table)
    }

    /// Ends the table before, and begins this one.
    pub(crate) fn begin(&mut self, table: &TableHead) -> Result<(), Error> {
        self.end_table()?;
        self.table = Some(table.clone());
        Ok(())
    }

    pub(crate) fn row(&mut self, values: Vec<Value>) -> Result<(), Error> {
        self.batch.push(values);
        if self.batch.len() < COPY_ROWS { Ok(()) } else { self.flush() }
    }

    /// Ends the last table; returns how many rows there are in all.
    pub(crate) fn end(mut self) -> Result<u64, Error> {
        self.end_table()?;
        Ok(self.before)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let Some(TableHead { name, columns, rows: of, .. }) = &self.table else { return Ok(()) };
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        self.to.load(name, &columns, &self.batch)?;
        self.rows += self.batch.len() as u64;
        self.batch.clear();
        (self.progress)(CopyProgress { table: name, rows: self.rows, of: *of });
        Ok(())
    }

    fn end_table(&mut self) -> Result<(), Error> {
        self.flush()?;
        let Some(TableHead { name, last_id, .. }) = self.table.take() else { return Ok(()) };
        if let Some(last) = last_id {
            let greatest = self.to.count(format!("SELECT coalesce(max(id), 0) FROM {name}"), &[])?;
            self.to.settle(name, last.max(greatest))?;
        }
        let arrived = count(self.to, name)?;
        if arrived != self.rows {
            let detail = format!("of {} rows of table {name} {arrived} arrived, and nothing was copied", self.rows);
            return Err(Error::Store { detail });
        }
        self.before += std::mem::take(&mut self.rows);
        Ok(())
    }
}

/// Copies every table of one state of `source` in one transaction of `target`, and counts both sides before the commit.
pub(crate) fn copy(source: &dyn Store, target: &dyn Store, address: &str, progress: &mut Progress<'_>) -> Result<u64, Error> {
    source.reading(|from| {
        target.writing(|to| {
            let mut told = |seen: CopyProgress| progress(seen);
            let mut loader = Loader::new(to, address, &mut told)?;
            read_tables(from, &mut |piece| match piece {
                Piece::Table(table) => loader.begin(table),
                Piece::Row(_, row) => loader.row(row),
            })?;
            loader.end()
        })
    })
}
