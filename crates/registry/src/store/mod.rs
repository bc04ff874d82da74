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

#[cfg(test)]
mod contract;
mod copy;
mod database;
mod pg_value;
mod postgres;
mod readers;
mod schema;
mod sqlite;
mod tls;
#[cfg(test)]
mod upgrade;

pub use copy::CopyProgress;
pub(crate) use copy::copy;
pub use database::Database;
pub(crate) use database::Place;
pub(crate) use postgres::Postgres;
pub(crate) use sqlite::Sqlite;

use crate::error::Error;

/// One value of a row or of a statement's parameters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// A row, read by position.
pub(crate) struct Row<'a>(&'a [Value]);

impl Row<'_> {
    fn wrong(&self, at: usize) -> Error {
        Error::Store { detail: format!("column {at} holds something unexpected") }
    }

    /// The values themselves.
    pub(crate) fn values(&self) -> &[Value] {
        self.0
    }

    pub(crate) fn int(&self, at: usize) -> Result<u64, Error> {
        self.maybe_int(at)?.ok_or_else(|| self.wrong(at))
    }

    pub(crate) fn maybe_int(&self, at: usize) -> Result<Option<u64>, Error> {
        match self.0.get(at) {
            Some(Value::Null) => Ok(None),
            Some(Value::Int(n)) => u64::try_from(*n).map(Some).map_err(|_| self.wrong(at)),
            _ => Err(self.wrong(at)),
        }
    }

    pub(crate) fn bool(&self, at: usize) -> Result<bool, Error> {
        Ok(self.int(at)? != 0)
    }

    pub(crate) fn text(&self, at: usize) -> Result<&str, Error> {
        self.maybe_text(at)?.ok_or_else(|| self.wrong(at))
    }

    pub(crate) fn maybe_text(&self, at: usize) -> Result<Option<&str>, Error> {
        match self.0.get(at) {
            Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            _ => Err(self.wrong(at)),
        }
    }

    pub(crate) fn blob(&self, at: usize) -> Result<&[u8], Error> {
        match self.0.get(at) {
            Some(Value::Blob(bytes)) => Ok(bytes),
            _ => Err(self.wrong(at)),
        }
    }

    /// A text that was valid when it was written.
    pub(crate) fn parse<T: std::str::FromStr>(&self, at: usize) -> Result<T, Error> {
        self.text(at)?.parse().map_err(|_| self.wrong(at))
    }
}

macro_rules! values {
    ($($ty:ty, $value:ident => $make:expr;)*) => { $(
        impl From<$ty> for Value { fn from($value: $ty) -> Value { $make } }
    )* };
}

values! {
    &str, v => Value::Text(v.into());
    String, v => Value::Text(v);
    Vec<u8>, v => Value::Blob(v);
    &[u8], v => Value::Blob(v.into());
    bool, v => Value::Int(i64::from(v));
    // Times and counters stay far below 2^63; one that did not would be refused by the column's CHECK.
    u64, v => Value::Int(i64::try_from(v).unwrap_or(-1));
    u32, v => Value::Int(i64::from(v));
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// Parameters of a statement.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::store::Value::from($value)),*][..] };
}
pub(crate) use args;

/// Sees each row in turn.
pub(crate) type Each<'a> = dyn FnMut(&Row<'_>) -> Result<(), Error> + 'a;
/// The work of one transaction.
pub(crate) type Work<'a> = dyn FnMut(&mut dyn Session) -> Result<(), Error> + 'a;

/// An open transaction. After a statement failed, every further one does, and so does the commit.
pub(crate) trait Session {
    /// Runs a statement and returns how many rows it touched. A violated uniqueness is [`Error::Unique`].
    fn run(&mut self, sql: &str, args: &[Value]) -> Result<u64, Error>;
    /// Runs a query.
    fn each(&mut self, sql: &str, args: &[Value], row: &mut Each<'_>) -> Result<(), Error>;
    /// Many rows are about to be added: from here on, statements are planned for large tables.
    fn bulk(&mut self) -> Result<(), Error>;
    /// Names of a table's columns.
    fn columns(&mut self, table: &str) -> Result<Vec<String>, Error>;
    /// Adds rows in the database's fastest way.
    fn load(&mut self, table: &str, columns: &[String], rows: &[Vec<Value>]) -> Result<(), Error>;
    /// Makes the ids that the database gives follow those that were loaded.
    fn settle(&mut self, table: &str, columns: &[String]) -> Result<(), Error>;
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
    /// All rows of a query.
    pub(crate) fn rows<T>(
        &mut self,
        sql: &str,
        args: &[Value],
        read: impl Fn(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        self.each(sql, args, &mut |row| {
            all.push(read(row)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// The first row of a query.
    pub(crate) fn row<T>(
        &mut self,
        sql: &str,
        args: &[Value],
        read: impl Fn(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        Ok(self.rows(sql, args, read)?.into_iter().next())
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
