//! SQLite: one file, WAL, one connection that writes and a few that read.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, ToSql, TransactionBehavior, ffi, params_from_iter};

use super::row::Row;
use super::schema::{Migrations, SQLITE};
use super::session::Each;
use super::{Mode, Session, Statements, Store, Value, Work, passed_over};
use crate::error::Error;
use crate::limits::{BUSY_MILLIS, CACHE_KIB, READER_CACHE_KIB, READERS, STATEMENTS, WAL_PAGES};

/// `edgl`: tells our file from any other SQLite database.
const APPLICATION_ID: u64 = 0x6564_676c;

pub(crate) struct Sqlite {
    path: PathBuf,
    writer: Mutex<Connection>,
    /// Connections that read and are idle: a reader takes one, or waits for the first that is given back. So a long read, such as
    /// looking through a million keys, does not stand in the way of those that every call begins with.
    idle: Mutex<Receiver<Connection>>,
    back: Sender<Connection>,
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
        SQLITE.migrate(&store, path, true, known).map(|()| store)
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
        let id = (&store as &dyn Store).reading(|s| s.count("PRAGMA application_id", &[]))?;
        if id != APPLICATION_ID {
            return Err(Error::Corrupt { path: path.into(), detail: "it is another program's database".into() });
        }
        SQLITE.migrate(&store, path, false, known).map(|()| store)
    }

    fn connect(path: &Path) -> Result<Sqlite, Error> {
        let open = |cache_kib| open(path, cache_kib).map_err(|e| translate(path, e));
        let (back, idle) = channel();
        for _ in 0..READERS {
            let _ = back.send(open(READER_CACHE_KIB)?);
        }
        Ok(Sqlite { path: path.into(), writer: Mutex::new(open(CACHE_KIB)?), idle: Mutex::new(idle), back })
    }

    fn error(&self, error: rusqlite::Error) -> Error {
        translate(&self.path, error)
    }

    fn transact(&self, connection: &mut Connection, behavior: TransactionBehavior, work: &mut Work<'_>) -> Result<(), Error> {
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
    /// A panic rolls the transaction back, so that its connection stays sound.
    fn run(&self, mode: Mode, work: &mut Work<'_>) -> Result<(), Error> {
        if mode != Mode::Read {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            return self.transact(&mut writer, TransactionBehavior::Immediate, work);
        }
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let idle = idle.map_err(|e| Error::Store { detail: e.to_string() })?;
        let mut reader = scopeguard::guard(idle, |reader| drop(self.back.send(reader)));
        self.transact(&mut reader, TransactionBehavior::Deferred, work)
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

impl Tx<'_> {
    /// Runs `work` unless a statement failed before.
    fn guard<T>(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        if self.failed {
            return Err(passed_over());
        }
        work(self.connection).map_err(|error| {
            self.failed = true;
            self.store.error(error)
        })
    }

    fn prepared<T>(&mut self, sql: &str, work: impl FnOnce(&mut Statement<'_>) -> rusqlite::Result<T>) -> Result<T, Error> {
        // `$1` would be a name to SQLite, to be looked up at every use; `?1` is the first parameter. No text of ours has a `$`.
        self.guard(|connection| work(&mut *connection.prepare_cached(&sql.replace('$', "?"))?))
    }
}

impl Session for Tx<'_> {
    fn execute(&mut self, sql: &str, args: &[Value]) -> Result<u64, Error> {
        self.prepared(sql, |statement| Ok(statement.execute(params_from_iter(args))? as u64))
    }

    fn query(&mut self, sql: &str, args: &[Value], row: &mut Each<'_>) -> Result<(), Error> {
        let mut seen = Ok(());
        self.prepared(sql, |statement| {
            let columns = statement.column_count();
            let mut values = Vec::with_capacity(columns);
            let mut rows = statement.query(params_from_iter(args))?;
            while seen.is_ok()
                && let Some(found) = rows.next()?
            {
                values.clear();
                for i in 0..columns {
                    values.push(value(found.get_ref(i)?));
                }
                seen = row(Row::new(&mut values));
            }
            Ok(())
        })?;
        seen
    }

    fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.guard(|connection| connection.execute_batch(sql))
    }

    fn version(&mut self) -> Result<Option<u64>, Error> {
        let version = self.guard(|connection| connection.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0)))?;
        Ok(Some(version.into()).filter(|version| *version > 0))
    }

    fn columns(&mut self, table: &str) -> Result<Vec<String>, Error> {
        self.prepared(&format!("SELECT * FROM {table}"), |statement| Ok(statement.column_names().map(Into::into).collect()))
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
