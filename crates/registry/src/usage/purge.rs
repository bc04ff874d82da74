//! What is kept for a time only, and goes when that is over.

use serde::Serialize;

use crate::error::Error;
use crate::journal::What;
use crate::limits::{ALERT_DAYS, BATCH_SECONDS, ENDED_SECRET_DAYS, FAILURE_DAYS, GONE_SECONDS, IDEMPOTENCY_SECONDS};
use crate::model::{DAY, Settings};
use crate::registry::Registry;
use crate::store::{Statements, args};
use crate::transaction::{RealmId, Transaction};

/// Rows that were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// Of the log of requests, as each org's settings say.
    pub requests: u64,
    /// Secrets whose overlap ended long ago.
    pub secrets: u64,
    /// Everything else: batch ids, idempotency keys, counts behind alerts, old alerts, edges that are gone.
    pub others: u64,
}

impl Registry {
    /// Removes what has been kept long enough, in all realms. Cheap when there is nothing; to be called about once an hour.
    pub fn purge(&self) -> Result<Purged, Error> {
        let now = self.env.now()?;
        let before = |seconds: u64| now.saturating_sub(seconds);
        self.store.writing(|session| {
            let mut purged = Purged::default();
            let orgs: Vec<(u64, Settings)> = session.all("SELECT id, settings FROM orgs ORDER BY id", &[])?;
            for (org, settings) in orgs {
                let days = u64::from(settings.request_log_days);
                let sql = "DELETE FROM requests WHERE org_id = $1 AND at < $2";
                purged.requests += session.run(sql, args![org, before(days * DAY)])?;
            }
            let ended = before(ENDED_SECRET_DAYS * DAY);
            let sql = "DELETE FROM secrets WHERE expires_at < $1 RETURNING realm_id, digest";
            for (realm, digests) in session.grouped(sql, args![ended])? {
                purged.secrets += digests.len() as u64;
                Transaction::over(&mut *session, RealmId(realm)).touch_all(digests.into_iter().map(What::Gone))?;
            }
            for (sql, oldest) in [
                ("DELETE FROM usage_batches WHERE at < $1", before(BATCH_SECONDS)),
                ("DELETE FROM idempotency WHERE created_at < $1", before(IDEMPOTENCY_SECONDS)),
                ("DELETE FROM edges WHERE seen_at < $1", before(GONE_SECONDS)),
                ("DELETE FROM failures WHERE slot < $1", before(FAILURE_DAYS * DAY)),
                ("DELETE FROM alerts WHERE due_at IS NULL AND created_at < $1", before(ALERT_DAYS * DAY)),
            ] {
                purged.others += session.run(sql, args![oldest])?;
            }
            Ok(purged)
        })
    }
}
