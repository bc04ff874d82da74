//! The outbox of alerts, from which the server delivers them. Keys that should get a new secret are told of through it, once a
//! secret.

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::error::Error;
use crate::keys::{ROTATED, due_sql, load_rows};
use crate::limits::{ALERT_ATTEMPTS, ALERT_LEASE, ALERT_PAUSE, MAX_ALERT_PAUSE, MAX_PAGE, SAMPLE};
use crate::model::{Slug, format_time};
use crate::registry::Registry;
use crate::store::{Statements, args, columns, fields};
use crate::transaction::{RealmId, Transaction};

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

    /// Raises an alert for each org with keys that should be rotated and were not told of since their last rotation; returns
    /// how many keys that were. Cheap when there is none; to be called about once an hour.
    pub fn remind(&self) -> Result<u64, Error> {
        let now = self.env.now()?;
        self.store.writing(|session| {
            let realms: Vec<(u64, String)> = session.all("SELECT id, slug FROM realms ORDER BY id", &[])?;
            let mut told = 0;
            for (realm, name) in realms {
                told += remind(&mut Transaction::over(&mut *session, RealmId(realm)), &name, now)?;
            }
            Ok(told)
        })
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

fn remind(tx: &mut Transaction<'_>, realm: &str, now: u64) -> Result<u64, Error> {
    let due = due_sql(tx, None, now)?;
    let sql = format!(
        "SELECT k.org_id, k.id FROM keys k WHERE k.realm_id = $1 AND k.revoked_at IS NULL \
         AND (k.expires_at IS NULL OR k.expires_at > $2) AND {due} AND k.reminded_at <= {ROTATED} ORDER BY k.org_id, k.id"
    );
    let mut told = 0;
    for keys in tx.grouped::<u64>(&sql, args![tx.realm, now])?.into_values() {
        let sample = load_rows(tx, keys.get(..SAMPLE).unwrap_or(&keys), now)?;
        let Some(org) = sample.first().map(|loaded| &loaded.key.org) else { continue };
        let shown = sample.iter().map(|loaded| {
            let key = &loaded.key;
            let due_at = key.due_at.map(format_time);
            json!({ "key_id": key.key_id.to_string(), "name": key.name, "environment": key.environment, "due_at": due_at })
        });
        let shown: Vec<_> = shown.collect();
        let (number, at) = (keys.len(), format_time(now));
        let body = json!({ "type": "rotation_due", "realm": realm, "org": org, "number": number, "keys": shown, "at": at });
        raise(tx, &body, now)?;
        for some in keys.chunks(MAX_PAGE) {
            let ids: Vec<String> = some.iter().map(ToString::to_string).collect();
            let sql = format!("UPDATE keys SET reminded_at = $1 WHERE id IN ({})", ids.join(", "));
            tx.run(&sql, args![now])?;
        }
        told += number as u64;
    }
    Ok(told)
}
