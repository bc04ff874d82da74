//! Values, rows of them as types, columns by name, and conditions of a query.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use edgelatch_core::key::PepperId;
use edgelatch_core::tree::ObjectId;

use crate::error::Error;
use crate::model::FromText;

/// One value of a row or of a statement's parameters. As JSON, in cursors, it is what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, derive_more::From)]
#[serde(untagged)]
pub(crate) enum Value {
    #[default]
    Null,
    #[from(bool, u32)]
    Int(i64),
    #[from(&str, String)]
    Text(String),
    #[from(&[u8], Vec<u8>)]
    Blob(Vec<u8>),
}

impl From<u64> for Value {
    /// Times and counters stay far below 2^63; one that did not would be refused by the column's CHECK.
    fn from(value: u64) -> Value {
        Value::Int(i64::try_from(value).unwrap_or(-1))
    }
}

impl From<PepperId> for Value {
    fn from(pepper: PepperId) -> Value {
        pepper.get().into()
    }
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

/// What a column can be read as; none if its value is no such thing.
pub(crate) trait Column: Sized {
    fn read(value: Value) -> Option<Self>;
}

macro_rules! columns_of {
    ($($ty:ty: $pattern:pat => $read:expr;)*) => { $(
        impl Column for $ty {
            fn read(value: Value) -> Option<Self> {
                match value { $pattern => $read, _ => None }
            }
        }
    )* };
}

columns_of! {
    u64: Value::Int(n) => u64::try_from(n).ok();
    u32: Value::Int(n) => u32::try_from(n).ok();
    bool: Value::Int(n) => Some(n != 0);
    String: Value::Text(text) => Some(text);
    Vec<u8>: Value::Blob(bytes) => Some(bytes);
    [u8; 32]: Value::Blob(bytes) => bytes.try_into().ok();
    PepperId: Value::Int(n) => u32::try_from(n).ok().and_then(PepperId::new);
    ObjectId: Value::Blob(bytes) => bytes.try_into().ok().map(ObjectId);
}

impl Column for Value {
    fn read(value: Value) -> Option<Self> {
        Some(value)
    }
}

impl<T: Column> Column for Option<T> {
    fn read(value: Value) -> Option<Self> {
        if value == Value::Null { Some(None) } else { T::read(value).map(Some) }
    }
}

/// Numbers that a statement gives as one text, with commas between them: thousands of rows cost more to be taken one by one than to be found.
pub(crate) struct Numbers(pub(crate) Vec<u64>);

impl Column for Numbers {
    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(Numbers(Vec::new())),
            Value::Text(text) => text.split(',').map(|number| number.parse().ok()).collect::<Option<_>>().map(Numbers),
            _ => None,
        }
    }
}

/// A text that was valid when it was written.
impl<T: FromText> Column for T {
    fn read(value: Value) -> Option<Self> {
        let Value::Text(text) = value else { return None };
        T::parse("", &text).ok()
    }
}

/// A row, of which each column is taken once, in the order of the query.
pub(crate) struct Row<'v> {
    values: &'v mut [Value],
    next: usize,
}

impl<'v> Row<'v> {
    pub(crate) fn new(values: &'v mut [Value]) -> Row<'v> {
        Row { values, next: 0 }
    }

    /// The next column; an error calls it `name`.
    pub(crate) fn take<T: Column>(&mut self, name: &str) -> Result<T, Error> {
        let value = self.values.get_mut(self.next).map(std::mem::take);
        self.next += 1;
        let wrong = || Error::Store { detail: format!("column `{name}` holds something unexpected") };
        value.and_then(T::read).ok_or_else(wrong)
    }

    pub(crate) fn values(self) -> Vec<Value> {
        self.values.iter_mut().map(std::mem::take).collect()
    }
}

/// What a short row is read as: one column, or several in the order of the query.
pub(crate) trait FromRow: Sized {
    fn read(row: &mut Row<'_>) -> Result<Self, Error>;
}

impl<T: Column> FromRow for T {
    fn read(row: &mut Row<'_>) -> Result<T, Error> {
        row.take("1")
    }
}

macro_rules! tuples {
    ($(($($ty:ident $place:literal),*);)*) => { $(
        impl<$($ty: Column),*> FromRow for ($($ty,)*) {
            fn read(row: &mut Row<'_>) -> Result<Self, Error> {
                Ok(($(row.take::<$ty>($place)?,)*))
            }
        }
    )* };
}

tuples! {
    (A "1", B "2");
    (A "1", B "2", C "3");
    (A "1", B "2", C "3", D "4");
    (A "1", B "2", C "3", D "4", E "5", F "6");
}

/// A query, or its beginning, and what each of its rows is read as.
pub(crate) struct Query<T> {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) read: fn(&mut Row<'_>) -> Result<T, Error>,
}

impl<T> Query<T> {
    /// The query of these columns, with what stands after them.
    pub(crate) fn select(&self, rest: &str) -> Query<T> {
        Query { sql: format!("{} {rest}", self.sql).into(), read: self.read }
    }
}

macro_rules! query_from {
    ($($text:ty),*) => { $(
        impl<T: FromRow> From<$text> for Query<T> {
            fn from(sql: $text) -> Query<T> {
                Query { sql: Cow::Owned(sql.into()), read: T::read }
            }
        }
    )* };
}

query_from!(&str, &String, String);

/// Declares the columns that a [`Query`] selects: names, each with its type where it does not follow from its use, and its SQL where
/// that is not the name itself; and what they make, unless it is a structure of members so named. The columns that the database is
/// asked for and those that are read are one list, so they cannot disagree.
macro_rules! columns {
    ($(#[$doc:meta])* $vis:vis $columns:ident: $ty:ident { $($name:ident),* $(,)? }) => {
        $crate::store::columns! { $(#[$doc])* $vis $columns: $ty = { $($name),* } => $ty { $($name),* } }
    };
    ($(#[$doc:meta])* $vis:vis $columns:ident: $ty:ty = {
        $first:ident $(: $first_ty:ty)? $(= $first_sql:literal)? $(, $name:ident $(: $column_ty:ty)? $(= $sql:literal)?)* $(,)?
    } => $made:expr) => {
        $(#[$doc])*
        $vis const $columns: $crate::store::Query<$ty> = $crate::store::Query {
            sql: std::borrow::Cow::Borrowed(concat!(
                "SELECT ", $crate::store::columns!(@sql $first $($first_sql)?) $(, ", ", $crate::store::columns!(@sql $name $($sql)?))*
            )),
            read: |row| {
                let $first $(: $first_ty)? = row.take(stringify!($first))?;
                $(let $name $(: $column_ty)? = row.take(stringify!($name))?;)*
                Ok($made)
            },
        };
    };
    (@sql $name:ident) => { stringify!($name) };
    (@sql $name:ident $sql:literal) => { $sql };
}
pub(crate) use columns;

/// `$3, $4, …`: places for so many parameters, of which the first is that one.
pub(crate) fn places(first: usize, count: usize) -> String {
    (first..first + count).map(|i| format!("${i}")).collect::<Vec<_>>().join(", ")
}

pub(super) fn insert(table: &str, columns: &[&str]) -> String {
    format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), places(1, columns.len()))
}

/// Columns to be written, each with its value.
#[derive(Clone, Debug)]
pub(crate) struct Fields(pub(crate) Vec<(&'static str, Value)>);

impl Fields {
    pub(crate) fn and(mut self, others: Fields) -> Fields {
        self.0.extend(others.0);
        self
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|(name, _)| *name).collect()
    }

    pub(super) fn values(self) -> Vec<Value> {
        self.0.into_iter().map(|(_, value)| value).collect()
    }

    pub(super) fn insert(self, table: &str) -> (String, Vec<Value>) {
        (insert(table, &self.names()), self.values())
    }

    /// A statement that puts them into a row, which rises to its next revision.
    pub(super) fn revise(self, table: &str, id: u64) -> (String, Vec<Value>) {
        let sets: Vec<String> = (2..).zip(self.names()).map(|(i, name)| format!("{name} = ${i}, ")).collect();
        let sql = format!("UPDATE {table} SET {}revision = revision + 1 WHERE id = $1", sets.concat());
        (sql, [vec![id.into()], self.values()].concat())
    }
}

/// Declares [`Fields`].
macro_rules! fields {
    ($($name:ident: $value:expr),* $(,)?) => {
        $crate::store::Fields(vec![$((stringify!($name), $crate::store::Value::from($value))),*])
    };
}
pub(crate) use fields;

/// Conditions that must all hold, and the values of their parameters.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    /// For the parameters, in their order.
    pub(crate) values: Vec<Value>,
    tests: Vec<String>,
}

impl Conditions {
    /// A first one: the test, and the parameter at its end.
    pub(crate) fn new(test: &str, value: impl Into<Value>) -> Conditions {
        let mut all = Conditions { values: Vec::new(), tests: Vec::new() };
        all.add(test, value);
        all
    }

    /// A test with the parameters that it numbers itself.
    pub(crate) fn of(test: impl Into<String>, values: &[Value]) -> Conditions {
        Conditions { values: values.to_vec(), tests: vec![test.into()] }
    }

    /// One more: the test, and the parameter at its end.
    pub(crate) fn add(&mut self, test: &str, value: impl Into<Value>) {
        self.add_with(value, |place| format!("{test} {place}"));
    }

    pub(crate) fn maybe(&mut self, test: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add(test, value);
        }
    }

    /// A test that has its parameter wherever it wants.
    pub(crate) fn add_with(&mut self, value: impl Into<Value>, test: impl FnOnce(&str) -> String) {
        self.values.push(value.into());
        self.tests.push(test(&format!("${}", self.values.len())));
    }

    /// One more parameter, for a test that is added without it.
    pub(crate) fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// A test without a parameter of its own.
    pub(crate) fn add_plain(&mut self, test: impl Into<String>) {
        self.tests.push(test.into());
    }

    /// After `WHERE`.
    pub(crate) fn sql(&self) -> String {
        self.tests.join(" AND ")
    }
}
