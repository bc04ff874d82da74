//! What was done as asked but may not be as meant.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// A remark on a committed change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Deny entries beside an allow list under `allow_first`.
    DenyIgnored {
        /// How many.
        entries: usize,
    },
    /// A list that lets nobody in.
    RefusesEveryone,
    /// A list that was emptied, where that lets everybody in.
    OpensToAll,
    /// An allow entry for every address.
    AllowsAll {
        /// The entry.
        entry: String,
    },
    /// A deny entry for every address.
    DeniesAll {
        /// The entry.
        entry: String,
    },
    /// A key without a role under which no permission is granted.
    NoRoles,
    /// An expiry that has come already.
    Expired,
}

impl Warning {
    /// Stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Warning::DenyIgnored { .. } => "deny_ignored",
            Warning::RefusesEveryone => "refuses_everyone",
            Warning::OpensToAll => "opens_to_all",
            Warning::AllowsAll { .. } => "allows_all",
            Warning::DeniesAll { .. } => "denies_all",
            Warning::NoRoles => "no_roles",
            Warning::Expired => "expired",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::DenyIgnored { entries } => write!(
                f,
                "the deny list ({entries} enabled) has no effect: under `allow_first` the allow list alone decides; \
                 set the order to `deny_first` to let it count"
            ),
            Warning::RefusesEveryone => f.write_str(
                "the key is refused from everywhere: the allow list has no enabled entry; add one, or set the mode to `any`",
            ),
            Warning::OpensToAll => f.write_str("the allow list is not asked any more: every address may use the key"),
            Warning::AllowsAll { entry } => write!(f, "{entry} in the allow list lets every address of its family in"),
            Warning::DeniesAll { entry } => write!(f, "{entry} in the deny list refuses every address of its family"),
            Warning::NoRoles => f.write_str("the key has no role: it is refused wherever a permission is required"),
            Warning::Expired => f.write_str("the key is past its expiry: it stays refused until it is given a later one"),
        }
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut warning = to.serialize_struct("Warning", 2)?;
        warning.serialize_field("code", self.code())?;
        warning.serialize_field("message", &self.to_string())?;
        warning.end()
    }
}
