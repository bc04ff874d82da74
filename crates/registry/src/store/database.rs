//! Where a registry's data lies: a SQLite file or a PostgreSQL database.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use postgres::Config;
use postgres::config::{Host, SslMode};

use super::Store;
use super::postgres::Postgres;
use super::schema::Migrations;
use super::sqlite::Sqlite;
use crate::error::Error;

const FORM: &str = "must be a file's path or postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters of user and \
                    password percent-encoded; known options: sslmode, options, connect_timeout";

/// The address of a registry's database. `Display` and `Debug` leave the password out.
#[derive(Clone, derive_more::Debug)]
#[debug("Database({self})")]
pub struct Database(Place);

#[derive(Clone)]
enum Place {
    File(PathBuf),
    Postgres(Box<Config>),
}

impl Database {
    /// The SQLite file at `path`.
    pub fn file(path: impl Into<PathBuf>) -> Database {
        Database(Place::File(path.into()))
    }

    /// The file, unless it is a PostgreSQL database.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Place::File(path) => Some(path),
            Place::Postgres(_) => None,
        }
    }

    /// Whether it lies on this machine as far as its address says: then it has this machine's clock.
    pub fn is_local(&self) -> bool {
        match &self.0 {
            Place::File(_) => true,
            Place::Postgres(config) => is_local(config),
        }
    }

    /// Opens what lies there, or makes it `new`, and brings its schema up to date with the migrations that a program knows.
    pub(crate) fn open(&self, new: bool, known: Migrations) -> Result<Box<dyn Store>, Error> {
        Ok(match &self.0 {
            Place::File(path) if new => Box::new(Sqlite::create(path, known)?),
            Place::File(path) => Box::new(Sqlite::open(path, known)?),
            Place::Postgres(config) => Box::new(Postgres::open(&self.to_string(), config, new, known)?),
        })
    }
}

impl FromStr for Database {
    type Err = Error;

    /// Reads a path or a `postgres://` address. Over a network the connection is encrypted and the server's certificate is
    /// checked against the system's roots (or those in the file that `SSL_CERT_FILE` names), unless `sslmode=disable` is
    /// given; `sslmode=prefer`, which an attacker could turn into no encryption, is taken as `require` there.
    fn from_str(text: &str) -> Result<Database, Error> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            // A slip such as `postgres:/host` or `mysql://` must not become a file's name.
            let scheme = text.split_once("://").is_some() || text.starts_with("postgres:") || text.starts_with("postgresql:");
            if text.is_empty() || scheme {
                return Err(Error::invalid("database", FORM));
            }
            return Ok(Database::file(text));
        }
        // The parser's own words may quote a piece of the password.
        let mut config = text.parse::<Config>().map_err(|_| Error::invalid("database", FORM))?;
        // Of a password with an `@` that was not encoded, the rest would be taken for a host, and shown.
        let torn = |host: &Host| matches!(host, Host::Tcp(name) if name.contains('@'));
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() || config.get_hosts().iter().any(torn) {
            return Err(Error::invalid("database", FORM));
        }
        if config.get_ssl_mode() == SslMode::Prefer {
            config.ssl_mode(if is_local(&config) { SslMode::Disable } else { SslMode::Require });
        }
        Ok(Database(Place::Postgres(Box::new(config))))
    }
}

/// Whether nothing leaves this machine.
fn is_local(config: &Config) -> bool {
    let host = |host: &Host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(host) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = match &self.0 {
            Place::File(path) => return write!(f, "{}", path.display()),
            Place::Postgres(config) => config,
        };
        f.write_str("postgres://")?;
        if let Some(user) = config.get_user() {
            write!(f, "{user}@")?;
        }
        let names = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        });
        let mut names: Vec<String> = names.collect();
        if names.is_empty() {
            names = config.get_hostaddrs().iter().map(ToString::to_string).collect();
        }
        let ports = config.get_ports();
        for (i, name) in names.iter().enumerate() {
            let port = ports.get(i).or(ports.first()).copied().unwrap_or(5432);
            write!(f, "{}{name}:{port}", if i == 0 { "" } else { "," })?;
        }
        write!(f, "/{}", config.get_dbname().or(config.get_user()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Database {
        text.parse().unwrap()
    }

    #[test]
    fn a_password_is_never_shown() {
        let shown = [
            ("postgres://edge:s3cret@db.example:6000/keys", "postgres://edge@db.example:6000/keys"),
            ("postgresql://edge:s3cret@db.example/keys?sslmode=disable", "postgres://edge@db.example:5432/keys"),
            ("postgres://edge:s3cret?/:@host/db", "postgres://edge@host:5432/db"),
            ("postgres://edge@db.example/keys?password=s3cret", "postgres://edge@db.example:5432/keys"),
            ("postgres://edge:s3cret@a,b:7/keys", "postgres://edge@a:5432,b:7/keys"),
            ("postgres://edge:s3cret@%2Frun%2Fpg/keys", "postgres://edge@/run/pg:5432/keys"),
            ("postgres://edge:s3cret@[::1]/", "postgres://edge@::1:5432/edge"),
        ];
        for (text, expected) in shown {
            assert_eq!(parse(text).to_string(), expected);
            assert!(!format!("{:?}", parse(text)).contains("s3cret"));
        }
    }

    #[test]
    fn a_refusal_quotes_nothing() {
        let bad = [
            "",
            "mysql://a:s3cret@b/c",
            "postgres:s3cret@host/db",
            "postgres:/s3cret@host/db",
            "postgres://",
            "postgres://edge:s3cret@host/db?s3cret=1",
            "postgres://edge:a@s3cret@host/db",
            "postgres://edge:a@%40s3cret@host/db",
            "postgres://edge:s3cret@host/db?sslmode=s3cret",
            "postgres://edge:s3cret@host:s3cret/db",
        ];
        for text in bad {
            let error = text.parse::<Database>().unwrap_err();
            assert_eq!(error.code(), "invalid", "{text}");
            assert!(!error.to_string().contains("s3cret"), "{text}: {error}");
        }
    }

    #[test]
    fn only_what_stays_on_this_machine_goes_unencrypted() {
        let mode = |text: &str| match parse(text).0 {
            Place::Postgres(config) => config.get_ssl_mode(),
            Place::File(_) => panic!("{text}"),
        };
        for local in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "%2Frun%2Fpostgresql", "localhost,127.0.0.1"] {
            assert_eq!(mode(&format!("postgres://u@{local}/d")), SslMode::Disable, "{local}");
            assert!(parse(&format!("postgres://u@{local}/d?sslmode=require")).is_local());
            assert_eq!(mode(&format!("postgres://u@{local}/d?sslmode=require")), SslMode::Require, "{local}");
        }
        for remote in ["db.example", "10.0.0.1", "localhost,db.example", "localhost.example", "[2001:db8::1]"] {
            for sslmode in ["", "?sslmode=prefer", "?sslmode=require"] {
                assert_eq!(mode(&format!("postgres://u@{remote}/d{sslmode}")), SslMode::Require, "{remote}");
            }
            assert_eq!(mode(&format!("postgres://u@{remote}/d?sslmode=disable")), SslMode::Disable, "{remote}");
            assert!(!parse(&format!("postgres://u@{remote}/d?sslmode=disable")).is_local());
        }
        assert_eq!(mode("postgres://u@localhost/d?hostaddr=10.0.0.1"), SslMode::Require);
        assert!(parse("data/registry.db").path().is_some());
    }
}
