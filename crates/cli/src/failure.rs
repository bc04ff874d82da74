//! Why a command did nothing: one line with what, where and how to mend it.

use std::path::Path;

use crate::output;

/// The exit code of every command that could not do its work.
pub(crate) const EXIT: u8 = 2;

/// A stable code and a sentence.
#[derive(Debug)]
pub(crate) struct Failure {
    code: &'static str,
    message: String,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// Something about the command line.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure { code: "usage", message: message.into() }
    }

    /// A file that could not be read or written.
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Failure {
        Failure { code: "io", message: format!("{}: {error}: check the path and its mode", path.display()) }
    }

    /// The core refused an object.
    pub(crate) fn core(what: &str, error: &edgelatch_core::error::Error) -> Failure {
        Failure { code: error.code(), message: format!("{what}: {error}") }
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

impl From<edgelatch_registry::Error> for Failure {
    fn from(error: edgelatch_registry::Error) -> Failure {
        let code = error.code();
        let message = match error {
            edgelatch_registry::Error::Invalid { field, reason } => format!("{}: {reason}", flag(&field)),
            other => other.to_string(),
        };
        Failure { code, message }
    }
}

/// The registry names fields; people type flags.
fn flag(field: &str) -> String {
    if field.starts_with('-') { field.into() } else { format!("--{}", field.replace('_', "-")) }
}

impl From<edgelatch_sync::Error> for Failure {
    fn from(error: edgelatch_sync::Error) -> Failure {
        match error {
            edgelatch_sync::Error::Registry(error) => error.into(),
            other => Failure { code: other.code(), message: other.to_string() },
        }
    }
}

impl From<edgelatch_server::Error> for Failure {
    fn from(error: edgelatch_server::Error) -> Failure {
        Failure { code: error.code(), message: error.to_string() }
    }
}
