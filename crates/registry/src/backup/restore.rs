//! A registry is made from a backup: all of it or nothing.

use std::io::BufRead;
use std::path::Path;

use super::Backup;
use super::read::{Part, damaged, read};
use crate::audit;
use crate::error::Error;
use crate::registry::{Env, Registry};
use crate::store::{CopyProgress, Database, Loader, MIGRATIONS, Progress, Session, Statements, Store};
use crate::transaction::{RealmId, Transaction};

/// Begins to read a backup anew.
type Open<'o> = dyn Fn() -> std::io::Result<Box<dyn BufRead>> + 'o;

/// Makes a registry from a backup, in a `database` that is not there yet or holds nothing. The backup was read once
/// ([`verify_backup`](super::verify_backup)), so that nothing is written of one that is not whole; now it is read again, into one transaction, in
/// which every reference between rows and the chain of each audit log must hold.
pub fn restore_backup(
    database: &Database,
    env: Env,
    backup: &Backup,
    open: &Open<'_>,
    progress: &mut Progress<'_>,
) -> Result<Registry, Error> {
    let again = || open().map_err(|error| damaged(&format!("it cannot be read: {error}")));
    let known = MIGRATIONS.len() as u64;
    if backup.schema != known {
        return Err(Error::BackupSchema { found: backup.schema, known });
    }
    let (store, new) = match database.open(false, MIGRATIONS) {
        Err(Error::NotInitialised { .. }) => (make(database)?, true),
        opened => (opened?, false),
    };
    let loaded = store.writing(|to| {
        let mut told = |seen: CopyProgress| {
            progress(CopyProgress { of: backup.tables.get(seen.table).copied().unwrap_or_default(), ..seen });
        };
        let mut loader = Loader::new(to, &database.to_string(), &mut told)?;
        let found = read(&mut *again()?, &mut |part| match part {
            // They become a part of statements.
            Part::Table(table) if loader.columns(table.name)? != table.columns => {
                Err(damaged(&format!("table {} has other columns than it should", table.name)))
            }
            Part::Table(table) => loader.begin(&table),
            Part::Row(values) => loader.row(values),
        })?;
        loader.end()?;
        if found != *backup {
            return Err(damaged("it became another one while it was read"));
        }
        check_logs(to)?;
        // Who signed out since the backup was taken must not be signed in again.
        to.run("DELETE FROM console_sessions", &[]).map(drop)
    });
    match loaded {
        Ok(()) => Ok(Registry { store, env, database: database.clone() }),
        Err(error) => {
            drop(store);
            // In PostgreSQL empty tables stay, and the next attempt uses them.
            database.path().filter(|_| new).into_iter().for_each(remove);
            Err(refused(error))
        }
    }
}

/// Makes empty tables. Where that fails, as on a full disk, nothing is left of it, unless somebody else has made them meanwhile.
fn make(database: &Database) -> Result<Box<dyn Store>, Error> {
    database.open(true, MIGRATIONS).inspect_err(|error| {
        if !matches!(error, Error::AlreadyInitialised { .. }) {
            database.path().into_iter().for_each(remove);
        }
    })
}

/// What a row is refused for that breaks a rule of the tables says nothing of a backup.
fn refused(error: Error) -> Error {
    match error {
        Error::Store { .. } | Error::Unique { .. } => damaged(&format!("its rows do not fit together ({error})")),
        other => other,
    }
}

/// Refuses a registry of which an audit log is not as it was written.
fn check_logs(to: &mut dyn Session) -> Result<(), Error> {
    for (id, slug) in to.all::<(u64, String)>("SELECT id, slug FROM realms ORDER BY id", &[])? {
        audit::verify(&mut Transaction::over(to, RealmId(id)), &slug, None)?;
    }
    Ok(())
}

/// Removes a database that was made for the backup.
fn remove(file: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        // Empty tables do no harm, if it stays.
        let _ = std::fs::remove_file(path);
    }
}
