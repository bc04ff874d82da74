//! How much of its realm's tree keys take: each org's, and all of them, in whole and by how their digests begin. A shard holds digests
//! that begin alike, so whoever chooses digests, by an import or by making keys and deleting most of them, could fill one until no edge takes
//! it, and the realm could not be published any more. Limits are checked on what is there after a change.
//!
//! A shard of a tree with 256 shards or more holds digests of one first byte; with fewer shards, all records together are shorter than an object may be.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::limits::{MAX_LEAD_BYTES, MAX_ORG_LEAD_BYTES, MAX_ORG_RECORD_BYTES, MAX_RECORD_BYTES, RECORD_BYTES};
use crate::store::{Statements, Value, args, fields};
use crate::transaction::Transaction;

/// Stands in place of an org for the whole realm.
const REALM: u64 = 0;
/// Stands in place of a beginning for all of them.
const ALL: u64 = 256;

/// What of a digest's beginning is counted apart: of a realm the first byte, and of an org, of which there may be many, its first four bits.
const fn lead(org: u64, [first, ..]: [u8; 32]) -> u64 {
    if org == REALM { first as u64 } else { (first >> 4) as u64 }
}

/// Counts the records of the secrets that a test finds, and refuses what there is no room for.
pub(crate) fn come(tx: &mut Transaction<'_>, test: &str, values: &[Value]) -> Result<(), Error> {
    let orgs = count(tx, test, values, 1)?;
    orgs.into_iter().try_for_each(|org| check(tx, org))
}

/// Counts the records of the secrets that a test finds no more: they are about to go, or to be others.
pub(crate) fn leave(tx: &mut Transaction<'_>, test: &str, values: &[Value]) -> Result<(), Error> {
    count(tx, test, values, -1).map(drop)
}

/// Returns the orgs whose records those are.
fn count(tx: &mut Transaction<'_>, test: &str, values: &[Value], sign: i64) -> Result<Vec<u64>, Error> {
    let sql = format!(
        "SELECT k.org_id, s.digest, o.slug, w.slug, k.name, k.metadata FROM (SELECT key_id, digest FROM secrets WHERE {test}) s \
         JOIN key_rows k ON k.id = s.key_id JOIN orgs o ON o.id = k.org_id JOIN owners w ON w.id = k.owner_id"
    );
    let mut sizes: BTreeMap<(u64, u64), i64> = BTreeMap::new();
    tx.each(sql, values, |(org, digest, slug, owner, name, metadata): (u64, [u8; 32], String, String, String, String)| {
        let texts = [slug, owner, name, metadata].iter().map(|text| text.len() as u64).sum::<u64>();
        let bytes = i64::try_from(RECORD_BYTES + texts).unwrap_or(i64::MAX);
        for of in [REALM, org] {
            for lead in [lead(of, digest), ALL] {
                *sizes.entry((of, lead)).or_default() += sign * bytes;
            }
        }
        Ok(())
    })?;
    let orgs = sizes.keys().filter(|(org, lead)| *org != REALM && *lead == ALL).map(|(org, _)| *org).collect();
    let row = |((org, lead), bytes)| fields! { realm_id: tx.realm, org_id: org, lead: lead, bytes: Value::Int(bytes) };
    let rows = sizes.into_iter().map(row).collect();
    tx.put_all("record_sizes", rows, "(realm_id, org_id, lead) DO UPDATE SET bytes = record_sizes.bytes + excluded.bytes")?;
    Ok(orgs)
}

fn check(tx: &mut Transaction<'_>, org: u64) -> Result<(), Error> {
    let least = [MAX_ORG_LEAD_BYTES, MAX_LEAD_BYTES, MAX_ORG_RECORD_BYTES, MAX_RECORD_BYTES].into_iter().min();
    let sql = "SELECT org_id, lead, bytes FROM record_sizes WHERE realm_id = $1 AND org_id IN (0, $2) AND bytes > $3 \
               ORDER BY lead, org_id";
    let large: Vec<(u64, u64, u64)> = tx.all(sql, args![tx.realm, org, least])?;
    large.into_iter().try_for_each(within)
}

const MEND: &str = "every edge holds them all: shorten metadata, delete keys that nobody needs, or use another realm";
const CROWDED: &str = "digests of drawn secrets spread evenly, and so many that begin alike cannot be published: leave out keys whose \
                       digests were chosen";

fn within((org, lead, bytes): (u64, u64, u64)) -> Result<(), Error> {
    let (field, limit, what, mend) = match (org, lead) {
        (REALM, ALL) => ("org", MAX_RECORD_BYTES, "bytes of all keys of a realm", MEND),
        (_, ALL) => ("org", MAX_ORG_RECORD_BYTES, "bytes of all keys of an org", MEND),
        (REALM, _) => {
            ("sha256", MAX_LEAD_BYTES, "bytes of a realm's keys whose digests begin with the same two digits", CROWDED)
        }
        _ => ("sha256", MAX_ORG_LEAD_BYTES, "bytes of an org's keys whose digests begin with the same digit", CROWDED),
    };
    if bytes <= limit { Ok(()) } else { Err(Error::LimitReached { field: field.into(), limit, what, mend }) }
}
