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
#[cfg(test)]
pub(crate) mod counting;
mod database;
mod pg_value;
mod postgres;
mod row;
mod schema;
mod session;
mod sqlite;
#[cfg(test)]
mod upgrade;

pub use copy::CopyProgress;
pub(crate) use copy::{Loader, Piece, Progress, TableHead, copy, read_tables};
pub use database::Database;
pub(crate) use row::{Column, Conditions, Fields, Numbers, Query, Value, args, columns, fields, places};
pub(crate) use schema::{MIGRATIONS, lasting_tables};
#[cfg(test)]
pub(crate) use session::Each;
pub(crate) use session::{Session, Statements};

use crate::error::Error;

pub(crate) type Work<'a> = dyn FnMut(&mut dyn Session) -> Result<(), Error> + 'a;

/// What a transaction is for.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    /// To read: it sees one state throughout.
    Read,
    /// To write: such transactions run one after the other.
    Write,
    /// To bring the schema up to date: as to write, but others may be waited for longer.
    Migrate,
}

/// A database.
pub(crate) trait Store: Send + Sync {
    /// Runs a transaction, which commits when its work returns `Ok`, and leaves no trace otherwise. The work may be run more
    /// than once: when the connection was lost under it, or another transaction stood in its way.
    fn run(&self, mode: Mode, work: &mut Work<'_>) -> Result<(), Error>;

    /// Refuses a database that may not show what others change in it from now on.
    fn check_live(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl dyn Store + '_ {
    pub(crate) fn writing<T>(&self, work: impl FnMut(&mut dyn Session) -> Result<T, Error>) -> Result<T, Error> {
        self.transaction(Mode::Write, work)
    }

    pub(crate) fn reading<T>(&self, work: impl FnMut(&mut dyn Session) -> Result<T, Error>) -> Result<T, Error> {
        self.transaction(Mode::Read, work)
    }

    fn transaction<T>(&self, mode: Mode, mut work: impl FnMut(&mut dyn Session) -> Result<T, Error>) -> Result<T, Error> {
        let mut out = None;
        self.run(mode, &mut |session| {
            out = Some(work(session)?);
            Ok(())
        })?;
        out.ok_or_else(|| Error::Store { detail: "a transaction gave no result".into() })
    }
}

fn passed_over() -> Error {
    Error::Store { detail: "a transaction went on after one of its statements had failed".into() }
}
