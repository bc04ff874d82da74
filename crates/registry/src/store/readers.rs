//! Connections that read: a reader takes one that is idle, or opens one more, or waits for the first that is given back. So a
//! long read, such as looking through a million keys, does not stand in the way of those that every call begins with.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::limits::READERS;

#[derive(Debug)]
struct Pool {
    idle: Vec<Connection>,
    open: usize,
}

#[derive(Debug)]
pub(super) struct Readers {
    pool: Mutex<Pool>,
    freed: Condvar,
}

impl Readers {
    pub(super) fn new(first: Connection) -> Readers {
        Readers { pool: Mutex::new(Pool { idle: vec![first], open: 1 }), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` with a connection that nobody else has meanwhile.
    pub(super) fn with<T>(
        &self,
        open: impl FnOnce() -> rusqlite::Result<Connection>,
        work: impl FnOnce(&mut Connection) -> T,
    ) -> rusqlite::Result<T> {
        let mut place = self.place();
        let connection = match &mut place.connection {
            Some(connection) => connection,
            none => none.insert(open()?),
        };
        Ok(work(connection))
    }

    fn place(&self) -> Place<'_> {
        let mut pool = self.lock();
        loop {
            if let Some(connection) = pool.idle.pop() {
                return Place { readers: self, connection: Some(connection) };
            }
            if pool.open < READERS {
                pool.open += 1;
                return Place { readers: self, connection: None };
            }
            pool = self.freed.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A place among the readers, given back when it is dropped: also after a panic, which has rolled the transaction back by then.
struct Place<'r> {
    readers: &'r Readers,
    connection: Option<Connection>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.lock();
        match self.connection.take() {
            Some(connection) => pool.idle.push(connection),
            None => pool.open -= 1,
        }
        self.readers.freed.notify_one();
    }
}
