//! Keys are revoked, enabled again, and deleted: one, or all that a filter fits.

use edgelatch_core::key::KeyId;
use serde::Serialize;

use super::Keys;
use super::bulk::Orgs;
use super::load::Loaded;
use super::rows::{end_overlap, expires_anew, remove, revise};
use super::rules::{TYPED_NAME, revoked_for_good};
use crate::audit::{Target, logged};
use crate::error::Error;
use crate::grants::Grant;
use crate::journal::What;
use crate::model::{Caller, Changed, Deletion, Key, KeyFilter, Revocation, Settings, composed};
use crate::tenants::OrgRow;
use crate::transaction::Change;

/// What a bulk revocation did, or would do.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct BulkRevoked {
    /// Keys that the filter fits and that are not revoked yet.
    pub matched: u64,
    /// How many of them were revoked: all but those that others have changed meanwhile so that it fits them no more.
    pub revoked: u64,
    /// Whether they were revoked, rather than only counted.
    pub done: bool,
    /// Some of them, to look at before confirming.
    pub sample: Vec<Key>,
}

/// Revokes one key in the way of its org, and logs it.
pub(super) fn revoke(change: &mut Change<'_>, row: u64, key: &Key, org: &OrgRow) -> Result<(), Error> {
    if org.settings.revocation == Revocation::Delete {
        return delete(change, row, key, org);
    }
    let revoked = Key { revoked_at: Some(change.now), revision: key.revision + 1, ..key.clone() };
    revise(change, org, row, key, &revoked)?;
    end_overlap(&mut change.tx, row)?;
    change.tx.touch(What::Key(row))?;
    change.log("key.revoke", &Target::key(key), logged(key), logged(&revoked))
}

/// What confirms a deletion where the key's name need not be typed.
pub const CONFIRMED: &str = "yes";

/// Refuses a deletion that the org's settings do not allow, or that is not confirmed as they want it. Another key's name confirms nothing.
fn check_deletion(settings: &Settings, key: &Key, confirm: Option<&str>) -> Result<(), Error> {
    let named = || confirm.map(composed).as_deref() == Some(key.name.as_str());
    let takes = match settings.deletion {
        Deletion::None => return Err(Error::not_allowed("status", "keys are not deleted here: revoke it")),
        Deletion::Immediate => return Ok(()),
        Deletion::Confirmed if confirm == Some(CONFIRMED) || named() => return Ok(()),
        Deletion::TypedName if named() => return Ok(()),
        Deletion::Confirmed => "`yes`, or the key's name",
        Deletion::TypedName => TYPED_NAME,
    };
    Err(Error::Unconfirmed { what: "deleting a key", takes })
}

fn delete(change: &mut Change<'_>, row: u64, key: &Key, org: &OrgRow) -> Result<(), Error> {
    remove(&mut change.tx, org, row, key)?;
    change.log("key.delete", &Target::key(key), logged(key), None)
}

/// Takes away a key of people's, whatever its org's settings say of keys that people make: nobody is to have its secret any more.
pub(crate) fn retire(change: &mut Change<'_>, key_id: KeyId) -> Result<(), Error> {
    let (Loaded { row, key, .. }, org) = change.key(key_id, None)?;
    delete(change, row, &key, &org)
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
                return Ok(Changed::unchanged(old, &org.settings));
            }
            if org.settings.revocation != Revocation::Reversible {
                return Err(revoked_for_good());
            }
            revise(change, &org, row, &old, &Key { revoked_at: None, ..old.clone() })?;
            expires_anew(change, row, old.expires_at)?;
            change.check_limits(&org)?;
            change.check_grant(Grant::Key(row))?;
            change.tx.touch(What::Key(row))?;
            let changed = Changed::done(change.reload(key_id)?, &org.settings);
            change.log("key.enable", &Target::key(&old), logged(&old), logged(&changed.key))?;
            Ok(changed)
        })
    }

    /// Deletes a key for ever and returns it as it was. `confirm` is the key's name, or [`CONFIRMED`] where the org does not want the name typed.
    pub fn delete(
        &self,
        caller: &Caller,
        key_id: KeyId,
        confirm: Option<&str>,
        if_revision: Option<u64>,
    ) -> Result<Key, Error> {
        self.0.change(caller, |change| {
            let (Loaded { row, key, .. }, org) = change.key(key_id, if_revision)?;
            check_deletion(&org.settings, &key, confirm)?;
            delete(change, row, &key, &org)?;
            Ok(key)
        })
    }

    /// Revokes every key that a filter fits. Without `confirm` nothing is changed and the keys are counted; with it, that count must still be
    /// right. They are revoked by short transactions, so that nobody waits for them: each makes matters safer already, and what one has revoked
    /// stays revoked also if a later one fails ([`Error::Partly`]). What the filter does not fit any more by then is left alone. `progress` hears
    /// how many were revoked.
    pub fn revoke_all(
        &self,
        caller: &Caller,
        filter: &KeyFilter,
        confirm: Option<u64>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<BulkRevoked, Error> {
        let all = self.matched(caller, filter, "k.revoked_at IS NULL")?;
        let found = |done, revoked| BulkRevoked { matched: all.rows.len() as u64, revoked, done, sample: all.sample.clone() };
        let Some(expected) = confirm else { return Ok(found(false, 0)) };
        all.check(expected)?;
        let revoked = self.by_parts(caller, &all.rows, progress, |change, part| {
            let (mut orgs, mut revoked) = (Orgs::default(), 0);
            for Loaded { row, key, .. } in all.still(change, part.rows)? {
                let org = orgs.get(change, &key.org)?;
                revoke(change, row, &key, &org)?;
                revoked += 1;
            }
            if part.is_last {
                let what = all.logged("revoked", part.before + revoked)?;
                change.log("keys.revoke", &Target::realm(self.0.realm, all.org()), None, Some(what))?;
            }
            Ok(revoked)
        })?;
        Ok(found(true, revoked))
    }
}
