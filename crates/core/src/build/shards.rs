//! One shard out of its records.

use super::records::{DirectoryIndex, KeyRecord};
use crate::error::Error;
use crate::limits::MAX_SHARD_RECORDS;
use crate::tree::shard::{FLAG_OWNER_DISABLED, FLAG_REVOKED, MAGIC, width_for};
use crate::wire::put;
use alloc::{collections::BTreeMap, collections::BTreeSet, vec::Vec};

/// Encodes records that ascend by digest.
pub(super) fn encode(keys: &[KeyRecord], index: &DirectoryIndex) -> Result<Vec<u8>, Error> {
    let count = u32::try_from(keys.len()).ok().filter(|count| *count <= MAX_SHARD_RECORDS);
    let count = count.ok_or(Error::BadRecord { what: "shard", reason: "too many digests share their leading bits" })?;
    let validities = Table::of(keys.iter().map(|key| Ok(validity(key))))?;
    let policies = Table::of(keys.iter().map(policy))?;
    let subjects = Table::of(keys.iter().map(|key| pair(&key.org, &key.owner).map(Some)))?;
    let claims = Table::of(keys.iter().map(|key| match (key.name.as_str(), key.metadata.as_str()) {
        ("", "") => Ok(None),
        (name, metadata) => pair(name, metadata).map(Some),
    }))?;
    let scopes = keys.iter().map(|key| index.scope(key).ok_or(Error::BadReference { object: "shard", field: "scope" }));
    let columns = [
        validities.column(1),
        policies.column(1),
        keys.iter().map(|key| index.role_set(key)).collect(),
        scopes.collect::<Result<Vec<_>, _>>()?,
        subjects.column(0),
        claims.column(1),
    ];

    let mut out = put::open(MAGIC);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&count.to_le_bytes());
    let widths = columns.each_ref().map(|column: &Vec<u32>| width_for(column.iter().copied().max().unwrap_or(0)));
    out.extend_from_slice(&widths);
    out.extend_from_slice(&[0, 0]);
    keys.iter().for_each(|key| out.extend_from_slice(&key.words().0.to_le_bytes()));
    for (row, key) in keys.iter().enumerate() {
        out.extend_from_slice(&key.words().1.to_le_bytes());
        out.extend_from_slice(&key.key_id.0.to_le_bytes());
        for (column, width) in columns.iter().zip(widths) {
            let reference = column.get(row).copied().unwrap_or(0);
            out.extend(reference.to_le_bytes().iter().take(usize::from(width)));
        }
    }
    for table in [&validities, &policies, &subjects, &claims] {
        put::list(&mut out, &table.entries, "shard table")?;
    }
    Ok(out)
}

/// The distinct entries of a column, and for each record which one it has.
struct Table {
    entries: BTreeSet<Vec<u8>>,
    of_record: Vec<Option<Vec<u8>>>,
}

impl Table {
    fn of(items: impl Iterator<Item = Result<Option<Vec<u8>>, Error>>) -> Result<Self, Error> {
        let of_record = items.collect::<Result<Vec<_>, _>>()?;
        Ok(Table { entries: of_record.iter().flatten().cloned().collect(), of_record })
    }

    /// References: 0 for none, else the place of the entry plus `first`.
    fn column(&self, first: u32) -> Vec<u32> {
        let places: BTreeMap<&Vec<u8>, u32> = self.entries.iter().zip(first..).collect();
        self.of_record.iter().map(|item| item.as_ref().and_then(|item| places.get(item)).copied().unwrap_or(0)).collect()
    }
}

fn validity(key: &KeyRecord) -> Option<Vec<u8>> {
    let flags = if key.revoked { FLAG_REVOKED } else { 0 } | if key.owner_disabled { FLAG_OWNER_DISABLED } else { 0 };
    let (not_before, expires_at) = (key.not_before.unwrap_or(0), key.expires_at.unwrap_or(0));
    let bounded = flags != 0 || not_before != 0 || expires_at != 0;
    bounded.then(|| [&[flags][..], &not_before.to_le_bytes(), &expires_at.to_le_bytes()].concat())
}

fn policy(key: &KeyRecord) -> Result<Option<Vec<u8>>, Error> {
    match &key.ip_policy {
        Some(policy) if !policy.is_unrestricted() => {
            let bytes = policy.encode().map_err(|_| Error::BadRecord { what: "IP policy", reason: "cannot be encoded" })?;
            Ok(Some(bytes))
        }
        _ => Ok(None),
    }
}

fn pair(first: &str, second: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(1 + first.len() + second.len());
    put::text8(&mut out, first, "shard entry")?;
    out.extend_from_slice(second.as_bytes());
    Ok(out)
}
