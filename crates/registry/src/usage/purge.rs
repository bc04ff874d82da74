//! What is kept for a time only, and goes when that is over.

use serde::Serialize;

use super::buckets::BucketSpan;
use crate::error::Error;
use crate::keys::end_secrets;
use crate::limits::{
    BATCH_SECONDS, ENDED_SECRET_DAYS, EVENT_DAYS, FAILURE_DAYS, GONE_SECONDS, IDEMPOTENCY_SECONDS, IMPORT_DAYS, LOOKUPS,
    PLACE_DAYS, PURGE_KEYS, PURGE_ROWS, SESSION_IDLE,
};
use crate::model::{DAY, Settings};
use crate::pending::give_way;
use crate::registry::Registry;
use crate::store::{Statements, Value, args, places};
use crate::transaction::{RealmId, Transaction};

/// Rows that were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// Of the log of requests, as each org's settings say.
    pub requests: u64,
    /// Secrets whose overlap ended long ago.
    pub secrets: u64,
    /// Everything else: what imports left that died, batch ids, idempotency keys, counts behind alerts, old events, places and sums of usage, edges
    /// that are gone, sign-ins that ended, rows of deleted realms.
    pub others: u64,
}

/// What goes when it is older than a time, which is $1: a table, its key, and which rows.
const OLD: [(&str, &str, &str); 11] = [
    ("usage_batches", "realm_id, batch", "at < $1"),
    ("idempotency", "realm_id, actor, token", "created_at < $1"),
    ("edges", "realm_id, edge", "seen_at < $1"),
    ("failures", "realm_id, slot, subject, code", "slot < $1"),
    ("events", "id", "created_at < $1"),
    ("key_places", "key_id, kind, place", "seen_at < $1"),
    ("usage_buckets", "realm_id, span, subject, at", "span = 'hour' AND at < $1"),
    ("usage_buckets", "realm_id, span, subject, at", "span = 'day' AND at < $1"),
    // The last one stays, so that its number is not given again.
    ("imports", "id", "pending = 0 AND begun_at < $1 AND id < (SELECT max(id) FROM imports)"),
    ("import_jobs", "id", "lease_until < $1"),
    ("console_sessions", "digest", "seen_at < $1"),
];

/// What a deleted realm leaves, each after what refers to it, with the test that finds rows of the realm $1 and how many go at once. Keys take their
/// secrets, roles, services and IP entries with them. Its audit log stays, and with its imports the numbers of these.
const OF_REALM: [(&str, &str, &str, usize); 25] = [
    ("key_rows", "id", "realm_id = $1", PURGE_KEYS),
    ("key_terms", "realm_id, term, block", "realm_id = $1", PURGE_ROWS),
    ("directory_uses", "realm_id, org_id, kind, number", "realm_id = $1", PURGE_ROWS),
    ("directory_entries", "realm_id, kind, number", "realm_id = $1", PURGE_ROWS),
    ("directory_sizes", "realm_id, org_id, kind", "realm_id = $1", PURGE_ROWS),
    ("record_sizes", "realm_id, org_id, lead", "realm_id = $1", PURGE_ROWS),
    ("journal", "realm_id, changes", "realm_id = $1", PURGE_ROWS),
    ("idempotency", "realm_id, actor, token", "realm_id = $1", PURGE_ROWS),
    ("requests", "realm_id, seq", "realm_id = $1", PURGE_ROWS),
    ("usage_batches", "realm_id, batch", "realm_id = $1", PURGE_ROWS),
    ("verdict_totals", "realm_id, code", "realm_id = $1", PURGE_ROWS),
    ("failures", "realm_id, slot, subject, code", "realm_id = $1", PURGE_ROWS),
    ("edges", "realm_id, edge", "realm_id = $1", PURGE_ROWS),
    ("peppers", "realm_id, pepper_id", "realm_id = $1", PURGE_ROWS),
    ("roots", "realm_id, version", "realm_id = $1", PURGE_ROWS),
    ("epochs", "realm_id, epoch", "realm_id = $1", PURGE_ROWS),
    ("leases", "realm_id", "realm_id = $1", PURGE_ROWS),
    ("import_jobs", "id", "realm_id = $1", PURGE_ROWS),
    ("published_files", "realm_id, name", "realm_id = $1", PURGE_ROWS),
    // Those that are still to be told are, and go by their age.
    ("events", "id", "realm_id = $1 AND due_at IS NULL", PURGE_ROWS),
    ("usage_buckets", "realm_id, span, subject, at", "realm_id = $1", PURGE_ROWS),
    ("people", "owner_id", "realm_id = $1", PURGE_ROWS),
    ("owners", "id", "org_id IN (SELECT id FROM orgs WHERE realm_id = $1)", PURGE_ROWS),
    ("roles", "id", "realm_id = $1", PURGE_ROWS),
    ("orgs", "id", "realm_id = $1", PURGE_ROWS),
];

impl Registry {
    /// Removes what has been kept long enough, in all realms: in short transactions, so that nobody waits for long. Cheap when there is
    /// nothing; to be called about once an hour.
    pub fn purge(&self) -> Result<Purged, Error> {
        let now = self.env.now()?;
        let before = |seconds: u64| now.saturating_sub(seconds);
        let mut purged = Purged { others: self.remove_dead_imports()?, ..Purged::default() };
        let orgs: Vec<(u64, Settings)> =
            self.store.reading(|session| session.all("SELECT id, settings FROM orgs ORDER BY id", &[]))?;
        for (org, settings) in orgs {
            let days = u64::from(settings.request_log_days);
            purged.requests += self.remove_old(
                ("requests", "realm_id, seq", "at < $1 AND org_id = $2", PURGE_ROWS),
                args![before(days * DAY), org],
            )?;
        }
        purged.secrets = self.remove_ended(before(ENDED_SECRET_DAYS * DAY))?;
        let [hours, days] = [BucketSpan::Hour, BucketSpan::Day].map(BucketSpan::kept);
        let ages = [
            BATCH_SECONDS,
            IDEMPOTENCY_SECONDS,
            GONE_SECONDS,
            FAILURE_DAYS * DAY,
            EVENT_DAYS * DAY,
            PLACE_DAYS * DAY,
            hours,
            days,
            IMPORT_DAYS * DAY,
            IMPORT_DAYS * DAY,
            SESSION_IDLE,
        ];
        for ((table, key, test), age) in OLD.into_iter().zip(ages) {
            purged.others += self.remove_old((table, key, test, PURGE_ROWS), args![before(age)])?;
        }
        purged.others += self.empty_deleted_realms()?;
        Ok(purged)
    }

    /// Removes what is left of realms that were deleted, but for their audit logs.
    fn empty_deleted_realms(&self) -> Result<u64, Error> {
        let sql = "SELECT id FROM realms WHERE deleted_at IS NOT NULL AND emptied = 0";
        let realms: Vec<u64> = self.store.reading(|session| session.all(sql, &[]))?;
        let mut removed = 0;
        for realm in realms {
            for rows in OF_REALM {
                removed += self.remove_old(rows, args![realm])?;
            }
            self.store.writing(|session| session.run("UPDATE realms SET emptied = 1 WHERE id = $1", args![realm]))?;
        }
        Ok(removed)
    }

    /// Removes rows that a test finds, so many at once.
    fn remove_old(&self, (table, key, test, most): (&str, &str, &str, usize), values: &[Value]) -> Result<u64, Error> {
        let some = format!("FROM {table} WHERE {test} LIMIT {most}");
        let mut removed = 0;
        // Whoever only looks keeps nobody from writing.
        while self.store.reading(|session| session.count(format!("SELECT count(*) FROM (SELECT 1 {some}) found"), values))? > 0
        {
            let sql = format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} {some})");
            removed += self.store.writing(|session| session.run(&sql, values))?;
            give_way();
        }
        Ok(removed)
    }

    /// Removes secrets that ended before a time, and notes that they are gone.
    fn remove_ended(&self, before: u64) -> Result<u64, Error> {
        let sql = "SELECT realm_id, id FROM secrets WHERE expires_at < $1";
        let ended = self.store.reading(|session| session.grouped::<u64>(sql, args![before]))?;
        let mut removed = 0;
        for (realm, secrets) in ended {
            for some in secrets.chunks(LOOKUPS) {
                let values: Vec<Value> = std::iter::once(before.into()).chain(some.iter().map(|id| (*id).into())).collect();
                let test = format!("expires_at < $1 AND id IN ({})", places(2, some.len()));
                removed += self
                    .store
                    .writing(|session| end_secrets(&mut Transaction::over(session, RealmId(realm)), &test, &values))?;
                give_way();
            }
        }
        Ok(removed)
    }
}
