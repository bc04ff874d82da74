//! What commands begin with: the arguments that stand everywhere, the data directory, its registry, the realm in question; and
//! how they print what they found.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use edgelatch_core::signed::Role;
use edgelatch_registry::{Audit, Caller, Database, Env, Keys, Name, Registry, Slug, Tenants, Usage, management};
use edgelatch_sync::{DataDir, Publisher, key_file};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::output::{self, Column};

/// The arguments that stand everywhere.
#[derive(Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Context {
    /// Directory of the control plane
    #[arg(
        long = "data",
        global = true,
        value_name = "DIR",
        env = "EDGELATCH_DATA",
        default_value = "edgelatch-data",
        value_parser = PathBufValueParser::new().map(DataDir::new)
    )]
    pub(crate) dir: DataDir,
    /// The registry's database: the path of an SQLite file, or postgres://USER@HOST/DATABASE [default: registry.db in the
    /// directory]. Others can see it among the processes, so rather give a password in EDGELATCH_DATABASE
    #[arg(long, global = true, value_name = "DATABASE", env = "EDGELATCH_DATABASE", hide_env_values = true)]
    database: Option<Database>,
    /// The realm; needed only where there are several
    #[arg(long, global = true, value_name = "REALM", env = "EDGELATCH_REALM")]
    pub(crate) realm: Option<Slug>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// An open registry and the realm in question.
pub(crate) struct Open {
    pub(crate) registry: Arc<Registry>,
    pub(crate) realm: Slug,
}

impl Context {
    /// Where the registry lies: as named, or in the data directory.
    pub(crate) fn database(&self) -> Database {
        self.database.clone().unwrap_or_else(|| Database::file(self.dir.database()))
    }

    pub(crate) fn registry(&self) -> Result<Registry> {
        Ok(Registry::connect(&self.database(), Env::system())?)
    }

    /// Opens the registry, and finds the realm: the one that was named, or the only one.
    pub(crate) fn open(&self) -> Result<Open> {
        let registry = self.registry()?;
        let realm = match &self.realm {
            Some(realm) => registry.realm(realm)?.realm,
            None => {
                // The realm of management keys is never meant unless it is named.
                let realms = registry.realms()?.into_iter().map(|r| r.realm);
                only(realms.filter(|realm| realm.as_str() != management::REALM).collect(), "realm", "--realm")?
            }
        };
        Ok(Open { registry: Arc::new(registry), realm })
    }

    /// The publisher of a realm, whose heads live for so many seconds.
    pub(crate) fn publisher(&self, open: &Open, lifetime: u64) -> Result<Publisher> {
        let path = self.dir.key_of(&open.realm, Role::Publisher);
        let signers = key_file::load_all(&path, Role::Publisher, &open.realm)?;
        Ok(Publisher::new(Arc::clone(&open.registry), open.realm.clone(), signers, lifetime, self.dir.lock())?)
    }

    /// Prints a result, as JSON or as `text` does for people, and gives the exit code: 1 where the answer is no.
    pub(crate) fn answer<T: Serialize>(&self, yes: bool, result: &T, text: impl FnOnce(&T)) -> Result<ExitCode> {
        if self.json {
            output::json(result)
        } else {
            text(result)
        }
        Ok(ExitCode::from(u8::from(!yes)))
    }

    /// Prints a result that answers no yes-or-no question.
    pub(crate) fn show<T: Serialize>(&self, result: &T, text: impl FnOnce(&T)) -> Result<ExitCode> {
        self.answer(true, result, text)
    }

    /// Something that was done, and a line that says so.
    pub(crate) fn done(&self, result: &impl Serialize, line: &str) -> Result<ExitCode> {
        self.show(result, |_| output::line(format_args!("{line}")))
    }

    /// A whole list.
    pub(crate) fn list<T: Serialize>(&self, all: &[T], columns: &[Column<T>]) -> Result<ExitCode> {
        self.show(&all, |all| output::table(columns, *all))
    }
}

impl Open {
    /// Keys of the realm.
    pub(crate) fn keys(&self) -> Keys<'_> {
        self.registry.keys(&self.realm)
    }

    /// Orgs, owners and roles of the realm.
    pub(crate) fn tenants(&self) -> Tenants<'_> {
        self.registry.tenants(&self.realm)
    }

    /// The realm's audit log.
    pub(crate) fn audit(&self) -> Audit<'_> {
        self.registry.audit(&self.realm)
    }

    /// What the realm's edges reported.
    pub(crate) fn usage(&self) -> Usage<'_> {
        self.registry.usage(&self.realm)
    }

    /// The org that was named, or the only one.
    pub(crate) fn org(&self, named: Option<Slug>) -> Result<Slug> {
        match named {
            Some(org) => Ok(org),
            None => only(self.tenants().orgs()?.into_iter().map(|o| o.org).collect(), "org", "--org"),
        }
    }
}

/// The only one of its kind; otherwise it must be named.
pub(crate) fn only(mut all: Vec<Slug>, kind: &str, flag: &str) -> Result<Slug> {
    match (all.pop(), all.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => Err(Failure::usage(format!("there is no {kind} yet: create one"))),
        (Some(last), more) => {
            let first = all.first().map(ToString::to_string).unwrap_or_default();
            Err(Failure::usage(format!("there are {} {kind}s ({first} … {last}): name one with {flag}", more + 1)))
        }
    }
}

/// Who runs the command, for the audit log: the user that the environment names. That proves nothing: whoever may write the
/// data directory can name another.
pub(crate) fn caller() -> Result<Caller> {
    let user = ["SUDO_USER", "USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let actor = format!("cli:{}", user.as_deref().unwrap_or("unknown"));
    Ok(Caller::new(Name::parse("USER", &actor)?))
}
