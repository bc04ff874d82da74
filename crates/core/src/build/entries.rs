//! The directory and its chunks out of entries.

use super::records::{Entry, Settings};
use crate::error::Error;
use crate::limits::{
    CHUNK_ENTRIES, MAX_CHUNK_BYTES, MAX_CHUNK_NUMBER, MAX_ROLE_PATTERNS, MAX_SCOPE_SERVICES, MAX_SET_ROLES, MAX_TABLE_CHUNKS,
};
use crate::policy::IpPolicy;
use crate::tree::chunk::{self, chunk_of};
use crate::tree::directory::{Directory, FLAG_IMPORTS, MAGIC};
use crate::tree::{Place, Slot, Table};
use crate::wire::{put, size};
use alloc::{collections::BTreeMap, collections::BTreeSet, string::String, vec::Vec};

/// Chunks by table and number.
pub(super) type Chunks = BTreeMap<(Table, u32), Vec<u8>>;

impl Entry {
    /// Its bytes in a chunk (SPEC.md section 5.2), by which equal ones can be found. Order and repetition in lists make no difference.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        encode(self)
    }
}

/// The canonical bytes of an entry. Order and repetition in lists make no difference.
pub(super) fn encode(entry: &Entry) -> Result<Vec<u8>, Error> {
    entry.check()?;
    let mut out = Vec::new();
    match entry {
        Entry::Role(role) => {
            put::text8(&mut out, &role.name, "role name")?;
            let patterns = texts(&role.patterns, "patterns of a role", MAX_ROLE_PATTERNS)?;
            out.extend_from_slice(&u16::try_from(patterns.len()).unwrap_or(u16::MAX).to_le_bytes());
            patterns.iter().try_for_each(|pattern| put::text8(&mut out, pattern, "pattern"))?;
        }
        Entry::RoleSet(roles) => {
            let roles: BTreeSet<u32> = roles.iter().copied().collect();
            within("roles of a role set", roles.len(), MAX_SET_ROLES)?;
            roles.iter().for_each(|role| out.extend_from_slice(&role.to_le_bytes()));
        }
        Entry::Scope(services) => {
            let services = texts(services, "services of a scope", MAX_SCOPE_SERVICES)?;
            out.push(u8::try_from(services.len()).unwrap_or(u8::MAX));
            services.iter().try_for_each(|service| put::text8(&mut out, service, "service"))?;
        }
        Entry::Policy(ip) => out = policy(ip)?,
    }
    Ok(out)
}

pub(super) fn policy(policy: &IpPolicy) -> Result<Vec<u8>, Error> {
    policy.encode().map_err(|_| Error::BadRecord { what: "IP policy", reason: "cannot be encoded" })
}

fn texts<'a>(texts: &'a [String], what: &'static str, limit: usize) -> Result<BTreeSet<&'a str>, Error> {
    let texts: BTreeSet<&'a str> = texts.iter().map(String::as_str).collect();
    within(what, texts.len(), limit)?;
    Ok(texts)
}

fn within(what: &'static str, count: usize, limit: usize) -> Result<(), Error> {
    if count <= limit { Ok(()) } else { Err(Error::TooLong { what, bytes: count, limit }) }
}

/// Checks that an entry may stand under `number` in `table`.
pub(super) fn check_number(table: Table, number: u32, entry: &Entry) -> Result<(), Error> {
    if entry.table() != table {
        return Err(Error::BadRecord { what: table.name(), reason: "an entry of another table" });
    }
    if number == 0 || chunk_of(number).0 >= MAX_CHUNK_NUMBER {
        return Err(Error::BadRecord { what: table.name(), reason: "numbers are 1 to 2^30 - 1" });
    }
    Ok(())
}

/// The places of a chunk, each with its entry or empty.
pub(super) fn places(bytes: Option<&[u8]>) -> Vec<Vec<u8>> {
    let mut places = alloc::vec![Vec::new(); CHUNK_ENTRIES];
    for (at, entry) in bytes.and_then(chunk::Chunk::trusted).into_iter().flat_map(|chunk| chunk.entries()) {
        if let Some(place) = places.get_mut(at) {
            *place = entry.to_vec();
        }
    }
    places
}

/// A chunk out of its places; `None` if all are empty.
pub(super) fn encode_chunk(table: Table, number: u32, places: &[Vec<u8>]) -> Result<Option<Vec<u8>>, Error> {
    let Some(last) = places.iter().rposition(|entry| !entry.is_empty()) else { return Ok(None) };
    let kept = places.get(..=last).unwrap_or(places);
    let mut out = put::open(chunk::MAGIC);
    out.push(u8::try_from(table.number()).unwrap_or(u8::MAX));
    out.push(u8::try_from(kept.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(&number.to_le_bytes());
    let mut end = 0;
    for entry in kept {
        end += entry.len();
        out.extend_from_slice(&put::count(end, table.name())?);
    }
    kept.iter().for_each(|entry| out.extend_from_slice(entry));
    if out.len() > size(MAX_CHUNK_BYTES) {
        let bytes = u64::try_from(out.len()).unwrap_or(u64::MAX);
        return Err(Error::TooLarge { object: table.name(), bytes, limit: MAX_CHUNK_BYTES.into() });
    }
    Ok(Some(out))
}

/// The directory over these chunks. Of those that the directory before names, only `fresh` ones are hashed.
pub(super) fn encode_directory(
    settings: &Settings,
    chunks: &Chunks,
    before: Option<(Directory<'_>, &BTreeSet<Place>)>,
) -> Result<Vec<u8>, Error> {
    if settings.credentials.is_empty() {
        return Err(Error::BadRecord { what: "credentials", reason: "at least one credential header" });
    }
    let mut out = put::open(MAGIC);
    out.extend_from_slice(&[settings.credentials.bits(), if settings.imports { FLAG_IMPORTS } else { 0 }]);
    out.extend_from_slice(&settings.pepper.as_ref().map_or(0, |pepper| pepper.id().get()).to_le_bytes());
    for table in Table::ALL {
        let of_table = chunks.range((table, 0)..=(table, u32::MAX));
        let count = of_table.clone().count();
        within(table.name(), count, MAX_TABLE_CHUNKS)?;
        out.extend_from_slice(&put::count(count, table.name())?);
        // Both ascend by number, so one pass finds what is known.
        let mut known = before.map(|(directory, _)| directory.chunks(table)).into_iter().flatten().peekable();
        for ((_, number), chunk) in of_table {
            while known.next_if(|(known, _)| known < number).is_some() {}
            let fresh = before.is_none_or(|(_, fresh)| fresh.contains(&Place::Chunk(table, *number)));
            let slot = known.next_if(|(known, _)| known == number).filter(|_| !fresh).map(|(_, slot)| slot);
            out.extend_from_slice(&number.to_le_bytes());
            slot.unwrap_or_else(|| Slot::of(chunk)).put(&mut out);
        }
    }
    Ok(out)
}
