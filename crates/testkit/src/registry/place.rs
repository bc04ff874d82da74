//! Where a new registry can be kept.

use crate::postgres;
use edgelatch_registry::Database;

/// An empty database of its own.
pub struct Place {
    /// Holds the SQLite file, and whatever else a test needs a directory for.
    pub dir: tempfile::TempDir,
    /// The database.
    pub database: Database,
    /// The schema that is the database, on PostgreSQL.
    pub schema: Option<String>,
}

impl Place {
    /// On SQLite.
    pub fn sqlite() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::file(dir.path().join("registry.db"));
        Place { dir, database, schema: None }
    }

    /// On PostgreSQL; none where that is not installed.
    pub fn postgres() -> Option<Place> {
        let server = postgres::server()?;
        let schema = server.schema();
        let database = server.url(&schema).parse().unwrap();
        Some(Place { dir: tempfile::tempdir().unwrap(), database, schema: Some(schema) })
    }
}

/// Runs each named function as one test on SQLite and one on PostgreSQL. It is given what `start` makes of a [`Place`]: if that is
/// left out, a [`Fixture`](crate::registry::Fixture) with the default preset.
#[macro_export]
macro_rules! on_both_stores {
    (start: $start:path; $($test:ident),* $(,)?) => {
        mod on_sqlite { $(#[test] fn $test() { super::$test($start($crate::registry::Place::sqlite())) })* }
        mod on_postgres {
            $(#[test] fn $test() {
                if let Some(place) = $crate::registry::Place::postgres() {
                    super::$test($start(place))
                }
            })*
        }
    };
    ($($test:ident),* $(,)?) => { $crate::on_both_stores! { start: $crate::registry::Fixture::new; $($test),* } };
}
