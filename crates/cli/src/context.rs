//! What most commands begin with: the data directory, its registry, the realm in question.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use edgelatch_core::key::KeyId;
use edgelatch_core::signed::Role;
use edgelatch_registry::{
    Audit, Caller, Database, Env, Error, Key, Keys, Name, Registry, Slug, Tenants, Usage, management, parse_span,
};
use edgelatch_sync::{DataDir, Publisher, Stage, key_file};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::Global;
use crate::failure::{Failure, Result};

/// The data directory and how to print.
pub(crate) struct Context {
    pub(crate) dir: DataDir,
    pub(crate) json: bool,
    realm: Option<String>,
    database: Option<String>,
}

/// An open registry and the realm in question.
pub(crate) struct Open {
    pub(crate) registry: Arc<Registry>,
    pub(crate) realm: Slug,
}

impl Context {
    pub(crate) fn new(global: Global) -> Context {
        Context { dir: DataDir::new(global.data), json: global.json, realm: global.realm, database: global.database }
    }

    /// The realm that was asked for.
    pub(crate) fn wanted_realm(&self) -> Result<Option<Slug>> {
        self.realm.as_deref().map(|realm| Slug::parse("realm", realm).map_err(Failure::from)).transpose()
    }

    pub(crate) fn registry(&self) -> Result<Registry> {
        Ok(Registry::connect(&self.database()?, Env::system())?)
    }

    /// Where the registry lies: as named, or in the data directory.
    pub(crate) fn database(&self) -> Result<Database> {
        Ok(self.database.as_deref().map_or_else(|| Ok(Database::file(self.dir.database())), str::parse)?)
    }

    pub(crate) fn open(&self) -> Result<Open> {
        let registry = self.registry()?;
        let realm = match self.wanted_realm()? {
            Some(realm) => registry.realm(&realm)?.realm,
            None => {
                // Whoever means the realm of management keys says so.
                let realms = registry.realms()?.into_iter().map(|r| r.realm);
                only(realms.filter(|realm| realm.as_str() != management::REALM).collect(), "realm", "--realm")?
            }
        };
        Ok(Open { registry: Arc::new(registry), realm })
    }

    /// The publisher of a realm, telling on standard error what it is at.
    pub(crate) fn publisher(&self, open: &Open, lifetime: &str) -> Result<Publisher> {
        let path = self.dir.key_of(&open.realm, Role::Publisher);
        let signers = key_file::load_all(&path, Role::Publisher, &open.realm)?;
        let lifetime = parse_span("head_lifetime", lifetime, open.registry.env().now()?)?;
        Ok(Publisher::new(Arc::clone(&open.registry), open.realm.clone(), signers, lifetime, self.dir.lock())?)
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
    pub(crate) fn org(&self, named: Option<&str>) -> Result<Slug> {
        match named {
            Some(org) => Ok(Slug::parse("org", org)?),
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

/// Who runs the command, for the audit log: as the system says, which whoever may write the data directory can change.
pub(crate) fn caller() -> Result<Caller> {
    let user = ["SUDO_USER", "USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let actor = format!("cli:{}", user.as_deref().unwrap_or("unknown"));
    Ok(Caller::new(Name::parse("USER", &actor)?))
}

/// A key's public id. What was typed is not repeated: it may be a secret, pasted by mistake.
pub(crate) fn key_id(text: &str) -> Result<KeyId> {
    text.parse().map_err(|error| Failure::usage(format!("{error}; see `edgelatch keys list`")))
}

/// The key's name as it was given or, on a terminal, as it is typed now, where that is `wanted`. Another name is refused.
pub(crate) fn confirmed(what: &'static str, key: &Key, given: Option<String>, wanted: bool) -> Result<Option<String>> {
    let typed = match given {
        None if wanted && io::stdin().is_terminal() => {
            let mut prompt = anstream::stderr();
            let asked = write!(prompt, "{what}: type its name, {}: ", key.name).and_then(|()| prompt.flush());
            let mut line = String::new();
            asked.and_then(|()| io::stdin().read_line(&mut line)).map_err(|e| Failure::file(Path::new("terminal"), &e))?;
            Some(line.trim_end_matches(['\n', '\r']).to_owned())
        }
        given => given,
    };
    match typed {
        Some(typed) if typed != key.name.as_str() => Err(Error::Unconfirmed { what }.into()),
        typed => Ok(typed),
    }
}

/// A short span such as `200ms`.
pub(crate) fn interval(flag: &str, text: &str) -> Result<Duration> {
    let (digits, unit) = text.split_at(text.len() - text.bytes().rev().take_while(u8::is_ascii_lowercase).count());
    let factor = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        _ => 0,
    };
    let millis = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).filter(|ms| (10..=3_600_000).contains(ms));
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| Failure::usage(format!("{flag}: must be a span of 10ms to 60m, such as `200ms`")))
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| Failure::file(path, &error))
}

/// Tells what a publisher is at: a spinner on a terminal, plain lines elsewhere once there is much to do.
pub(crate) fn progress() -> (ProgressBar, impl Fn(Stage) + Send + Sync + 'static) {
    const MUCH: usize = 20_000;
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let hidden = bar.is_hidden();
    bar.set_style(ProgressStyle::default_spinner());
    if !hidden {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    let shown = bar.clone();
    let watch = move |stage: Stage| {
        let (text, much) = match stage {
            Stage::Reading => ("reading the registry".to_owned(), false),
            Stage::Building(records) => (format!("building a tree of {records} records"), records >= MUCH),
            Stage::Writing(bytes) => (format!("signing and writing {bytes} bytes"), bytes >= 32 * MUCH as u64),
        };
        if !hidden {
            shown.set_message(text);
        } else if much {
            crate::output::note(format_args!("{text} …"));
        }
    };
    (bar, watch)
}
