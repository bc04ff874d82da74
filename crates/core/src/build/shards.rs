//! Shards out of records, and back.

use super::records::Record;
use crate::error::Error;
use crate::key::{KeyId, Pepper};
use crate::limits::MAX_SHARD_RECORDS;
use crate::tree::shard::{COLUMNS, FLAG_OWNER_DISABLED, FLAG_REVOKED, MAGIC, Shard, width_for};
use crate::wire::put;
use alloc::{borrow::ToOwned, collections::BTreeSet, string::String, vec::Vec};

/// A record as a shard holds it: of its digest the leftmost 16 bytes, pepper included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) words: (u64, u64),
    key_id: u64,
    state: u64,
    scope: u64,
    policy: u64,
    not_before: u64,
    expires_at: u64,
    subject: (String, String),
    claims: (String, String),
}

/// The leftmost 16 bytes of the digest that a snapshot holds, as two numbers.
pub(super) fn words(digest: &[u8; 32], pepper: Option<&Pepper>) -> (u64, u64) {
    let digest = pepper.map_or(*digest, |pepper| pepper.apply(digest));
    let ([high, low, ..], _) = digest.as_chunks::<8>() else { return (0, 0) };
    (u64::from_be_bytes(*high), u64::from_be_bytes(*low))
}

impl Row {
    pub(super) fn of(record: &Record, pepper: Option<&Pepper>) -> Result<Row, Error> {
        record.check()?;
        if record.role_set >= 1 << 30 {
            return Err(Error::BadRecord { what: "role set", reason: "numbers are below 2^30" });
        }
        let flag = |on: bool, bit: u64| if on { bit } else { 0 };
        let flags = flag(record.revoked, FLAG_REVOKED) | flag(record.owner_disabled, FLAG_OWNER_DISABLED);
        Ok(Row {
            words: words(&record.digest, pepper),
            key_id: record.key_id.0,
            state: u64::from(record.role_set) << 2 | flags,
            scope: record.scope.into(),
            policy: record.policy.into(),
            not_before: record.not_before.unwrap_or(0),
            expires_at: record.expires_at.unwrap_or(0),
            subject: (record.org.clone(), record.owner.clone()),
            claims: (record.name.clone(), record.metadata.clone()),
        })
    }

    /// The records of a shard.
    pub(super) fn all(shard: &[u8]) -> Result<Vec<Row>, Error> {
        let shard = Shard::inspect(shard)?;
        let row = |index| {
            let (terms, labels) = (shard.terms(index)?, shard.labels(index)?);
            let flag = |on: bool, bit: u64| if on { bit } else { 0 };
            let flags = flag(terms.validity.revoked, FLAG_REVOKED) | flag(terms.validity.owner_disabled, FLAG_OWNER_DISABLED);
            Some(Row {
                words: shard.words(index)?,
                key_id: KeyId(shard.key_id(index)?).0,
                state: u64::from(terms.role_set) << 2 | flags,
                scope: terms.scope.into(),
                policy: terms.policy.into(),
                not_before: terms.validity.not_before,
                expires_at: terms.validity.expires_at,
                subject: (labels.org.to_owned(), labels.owner.to_owned()),
                claims: (labels.name.to_owned(), labels.metadata.to_owned()),
            })
        };
        (0..shard.count()).map(|index| row(index).ok_or(Error::Truncated { object: "shard" })).collect()
    }
}

/// Encodes records that ascend by digest.
pub(super) fn encode(rows: &[Row]) -> Result<Vec<u8>, Error> {
    let count = u32::try_from(rows.len()).ok().filter(|count| *count <= MAX_SHARD_RECORDS);
    let count = count.ok_or(Error::BadRecord { what: "shard", reason: "too many digests share their leading bits" })?;
    let subjects = Table::of(rows.iter().map(|row| Some(&row.subject)))?;
    let claims = Table::of(
        rows.iter().map(|row| Some(&row.claims).filter(|(name, metadata)| !name.is_empty() || !metadata.is_empty())),
    )?;
    let columns: [Vec<u64>; COLUMNS] = [
        rows.iter().map(|row| row.state).collect(),
        rows.iter().map(|row| row.scope).collect(),
        rows.iter().map(|row| row.policy).collect(),
        rows.iter().map(|row| row.not_before).collect(),
        rows.iter().map(|row| row.expires_at).collect(),
        subjects.column(0),
        claims.column(1),
    ];
    let mut out = put::open(MAGIC);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&count.to_le_bytes());
    let mut widths = [0; COLUMNS];
    for (column, (width, values)) in widths.iter_mut().zip(&columns).enumerate() {
        *width = width_for(column, values.iter().copied().max().unwrap_or(0));
    }
    out.extend_from_slice(&widths);
    out.push(0);
    rows.iter().for_each(|row| out.extend_from_slice(&row.words.0.to_le_bytes()));
    let value = |out: &mut Vec<u8>, value: u64, width: u8| out.extend(value.to_le_bytes().iter().take(usize::from(width)));
    let [hot @ .., of_subjects, of_claims] = &columns;
    let [hot_widths @ .., subject_width, claims_width] = widths;
    for (index, row) in rows.iter().enumerate() {
        out.extend_from_slice(&row.words.1.to_le_bytes());
        for (column, width) in hot.iter().zip(hot_widths) {
            value(&mut out, column.get(index).copied().unwrap_or(0), width);
        }
    }
    rows.iter().for_each(|row| out.extend_from_slice(&row.key_id.to_le_bytes()));
    of_subjects.iter().for_each(|place| value(&mut out, *place, subject_width));
    of_claims.iter().for_each(|place| value(&mut out, *place, claims_width));
    put::list(&mut out, &subjects.entries, "subjects")?;
    put::list(&mut out, &claims.entries, "claims")?;
    Ok(out)
}

/// The distinct pairs of a column, and for each record which one it has.
struct Table {
    entries: BTreeSet<Vec<u8>>,
    of_record: Vec<Option<Vec<u8>>>,
}

impl Table {
    fn of<'a>(pairs: impl Iterator<Item = Option<&'a (String, String)>>) -> Result<Self, Error> {
        let pair = |pair: Option<&(String, String)>| pair.map(|(first, second)| encode_pair(first, second)).transpose();
        let of_record = pairs.map(pair).collect::<Result<Vec<_>, _>>()?;
        Ok(Table { entries: of_record.iter().flatten().cloned().collect(), of_record })
    }

    /// References: 0 for none, else the place of the entry plus `first`.
    fn column(&self, first: u64) -> Vec<u64> {
        let places: alloc::collections::BTreeMap<&Vec<u8>, u64> = self.entries.iter().zip(first..).collect();
        self.of_record.iter().map(|item| item.as_ref().and_then(|item| places.get(item)).copied().unwrap_or(0)).collect()
    }
}

fn encode_pair(first: &str, second: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(1 + first.len() + second.len());
    put::text8(&mut out, first, "shard entry")?;
    out.extend_from_slice(second.as_bytes());
    Ok(out)
}
