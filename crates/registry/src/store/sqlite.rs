//! SQLite: one file, WAL, one connection that writes and a few that read.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, TransactionBehavior, ffi};

use super::readers::Readers;
use super::row::Row;
use super::schema::{Migrations, SQLITE};
use super::session::Each;
use super::{Session, Store, Value, Work, miscounted, passed_over};
use crate::error::Error;
use crate::limits::{BUSY_MILLIS, CACHE_KIB, READER_CACHE_KIB, STATEMENTS, WAL_PAGES};

/// `edgl`: tells our file from any other SQLite database.
const APPLICATION_ID: i64 = 0x6564_676c;

/// An open SQLite database.
#[derive(Debug)]
pub(crate) struct Sqlite {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Readers,
}

impl Sqlite {
    /// Makes a new database; an existing file is left alone and refused.
    pub(super) fn create(path: &Path, known: Migrations) -> Result<Sqlite, Error> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // Digests of weak imported keys could be guessed: nobody else reads them. SQLite's side files inherit the mode.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(_) => {}
            // What a process left that died before its first commit is nobody's.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_blank(path) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Error::AlreadyInitialised { path: path.into() });
            }
            Err(error) => return Err(Error::Unwritable { path: path.into(), detail: error.to_string() }),
        }
        let store = Sqlite::connect(path)?;
        store.migrate(true, known)?;
        Ok(store)
    }

    /// Opens an existing database and brings its schema up to date.
    pub(super) fn open(path: &Path, known: Migrations) -> Result<Sqlite, Error> {
        match std::fs::metadata(path) {
            Ok(meta) if meta.is_file() => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(Error::Unwritable { path: path.into(), detail: error.to_string() });
            }
            _ => return Err(Error::NotInitialised { path: path.into() }),
        }
        if is_blank(path) {
            return Err(Error::NotInitialised { path: path.into() });
        }
        let store = Sqlite::connect(path)?;
        let id = store.lock_writer().query_row("PRAGMA application_id", [], |row| row.get::<_, i64>(0));
        if id.map_err(|e| store.error(e))? != APPLICATION_ID {
            return Err(Error::Corrupt { path: path.into(), detail: "it is another program's database".into() });
        }
        store.migrate(false, known)?;
        Ok(store)
    }

    fn connect(path: &Path) -> Result<Sqlite, Error> {
        let pair = || Ok((open(path, CACHE_KIB)?, open(path, READER_CACHE_KIB)?));
        let (writer, reader) = pair().map_err(|e| translate(path, e))?;
        Ok(Sqlite { path: path.into(), writer: Mutex::new(writer), readers: Readers::new(reader) })
    }

    fn migrate(&self, new: bool, migrations: Migrations) -> Result<(), Error> {
        let version =
            |c: &Connection| c.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0)).map_err(|e| self.error(e));
        let known = migrations.len() as u32;
        let mut writer = self.lock_writer();
        if !new && version(&writer)? == known {
            return Ok(());
        }
        let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|e| self.error(e))?;
        // Read again: another process may have been faster.
        let found = version(&tx)?;
        if new && found > 0 {
            return Err(Error::AlreadyInitialised { path: self.path.clone() });
        }
        let Some(missing) = migrations.get(found as usize..) else {
            return Err(Error::NewerSchema { found: found.into(), known: known.into() });
        };
        if new {
            tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(|e| self.error(e))?;
        }
        for migration in missing {
            tx.execute_batch(&SQLITE.render(migration)).map_err(|e| self.error(e))?;
        }
        tx.pragma_update(None, "user_version", known).and_then(|()| tx.commit()).map_err(|e| self.error(e))
    }

    /// A panic while a transaction is open rolls it back, so the connection stays sound.
    fn lock_writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, error: rusqlite::Error) -> Error {
        translate(&self.path, error)
    }

    fn run(&self, connection: &mut Connection, behavior: TransactionBehavior, work: &mut Work<'_>) -> Result<(), Error> {
        let tx = connection.transaction_with_behavior(behavior).map_err(|e| self.error(e))?;
        let mut session = Tx { connection: &tx, store: self, failed: false };
        work(&mut session)?;
        if session.failed {
            return Err(passed_over());
        }
        tx.commit().map_err(|e| self.error(e))
    }
}

impl Store for Sqlite {
    fn write(&self, work: &mut Work<'_>) -> Result<(), Error> {
        self.run(&mut self.lock_writer(), TransactionBehavior::Immediate, work)
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), Error> {
        let run = |connection: &mut Connection| self.run(connection, TransactionBehavior::Deferred, work);
        self.readers.with(|| open(&self.path, READER_CACHE_KIB), run).map_err(|e| self.error(e))?
    }
}

/// A connection that keeps at most so much of the file.
fn open(path: &Path, cache_kib: u64) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_millis(BUSY_MILLIS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // FULL: what was acknowledged survives a power cut.
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
         PRAGMA cache_size = -{cache_kib}; PRAGMA wal_autocheckpoint = {WAL_PAGES};"
    ))?;
    Ok(connection)
}

struct Tx<'a> {
    connection: &'a Connection,
    store: &'a Sqlite,
    failed: bool,
}

impl<'a> Tx<'a> {
    /// Runs `work` unless a statement failed before.
    fn guard<T>(&mut self, work: impl FnOnce(&Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.failed {
            return Err(passed_over());
        }
        work(self).inspect_err(|_| self.failed = true)
    }

    fn prepare(&self, sql: &str, args: &[Value]) -> Result<rusqlite::CachedStatement<'a>, Error> {
        // `$1` would be a name to SQLite, to be looked up at every use; `?1` is the first parameter. No text of ours has a `$`.
        let mut statement = self.connection.prepare_cached(&sql.replace('$', "?")).map_err(|e| self.store.error(e))?;
        self.bind(sql, &mut statement, args)?;
        Ok(statement)
    }

    fn bind(&self, sql: &str, statement: &mut rusqlite::Statement<'_>, args: &[Value]) -> Result<(), Error> {
        if statement.parameter_count() != args.len() {
            return Err(miscounted(sql, statement.parameter_count(), args.len()));
        }
        for (i, value) in (1..).zip(args) {
            statement.raw_bind_parameter(i, value).map_err(|e| self.store.error(e))?;
        }
        Ok(())
    }
}

impl Session for Tx<'_> {
    fn execute(&mut self, sql: &str, args: &[Value]) -> Result<u64, Error> {
        self.guard(|tx| {
            let touched = tx.prepare(sql, args)?.raw_execute().map_err(|e| tx.store.error(e))?;
            Ok(touched as u64)
        })
    }

    fn query(&mut self, sql: &str, args: &[Value], row: &mut Each<'_>) -> Result<(), Error> {
        let store = self.store;
        let mut statement = self.guard(|tx| tx.prepare(sql, args))?;
        let columns = statement.column_count();
        let mut values = Vec::with_capacity(columns);
        let mut rows = statement.raw_query();
        let mut next = |values: &mut Vec<Value>| -> rusqlite::Result<bool> {
            let Some(found) = rows.next()? else { return Ok(false) };
            values.clear();
            for i in 0..columns {
                values.push(value(found.get_ref(i)?));
            }
            Ok(true)
        };
        while self.guard(|_| next(&mut values).map_err(|e| store.error(e)))? {
            row(Row::new(&mut values))?;
        }
        Ok(())
    }

    fn bulk(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn columns(&mut self, table: &str) -> Result<Vec<String>, Error> {
        self.guard(|tx| {
            let statement = tx.prepare(&format!("SELECT * FROM {table}"), &[])?;
            Ok(statement.column_names().map(Into::into).collect())
        })
    }

    fn load(&mut self, table: &str, columns: &[&str], rows: &[Vec<Value>]) -> Result<(), Error> {
        let places: Vec<String> = (1..=columns.len()).map(|i| format!("?{i}")).collect();
        let sql = format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), places.join(", "));
        self.guard(|tx| {
            let mut statement = tx.connection.prepare_cached(&sql).map_err(|e| tx.store.error(e))?;
            rows.iter().try_for_each(|row| {
                tx.bind(&sql, &mut statement, row)?;
                statement.raw_execute().map(|_| ()).map_err(|e| tx.store.error(e))
            })
        })
    }

    /// SQLite itself goes on from the largest id.
    fn settle(&mut self, _table: &str) -> Result<(), Error> {
        Ok(())
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(n) => ValueRef::Integer(*n),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Whether a file is an SQLite database without anything in it. Looking changes nothing, whoever's it is, but for a transaction
/// that its writer died over: only a writer can undo that.
fn is_blank(path: &Path) -> bool {
    let tables = |flags| -> rusqlite::Result<i64> {
        let file = Connection::open_with_flags(path, flags)?;
        file.busy_timeout(Duration::from_millis(BUSY_MILLIS))?;
        file.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
    };
    let unfinished = |error: &rusqlite::Error| error.sqlite_error_code() == Some(rusqlite::ErrorCode::ReadOnly);
    match tables(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Err(error) if unfinished(&error) => tables(OpenFlags::SQLITE_OPEN_READ_WRITE) == Ok(0),
        found => found == Ok(0),
    }
}

fn value(found: ValueRef<'_>) -> Value {
    match found {
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
        ValueRef::Integer(n) => Value::Int(n),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.into()),
    }
}

fn translate(path: &Path, error: rusqlite::Error) -> Error {
    let path = path.to_path_buf();
    let rusqlite::Error::SqliteFailure(cause, message) = &error else {
        return Error::Store { detail: error.to_string() };
    };
    let detail = message.clone().unwrap_or_else(|| cause.to_string());
    match cause.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::Corrupt { path, detail },
        ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::DiskFull => {
            Error::Unwritable { path, detail }
        }
        ErrorCode::ConstraintViolation
            if matches!(cause.extended_code, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) =>
        {
            Error::Unique { constraint: detail }
        }
        _ => Error::Store { detail },
    }
}
