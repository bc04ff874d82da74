//! Every bound of the registry, each with its reason. Bounds of the format itself are in `edgelatch_core::limits`.

use edgelatch_core::limits as core;

/// Bytes of a slug: what the snapshot's identity table takes.
pub const MAX_SLUG_BYTES: usize = core::MAX_ID_BYTES;
/// Bytes of a name: its length is one byte in the snapshot.
pub const MAX_NAME_BYTES: usize = core::MAX_NAME_BYTES;
/// Bytes of a description: a paragraph. It stays in the registry.
pub const MAX_DESCRIPTION_BYTES: usize = 1024;
/// Bytes of the note on an IP entry: a line.
pub const MAX_NOTE_BYTES: usize = 200;
/// Bytes of a key's metadata as compact JSON.
pub const MAX_METADATA_BYTES: usize = core::MAX_METADATA_BYTES;
/// Entries of one IP list, enabled or not: several times what the four systems allow, and a policy stays below 20 kB.
pub const MAX_IP_ENTRIES: usize = 1000;
/// Roles of one key: more than any predefined set has.
pub const MAX_KEY_ROLES: usize = 32;
/// Services in one key's scope: a longer list is a case for "all" or for a second key.
pub const MAX_KEY_SERVICES: usize = 128;
/// Permission patterns of one role.
pub const MAX_ROLE_PATTERNS: usize = 256;
/// Keys on one page of a list: a screenful many times over, and a bounded reply.
pub const MAX_PAGE: usize = 500;
/// Keys on a page when nothing is asked for.
pub const DEFAULT_PAGE: usize = 50;
/// Bytes of a search text.
pub const MAX_SEARCH_BYTES: usize = 128;
/// Latest time accepted anywhere: the last second of year 9999, where RFC 3339 ends.
pub const MAX_TIME: u64 = 253_402_300_799;
/// Earliest time a clock may show (2025-01-01): before it, it was never set, and a head signed now would be refused.
pub const MIN_CLOCK: u64 = 1_735_689_600;
/// Milliseconds to wait for another process's transaction: far above the longest one, short enough to be told.
pub const BUSY_MILLIS: u64 = 5_000;
/// Epochs kept in the ledger; the counter itself lives in the realm, so removing old rows frees no epoch.
pub const LEDGER_ROWS: u64 = 1_000;
/// Prepared statements kept by a connection: every fixed one, and room for the lists' many forms.
pub const STATEMENTS: usize = 128;
/// Connections to PostgreSQL, at most: one writes, the others serve readers beside it.
pub const CONNECTIONS: u32 = 8;
/// Milliseconds for one statement in PostgreSQL: above reading ten million keys, short enough that none stays for ever.
pub const STATEMENT_MILLIS: u64 = 300_000;
/// Milliseconds that an open transaction may do nothing: a node that stalls or vanishes holds up the others no longer.
pub const IDLE_MILLIS: u64 = 30_000;
/// Milliseconds to wait at a start for another node that brings the schema up to date.
pub const MIGRATION_MILLIS: u64 = 120_000;
/// How often a transaction is tried whose connection was lost before its commit, or that met a deadlock.
pub const TRIES: u32 = 3;
/// Rows handed over at once while copying a registry.
pub const COPY_ROWS: usize = 1_000;
/// Seconds of a lease: a node that vanished holds up the others no longer.
pub const MAX_LEASE_SECONDS: u64 = 3_600;
/// KiB of pages that a SQLite connection keeps, at most: the random indices of a million keys, which an import would
/// otherwise write again and again.
pub const CACHE_KIB: u64 = 98_304;
/// Seconds that an old secret may live on after a rotation (90 days): longer is no rotation.
pub const MAX_OVERLAP: u64 = 90 * 86_400;
/// Days until an administrator is reminded of a rotation: ten years.
pub const MAX_REMINDER_DAYS: u64 = 3_650;
/// Days that requests are kept: ten years.
pub const MAX_LOG_DAYS: u64 = 3_650;
/// Environments of an org: a choice that people make from a short list.
pub const MAX_ENVIRONMENTS: u64 = 16;
/// Spans offered for an expiry: likewise.
pub const MAX_CHOICES: u64 = 16;
/// Refusals before an alert.
pub const MAX_ALERT_AFTER: u64 = 1_000_000;
/// Bytes of an idempotency key: twice a UUID with room for a prefix.
pub const MAX_IDEMPOTENCY_BYTES: usize = 128;
/// Seconds that an idempotency key is remembered: a day of retries.
pub const IDEMPOTENCY_SECONDS: u64 = 86_400;
/// Keys shown before a bulk revocation is confirmed: enough to see what kind they are.
pub const SAMPLE: usize = 20;
