//! SQLite: one file, WAL, one connection that writes and a few that read.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use parking_lot::FairMutex;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, ToSql, TransactionBehavior, ffi, params_from_iter};

use super::row::Row;
use super::schema::{Migrations, SQLITE};
use super::session::Each;
use super::{Mode, Session, Statements, Store, Value, Work, args, passed_over};
use crate::error::Error;
use crate::limits::{BUSY_LOOK_MILLIS, BUSY_MILLIS, CACHE_KIB, PAGE_BYTES, READER_CACHE_KIB, READERS, STATEMENTS, WAL_PAGES};

/// `edgl`: tells our file from any other SQLite database.
const APPLICATION_ID: u64 = 0x6564_676c;

pub(crate) struct Sqlite {
    path: PathBuf,
    /// Given to whoever has waited for longest.
    writer: FairMutex<Connection>,
    /// Connections that read and are idle: a reader takes one, or waits for the first that is given back. So a long read, such as
    /// looking through a million keys, does not stand in the way of those that every call begins with.
    idle: Mutex<Receiver<Connection>>,
    back: Sender<Connection>,
    /// Whether the file was only opened to be read, so that what others write may never be seen.
    reads_only: bool,
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
        let store = Sqlite::connect_by(path, open)?;
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
        match Sqlite::connect_by(path, open) {
            // Where nothing can be written, what is there can still be read.
            Err(Error::Unwritable { .. }) if is_denied(path) => {
                Ok(Sqlite { reads_only: true, ..Sqlite::connect_by(path, open_to_read)? })
            }
            connected => connected,
        }
    }

    fn connect_by(path: &Path, open: fn(&Path, u64) -> rusqlite::Result<Connection>) -> Result<Sqlite, Error> {
        let open = |cache_kib| open(path, cache_kib).map_err(|e| translate(path, e));
        let (back, idle) = channel();
        for _ in 0..READERS {
            let _ = back.send(open(READER_CACHE_KIB)?);
        }
        let writer = FairMutex::new(open(CACHE_KIB)?);
        Ok(Sqlite { path: path.into(), writer, idle: Mutex::new(idle), back, reads_only: false })
    }

    fn error(&self, error: rusqlite::Error) -> Error {
        translate(&self.path, error)
    }

    /// Begins the write-ahead log anew once it is long. SQLite does so by itself only if nobody has written since it moved the last page into
    /// the file: beside writers that never pause, the log would grow without end. What SQLite has left is little, so nobody waits for long; and
    /// nobody is waited for: if somebody reads or writes, the next transaction tries again.
    fn shorten_log(&self, writer: &mut Connection) {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        if std::fs::metadata(log).is_ok_and(|log| log.len() > WAL_PAGES * PAGE_BYTES) {
            let tried = writer
                .busy_timeout(Duration::ZERO)
                .and_then(|()| writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0)));
            // What was committed stays so whatever comes of this.
            drop((tried, writer.busy_handler(Some(look_again))));
        }
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
            let mut writer = self.writer.lock();
            self.transact(&mut writer, TransactionBehavior::Immediate, work)?;
            self.shorten_log(&mut writer);
            return Ok(());
        }
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let idle = idle.map_err(|e| Error::Store { detail: e.to_string() })?;
        let mut reader = scopeguard::guard(idle, |reader| drop(self.back.send(reader)));
        self.transact(&mut reader, TransactionBehavior::Deferred, work)
    }

    fn check_live(&self) -> Result<(), Error> {
        if self.reads_only { Err(Error::ReadOnly { path: self.path.clone() }) } else { Ok(()) }
    }
}

/// Waits a moment for another process's transaction, unless it was waited for often enough.
fn look_again(looks: i32) -> bool {
    let waited = u64::try_from(looks).unwrap_or(0) * BUSY_LOOK_MILLIS;
    if waited < BUSY_MILLIS {
        sleep(Duration::from_millis(BUSY_LOOK_MILLIS));
    }
    waited < BUSY_MILLIS
}

/// A connection that keeps at most so much of the file.
fn open(path: &Path, cache_kib: u64) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(look_again))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // FULL: what was acknowledged survives a power cut.
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
         PRAGMA cache_size = -{cache_kib}; PRAGMA wal_autocheckpoint = {WAL_PAGES};"
    ))?;
    Ok(connection)
}

/// Whether writing to the file, or to SQLite's side file that every writer needs, is denied for good, as on a disk that is mounted to be read
/// only; not for want of space or of open files, which may be there a moment later. SQLite's own errors do not tell these apart.
fn is_denied(path: &Path) -> bool {
    let mut shared = path.as_os_str().to_owned();
    shared.push("-shm");
    let denied = |path: &Path, create: bool| {
        let mut options = OpenOptions::new();
        options.append(true).create(create);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let kinds = [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::IsADirectory];
        options.open(path).is_err_and(|error| kinds.contains(&error.kind()))
    };
    denied(path, false) || denied(Path::new(&shared), true)
}

/// A connection that only reads, of a file beside which nothing can be written. Unless a writer's log lies there, nobody writes.
fn open_to_read(path: &Path, cache_kib: u64) -> rusqlite::Result<Connection> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let fixed = std::fs::metadata(log).is_err();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        uri += &if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    }
    let connection = Connection::open_with_flags(uri + if fixed { "?immutable=1" } else { "" }, flags)?;
    connection.busy_timeout(Duration::from_millis(BUSY_MILLIS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch(&format!("PRAGMA trusted_schema = OFF; PRAGMA cache_size = -{cache_kib};"))?;
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

    fn millis(&mut self) -> Result<u64, Error> {
        let session: &mut dyn Session = self;
        session.count("SELECT CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)", &[])
    }

    fn numbers(&self, parameter: &str) -> String {
        format!("json_each('[' || {parameter} || ']') d")
    }

    fn joined(&self, column: &str) -> String {
        format!("group_concat({column}, ',')")
    }

    fn columns(&mut self, table: &str) -> Result<Vec<String>, Error> {
        self.prepared(&format!("SELECT * FROM {table}"), |statement| Ok(statement.column_names().map(Into::into).collect()))
    }

    fn last_id(&mut self, table: &str) -> Result<u64, Error> {
        let session: &mut dyn Session = self;
        session.count("SELECT seq FROM sqlite_sequence WHERE name = $1", args![table])
    }

    fn settle(&mut self, table: &str, last: u64) -> Result<(), Error> {
        if self.execute("UPDATE sqlite_sequence SET seq = max(seq, $2) WHERE name = $1", args![table, last])? == 0 {
            self.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", args![table, last])?;
        }
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

/// How SQLite says that a disk took nothing, beside that it is full: of the log beside the database, and of what processes share.
const UNWRITTEN: [i32; 6] = [
    ffi::SQLITE_IOERR_WRITE,
    ffi::SQLITE_IOERR_FSYNC,
    ffi::SQLITE_IOERR_TRUNCATE,
    ffi::SQLITE_IOERR_SHMOPEN,
    ffi::SQLITE_IOERR_SHMSIZE,
    ffi::SQLITE_IOERR_SHMMAP,
];

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
        ErrorCode::SystemIoFailure if UNWRITTEN.contains(&cause.extended_code) => Error::Unwritable { path, detail },
        ErrorCode::ConstraintViolation
            if matches!(cause.extended_code, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) =>
        {
            Error::Unique { constraint: detail }
        }
        _ => Error::Store { detail },
    }
}
