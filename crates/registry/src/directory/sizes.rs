//! How much of its directory a realm has taken, and each org of it: entries and bytes of each table, and of a realm the chunks that
//! its entries lie in. Limits are checked on what is there after a change.

use edgelatch_core::build::Table;

use super::tables::{of_kind, words};
use crate::error::Error;
use crate::limits::{
    CHUNK_ENTRIES, MAX_ORG_BYTES, MAX_ORG_ENTRIES, MAX_ORG_PATTERNS, MAX_ORG_POLICIES, MAX_ORG_POLICY_BYTES, MAX_ORG_ROLES,
    MAX_POLICY_BYTES, MAX_TABLE_BYTES, MAX_TABLE_CHUNKS,
};
use crate::store::{Statements, args, columns};
use crate::transaction::Transaction;

/// Stands in place of an org for the whole realm.
pub(super) const REALM: u64 = 0;

/// What a table may take: of a realm in bytes, and in how many chunks is the format's to say; of an org in entries and bytes. An org's
/// roles are counted as it makes them.
struct Limits {
    realm_bytes: u64,
    org_entries: u64,
    org_bytes: u64,
}

const fn limits(table: Table) -> Limits {
    match table {
        Table::Roles | Table::RoleSets | Table::Scopes => {
            Limits { realm_bytes: MAX_TABLE_BYTES, org_entries: MAX_ORG_ENTRIES, org_bytes: MAX_ORG_BYTES }
        }
        Table::Policies => {
            Limits { realm_bytes: MAX_POLICY_BYTES, org_entries: MAX_ORG_POLICIES, org_bytes: MAX_ORG_POLICY_BYTES }
        }
    }
}

const MEND_ORG: &str = "use one that there is already, or delete keys that nobody needs";
const MEND_REALM: &str = "every edge holds them all, whichever org they are of: use one that there is already, or have an \
                          administrator of the realm delete what nobody needs";

/// 1 if the realm's chunk of a number, which begins at $5, holds no other entry, so that it comes or goes with this one. Chunks are counted
/// for the realm alone.
const CHUNK: &str = "CASE WHEN CAST($2 AS BIGINT) = 0 AND NOT EXISTS (SELECT 1 FROM directory_entries e WHERE e.realm_id = $1 AND e.kind = $3 \
                     AND e.number >= $5 AND e.number < $5 + 64 AND e.number <> $6) THEN 1 ELSE 0 END";

/// Counts one entry more.
pub(super) fn grow(tx: &mut Transaction<'_>, org: u64, entry: (Table, u32), bytes: usize) -> Result<(), Error> {
    let sql = format!(
        "INSERT INTO directory_sizes (realm_id, org_id, kind, entries, bytes, chunks) VALUES ($1, $2, $3, 1, $4, {CHUNK}) \
         ON CONFLICT (realm_id, org_id, kind) DO UPDATE SET entries = directory_sizes.entries + 1, \
         bytes = directory_sizes.bytes + $4, chunks = directory_sizes.chunks + excluded.chunks"
    );
    resize(tx, &sql, org, entry, bytes)
}

/// Counts one entry less.
pub(super) fn shrink(tx: &mut Transaction<'_>, org: u64, entry: (Table, u32), bytes: usize) -> Result<(), Error> {
    let sql = format!(
        "UPDATE directory_sizes SET entries = entries - 1, bytes = bytes - $4, chunks = chunks - {CHUNK} \
         WHERE realm_id = $1 AND org_id = $2 AND kind = $3"
    );
    resize(tx, &sql, org, entry, bytes)
}

fn resize(tx: &mut Transaction<'_>, sql: &str, org: u64, (table, number): (Table, u32), bytes: usize) -> Result<(), Error> {
    let first = number - number % CHUNK_ENTRIES;
    tx.run(sql, args![tx.realm, org, words(table).kind, bytes as u64, first, number]).map(drop)
}

struct Size {
    org: u64,
    table: Table,
    entries: u64,
    bytes: u64,
    chunks: u64,
}

columns! { SIZE: Size = { org = "org_id", kind: String, entries, bytes, chunks } => Size { org, table: of_kind(&kind)?, entries, bytes, chunks } }

/// Refuses what has left an org, or its realm, with too much of the directory.
pub(super) fn check(tx: &mut Transaction<'_>, org: u64) -> Result<(), Error> {
    let sizes = tx.all(SIZE.select("FROM directory_sizes WHERE realm_id = $1 AND org_id IN (0, $2)"), args![tx.realm, org])?;
    sizes.iter().try_for_each(within)
}

fn within(size: &Size) -> Result<(), Error> {
    let (words, limits) = (words(size.table), limits(size.table));
    let refused = |limit, what, mend| Err(Error::LimitReached { field: words.field.into(), limit, what, mend });
    match size.org {
        REALM if size.chunks > MAX_TABLE_CHUNKS => refused(MAX_TABLE_CHUNKS, words.chunks, MEND_REALM),
        REALM if size.bytes > limits.realm_bytes => refused(limits.realm_bytes, words.realm_bytes, MEND_REALM),
        REALM => Ok(()),
        _ if size.entries > limits.org_entries => refused(limits.org_entries, words.org_entries, MEND_ORG),
        _ if size.bytes > limits.org_bytes => refused(limits.org_bytes, words.org_bytes, MEND_ORG),
        _ => Ok(()),
    }
}

/// Refuses what leaves an org with too many roles of its own, or with too much in them. A key can have many of them, and an edge looks
/// at all they grant when it is first asked about the key.
pub(crate) fn check_roles(tx: &mut Transaction<'_>, org: u64) -> Result<(), Error> {
    let sql = "SELECT count(DISTINCT r.id), count(*) FROM roles r JOIN role_patterns p ON p.role_id = r.id \
               WHERE r.realm_id = $1 AND coalesce(r.org_id, 0) = $2";
    let found = tx.one(sql, args![tx.realm, org])?;
    let (roles, patterns): (u64, u64) = found.unwrap_or_default();
    let refused = |field: &str, limit, what, mend| Err(Error::LimitReached { field: field.into(), limit, what, mend });
    if roles > MAX_ORG_ROLES {
        return refused("org", MAX_ORG_ROLES, "roles of an org", "delete roles that nobody has, or use those of the realm");
    }
    if patterns > MAX_ORG_PATTERNS {
        let mend = "let a `*` stand for several permissions, or delete roles that nobody has";
        return refused("permissions", MAX_ORG_PATTERNS, "permission patterns in all roles of an org", mend);
    }
    Ok(())
}
