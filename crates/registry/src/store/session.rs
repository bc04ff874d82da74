//! An open transaction, and the statements that everybody else writes with it.

use std::collections::BTreeMap;

use super::row::{Fields, Query, Row, Value, insert, places};
use crate::error::Error;
use crate::limits::ROWS_AT_ONCE;

/// Sees each row in turn.
pub(crate) type Each<'a> = dyn FnMut(Row<'_>) -> Result<(), Error> + 'a;

/// An open transaction, as each database has its own. After a statement failed, every further one does, and so does the commit.
pub(crate) trait Session {
    /// Runs a statement and returns how many rows it touched. A violated uniqueness is [`Error::Unique`].
    fn execute(&mut self, sql: &str, args: &[Value]) -> Result<u64, Error>;
    /// Runs a query and shows each row as it comes, however many they are.
    fn query(&mut self, sql: &str, args: &[Value], row: &mut Each<'_>) -> Result<(), Error>;
    /// The same for rows that are all kept: the whole answer may be taken before the first row is shown, where that is quicker.
    fn rows(&mut self, sql: &str, args: &[Value], row: &mut Each<'_>) -> Result<(), Error> {
        self.query(sql, args, row)
    }
    /// Runs several statements without parameters.
    fn batch(&mut self, sql: &str) -> Result<(), Error>;
    /// How many migrations have run; none where there are no tables of ours.
    fn version(&mut self) -> Result<Option<u64>, Error>;
    /// The database's own time in milliseconds since 1970, at this moment: on SQLite this machine's.
    fn millis(&mut self) -> Result<u64, Error>;
    fn columns(&mut self, table: &str) -> Result<Vec<String>, Error>;
    /// Adds rows in the database's fastest way: unless it has one of its own, row by row.
    fn load(&mut self, table: &str, columns: &[&str], rows: &[Vec<Value>]) -> Result<(), Error> {
        let sql = insert(table, columns);
        rows.iter().try_for_each(|row| self.execute(&sql, row).map(drop))
    }
    /// From here on, statements are planned for large tables: what an index finds is read through it, whatever the database takes the tables for.
    fn indexed(&mut self) -> Result<(), Error> {
        Ok(())
    }
    /// From here on, statements are planned for no fewer keys than these, which this transaction has added or found.
    fn sized(&mut self, _keys: u64) -> Result<(), Error> {
        Ok(())
    }
    /// A table `d` with a column `value`, of the numbers in a text parameter, with commas between them: however many they are, the statement is one.
    fn numbers(&self, parameter: &str) -> String;
    /// The other way round: the numbers in a column of all rows as one text, in the rows' order. It is read as [`Numbers`](super::Numbers).
    fn joined(&self, column: &str) -> String;
    /// The last id that was given in a table that has ids, also to a row that is gone; 0 for none.
    fn last_id(&mut self, table: &str) -> Result<u64, Error>;
    /// From here on the database gives a table ids above `last` only.
    fn settle(&mut self, table: &str, last: u64) -> Result<(), Error>;
    /// Statements that read may take as long as they need from here on.
    fn unhurried(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Statements in whatever holds an open transaction.
pub(crate) trait Statements {
    /// The open transaction.
    fn session(&mut self) -> &mut (dyn Session + '_);

    /// Every row of a query in turn.
    fn each<T>(
        &mut self,
        query: impl Into<Query<T>>,
        args: &[Value],
        mut take: impl FnMut(T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Query { sql, read } = query.into();
        self.session().query(&sql, args, &mut |mut row| take(read(&mut row)?))
    }

    fn all<T>(&mut self, query: impl Into<Query<T>>, args: &[Value]) -> Result<Vec<T>, Error> {
        let (Query { sql, read }, mut all) = (query.into(), Vec::new());
        self.session().rows(&sql, args, &mut |mut row| {
            all.push(read(&mut row)?);
            Ok(())
        })?;
        Ok(all)
    }

    fn one<T>(&mut self, query: impl Into<Query<T>>, args: &[Value]) -> Result<Option<T>, Error> {
        Ok(self.all(query, args)?.into_iter().next())
    }

    /// All rows of a query whose first column says what they belong to.
    fn grouped<T>(&mut self, query: impl Into<Query<(u64, T)>>, args: &[Value]) -> Result<BTreeMap<u64, Vec<T>>, Error> {
        let mut all: BTreeMap<u64, Vec<T>> = BTreeMap::new();
        for (of, row) in self.all(query, args)? {
            all.entry(of).or_default().push(row);
        }
        Ok(all)
    }

    /// The number that a query counts.
    fn count(&mut self, query: impl Into<Query<u64>>, args: &[Value]) -> Result<u64, Error> {
        Ok(self.one(query, args)?.unwrap_or(0))
    }

    /// Runs a statement and returns how many rows it touched.
    fn run(&mut self, sql: &str, args: &[Value]) -> Result<u64, Error> {
        self.session().execute(sql, args)
    }

    /// Adds a row to a table without ids.
    fn add(&mut self, table: &str, row: Fields) -> Result<(), Error> {
        let (sql, values) = row.insert(table);
        self.run(&sql, &values).map(drop)
    }

    /// Adds a row and returns its id; none if a row is there already that may be there once only.
    fn add_new(&mut self, table: &str, row: Fields) -> Result<Option<u64>, Error> {
        let (sql, values) = row.insert(table);
        self.one(format!("{sql} ON CONFLICT DO NOTHING RETURNING id"), &values)
    }

    /// Adds many rows with the same columns.
    fn add_all(&mut self, table: &str, rows: Vec<Fields>) -> Result<(), Error> {
        let Some(columns) = rows.first().map(Fields::names) else { return Ok(()) };
        let rows: Vec<Vec<Value>> = rows.into_iter().map(Fields::values).collect();
        self.session().load(table, &columns, &rows)
    }

    /// Adds rows with the same columns, of which none comes twice; `conflict` says what becomes of one that is there. Few round trips: sizes are
    /// halved until what is left fits, so that a database prepares seven statements.
    fn put_all(&mut self, table: &str, mut rows: Vec<Fields>, conflict: &str) -> Result<(), Error> {
        let Some(columns) = rows.first().map(Fields::names) else { return Ok(()) };
        let mut size = ROWS_AT_ONCE;
        while !rows.is_empty() && size > 0 {
            if rows.len() < size {
                size /= 2;
                continue;
            }
            let one = |row: usize| format!("({})", places(1 + row * columns.len(), columns.len()));
            let all: Vec<String> = (0..size).map(one).collect();
            let sql = format!("INSERT INTO {table} ({}) VALUES {} ON CONFLICT {conflict}", columns.join(", "), all.join(", "));
            let values: Vec<Value> = rows.drain(..size).flat_map(Fields::values).collect();
            self.run(&sql, &values)?;
        }
        Ok(())
    }

    /// Changes a row of a thing that has revisions.
    fn revise(&mut self, table: &str, id: u64, row: Fields) -> Result<(), Error> {
        let (sql, values) = row.revise(table, id);
        self.run(&sql, &values).map(drop)
    }

    fn delete(&mut self, table: &str, id: u64) -> Result<(), Error> {
        self.run(&format!("DELETE FROM {table} WHERE id = $1"), &[id.into()]).map(drop)
    }
}

impl Statements for dyn Session + '_ {
    fn session(&mut self) -> &mut (dyn Session + '_) {
        self
    }
}
