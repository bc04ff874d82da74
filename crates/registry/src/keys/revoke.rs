//! Keys are revoked, enabled again, and deleted: one, or all that a filter fits.

use edgelatch_core::key::KeyId;
use serde::Serialize;

use super::Keys;
use super::list::conditions;
use super::load::{Loaded, load_rows};
use super::rows::{end_overlap, remove, revise};
use super::rules::revoked_for_good;
use crate::audit::{Target, logged};
use crate::error::{Error, Kind};
use crate::journal::What;
use crate::limits::{MAX_PAGE, SAMPLE};
use crate::model::{Caller, Changed, Deletion, Key, KeyFilter, Revocation, When, composed};
use crate::store::Statements;
use crate::tenants::OrgRow;
use crate::transaction::Change;

/// What a bulk revocation did, or would do.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct BulkRevoked {
    /// Keys that the filter fits and that are not revoked yet.
    pub matched: u64,
    /// Whether they were revoked.
    pub done: bool,
    /// Some of them, to look at before confirming.
    pub sample: Vec<Key>,
}

/// Revokes one key in the way of its org, and logs it.
fn revoke(change: &mut Change<'_>, row: u64, key: &Key, org: &OrgRow) -> Result<(), Error> {
    if org.settings.revocation == Revocation::Delete {
        return delete(change, row, key, org);
    }
    let revoked = Key { revoked_at: Some(change.now), revision: key.revision + 1, ..key.clone() };
    revise(change, org, row, &revoked)?;
    end_overlap(&mut change.tx, row)?;
    change.tx.touch(What::Key(row))?;
    change.log("key.revoke", &Target::key(key), logged(key), logged(&revoked))
}

fn delete(change: &mut Change<'_>, row: u64, key: &Key, org: &OrgRow) -> Result<(), Error> {
    remove(&mut change.tx, org, row)?;
    change.log("key.delete", &Target::key(key), logged(key), None)
}

impl Keys<'_> {
    /// Revokes a key. Revoking a revoked key changes nothing. Where revoking means deleting, the key is gone.
    pub fn revoke(&self, caller: &Caller, key_id: KeyId, if_revision: Option<u64>) -> Result<Changed, Error> {
        self.0.change(caller, |change| {
            let (Loaded { row, key, .. }, org) = change.key(key_id, if_revision)?;
            if key.revoked_at.is_some() {
                return Ok(Changed { key, changed: false, deleted: false, warnings: Vec::new() });
            }
            revoke(change, row, &key, &org)?;
            let deleted = org.settings.revocation == Revocation::Delete;
            let key = if deleted { key } else { change.reload(key_id)? };
            Ok(Changed { key, changed: true, deleted, warnings: Vec::new() })
        })
    }

    /// Enables a revoked key again, where revocation is reversible. Enabling an active key changes nothing.
    pub fn enable(&self, caller: &Caller, key_id: KeyId, if_revision: Option<u64>) -> Result<Changed, Error> {
        self.0.change(caller, |change| {
            let (Loaded { row, key: old, .. }, org) = change.key(key_id, if_revision)?;
            if old.revoked_at.is_none() {
                return Ok(Changed::unchanged(old));
            }
            if org.settings.revocation != Revocation::Reversible {
                return Err(revoked_for_good());
            }
            revise(change, &org, row, &Key { revoked_at: None, ..old.clone() })?;
            change.check_limits(&org)?;
            change.tx.touch(What::Key(row))?;
            let changed = Changed::done(change.reload(key_id)?);
            change.log("key.enable", &Target::key(&old), logged(&old), logged(&changed.key))?;
            Ok(changed)
        })
    }

    /// Deletes a key for ever and returns it as it was. `confirm` is the key's name, where the org wants it typed.
    pub fn delete(
        &self,
        caller: &Caller,
        key_id: KeyId,
        confirm: Option<&str>,
        if_revision: Option<u64>,
    ) -> Result<Key, Error> {
        self.0.change(caller, |change| {
            let (Loaded { row, key, .. }, org) = change.key(key_id, if_revision)?;
            match org.settings.deletion {
                Deletion::None => return Err(Error::not_allowed("status", "keys are not deleted here: revoke it")),
                Deletion::TypedName if confirm.map(composed).as_deref() != Some(key.name.as_str()) => {
                    return Err(Error::Unconfirmed { what: "deleting a key" });
                }
                Deletion::TypedName | Deletion::Immediate => {}
            }
            delete(change, row, &key, &org)?;
            Ok(key)
        })
    }

    /// Revokes every key that a filter fits, in one transaction. Without `confirm` nothing is changed and the keys are counted;
    /// with it, that count must still be right.
    pub fn revoke_all(&self, caller: &Caller, filter: &KeyFilter, confirm: Option<u64>) -> Result<BulkRevoked, Error> {
        let mut filter = filter.clone();
        // What a script makes of a variable that is not set. In a list it fits every key; nobody revokes those by mistake.
        if filter.search.as_deref() == Some("") {
            return Err(Error::invalid("search", "is empty, which fits every key: leave it out, or say what to look for"));
        }
        if let Some(own) = caller.org() {
            filter.org.as_ref().map_or(Ok(()), |asked| caller.check(asked, Kind::Org, asked.as_str()))?;
            filter.org = Some(own.clone());
        }
        self.0.change(caller, |change| {
            let all = conditions(&mut change.tx, &filter, change.now)?;
            let sql = format!("SELECT k.id FROM keys k WHERE {} AND k.revoked_at IS NULL ORDER BY k.id", all.sql());
            let rows: Vec<u64> = change.all(&sql, &all.values)?;
            let matched = rows.len() as u64;
            let sample = load_rows(&mut change.tx, rows.get(..SAMPLE).unwrap_or(&rows), change.now)?;
            let sample = sample.into_iter().map(|loaded| loaded.key).collect();
            match confirm {
                None => return Ok(BulkRevoked { matched, done: false, sample }),
                Some(expected) if expected != matched => return Err(Error::CountChanged { expected, found: matched }),
                Some(_) if rows.is_empty() => return Ok(BulkRevoked { matched, done: true, sample }),
                Some(_) => {}
            }
            for page in rows.chunks(MAX_PAGE) {
                for Loaded { row, key, .. } in load_rows(&mut change.tx, page, change.now)? {
                    let org = change.org(&key.org)?;
                    revoke(change, row, &key, &org)?;
                }
            }
            let mut what = serde_json::to_value(resolved(&filter, change.now)?).unwrap_or_default();
            what["revoked"] = matched.into();
            // What somebody looks for after a leak may be a key's text.
            if filter.search.is_some() {
                what["search"] = "…".into();
            }
            change.log("keys.revoke", &Target::realm(self.0.realm, filter.org.as_ref()), None, Some(what))?;
            Ok(BulkRevoked { matched, done: true, sample })
        })
    }
}

/// The same filter with moments in the place of spans.
fn resolved(filter: &KeyFilter, now: u64) -> Result<KeyFilter, Error> {
    let at = |field: &str, when: &Option<When>| when.as_ref().map(|when| when.at(field, now).map(When::At)).transpose();
    Ok(KeyFilter {
        expires_before: at("expires_before", &filter.expires_before)?,
        created_before: at("created_before", &filter.created_before)?,
        ..filter.clone()
    })
}
