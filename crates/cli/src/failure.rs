//! Why a command did nothing: one line with what, where and how to mend it.

use std::error::Error as _;
use std::path::Path;

use clap::error::{ContextKind, ContextValue};
use edgelatch_registry::{Error, Kind};

use crate::{mask, output};

/// The registry's code for a commit of which nobody knows whether it came through.
const COMMIT_UNKNOWN: &str = "store_commit_unknown";

/// A stable code and a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    code: &'static str,
    message: String,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// A stable code and a sentence.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into() }
    }

    /// Something about the command line.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new("usage", message)
    }

    /// A file that could not be read or written.
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Failure {
        Failure::new("io", format!("{}: {error}: check the path and its mode", path.display()))
    }

    /// The core refused an object.
    pub(crate) fn core(what: &str, error: &edgelatch_core::error::Error) -> Failure {
        Failure::new(error.code(), format!("{what}: {error}"))
    }

    /// Why an argument does not take its value: the argument's name, and what its reader said. Never the value, which may be
    /// a secret in the wrong place.
    pub(crate) fn misfit(error: &clap::Error) -> Option<Failure> {
        let (reader, Some(ContextValue::String(argument))) = (error.source()?, error.get(ContextKind::InvalidArg)) else {
            return None;
        };
        // `--expires <TIME>`, or `<KEY_ID>` where there is no flag.
        let name = argument.split(' ').next().unwrap_or_default().trim_matches(['<', '>', '[', ']', '.']);
        let (code, says) = match (reader.downcast_ref::<Failure>(), reader.downcast_ref::<Error>()) {
            (Some(ours), _) => (ours.code, ours.message.clone()),
            (_, Some(Error::Invalid { reason, .. })) => ("invalid", reason.clone()),
            (_, Some(other)) => (other.code(), other.to_string()),
            (None, None) => ("usage", reader.to_string()),
        };
        Some(Failure::new(code, format!("{name}: {says}")))
    }

    /// The same with one more fact.
    pub(crate) fn and(self, fact: impl std::fmt::Display) -> Failure {
        Failure { message: format!("{}; {fact}", self.message), ..self }
    }

    /// Whether the change may have been committed all the same.
    pub(crate) fn is_commit_unknown(&self) -> bool {
        self.code == COMMIT_UNKNOWN
    }

    pub(crate) fn print(&self, json: bool) {
        // Whatever a file name or a database message holds, it stays one line.
        let message: String = mask::mask(&self.message).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if json {
            let error = serde_json::json!({ "error": { "code": self.code, "message": message } });
            output::note(format_args!("{error}"));
        } else {
            output::note(format_args!("{}error:{} {message}", output::BAD, output::RESET));
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let text = error.to_string();
        let named = error.field().and_then(|field| Some((field, text.strip_prefix(&format!("`{field}`"))?)));
        let message = named.map_or(text.clone(), |(field, rest)| format!("{}{rest}", flag(field)));
        let kind = if let Error::NotFound { kind, .. } = &error { Some(*kind) } else { None };
        Failure::new(error.code(), message + remedy(error.code(), kind))
    }
}

impl From<edgelatch_sync::Error> for Failure {
    fn from(error: edgelatch_sync::Error) -> Failure {
        match error {
            edgelatch_sync::Error::Registry(error) => error.into(),
            other => Failure::new(other.code(), format!("{other}{}", remedy(other.code(), None))),
        }
    }
}

impl From<edgelatch_server::Error> for Failure {
    fn from(error: edgelatch_server::Error) -> Failure {
        Failure::new(error.code(), error.to_string())
    }
}

/// Which command helps: by the error's code and, where something was not found, by its kind. The registry and the publisher
/// know nothing of commands.
const REMEDIES: [(&str, Option<Kind>, &str); 12] = [
    ("not_found", Some(Kind::Realm), ": list them with `edgelatch realms`, or check --realm"),
    ("not_found", Some(Kind::Org), ": list them with `edgelatch orgs list`, or create it with `edgelatch orgs create`"),
    ("not_found", Some(Kind::Owner), ": list them with `edgelatch owners list`, or create it with `edgelatch owners create`"),
    ("not_found", Some(Kind::Role), ": list them with `edgelatch roles list`, or create it with `edgelatch roles create`"),
    ("not_found", Some(Kind::Key), ": list them with `edgelatch keys list`"),
    ("not_found", Some(Kind::Root), ": run `edgelatch init`"),
    ("digest_taken", None, ": find it with `keys list`, or import another digest"),
    ("not_initialised", None, ": create one with `edgelatch init`, or name its directory with --data"),
    ("already_initialised", None, ": use it, or name another directory with --data"),
    ("key_missing", None, ", or run `edgelatch init` in a new directory"),
    ("no_root", None, ": run `edgelatch init`"),
    ("not_empty", None, ", or name another directory with --data"),
];

fn remedy(code: &str, kind: Option<Kind>) -> &'static str {
    REMEDIES.iter().find(|(of, which, _)| *of == code && *which == kind).map_or("", |(_, _, remedy)| remedy)
}

/// Fields that have a flag of another name.
const FLAGS: [(&str, &str); 3] = [("roles", "--role"), ("permissions", "--permission"), ("expires_at", "--expires")];
/// Fields that no flag is named after: parts of files, what commands of their own change, and who runs the command.
const NO_FLAGS: [&str; 6] = ["header", "line", "input", "status", "node", "USER"];

/// The registry names fields; people type flags, and an org's settings by their names.
fn flag(field: &str) -> String {
    match (field.strip_prefix("settings/"), FLAGS.iter().find(|(name, _)| *name == field)) {
        (Some(setting), _) => setting.into(),
        (None, Some((_, flag))) => (*flag).into(),
        _ if NO_FLAGS.contains(&field) => field.into(),
        _ => format!("--{}", field.replace('_', "-")),
    }
}
