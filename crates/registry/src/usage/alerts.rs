//! The outbox of alerts, from which the server delivers them.

use serde::Serialize;
use serde_json::Value as Json;

use crate::error::Error;
use crate::limits::{ALERT_ATTEMPTS, ALERT_LEASE, ALERT_PAUSE, MAX_ALERT_PAUSE, MAX_PAGE};
use crate::model::Slug;
use crate::registry::Registry;
use crate::store::{Statements, args, columns, fields};
use crate::transaction::Transaction;

/// Something to tell, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// Its number.
    pub id: u64,
    /// Its realm.
    pub realm: Slug,
    /// What to send, byte for byte: signatures are made over it.
    pub body: String,
    /// How often it was tried.
    pub attempts: u64,
}

columns! {
    ALERT: Alert = { id = "a.id", realm = "r.slug", body = "a.body", attempts = "a.attempts" }
        => Alert { id, realm, body, attempts }
}

/// Puts an alert into the outbox.
pub(super) fn raise(tx: &mut Transaction<'_>, body: &Json, now: u64) -> Result<(), Error> {
    tx.add("alerts", fields! { realm_id: tx.realm, body: body.to_string(), created_at: now, due_at: now })
}

/// The outbox of alerts, of all realms.
#[derive(Clone, Copy, Debug)]
pub struct Alerts<'r>(&'r Registry);

impl Registry {
    /// The outbox of alerts, of all realms.
    pub fn alerts(&self) -> Alerts<'_> {
        Alerts(self)
    }
}

impl Alerts<'_> {
    /// Takes alerts to deliver. Whoever took one has a minute to say how it went; after that it is given out again.
    pub fn take(&self, limit: usize) -> Result<Vec<Alert>, Error> {
        let now = self.0.env.now()?;
        self.0.store.writing(|session| {
            let rest = format!(
                "FROM alerts a JOIN realms r ON r.id = a.realm_id WHERE a.due_at <= $1 ORDER BY a.due_at, a.id LIMIT {}",
                limit.min(MAX_PAGE)
            );
            let alerts = session.all(ALERT.select(&rest), args![now])?;
            for alert in &alerts {
                session.run("UPDATE alerts SET due_at = $2 WHERE id = $1", args![alert.id, now + ALERT_LEASE])?;
            }
            Ok(alerts)
        })
    }

    /// How many wait for delivery.
    pub fn pending(&self) -> Result<u64, Error> {
        self.0.store.reading(|session| session.count("SELECT count(*) FROM alerts WHERE due_at IS NOT NULL", &[]))
    }

    /// Notes that an alert was delivered.
    pub fn delivered(&self, id: u64) -> Result<(), Error> {
        let now = self.0.env.now()?;
        self.0.store.writing(|session| {
            let sql = "UPDATE alerts SET due_at = NULL, delivered_at = $2, attempts = attempts + 1 WHERE id = $1";
            session.run(sql, args![id, now]).map(drop)
        })
    }

    /// Notes that an alert could not be delivered. Returns when it is tried again, or none when it is given up.
    pub fn failed(&self, id: u64) -> Result<Option<u64>, Error> {
        let now = self.0.env.now()?;
        self.0.store.writing(|session| {
            let found: Option<u64> = session.one("SELECT attempts FROM alerts WHERE id = $1", args![id])?;
            let attempts = found.unwrap_or(ALERT_ATTEMPTS) + 1;
            let pause = ALERT_PAUSE.saturating_mul(1 << (attempts - 1).min(20)).min(MAX_ALERT_PAUSE);
            let due = (attempts < ALERT_ATTEMPTS).then_some(now + pause);
            session.run("UPDATE alerts SET due_at = $2, attempts = $3 WHERE id = $1", args![id, due, attempts])?;
            Ok(due)
        })
    }
}
