//! An event is written.

use edgelatch_core::hex::Hex;
use edgelatch_core::key::KeyId;
use serde_json::{Value as Json, json};

use crate::error::Error;
use crate::model::{Key, Word, format_time, words};
use crate::registry::Env;
use crate::store::{Statements, args, fields};
use crate::transaction::Transaction;

words! {
    /// What an event tells of.
    EventKind {
        /// A key was made, or taken over by its digest.
        KeyCreated = "key_created",
        /// Keys were taken over by their digests, all of a file.
        KeysImported = "keys_imported",
        /// A key got a new secret.
        KeyRotated = "key_rotated",
        /// A key was revoked.
        KeyRevoked = "key_revoked",
        /// A revoked key was enabled again.
        KeyEnabled = "key_enabled",
        /// A key was deleted.
        KeyDeleted = "key_deleted",
        /// A key expires in 30, 7 or 1 days. An alert, as are all below.
        KeyExpiring = "key_expiring",
        /// A key was not used for 90 days.
        KeyUnused = "key_unused",
        /// A key was used from a country or network that it was never used from.
        KeyNewPlace = "key_new_place",
        /// A key's secret stands where everybody can read it.
        SecretLeaked = "secret_leaked",
        /// Keys should get new secrets.
        RotationDue = "rotation_due",
        /// Many requests were refused.
        FailedAuthentication = "failed_authentication",
    }
}

impl EventKind {
    /// Those that tell of no act: somebody should look at what they say.
    pub const ALERTS: [EventKind; 6] = [
        EventKind::KeyExpiring,
        EventKind::KeyUnused,
        EventKind::KeyNewPlace,
        EventKind::SecretLeaked,
        EventKind::RotationDue,
        EventKind::FailedAuthentication,
    ];
}

/// What there is to tell.
pub(crate) struct News<'n> {
    pub(crate) kind: EventKind,
    /// None for the whole realm.
    pub(crate) org: Option<&'n str>,
    /// None for many keys, or none.
    pub(crate) key_id: Option<KeyId>,
    /// An object whose members stand beside those that every event has.
    pub(crate) more: Json,
}

impl<'n> News<'n> {
    /// What there is to tell of a key: `more` beside what every event about a key says.
    pub(crate) fn of(kind: EventKind, key: &'n Key, more: Json) -> News<'n> {
        let mut all = about(key);
        if let (Json::Object(all), Json::Object(more)) = (&mut all, more) {
            all.extend(more);
        }
        News { kind, org: Some(key.org.as_str()), key_id: Some(key.key_id), more: all }
    }
}

/// What events say of a key: nothing of its secret, nor of who may use it from where.
pub(crate) fn about(key: &Key) -> Json {
    let Key { name, owner, environment, expires_at, .. } = key;
    json!({ "name": name, "owner": owner, "environment": environment, "expires_at": expires_at.map(format_time) })
}

/// Writes an event. Its id is drawn: a number would come again after a purge, or in a database that was restored.
pub(crate) fn raise(tx: &mut Transaction<'_>, env: &Env, now: u64, news: News<'_>) -> Result<(), Error> {
    let News { kind, org, key_id, more } = news;
    let mut id = [0; 16];
    env.random(&mut id)?;
    let realm: Option<String> = tx.one("SELECT slug FROM realms WHERE id = $1", args![tx.realm])?;
    let key_id = key_id.map(|id| id.to_string());
    let mut body = json!({ "type": kind, "realm": realm, "org": org, "key_id": key_id, "at": format_time(now) });
    if let (Json::Object(body), Json::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    let row = fields! {
        realm_id: tx.realm, event: format!("evt_{}", Hex(&id)), kind: kind.word(), org: org, key_id: key_id, body: body.to_string(),
        created_at: now, due_at: now, patient: u64::from(!EventKind::ALERTS.contains(&kind)),
    };
    tx.add("events", row)
}
