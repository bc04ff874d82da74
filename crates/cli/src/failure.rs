//! Why a command did nothing: one line with what, where and how to mend it.

use std::error::Error as _;
use std::net::AddrParseError;
use std::num::ParseIntError;
use std::path::Path;

use clap::Command;
use clap::error::{ContextKind, ContextValue};
use edgelatch_registry::{Error, Kind};

use crate::remark::Remark;
use crate::{mask, output};

/// The registry's code for a commit of which nobody knows whether it came through.
const COMMIT_UNKNOWN: &str = "store_commit_unknown";

/// A stable code and a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{}{message}", .field.as_deref().unwrap_or_default())]
pub(crate) struct Failure {
    code: &'static str,
    /// What the registry calls the field that it is about; the message goes on behind it.
    field: Option<String>,
    message: String,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// A stable code and a sentence.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Failure {
        Failure { code, field: None, message: message.into() }
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
            (None, None) => ("usage", unread(reader)),
        };
        Some(Failure::new(code, format!("{name}: {says}")))
    }

    /// Its stable code.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// The same with one more fact.
    pub(crate) fn and(self, fact: impl std::fmt::Display) -> Failure {
        Failure { message: format!("{}; {fact}", self.message), ..self }
    }

    /// Whether the change may have been committed all the same.
    pub(crate) fn is_commit_unknown(&self) -> bool {
        self.code == COMMIT_UNKNOWN
    }

    /// Prints it as whoever typed `command` reads it, for programs with what was warned of before.
    pub(crate) fn print(&self, json: bool, command: &Command, warnings: &[Remark]) {
        let field = self.field.as_deref().map_or_else(String::new, |field| named(field, command));
        // Whatever a file name or a database message holds, it stays one line.
        let message: String =
            mask::mask(&format!("{field}{}", self.message)).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if json {
            let mut said = serde_json::json!({ "error": { "code": self.code, "message": message } });
            if let (false, Some(members)) = (warnings.is_empty(), said.as_object_mut()) {
                members.insert("warnings".into(), serde_json::json!(warnings));
            }
            output::note(format_args!("{said}"));
        } else {
            output::note(format_args!("{}error:{} {message}", output::BAD, output::RESET));
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let text = error.to_string();
        let named = error.field().and_then(|field| Some((field, text.strip_prefix(&format!("`{field}`"))?)));
        let (field, message) = named.map_or((None, text.as_str()), |(field, rest)| (Some(field.to_owned()), rest));
        let kind = if let Error::NotFound { kind, .. } = &error { Some(*kind) } else { None };
        Failure { code: error.code(), field, message: format!("{message}{}", remedy(error.code(), kind)) }
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
const REMEDIES: [(&str, Option<Kind>, &str); 20] = [
    ("not_found", Some(Kind::Realm), ": list them with `edgelatch realms list`, or check --realm"),
    ("not_found", Some(Kind::Org), ": list them with `edgelatch orgs list`, or create it with `edgelatch orgs create`"),
    ("not_found", Some(Kind::Owner), ": list them with `edgelatch owners list`, or create it with `edgelatch owners create`"),
    ("not_found", Some(Kind::Role), ": list them with `edgelatch roles list`, or create it with `edgelatch roles create`"),
    ("not_found", Some(Kind::Key), ": list them with `edgelatch keys list`"),
    ("not_found", Some(Kind::Event), ": list them with `edgelatch events list`"),
    ("not_found", Some(Kind::Root), ": run `edgelatch init`"),
    ("not_found", Some(Kind::Pepper), ": `edgelatch trust pepper show` lists those there are"),
    ("digest_taken", None, ": find it with `keys list`, or import another digest"),
    ("not_initialised", None, ": create one with `edgelatch init`, or name its directory with --data"),
    ("already_initialised", None, ": use it, or name another directory with --data"),
    ("registry_older", None, ": `edgelatch restore` compares them and says how to go on"),
    ("exposed", None, "; where it is mounted for a group that may read and change it, say so with --group-keys"),
    ("key_exposed", None, "; where it is mounted for a group that may read it, say so with --group-keys"),
    ("key_missing", None, ", or run `edgelatch init` in a new directory"),
    ("no_root", None, ": run `edgelatch init`"),
    ("not_publisher", None, ": see which with `edgelatch trust show`, or make another with `edgelatch trust rotate-publisher`"),
    ("root_expired", None, ": `edgelatch trust extend`"),
    ("epoch_limit", None, ": `edgelatch trust rotate-publisher --leaked --min-epoch EPOCH`"),
    ("not_empty", None, ", or name another directory with --data"),
];

/// What the standard library's readers would say, in words for whoever types.
fn unread(reader: &(dyn std::error::Error + 'static)) -> String {
    if reader.is::<ParseIntError>() {
        "must be a whole number, 0 or more".into()
    } else if reader.is::<AddrParseError>() {
        "must be an address with a port, such as 127.0.0.1:8787".into()
    } else {
        reader.to_string()
    }
}

fn remedy(code: &str, kind: Option<Kind>) -> &'static str {
    REMEDIES.iter().find(|(of, which, _)| *of == code && *which == kind).map_or("", |(_, _, remedy)| remedy)
}

/// What the registry calls a field, as the command calls it: an option that it has, also for one of a list; what an argument stands for; an org's
/// setting by its name. Where the command has none of these, the field's own name.
fn named(field: &str, command: &Command) -> String {
    let dashed = field.replace('_', "-");
    let is_it = |name: &str, of: &str| name == of || of.strip_suffix('s') == Some(name);
    let find = |of: &str| command.get_arguments().find(|arg| is_it(arg.get_long().unwrap_or(arg.get_id().as_str()), of));
    // Where an option of that name says which keys are meant, another one says what they get.
    let found = find(&format!("set-{dashed}")).or_else(|| find(&dashed));
    match (field.strip_prefix("settings/"), found) {
        (Some(setting), _) => setting.into(),
        (None, Some(arg)) => match (arg.get_long(), arg.get_value_names()) {
            (Some(long), _) => format!("--{long}"),
            (None, Some([name, ..])) => name.to_string(),
            (None, _) => field.into(),
        },
        (None, None) => field.into(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn a_field_is_called_what_the_command_calls_it() {
        let command = Command::new("x")
            .arg(Arg::new("role").long("role"))
            .arg(Arg::new("owner").long("owner"))
            .arg(Arg::new("set_owner").long("set-owner"))
            .arg(Arg::new("expires").long("expires-at"))
            .arg(Arg::new("org").value_name("ORG"));
        for (field, name) in [
            ("roles", "--role"),
            ("owner", "--set-owner"),
            ("expires_at", "--expires-at"),
            ("org", "ORG"),
            ("settings/max_keys", "max_keys"),
            ("status", "status"),
            ("permissions", "permissions"),
        ] {
            assert_eq!(named(field, &command), name);
        }
    }
}
