//! The database behind the registry: transactions of plain SQL over four kinds of values.
//!
//! The rules write their SQL once, in the part of the language that SQLite and PostgreSQL share: parameters `$1`…,
//! `ON CONFLICT`, `RETURNING`, no dialect functions. What differs is in the implementations of [`Store`].
//!
//! | where the two differ | so write |
//! |---|---|
//! | nulls come first or last | `ORDER BY x NULLS LAST` |
//! | `LIKE` tells case apart, or not | `lower(x) LIKE $1` with a lower-case pattern |
//! | a truth is an integer, or not | `WHERE disabled = 1`; `CASE WHEN … THEN 1 ELSE 0 END` where one is stored |
//! | a sum is wider than what it adds | `CAST(sum(x) AS BIGINT)` |
//! | a parameter's type must be plain | `CAST($1 AS TEXT) IS NULL` |
//! | rows come in some order | `ORDER BY` wherever order shows |
//! | a failed statement ends the transaction, or not | `ON CONFLICT DO NOTHING` and count; both refuse to go on |

mod conditions;
#[cfg(test)]
mod contract;
mod copy;
mod database;
mod pg_value;
mod postgres;
mod readers;
mod row;
mod schema;
mod sqlite;
mod tls;
#[cfg(test)]
mod upgrade;

pub(crate) use conditions::Conditions;
pub use copy::CopyProgress;
pub(crate) use copy::copy;
pub use database::Database;
pub(crate) use database::Place;
pub(crate) use postgres::Postgres;
pub(crate) use row::{Column, Columns, FromRow, Row, Value, args, columns};
pub(crate) use sqlite::Sqlite;

use crate::error::Error;

/// Sees each row in turn.
pub(crate) type Each<'a> = dyn FnMut(Row<'_>) -> Result<(), Error> + 'a;
/// The work of one transaction.
pub(crate) type Work<'a> = dyn FnMut(&mut dyn Session) -> Result<(), Error> + 'a;

/// An open transaction. After a statement failed, every further one does, and so does the commit.
pub(crate) trait Session {
    /// Runs a statement and returns how many rows it touched. A violated uniqueness is [`Error::Unique`].
    fn run(&mut self, sql: &str, args: &[Value]) -> Result<u64, Error>;
    /// Runs a query and hands over its rows.
    fn query(&mut self, sql: &str, args: &[Value], row: &mut Each<'_>) -> Result<(), Error>;
    /// Many rows are about to be added: from here on, statements are planned for large tables.
    fn bulk(&mut self) -> Result<(), Error>;
    /// Names of a table's columns.
    fn columns(&mut self, table: &str) -> Result<Vec<String>, Error>;
    /// Adds rows in the database's fastest way.
    fn load(&mut self, table: &str, columns: &[&str], rows: &[Vec<Value>]) -> Result<(), Error>;
    /// Makes the ids that the database gives follow those that were loaded into a table that has ids.
    fn settle(&mut self, table: &str) -> Result<(), Error>;
}

/// A database. A transaction commits when its work returns `Ok`, and leaves no trace otherwise. The work may be run more
/// than once: when the connection was lost under it, or another transaction stood in its way.
pub(crate) trait Store: Send + Sync {
    /// Writing transactions run one after the other.
    fn write(&self, work: &mut Work<'_>) -> Result<(), Error>;
    /// A reading transaction sees one state throughout.
    fn read(&self, work: &mut Work<'_>) -> Result<(), Error>;
}

impl dyn Session + '_ {
    /// Every row of a query in turn.
    pub(crate) fn each<T: FromRow>(
        &mut self,
        sql: &str,
        args: &[Value],
        mut take: impl FnMut(T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.query(sql, args, &mut |mut row| take(T::read(&mut row)?))
    }

    /// All rows of a query.
    pub(crate) fn all<T: FromRow>(&mut self, sql: &str, args: &[Value]) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        self.each(sql, args, |row| {
            all.push(row);
            Ok(())
        })?;
        Ok(all)
    }

    /// The first row of a query.
    pub(crate) fn one<T: FromRow>(&mut self, sql: &str, args: &[Value]) -> Result<Option<T>, Error> {
        Ok(self.all(sql, args)?.into_iter().next())
    }

    /// Adds a row with `… RETURNING id`.
    pub(crate) fn insert(&mut self, sql: &str, args: &[Value]) -> Result<u64, Error> {
        self.one(sql, args)?.ok_or_else(|| Error::Store { detail: "a new row got no id".into() })
    }

    /// The number that a query counts.
    pub(crate) fn count(&mut self, sql: &str, args: &[Value]) -> Result<u64, Error> {
        Ok(self.one(sql, args)?.unwrap_or(0))
    }

    /// Every row of `SELECT`, those columns, and the rest of a query.
    pub(crate) fn select_each<T>(
        &mut self,
        columns: &Columns<T>,
        rest: &str,
        args: &[Value],
        mut take: impl FnMut(T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.query(&format!("SELECT {} {rest}", columns.sql), args, &mut |mut row| take((columns.read)(&mut row)?))
    }

    /// All of them.
    pub(crate) fn select<T>(&mut self, columns: &Columns<T>, rest: &str, args: &[Value]) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        self.select_each(columns, rest, args, |row| {
            all.push(row);
            Ok(())
        })?;
        Ok(all)
    }

    /// The first of them.
    pub(crate) fn select_one<T>(&mut self, columns: &Columns<T>, rest: &str, args: &[Value]) -> Result<Option<T>, Error> {
        Ok(self.select(columns, rest, args)?.into_iter().next())
    }
}

impl dyn Store + '_ {
    /// A writing transaction with a result.
    pub(crate) fn writing<T>(&self, mut work: impl FnMut(&mut dyn Session) -> Result<T, Error>) -> Result<T, Error> {
        let mut out = None;
        self.write(&mut |session| {
            out = Some(work(session)?);
            Ok(())
        })?;
        out.ok_or_else(no_result)
    }

    /// A reading transaction with a result.
    pub(crate) fn reading<T>(&self, mut work: impl FnMut(&mut dyn Session) -> Result<T, Error>) -> Result<T, Error> {
        let mut out = None;
        self.read(&mut |session| {
            out = Some(work(session)?);
            Ok(())
        })?;
        out.ok_or_else(no_result)
    }
}

fn no_result() -> Error {
    Error::Store { detail: "a transaction gave no result".into() }
}

fn passed_over() -> Error {
    Error::Store { detail: "a transaction went on after one of its statements had failed".into() }
}

fn miscounted(sql: &str, takes: usize, given: usize) -> Error {
    Error::Store { detail: format!("a statement takes {takes} parameters and was given {given}: {sql}") }
}
