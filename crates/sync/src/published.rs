//! What a publisher tells: why an epoch is due, what it is at, and what came of it.

use edgelatch_registry::format_time;
use serde::Serialize;

use crate::error::Error;
use crate::publication::Written;
use crate::target::Target;
use crate::trust::Life;

/// What a publisher is at, for whoever waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reads the registry.
    Reading,
    /// Builds a tree of so many records, anew.
    Building(usize),
    /// Signs, and writes what is new of so many bytes.
    Writing(u64),
    /// A target shows this epoch, as each that can be reached will. Bundles follow.
    Shown(u64),
}

/// Why an epoch is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Somebody asked for it.
    Asked,
    /// The registry changed.
    Change,
    /// A third of the head's life is over.
    Heartbeat,
    /// The realm has a new root.
    Root,
    /// A target does not show the last epoch, or no epoch is out.
    Repair,
}

impl Reason {
    /// As it is written in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Asked => "asked",
            Reason::Change => "change",
            Reason::Heartbeat => "heartbeat",
            Reason::Root => "root",
            Reason::Repair => "repair",
        }
    }
}

/// A published epoch.
#[derive(Clone, Debug, Serialize)]
pub struct Published {
    /// The epoch.
    pub epoch: u64,
    /// The realm's change counter that it shows.
    pub changes: u64,
    /// Why it was made.
    pub reason: Reason,
    /// Digest of its tree.
    pub tree: String,
    /// Keys in it.
    pub records: u64,
    /// Bytes of all its objects.
    pub tree_bytes: u64,
    /// When its head ends.
    #[serde(serialize_with = "time")]
    pub not_after: u64,
    /// What each target did that holds it now.
    pub written: Vec<Written>,
    /// Targets that do not hold it. They show what they showed before.
    pub failed: Vec<FailedTarget>,
    /// Targets that showed a head which counts for no edge with the newest root. It was replaced, and its epoch not believed.
    pub unproven: Vec<String>,
    /// Why signers failed that could be done without.
    pub unsigned: Vec<String>,
    /// The root's age, where it has reached another stage of its life since this publisher last told: time to make one that lives longer.
    pub root_aged: Option<Aged>,
    /// Whether the tree that was kept up to date change by change was another than the one built anew, which was published: a fault of the
    /// program that should be reported.
    pub diverged: bool,
}

/// A root that grows old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Aged {
    /// Its version.
    pub root_version: u32,
    /// When it expires.
    #[serde(serialize_with = "time")]
    pub expires_at: u64,
    /// The stage that it has reached.
    pub life: Life,
}

/// A target that could not be published to.
#[derive(Clone, Debug, Serialize)]
pub struct FailedTarget {
    /// Its name.
    pub target: String,
    /// Stable name of the reason.
    pub code: &'static str,
    /// The reason.
    pub message: String,
}

impl FailedTarget {
    pub(crate) fn of(target: &dyn Target, error: &Error) -> FailedTarget {
        FailedTarget { target: target.name(), code: error.code(), message: error.to_string() }
    }
}

fn time<S: serde::Serializer>(at: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format_time(*at))
}
