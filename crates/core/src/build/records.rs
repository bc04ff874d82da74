//! What a publisher puts in.

use crate::error::Error;
use crate::http::CredentialHeaders;
use crate::key::{KeyId, Pepper};
use crate::limits::{MAX_EPOCH, MAX_METADATA_BYTES, MAX_NAME_BYTES};
use crate::permission::{is_pattern, is_permission};
use crate::policy::IpPolicy;
use crate::tree::Table;
use crate::tree::shard::is_id;
use alloc::{collections::BTreeMap, string::String, vec::Vec};

/// One digest under which a key may be presented, by the numbers of the directory. A key in the overlap after a rotation has two
/// records of one id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// SHA-256 of the whole key text, without pepper.
    pub digest: [u8; 32],
    /// The public id.
    pub key_id: KeyId,
    /// The tenant: 1 to 64 printable ASCII characters without spaces.
    pub org: String,
    /// The user or service account, of the same form.
    pub owner: String,
    /// Whether the owner is disabled.
    pub owner_disabled: bool,
    /// Descriptive name: at most 128 bytes without control characters; may be empty.
    pub name: String,
    /// Custom metadata, compact JSON text of at most 4096 bytes; may be empty.
    pub metadata: String,
    /// Whether the key was revoked.
    pub revoked: bool,
    /// Refused before this time, Unix seconds; 0 is an error.
    pub not_before: Option<u64>,
    /// Refused from this time on, Unix seconds; 0 is an error.
    pub expires_at: Option<u64>,
    /// Number of its role set, below 2^30; 0 for no role.
    pub role_set: u32,
    /// Number of its scope; 0 for all services, present and future.
    pub scope: u32,
    /// Number of its IP policy; 0 for any address.
    pub policy: u32,
}

/// A named set of permission patterns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleRecord {
    /// Its name: 1 to 128 bytes without control characters.
    pub name: String,
    /// What it grants: at most 256 patterns (SPEC.md section 3).
    pub patterns: Vec<String>,
}

/// What stands under a number of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A role.
    Role(RoleRecord),
    /// The numbers of 1 to 32 roles, in any order.
    RoleSet(Vec<u32>),
    /// At most 128 services (SPEC.md section 3), in any order.
    Scope(Vec<String>),
    /// From where a key may be used; one that restricts nobody has no number.
    Policy(IpPolicy),
}

impl Entry {
    /// The table in which it stands.
    pub const fn table(&self) -> Table {
        match self {
            Entry::Role(_) => Table::Roles,
            Entry::RoleSet(_) => Table::RoleSets,
            Entry::Scope(_) => Table::Scopes,
            Entry::Policy(_) => Table::Policies,
        }
    }
}

/// What all keys of a realm share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Headers in which a key is accepted; at least one.
    pub credentials: CredentialHeaders,
    /// Whether some keys were imported, so that their text is of free syntax.
    pub imports: bool,
    /// The pepper for digests of low-entropy keys.
    pub pepper: Option<Pepper>,
}

/// Everything that a tree shows.
#[derive(Clone, Debug)]
pub struct State {
    /// What all keys share.
    pub settings: Settings,
    /// What records refer to, by number from 1 on, below 2^30. A number is given once and never again.
    pub entries: BTreeMap<(Table, u32), Entry>,
    /// The records, in any order.
    pub records: Vec<Record>,
}

/// What differs between two states.
#[derive(Clone, Debug)]
pub struct Change {
    /// What all keys share from now on.
    pub settings: Settings,
    /// The entries that are new or other than before, and, with `None`, those that are gone.
    pub entries: Vec<(Table, u32, Option<Entry>)>,
    /// Digests whose records are gone. One that has no record is passed over.
    pub removed: Vec<[u8; 32]>,
    /// Records that are new or other than before, by digest.
    pub put: Vec<Record>,
}

impl Record {
    pub(super) fn check(&self) -> Result<(), Error> {
        let bad = |what, reason| Err(Error::BadRecord { what, reason });
        if !is_id(&self.org) || !is_id(&self.owner) {
            return bad("org or owner", "1 to 64 printable ASCII characters without spaces");
        }
        if self.name.len() > MAX_NAME_BYTES || self.name.chars().any(char::is_control) {
            return bad("key name", "at most 128 bytes, no control characters");
        }
        if self.metadata.len() > MAX_METADATA_BYTES || self.metadata.chars().any(char::is_control) {
            return bad("metadata", "at most 4096 bytes of compact JSON, no control characters");
        }
        if self.not_before == Some(0) || self.expires_at == Some(0) {
            return bad("not_before or expires_at", "0 stands for no bound; leave it out");
        }
        if self.not_before.max(self.expires_at) > Some(MAX_EPOCH) {
            return bad("not_before or expires_at", "times are below 2^53");
        }
        Ok(())
    }
}

impl Entry {
    pub(super) fn check(&self) -> Result<(), Error> {
        let bad = |what, reason| Err(Error::BadRecord { what, reason });
        match self {
            Entry::Role(role)
                if !(1..=MAX_NAME_BYTES).contains(&role.name.len()) || role.name.chars().any(char::is_control) =>
            {
                bad("role name", "1 to 128 bytes, no control characters")
            }
            Entry::Role(role) if role.patterns.iter().any(|pattern| !is_pattern(pattern.as_bytes())) => {
                bad("permission pattern", "segments of A-Z a-z 0-9 _ - or a whole `*`, with dots between")
            }
            Entry::RoleSet(roles) if roles.is_empty() || roles.contains(&0) => {
                bad("role set", "the numbers of some roles, from 1 on; no roles are role set 0")
            }
            Entry::Scope(services) if services.iter().any(|service| !is_permission(service.as_bytes())) => {
                bad("service", "segments of A-Z a-z 0-9 _ - with dots between")
            }
            Entry::Policy(policy) if policy.is_unrestricted() => bad("IP policy", "one that restricts nobody is policy 0"),
            _ => Ok(()),
        }
    }
}
