//! PostgreSQL: a pool of connections; writers take turns under an advisory lock of the schema.
//!
//! One writer at a time, across all nodes, is what SQLite gives; with it the rules need no thought of anomalies. A writer
//! waits for the lock *before* its first statement and then reads what is committed (READ COMMITTED): under a snapshot taken
//! before the wait it would see a past state. Readers see one state throughout (REPEATABLE READ) and wait for nobody.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::FairMutex;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::config::SslMode;
use postgres::error::{Error as PgError, SqlState};
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{ToSql, Type};
use postgres::{Client, Config, IsolationLevel, Statement, Transaction};
use r2d2::{ManageConnection, NopErrorHandler, Pool, PooledConnection};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::row::Row;
use super::schema::{Migrations, POSTGRES};
use super::session::Each;
use super::{Mode, Session, Statements, Store, Value, Work, args, passed_over};
use crate::error::Error;
use crate::limits::{
    ANALYZE_MILLIS, BUSY_MILLIS, CONNECTIONS, IDLE_MILLIS, MIGRATION_MILLIS, STATEMENT_MILLIS, STATEMENTS, TRIES,
};

/// `edgl`, with the schema's hash: the lock that writers hold.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1701079916, hashtext(current_schema()))";
const WAIT: Duration = Duration::from_millis(BUSY_MILLIS);

pub(crate) struct Postgres {
    address: String,
    pool: Pool<Manager>,
    /// One writer a process competes for the lock, so that waiting ones leave connections to readers.
    /// It goes to whoever has waited for longest, as does the lock.
    writer: FairMutex<()>,
}

struct Manager {
    config: Config,
    tls: MakeRustlsConnect,
}

/// A connection with its prepared statements.
struct Connection {
    client: Option<Client>,
    statements: HashMap<String, Statement>,
}

impl Connection {
    fn client(&mut self) -> Result<(&mut Client, &mut HashMap<String, Statement>), Error> {
        let gone = || Error::Store { detail: "a connection was closed while in use".into() };
        Ok((self.client.as_mut().ok_or_else(gone)?, &mut self.statements))
    }
}

impl Drop for Connection {
    /// The client says good-bye in a runtime of its own, which would panic where another one runs, as in a server's task.
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            self.statements.clear();
            // Without a thread the socket closes all the same, with the process.
            let _ = std::thread::Builder::new().name("postgres-close".into()).spawn(move || drop(client));
        }
    }
}

/// What a failed connection has to say, without statements or values.
fn told(error: PgError) -> io::Error {
    io::Error::other(detail(&error))
}

impl ManageConnection for Manager {
    type Connection = Connection;
    type Error = io::Error;

    fn connect(&self) -> io::Result<Connection> {
        let client = self.config.connect(self.tls.clone()).map_err(told)?;
        let mut connection = Connection { client: Some(client), statements: HashMap::new() };
        // Acknowledged means on disk, whatever the server's default; the limits keep one node from holding up all. To compile a plan takes
        // longer than any statement of ours runs; and rows that are read by several workers come in no order.
        let set = format!(
            "SET synchronous_commit = on; SET jit = off; SET max_parallel_workers_per_gather = 0; SET lock_timeout = {BUSY_MILLIS}; SET statement_timeout = {STATEMENT_MILLIS}; \
             SET idle_in_transaction_session_timeout = {IDLE_MILLIS}"
        );
        let (client, _) = connection.client().map_err(io::Error::other)?;
        client.batch_execute(&set).map_err(told)?;
        Ok(connection)
    }

    fn is_valid(&self, connection: &mut Connection) -> io::Result<()> {
        let (client, _) = connection.client().map_err(io::Error::other)?;
        client.is_valid(WAIT).map_err(told)
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        connection.client.as_ref().is_none_or(Client::is_closed)
    }
}

/// A connector that checks the server's certificate against the system's roots, or those in the file that `SSL_CERT_FILE`
/// names. Without encryption it is never asked, and reads nothing.
fn encryption(config: &Config) -> Result<MakeRustlsConnect, String> {
    let mut roots = RootCertStore::empty();
    if config.get_ssl_mode() != SslMode::Disable {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err("this system has no root certificates to check the server's against; name a file of them in \
                        SSL_CERT_FILE"
                .into());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = client.map_err(|e| e.to_string())?.with_root_certificates(roots).with_no_client_auth();
    Ok(MakeRustlsConnect::new(client))
}

/// What to do about a failed transaction.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Stop,
    Again,
}

impl Postgres {
    /// Opens a database and brings its schema up to date, or makes the tables in a `new` one, which has none of ours.
    pub(super) fn open(address: &str, config: &Config, new: bool, known: Migrations) -> Result<Postgres, Error> {
        let store = Postgres::connect(address, config)?;
        POSTGRES.migrate(&store, Path::new(address), new, known).map(|()| store)
    }

    fn connect(address: &str, config: &Config) -> Result<Postgres, Error> {
        let mut config = config.clone();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(WAIT);
        }
        if config.get_application_name().is_none() {
            config.application_name("edgelatch");
        }
        let unreachable = |detail: String| Error::Unreachable { address: address.into(), detail };
        let manager = Manager { tls: encryption(&config).map_err(unreachable)?, config };
        // The pool would try again and again: a first look tells what is wrong at once.
        drop(manager.connect().map_err(|e| unreachable(e.to_string()))?);
        let pool = Pool::builder()
            .max_size(CONNECTIONS)
            .min_idle(Some(0))
            .connection_timeout(WAIT)
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(manager);
        Ok(Postgres { address: address.into(), pool, writer: FairMutex::new(()) })
    }

    fn get(&self) -> Result<PooledConnection<Manager>, Error> {
        self.pool.get().map_err(|e| Error::Unreachable { address: self.address.clone(), detail: e.to_string() })
    }

    fn error(&self, error: &PgError) -> Error {
        let (path, detail) = (|| self.address.as_str().into(), detail(error));
        if is_lost(error) {
            return Error::Unreachable { address: self.address.clone(), detail };
        }
        // A value that could not be converted has none.
        let Some(code) = error.code() else { return Error::Store { detail } };
        // The constraint's name alone: the server's own detail quotes the row.
        let constraint = || error.as_db_error().and_then(|e| e.constraint()).unwrap_or("unnamed").to_owned();
        match *code {
            SqlState::UNIQUE_VIOLATION => Error::Unique { constraint: constraint() },
            SqlState::LOCK_NOT_AVAILABLE | SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Error::Busy,
            SqlState::DUPLICATE_TABLE | SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN => {
                Error::Corrupt { path: path(), detail }
            }
            SqlState::DISK_FULL | SqlState::INSUFFICIENT_PRIVILEGE | SqlState::READ_ONLY_SQL_TRANSACTION => {
                Error::Unwritable { path: path(), detail }
            }
            _ => Error::Store { detail },
        }
    }

    fn attempt(&self, mode: Mode, work: &mut Work<'_>) -> Result<(), (Error, Next)> {
        let stop = |error| (error, Next::Stop);
        let fail = |e: PgError| (self.error(&e), next(&e));
        let mut connection = self.get().map_err(stop)?;
        let (client, statements) = connection.client().map_err(stop)?;
        let (level, begin) = match mode {
            Mode::Read => (IsolationLevel::RepeatableRead, String::new()),
            Mode::Write => (IsolationLevel::ReadCommitted, LOCK.into()),
            Mode::Migrate => {
                let wait = format!("SET LOCAL lock_timeout = {MIGRATION_MILLIS}; SET LOCAL statement_timeout = 0; {LOCK}");
                (IsolationLevel::ReadCommitted, wait)
            }
        };
        let reads = mode == Mode::Read;
        let mut tx = client.build_transaction().isolation_level(level).read_only(reads).start().map_err(fail)?;
        if !reads {
            tx.batch_execute(&begin).map_err(fail)?;
        }
        let mut session = Tx { tx, statements, store: self, failure: None };
        let done = work(&mut session);
        let Tx { tx, failure, .. } = session;
        match (done, failure) {
            (Err(error), failure) => Err((error, failure.unwrap_or(Next::Stop))),
            (Ok(()), Some(_)) => Err(stop(passed_over())),
            // A reader has its answer, whatever comes now.
            (Ok(()), None) if reads => Ok(()),
            (Ok(()), None) => tx.commit().map_err(|e| match is_lost(&e) {
                true => stop(Error::CommitUnknown { address: self.address.clone() }),
                false => fail(e),
            }),
        }
    }
}

impl Store for Postgres {
    fn run(&self, mode: Mode, work: &mut Work<'_>) -> Result<(), Error> {
        let _turn = (mode != Mode::Read).then(|| self.writer.lock());
        let mut tries = 1;
        loop {
            match self.attempt(mode, work) {
                Err((_, Next::Again)) if tries < TRIES => tries += 1,
                result => return result.map_err(|(error, _)| error),
            }
        }
    }
}

/// The server's sentence or the network's; never the server's DETAIL, which quotes values.
fn detail(error: &PgError) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} [{}]", db.message(), db.code().code()),
        None => {
            let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
            causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
        }
    }
}

/// Whether the connection is gone, and with it what was not committed.
fn is_lost(error: &PgError) -> bool {
    match error.code() {
        // Connection exceptions; the server stops or has cut this session off.
        Some(code) => code.code().starts_with("08") || ["57P01", "57P02", "57P03", "57P05", "25P03"].contains(&code.code()),
        None => {
            error.is_closed() || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
        }
    }
}

/// A deadlock needs two who lock: only a migration beside us does.
fn next(error: &PgError) -> Next {
    let crossed = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    if is_lost(error) || error.code().is_some_and(|code| crossed.contains(code)) { Next::Again } else { Next::Stop }
}

struct Tx<'a> {
    tx: Transaction<'a>,
    statements: &'a mut HashMap<String, Statement>,
    store: &'a Postgres,
    failure: Option<Next>,
}

impl<'a> Tx<'a> {
    /// Runs `work` unless a statement failed before.
    fn guard<T>(&mut self, work: impl FnOnce(&mut Transaction<'a>) -> Result<T, PgError>) -> Result<T, Error> {
        if self.failure.is_some() {
            return Err(passed_over());
        }
        work(&mut self.tx).map_err(|error| {
            self.failure = Some(next(&error));
            self.store.error(&error)
        })
    }

    /// What gives a table its ids.
    fn sequence(&mut self, table: &str) -> Result<String, Error> {
        let session: &mut dyn Session = self;
        let found: Option<String> = session.one(format!("SELECT pg_get_serial_sequence('{table}', 'id')"), &[])?;
        found.ok_or_else(|| Error::Store { detail: format!("table {table} gives no ids") })
    }

    fn prepare(&mut self, sql: &str, args: &[Value]) -> Result<Statement, Error> {
        let statement = match self.statements.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.guard(|tx| tx.prepare(sql))?;
                if self.statements.len() >= STATEMENTS {
                    self.statements.clear();
                }
                self.statements.insert(sql.into(), statement.clone());
                statement
            }
        };
        if statement.params().len() != args.len() {
            self.failure = Some(Next::Stop);
            let (takes, given) = (statement.params().len(), args.len());
            return Err(Error::Store { detail: format!("a statement takes {takes} parameters and was given {given}: {sql}") });
        }
        Ok(statement)
    }
}

impl Session for Tx<'_> {
    fn execute(&mut self, sql: &str, args: &[Value]) -> Result<u64, Error> {
        let statement = self.prepare(sql, args)?;
        if !statement.columns().is_empty() {
            self.failure = Some(Next::Stop);
            return Err(Error::Store { detail: format!("a statement returns rows that nobody reads: {sql}") });
        }
        self.guard(|tx| {
            let mut rows = tx.query_raw(&statement, args)?;
            while rows.next()?.is_some() {}
            Ok(rows.rows_affected().unwrap_or(0))
        })
    }

    fn query(&mut self, sql: &str, args: &[Value], row: &mut Each<'_>) -> Result<(), Error> {
        let statement = self.prepare(sql, args)?;
        let columns = statement.columns().len();
        let mut values = Vec::with_capacity(columns);
        let mut seen = Ok(());
        self.guard(|tx| {
            let mut rows = tx.query_raw(&statement, args)?;
            while seen.is_ok()
                && let Some(found) = rows.next()?
            {
                values.clear();
                for i in 0..columns {
                    values.push(found.try_get(i)?);
                }
                seen = row(Row::new(&mut values));
            }
            Ok(())
        })?;
        seen
    }

    /// Row by row, the connection is asked for news each time.
    fn rows(&mut self, sql: &str, args: &[Value], row: &mut Each<'_>) -> Result<(), Error> {
        let statement = self.prepare(sql, args)?;
        let args: Vec<&(dyn ToSql + Sync)> = args.iter().map(|value| value as _).collect();
        let (columns, rows) = (statement.columns().len(), self.guard(|tx| tx.query(&statement, &args))?);
        for found in rows {
            let mut values = self.guard(|_| (0..columns).map(|i| found.try_get(i)).collect::<Result<Vec<Value>, _>>())?;
            row(Row::new(&mut values))?;
        }
        Ok(())
    }

    fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.guard(|tx| tx.batch_execute(sql))
    }

    fn version(&mut self) -> Result<Option<u64>, Error> {
        // Read from the catalog: `to_regclass` may answer from a cache that the lock does not refresh.
        let sql = "SELECT current_schema() IS NOT NULL, EXISTS (SELECT FROM pg_class c JOIN pg_namespace n \
                   ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relname = 'edgelatch_schema')";
        let session: &mut dyn Session = self;
        match session.one(sql, &[])? {
            Some((true, true)) => session.one("SELECT version FROM edgelatch_schema", &[]),
            Some((true, false)) => Ok(None),
            _ => {
                let detail = "no schema of the search_path exists".into();
                Err(Error::Unwritable { path: self.store.address.as_str().into(), detail })
            }
        }
    }

    fn millis(&mut self) -> Result<u64, Error> {
        let session: &mut dyn Session = self;
        session.count("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)", &[])
    }

    /// A plan made while a table is empty reads all of it, and is kept while the table grows. So does one for a condition that many rows fit on an
    /// average, of which only so many are asked for; the rows at hand may be others.
    fn indexed(&mut self) -> Result<(), Error> {
        self.batch("SET LOCAL enable_seqscan = off")
    }

    /// When the database last looked how many rows a table has, these may all have been another transaction's that had not ended. It takes such a table for
    /// empty, and reads all of it for each row of another one: minutes for some thousand keys. Nobody waits for a vacuum, which lets nobody look.
    fn sized(&mut self, keys: u64) -> Result<(), Error> {
        let sql = "SELECT CAST(count(*) AS BIGINT) FROM pg_class WHERE oid IN ('key_rows'::regclass, 'secrets'::regclass) AND reltuples < CAST($1 AS BIGINT)";
        let session: &mut dyn Session = self;
        if session.count(sql, args![keys])? == 0 {
            return Ok(());
        }
        let [short, usual] = [ANALYZE_MILLIS, BUSY_MILLIS].map(|wait| format!("SET LOCAL lock_timeout = {wait}"));
        let look = format!("{short}; ANALYZE key_rows, secrets; {usual}");
        self.guard(|tx| {
            let mut part = tx.savepoint("look")?;
            match part.batch_execute(&look) {
                Ok(()) => part.commit(),
                // Without it nothing is wrong but slow.
                Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => part.rollback(),
                Err(error) => Err(error),
            }
        })
    }

    fn numbers(&self, parameter: &str) -> String {
        format!("unnest(CAST(string_to_array({parameter}, ',') AS BIGINT[])) AS d(value)")
    }

    fn joined(&self, column: &str) -> String {
        format!("string_agg(CAST({column} AS TEXT), ',')")
    }

    fn columns(&mut self, table: &str) -> Result<Vec<String>, Error> {
        let statement = self.prepare(&format!("SELECT * FROM {table}"), &[])?;
        Ok(statement.columns().iter().map(|column| column.name().into()).collect())
    }

    fn load(&mut self, table: &str, columns: &[&str], rows: &[Vec<Value>]) -> Result<(), Error> {
        let columns = columns.join(", ");
        let statement = self.prepare(&format!("SELECT {columns} FROM {table}"), &[])?;
        let types: Vec<Type> = statement.columns().iter().map(|column| column.type_().clone()).collect();
        self.guard(|tx| {
            let sink = tx.copy_in(&format!("COPY {table} ({columns}) FROM STDIN (FORMAT binary)"))?;
            let mut writer = BinaryCopyInWriter::new(sink, &types);
            rows.iter().try_for_each(|row| writer.write_raw(row))?;
            writer.finish().map(|_| ())
        })
    }

    fn last_id(&mut self, table: &str) -> Result<u64, Error> {
        let sequence = self.sequence(table)?;
        let session: &mut dyn Session = self;
        session.count(format!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"), &[])
    }

    fn settle(&mut self, table: &str, last: u64) -> Result<(), Error> {
        if last > self.last_id(table)? {
            let sequence = self.sequence(table)?;
            self.guard(|tx| tx.query_opt(&format!("SELECT setval('{sequence}', {last})"), &[]).map(|_| ()))?;
        }
        Ok(())
    }

    fn unhurried(&mut self) -> Result<(), Error> {
        self.batch("SET LOCAL statement_timeout = 0")
    }
}
