//! A store for tests that remembers what is read, and how SQLite goes about it.

use std::sync::Mutex;

use super::{Each, Mode, Session, Store, Value, Work};
use crate::error::Error;

/// A statement that was run, its values, and the rows that it gave.
pub(crate) type Ran = (String, Vec<Value>, u64);

/// A store that remembers what is read.
pub(crate) struct Counting {
    pub(crate) store: Box<dyn Store>,
    pub(crate) ran: &'static Mutex<Vec<Ran>>,
}

struct Counted<'s> {
    session: &'s mut dyn Session,
    ran: &'static Mutex<Vec<Ran>>,
}

impl Store for Counting {
    fn run(&self, mode: Mode, work: &mut Work<'_>) -> Result<(), Error> {
        self.store.run(mode, &mut |session| work(&mut Counted { session, ran: self.ran }))
    }
}

impl Session for Counted<'_> {
    fn execute(&mut self, sql: &str, args: &[Value]) -> Result<u64, Error> {
        self.session.execute(sql, args)
    }

    fn query(&mut self, sql: &str, args: &[Value], row: &mut Each<'_>) -> Result<(), Error> {
        let mut rows = 0;
        let result = self.session.query(sql, args, &mut |found| {
            rows += 1;
            row(found)
        });
        self.ran.lock().unwrap().push((sql.into(), args.to_vec(), rows));
        result
    }

    fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.session.batch(sql)
    }

    fn version(&mut self) -> Result<Option<u64>, Error> {
        self.session.version()
    }

    fn millis(&mut self) -> Result<u64, Error> {
        self.session.millis()
    }

    fn indexed(&mut self) -> Result<(), Error> {
        self.session.indexed()
    }

    fn sized(&mut self, keys: u64) -> Result<(), Error> {
        self.session.sized(keys)
    }

    fn numbers(&self, parameter: &str) -> String {
        self.session.numbers(parameter)
    }

    fn joined(&self, column: &str) -> String {
        self.session.joined(column)
    }

    fn columns(&mut self, table: &str) -> Result<Vec<String>, Error> {
        self.session.columns(table)
    }

    fn load(&mut self, table: &str, columns: &[&str], rows: &[Vec<Value>]) -> Result<(), Error> {
        self.session.load(table, columns, rows)
    }

    fn unhurried(&mut self) -> Result<(), Error> {
        self.session.unhurried()
    }

    fn last_id(&mut self, table: &str) -> Result<u64, Error> {
        self.session.last_id(table)
    }

    fn settle(&mut self, table: &str, last: u64) -> Result<(), Error> {
        self.session.settle(table, last)
    }
}

/// How SQLite goes about a statement, step by step.
pub(crate) fn plan(store: &dyn Store, sql: &str, values: &[Value]) -> Vec<String> {
    let read = store.reading(|session| {
        let mut plan = Vec::new();
        session.query(&format!("EXPLAIN QUERY PLAN {sql}"), values, &mut |row| {
            plan.extend(row.values().into_iter().filter_map(|value| match value {
                Value::Text(text) => Some(text),
                _ => None,
            }));
            Ok(())
        })?;
        Ok(plan)
    });
    read.unwrap()
}
