//! Why a command did nothing: one line with what, where and how to mend it.

use std::path::Path;

use edgelatch_registry::{Error, Kind};

use crate::output;

/// The exit code of every command that could not do its work.
pub(crate) const EXIT: u8 = 2;

/// The registry's code for a commit of which nobody knows whether it came through.
const COMMIT_UNKNOWN: &str = "store_commit_unknown";

/// A stable code and a sentence.
#[derive(Debug)]
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

    /// The same with one more fact.
    pub(crate) fn and(self, fact: impl std::fmt::Display) -> Failure {
        Failure { message: format!("{}; {fact}", self.message), ..self }
    }

    /// Whether the database may have done it all the same.
    pub(crate) fn is_commit_unknown(&self) -> bool {
        self.code == COMMIT_UNKNOWN
    }

    pub(crate) fn print(&self, json: bool) {
        // Whatever a file name or a database message holds, it stays one line.
        let message: String = output::mask(&self.message).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
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
        Failure::new(error.code(), message + remedy(&error))
    }
}

/// Which command helps, where the registry's own words leave that open.
fn remedy(error: &Error) -> &'static str {
    match error {
        Error::NotFound { kind, .. } => match kind {
            Kind::Realm => ": list them with `edgelatch realms`, or check --realm",
            Kind::Org => ": list them with `edgelatch orgs list`, or create it with `edgelatch orgs create`",
            Kind::Owner => ": list them with `edgelatch owners list`, or create it with `edgelatch owners create`",
            Kind::Role => ": list them with `edgelatch roles list`, or create it with `edgelatch roles create`",
            Kind::Key => ": list them with `edgelatch keys list`",
            Kind::Root => ": run `edgelatch init`",
        },
        Error::DigestTaken => ": find it with `keys list`, or import another digest",
        Error::NotInitialised { .. } => ": create one with `edgelatch init`, or name its directory with --data",
        Error::AlreadyInitialised { .. } => ": use it, or name another directory with --data",
        _ => "",
    }
}

/// Fields that have a flag of another name.
const FLAGS: [(&str, &str); 3] = [("roles", "--role"), ("permissions", "--permission"), ("expires_at", "--expires")];
/// Fields that no flag is named after: parts of files, and what commands of their own change.
const NO_FLAGS: [&str; 4] = ["header", "line", "input", "status"];

/// The registry names fields; people type flags, and an org's settings by their names.
pub(crate) fn flag(field: &str) -> String {
    match (field.strip_prefix("settings/"), FLAGS.iter().find(|(name, _)| *name == field)) {
        (Some(setting), _) => setting.into(),
        (None, Some((_, flag))) => (*flag).into(),
        _ if field.starts_with('-') || field.contains(char::is_uppercase) || NO_FLAGS.contains(&field) => field.into(),
        _ => format!("--{}", field.replace('_', "-")),
    }
}

impl From<edgelatch_sync::Error> for Failure {
    fn from(error: edgelatch_sync::Error) -> Failure {
        match error {
            edgelatch_sync::Error::Registry(error) => error.into(),
            other => {
                let remedy = match other {
                    edgelatch_sync::Error::KeyMissing { .. } => ", or run `edgelatch init` in a new directory",
                    edgelatch_sync::Error::NoRoot { .. } => ": run `edgelatch init`",
                    edgelatch_sync::Error::NotEmpty { .. } => ", or name another directory with --data",
                    _ => "",
                };
                Failure::new(other.code(), format!("{other}{remedy}"))
            }
        }
    }
}

impl From<edgelatch_server::Error> for Failure {
    fn from(error: edgelatch_server::Error) -> Failure {
        Failure::new(error.code(), error.to_string())
    }
}
