//! The outbox of alerts, from which the server delivers them.

use serde::Serialize;

use crate::error::Error;
use crate::limits::{ALERT_ATTEMPTS, ALERT_LEASE, ALERT_PAUSE, MAX_ALERT_PAUSE, MAX_PAGE};
use crate::model::Slug;
use crate::registry::Registry;
use crate::store::args;

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

impl Registry {
    /// Takes alerts to deliver. Whoever took one has a minute to say how it went; after that it is given out again.
    pub fn take_alerts(&self, limit: usize) -> Result<Vec<Alert>, Error> {
        let now = self.env.now()?;
        self.store.writing(|session| {
            let sql = format!(
                "SELECT a.id, r.slug, a.body, a.attempts FROM alerts a JOIN realms r ON r.id = a.realm_id \
                 WHERE a.due_at <= $1 ORDER BY a.due_at, a.id LIMIT {}",
                limit.min(MAX_PAGE)
            );
            let alerts = session.rows(&sql, args![now], |row| {
                Ok(Alert { id: row.int(0)?, realm: row.parse(1)?, body: row.text(2)?.into(), attempts: row.int(3)? })
            })?;
            for alert in &alerts {
                session.run("UPDATE alerts SET due_at = $2 WHERE id = $1", args![alert.id, now + ALERT_LEASE])?;
            }
            Ok(alerts)
        })
    }

    /// How many alerts wait for delivery, in all realms.
    pub fn alerts_pending(&self) -> Result<u64, Error> {
        self.store.reading(|session| {
            let sql = "SELECT count(*) FROM alerts WHERE due_at IS NOT NULL";
            Ok(session.row(sql, &[], |row| row.int(0))?.unwrap_or(0))
        })
    }

    /// Notes that an alert was delivered.
    pub fn alert_delivered(&self, id: u64) -> Result<(), Error> {
        let now = self.env.now()?;
        self.store.writing(|session| {
            let sql = "UPDATE alerts SET due_at = NULL, delivered_at = $2, attempts = attempts + 1 WHERE id = $1";
            session.run(sql, args![id, now]).map(|_| ())
        })
    }

    /// Notes that an alert could not be delivered. Returns when it is tried again, or none when it is given up.
    pub fn alert_failed(&self, id: u64) -> Result<Option<u64>, Error> {
        let now = self.env.now()?;
        self.store.writing(|session| {
            let sql = "SELECT attempts FROM alerts WHERE id = $1";
            let attempts = session.row(sql, args![id], |row| row.int(0))?.unwrap_or(ALERT_ATTEMPTS) + 1;
            let pause = ALERT_PAUSE.saturating_mul(1 << (attempts - 1).min(20)).min(MAX_ALERT_PAUSE);
            let due = (attempts < ALERT_ATTEMPTS).then_some(now + pause);
            session.run("UPDATE alerts SET due_at = $2, attempts = $3 WHERE id = $1", args![id, due, attempts])?;
            Ok(due)
        })
    }
}
