//! Keys that should get a new secret are told of, once a secret.

use serde_json::json;

use crate::error::Error;
use crate::keys::{ROTATED, due_sql, load_rows};
use crate::limits::{MAX_PAGE, SAMPLE};
use crate::model::format_time;
use crate::outbox::{EventKind, News, raise};
use crate::registry::{Env, Registry};
use crate::store::{Statements, args};
use crate::transaction::{RealmId, Transaction};

impl Registry {
    /// Raises an alert for each org with keys that should be rotated and were not told of since their last rotation; returns
    /// how many keys that were. Cheap when there is none; to be called about once an hour.
    pub fn remind(&self) -> Result<u64, Error> {
        let now = self.env.now()?;
        self.store.writing(|session| {
            let realms: Vec<u64> = session.all("SELECT id FROM realms WHERE deleted_at IS NULL ORDER BY id", &[])?;
            let mut told = 0;
            for realm in realms {
                told += remind(&mut Transaction::over(&mut *session, RealmId(realm)), &self.env, now)?;
            }
            Ok(told)
        })
    }
}

fn remind(tx: &mut Transaction<'_>, env: &Env, now: u64) -> Result<u64, Error> {
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
        let more = json!({ "number": keys.len(), "keys": shown });
        raise(tx, env, now, News { kind: EventKind::RotationDue, org: Some(org.as_str()), key_id: None, more })?;
        for some in keys.chunks(MAX_PAGE) {
            let ids: Vec<String> = some.iter().map(ToString::to_string).collect();
            let sql = format!("UPDATE key_rows SET reminded_at = $1 WHERE id IN ({})", ids.join(", "));
            tx.run(&sql, args![now])?;
        }
        told += keys.len() as u64;
    }
    Ok(told)
}
