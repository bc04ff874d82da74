//! Keys that should get a new secret: found by their orgs' environments, and told of once a secret through the outbox of alerts.

use std::collections::BTreeMap;

use serde_json::json;

use crate::error::Error;
use crate::keys::{ROTATED, due_sql, load_rows};
use crate::limits::{MAX_PAGE, SAMPLE};
use crate::model::format_time as format;
use crate::registry::Registry;
use crate::store::{Session, args};
use crate::transaction::RealmId;

impl Registry {
    /// Raises an alert for each org with keys that should be rotated and were not told of since their last rotation; returns
    /// how many keys that were. Cheap when there is none; to be called about once an hour.
    pub fn remind(&self) -> Result<u64, Error> {
        let now = self.env.now()?;
        self.store.writing(|session| {
            let realms = session.rows("SELECT id, slug FROM realms ORDER BY id", &[], |row| {
                Ok((RealmId(row.int(0)?), row.text(1)?.to_owned()))
            })?;
            let mut told = 0;
            for (realm, name) in realms {
                told += remind(session, realm, &name, now)?;
            }
            Ok(told)
        })
    }
}

fn remind(session: &mut dyn Session, realm: RealmId, name: &str, now: u64) -> Result<u64, Error> {
    let due = due_sql(session, realm, None, now)?;
    let sql = format!(
        "SELECT k.org_id, k.id FROM keys k WHERE k.realm_id = $1 AND k.revoked_at IS NULL \
         AND (k.expires_at IS NULL OR k.expires_at > $2) AND {due} AND k.reminded_at <= {ROTATED} ORDER BY k.org_id, k.id"
    );
    let mut orgs: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (org, key) in session.rows(&sql, args![realm.0, now], |row| Ok((row.int(0)?, row.int(1)?)))? {
        orgs.entry(org).or_default().push(key);
    }
    let mut told = 0;
    for keys in orgs.into_values() {
        let sample = load_rows(session, keys.get(..SAMPLE).unwrap_or(&keys), now)?;
        let Some(org) = sample.first().map(|loaded| loaded.key.org.clone()) else { continue };
        let sample: Vec<_> = sample
            .iter()
            .map(|loaded| &loaded.key)
            .map(|key| {
                let due_at = key.due_at.map(format);
                json!({ "key_id": key.key_id.to_string(), "name": key.name, "environment": key.environment, "due_at": due_at })
            })
            .collect();
        let body = json!({
            "type": "rotation_due", "realm": name, "org": org, "number": keys.len(), "keys": sample, "at": format(now),
        });
        let sql = "INSERT INTO alerts (realm_id, body, created_at, due_at) VALUES ($1, $2, $3, $3)";
        session.run(sql, args![realm.0, body.to_string(), now])?;
        for some in keys.chunks(MAX_PAGE) {
            let ids: Vec<String> = some.iter().map(ToString::to_string).collect();
            let sql = format!("UPDATE keys SET reminded_at = $1 WHERE id IN ({})", ids.join(", "));
            session.run(&sql, args![now])?;
        }
        told += keys.len() as u64;
    }
    Ok(told)
}
