//! What commands begin with: the arguments that stand everywhere, the data directory, its registry, the realm in question; and
//! how they print what they found.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{ArgAction, Args};
use edgelatch_core::signed::Role;
use edgelatch_registry::{Audit, Caller, Database, Env, Keys, Name, Registry, Slug, Tenants, Usage, management};
use edgelatch_sync::{DataDir, KeySource, PepperSource, Publisher, Readers, SignerCommand};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::Signing;

use crate::config_file;
use crate::failure::{Failure, Result};
use crate::output::{self, Column};
use crate::remark::{Remark, Remarked};

/// Holds the text of a publisher's key file.
const PUBLISHER_KEY: &str = "EDGELATCH_PUBLISHER_KEY";
/// Holds the texts of peppers.
const PEPPER: &str = "EDGELATCH_PEPPER";

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
    /// The realm; needed only where there are several. `serve` takes it more than once
    #[arg(long, global = true, value_name = "REALM", env = "EDGELATCH_REALM", action = ArgAction::Append)]
    pub(crate) realm: Option<Slug>,
    /// All realms that were named.
    #[arg(skip)]
    pub(crate) realms: Vec<Slug>,
    /// Signing keys and registry may be their group's too, as where volumes and secrets are mounted for a group (Kubernetes: fsGroup)
    #[arg(long, global = true, env = "EDGELATCH_GROUP_KEYS")]
    group_keys: bool,
    /// Take options from this TOML file too, unless they are given on the command line or in the environment: those of a command stand
    /// under its name, as in `[serve]`
    #[arg(long, global = true, value_name = "FILE", env = config_file::VARIABLE)]
    #[allow(dead_code, reason = "it was read before the others were parsed")]
    config_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print tables whole on a terminal too, as into a pipe or a file: otherwise columns that do not fit are left out, and long cells cut
    #[arg(long, global = true)]
    pub(crate) wide: bool,
    /// The whole program as it is parsed: what is written about it is made of that.
    #[arg(skip = clap::Command::default as fn() -> clap::Command)]
    pub(crate) described: fn() -> clap::Command,
    /// What a command has warned of so far, for JSON.
    #[arg(skip)]
    warnings: RefCell<Vec<Remark>>,
}

/// An open registry and the realm in question.
pub(crate) struct Open {
    pub(crate) registry: Arc<Registry>,
    pub(crate) realm: Slug,
}

impl Context {
    /// All commands and options, to write about them.
    pub(crate) fn program(&self) -> clap::Command {
        (self.described)()
    }

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

    /// The same for what outlives a realm, where one is named.
    pub(crate) fn open_ever(&self) -> Result<Open> {
        match &self.realm {
            Some(realm) => Ok(Open { registry: Arc::new(self.registry()?), realm: realm.clone() }),
            None => self.open(),
        }
    }

    /// Refuses to work with what others may read or change.
    pub(crate) fn check_private(&self, open: &Open) -> Result<()> {
        Ok(self.dir.check_private(&open.realm, self.database().path(), self.readers())?)
    }

    /// Who may read what is secret here.
    pub(crate) fn readers(&self) -> Readers {
        if self.group_keys { Readers::Group } else { Readers::Owner }
    }

    /// Where the keys of a role come from: files of the data directory, further files and programs; and of publishers the environment.
    pub(crate) fn key_source(&self, realm: &Slug, role: Role, files: &[PathBuf], commands: &[SignerCommand]) -> KeySource {
        key_source(&self.dir, self.readers(), realm, role, files, commands)
    }

    /// Where the realm's peppers come from: files beside its signing keys, and the environment.
    pub(crate) fn peppers(&self, realm: &Slug) -> PepperSource {
        peppers(&self.dir, self.readers(), realm)
    }

    /// The same for each realm.
    pub(crate) fn all_peppers(&self) -> impl Fn(&Slug) -> PepperSource + Send + Sync + 'static {
        let (dir, readers) = (self.dir.clone(), self.readers());
        move |realm| peppers(&dir, readers, realm)
    }

    /// Where each realm's publisher keys come from.
    pub(crate) fn publisher_keys(&self, signing: &Signing) -> impl Fn(&Slug) -> KeySource + Send + Sync + 'static {
        let (dir, readers, commands) = (self.dir.clone(), self.readers(), signing.signers.clone());
        move |realm| key_source(&dir, readers, realm, Role::Publisher, &[], &commands)
    }

    /// The publisher of a realm; `accept_clock` says that the clock is right, whatever it is compared with.
    pub(crate) fn publisher(&self, open: &Open, signing: &Signing, accept_clock: bool) -> Result<Publisher> {
        Ok(publisher(&self.dir, &open.registry, self.publisher_keys(signing)(&open.realm), accept_clock)?)
    }

    /// Warns of something on the way to a result, which must be an object then: people at once, programs in its member `warnings`.
    pub(crate) fn warn(&self, code: &'static str, message: String) {
        if self.json {
            self.warnings.borrow_mut().push(Remark { code, message });
        } else {
            output::warning(&message);
        }
    }

    /// What was warned of and has not been printed, where the result is JSON.
    pub(crate) fn take_warnings(&self) -> Vec<Remark> {
        self.warnings.take()
    }

    /// Shows whoever is asked something what was warned of, also where the result is JSON.
    pub(crate) fn show_warnings(&self) {
        self.warnings.borrow().iter().for_each(|remark| output::warning(&remark.message));
    }

    /// Prints a result, as JSON or as `text` does for people, and gives the exit code: 1 where the answer is no.
    pub(crate) fn answer<T: Serialize>(&self, yes: bool, result: &T, text: impl FnOnce(&T)) -> Result<ExitCode> {
        let warnings = self.take_warnings();
        match self.json {
            true if warnings.is_empty() => output::json(result),
            true => output::json(&Remarked { result, warnings: &warnings }),
            false => text(result),
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

/// Where the keys of a role come from: files of the data directory, further files and programs; and of publishers the environment.
fn key_source(
    dir: &DataDir,
    readers: Readers,
    realm: &Slug,
    role: Role,
    files: &[PathBuf],
    commands: &[SignerCommand],
) -> KeySource {
    let text = std::env::var(PUBLISHER_KEY).ok().filter(|_| role == Role::Publisher);
    KeySource {
        role,
        realm: realm.clone(),
        path: dir.key_of(realm, role),
        files: files.into(),
        readers,
        text: text.map(|text| (PUBLISHER_KEY.into(), Arc::new(Zeroizing::new(text)))),
        commands: commands.iter().cloned().map(|command| command.hiding(PUBLISHER_KEY).hiding(PEPPER)).collect(),
    }
}

fn peppers(dir: &DataDir, readers: Readers, realm: &Slug) -> PepperSource {
    let source = PepperSource::new(dir, realm, readers);
    match std::env::var(PEPPER) {
        Ok(text) => source.and_text(PEPPER, Arc::new(Zeroizing::new(text))),
        Err(_) => source,
    }
}

/// The publisher of a realm with the keys of that source, which is asked again when a root names others.
pub(crate) fn publisher(
    dir: &DataDir,
    registry: &Arc<Registry>,
    source: KeySource,
    accept_clock: bool,
) -> std::result::Result<Publisher, edgelatch_sync::Error> {
    let publisher = Publisher::new(Arc::clone(registry), source.realm.clone(), source.load()?, None, dir)?;
    let publisher = publisher.peppered_from(peppers(dir, source.readers, &source.realm)).reloading(move || source.load());
    Ok(if accept_clock { publisher.accepting_clock() } else { publisher })
}

impl Open {
    /// Whether edges serve the realm. The management API answers by what the registry holds, so there every change counts at once.
    pub(crate) fn has_edges(&self) -> bool {
        self.realm.as_str() != management::REALM
    }

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
