//! Values, and rows of them as types.

use edgelatch_core::tree::ObjectId;

use crate::error::Error;
use crate::model::FromText;

/// One value of a row or of a statement's parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Value {
    #[default]
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

macro_rules! values {
    ($($ty:ty, $value:ident => $make:expr;)*) => { $(
        impl From<$ty> for Value { fn from($value: $ty) -> Value { $make } }
    )* };
}

values! {
    &str, v => Value::Text(v.into());
    String, v => Value::Text(v);
    Vec<u8>, v => Value::Blob(v);
    &[u8], v => Value::Blob(v.into());
    bool, v => Value::Int(i64::from(v));
    // Times and counters stay far below 2^63; one that did not would be refused by the column's CHECK.
    u64, v => Value::Int(i64::try_from(v).unwrap_or(-1));
    u32, v => Value::Int(i64::from(v));
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
    ObjectId: Value::Blob(bytes) => bytes.try_into().ok().map(ObjectId);
}

impl<T: Column> Column for Option<T> {
    fn read(value: Value) -> Option<Self> {
        if value == Value::Null { Some(None) } else { T::read(value).map(Some) }
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

    /// All values, as they are.
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
}

/// What a query selects, each column under a name of its own, and what a row of it makes.
pub(crate) struct Columns<T> {
    /// What stands after `SELECT`.
    pub(crate) sql: &'static str,
    pub(crate) read: fn(&mut Row<'_>) -> Result<T, Error>,
}

/// Declares [`Columns`]: names, each with its type where it does not follow from its use, and its SQL where that is not the name
/// itself; and what they make. The list of columns that the
/// database is asked for and the one that is read are the same, so they cannot disagree.
macro_rules! columns {
    ($(#[$doc:meta])* $vis:vis $columns:ident: $ty:ty = {
        $first:ident $(: $first_ty:ty)? $(= $first_sql:literal)? $(, $name:ident $(: $column_ty:ty)? $(= $sql:literal)?)* $(,)?
    } => $made:expr) => {
        $(#[$doc])*
        $vis const $columns: $crate::store::Columns<$ty> = $crate::store::Columns {
            sql: concat!($crate::store::columns!(@sql $first $($first_sql)?) $(, ", ", $crate::store::columns!(@sql $name $($sql)?))*),
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
