//! What can go wrong, each with a code that stays what it is. No message holds a credential.

use edgelatch_core::error::Error as CoreError;

/// Trouble with an option, a source, an update, a cache or a report. What serves goes on serving.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was given is not what it must be; begins with the name of the option. Code `bad_option`.
    #[error("{0}")]
    Option(String),
    /// A requirement is none: its requests are answered `bad_requirement` (500). Code `bad_requirement`.
    #[error("bad_requirement: {0}")]
    Requirement(String),
    /// The source could not answer, or not in time.
    #[error("{code}: {detail}")]
    Source {
        /// `http_status`, `unreachable`, `redirect`, `too_large`, `deadline`, `behind`, `no_stream`, or `source` for one that answered nonsense.
        code: &'static str,
        /// What was asked, and what came.
        detail: String,
    },
    /// The core refused an update, or the configuration of a new verifier.
    #[error("{code}: {0}", code = .0.code())]
    Update(#[from] CoreError),
    /// The cache failed (`unreachable`), or what it held was of no use (`content`, `refused`).
    #[error("{code}: {detail}")]
    Cache {
        /// One of those.
        code: &'static str,
        /// Which file, and what is wrong.
        detail: String,
    },
    /// A report to the control plane failed: `http_status`, `unreachable`, `deadline`, or `queue_full` where events are dropped.
    #[error("{code}: {detail}")]
    Usage {
        /// One of those.
        code: &'static str,
        /// What came of it.
        detail: String,
    },
    /// A verification failed where none can: a fault in this program. Its verdicts are `internal` (503). Code `trap`.
    #[error("trap: the state of the edge was left unfinished")]
    Trap,
    /// The verifier ended while it was waited for. Code `closed`.
    #[error("closed: the verifier follows no source any more")]
    Closed,
}

impl Error {
    /// Stable name for programs, such as `unreachable` or `rollback`; those of updates are in the core's `SPEC.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Option(_) => "bad_option",
            Error::Requirement(_) => "bad_requirement",
            Error::Source { code, .. } | Error::Cache { code, .. } | Error::Usage { code, .. } => code,
            Error::Update(error) => error.code(),
            Error::Trap => "trap",
            Error::Closed => "closed",
        }
    }

    /// Trouble with a source; one of the codes above.
    pub fn source(code: &'static str, detail: impl Into<String>) -> Error {
        Error::Source { code, detail: detail.into() }
    }

    /// The source has not what its head names.
    pub fn behind() -> Error {
        Error::source("behind", "the head names another tree than the source delivers: it is behind, or being written to")
    }
}
