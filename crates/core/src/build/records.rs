//! What a publisher puts in, and the directory made of it.

use crate::error::Error;
use crate::http::CredentialHeaders;
use crate::key::{KeyId, Pepper};
use crate::limits::{
    MAX_DIRECTORY_ENTRIES, MAX_METADATA_BYTES, MAX_NAME_BYTES, MAX_ROLE_PATTERNS, MAX_SCOPE_SERVICES, MAX_SET_ROLES,
};
use crate::permission::{is_pattern, is_permission};
use crate::policy::IpPolicy;
use crate::tree::directory::{FLAG_IMPORTS, MAGIC, SCOPE_ALL, SCOPE_LIST, check_length};
use crate::tree::shard::is_id;
use crate::wire::put;
use alloc::{collections::BTreeMap, collections::BTreeSet, string::String, vec, vec::Vec};

/// One digest under which a key may be presented. A key in the overlap after a rotation has two records of one id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
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
    /// Indexes into [`RealmRecord::roles`], at most 32.
    pub roles: Vec<u32>,
    /// Services it may be used for (SPEC.md section 3), at most 128; `None` for all, present and future.
    pub services: Option<Vec<String>>,
    /// From where it may be used; `None` for anywhere.
    pub ip_policy: Option<IpPolicy>,
}

/// A named set of permission patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRecord {
    /// Its name: 1 to 128 bytes without control characters.
    pub name: String,
    /// What it grants: at most 256 patterns (SPEC.md section 3).
    pub patterns: Vec<String>,
}

/// What all keys of a realm share.
#[derive(Clone, Debug)]
pub struct RealmRecord {
    /// Headers in which a key is accepted; at least one.
    pub credentials: CredentialHeaders,
    /// Whether some keys were imported, so that their text is of free syntax.
    pub imports: bool,
    /// The pepper for digests of low-entropy keys.
    pub pepper: Option<Pepper>,
    /// All roles.
    pub roles: Vec<RoleRecord>,
}

impl KeyRecord {
    pub(super) fn words(&self) -> (u64, u64) {
        let ([high, low, ..], _) = self.digest.as_chunks::<8>() else { return (0, 0) };
        (u64::from_be_bytes(*high), u64::from_be_bytes(*low))
    }

    pub(super) fn check(&self, realm: &RealmRecord) -> Result<(), Error> {
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
        if self.roles.iter().any(|role| usize::try_from(*role).map_or(true, |role| role >= realm.roles.len())) {
            return bad("role", "points outside the realm's roles");
        }
        if self.services.iter().flatten().any(|service| !is_permission(service.as_bytes())) {
            return bad("service", "segments of A-Z a-z 0-9 _ - with dots between");
        }
        Ok(())
    }
}

impl RoleRecord {
    fn check(&self) -> Result<(), Error> {
        let bad = |what, reason| Err(Error::BadRecord { what, reason });
        if !(1..=MAX_NAME_BYTES).contains(&self.name.len()) || self.name.chars().any(char::is_control) {
            return bad("role name", "1 to 128 bytes, no control characters");
        }
        if self.patterns.iter().any(|pattern| !is_pattern(pattern.as_bytes())) {
            return bad("permission pattern", "segments of A-Z a-z 0-9 _ - or a whole `*`, with dots between");
        }
        Ok(())
    }
}

/// Where things stand in the directory.
pub(super) struct DirectoryIndex {
    role_sets: BTreeMap<Vec<u32>, u32>,
    scopes: BTreeMap<Option<Vec<String>>, u32>,
}

impl DirectoryIndex {
    pub(super) fn role_set(&self, key: &KeyRecord) -> u32 {
        self.role_sets.get(&sorted(key.roles.clone())).copied().unwrap_or(0)
    }

    pub(super) fn scope(&self, key: &KeyRecord) -> Option<u32> {
        self.scopes.get(&key.services.clone().map(sorted)).copied()
    }
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

/// Encodes the directory and remembers where each role set and scope went.
pub(super) fn encode_directory(realm: &RealmRecord, keys: &[KeyRecord]) -> Result<(Vec<u8>, DirectoryIndex), Error> {
    realm.roles.iter().try_for_each(RoleRecord::check)?;
    if realm.credentials.is_empty() {
        return Err(Error::BadRecord { what: "credentials", reason: "at least one credential header" });
    }
    let role_lists: BTreeSet<Vec<u32>> = keys.iter().map(|key| sorted(key.roles.clone())).collect();
    let service_lists: BTreeSet<Option<Vec<String>>> = keys.iter().map(|key| key.services.clone().map(sorted)).collect();

    let longest_set = role_lists.iter().map(Vec::len).max().unwrap_or(0);
    within("roles of a role set", longest_set, MAX_SET_ROLES)?;
    let longest_scope = service_lists.iter().flatten().map(Vec::len).max().unwrap_or(0);
    within("services of a scope", longest_scope, MAX_SCOPE_SERVICES)?;

    let patterns: BTreeSet<&str> = realm.roles.iter().flat_map(|r| &r.patterns).map(String::as_str).collect();
    let services: BTreeSet<&str> = service_lists.iter().flatten().flatten().map(String::as_str).collect();
    let (pattern_places, service_places) = (places(&patterns), places(&services));
    let roles = realm.roles.iter().map(|role| encode_role(role, &pattern_places)).collect::<Result<Vec<_>, _>>()?;
    let role_table: BTreeSet<Vec<u8>> = roles.iter().cloned().collect();
    let role_places = places(&role_table);

    let set_bytes = |list: &Vec<u32>| {
        let entries = list.iter().filter_map(|r| roles.get(usize::try_from(*r).ok()?));
        let places: BTreeSet<u32> = entries.filter_map(|entry| role_places.get(entry).copied()).collect();
        places.iter().flat_map(|p| p.to_le_bytes()).collect::<Vec<u8>>()
    };
    let set_table: BTreeSet<Vec<u8>> = role_lists.iter().map(set_bytes).chain([vec![]]).collect();
    let scope_bytes = |list: &Option<Vec<String>>| match list {
        None => vec![SCOPE_ALL],
        Some(list) => {
            let places = list.iter().filter_map(|s| service_places.get(&s.as_str()).copied()).flat_map(u32::to_le_bytes);
            core::iter::once(SCOPE_LIST).chain(places).collect()
        }
    };
    let scope_table: BTreeSet<Vec<u8>> = service_lists.iter().map(scope_bytes).chain([vec![SCOPE_ALL]]).collect();

    let mut out = put::open(MAGIC);
    out.extend_from_slice(&[realm.credentials.bits(), if realm.imports { FLAG_IMPORTS } else { 0 }]);
    out.extend_from_slice(&realm.pepper.as_ref().map_or(0, Pepper::id).to_le_bytes());
    table(&mut out, &patterns, "patterns")?;
    table(&mut out, &services, "services")?;
    table(&mut out, &role_table, "roles")?;
    table(&mut out, &set_table, "role sets")?;
    table(&mut out, &scope_table, "scopes")?;
    check_length(u32::try_from(out.len()).unwrap_or(u32::MAX))?;
    let (set_places, scope_places) = (places(&set_table), places(&scope_table));
    let role_sets = role_lists.iter().filter_map(|l| Some((l.clone(), *set_places.get(&set_bytes(l))?))).collect();
    let scopes = service_lists.iter().filter_map(|l| Some((l.clone(), *scope_places.get(&scope_bytes(l))?))).collect();
    Ok((out, DirectoryIndex { role_sets, scopes }))
}

fn encode_role(role: &RoleRecord, patterns: &BTreeMap<&&str, u32>) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    put::text8(&mut out, &role.name, "role name")?;
    let places: BTreeSet<u32> = role.patterns.iter().filter_map(|p| patterns.get(&p.as_str()).copied()).collect();
    within("patterns of a role", places.len(), MAX_ROLE_PATTERNS)?;
    places.iter().for_each(|p| out.extend_from_slice(&p.to_le_bytes()));
    Ok(out)
}

fn table<I: AsRef<[u8]> + Ord>(out: &mut Vec<u8>, entries: &BTreeSet<I>, what: &'static str) -> Result<(), Error> {
    within(what, entries.len(), MAX_DIRECTORY_ENTRIES)?;
    put::list(out, entries, what)
}

fn within(what: &'static str, count: usize, limit: usize) -> Result<(), Error> {
    if count <= limit { Ok(()) } else { Err(Error::TooLong { what, bytes: count, limit }) }
}

/// The index of each entry of a sorted table. Any tenant can add to the tables of the directory, so they are not searched
/// from the front.
fn places<T: Ord>(table: &BTreeSet<T>) -> BTreeMap<&T, u32> {
    table.iter().zip(0u32..).collect()
}
