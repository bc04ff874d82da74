//! Keys are revoked, enabled again, and deleted: one, or all that a filter fits.

use edgelatch_core::key::KeyId;
use serde::Serialize;

use super::filter::wheres;
use super::load::{Loaded, load_rows};
use super::rows::{changed, for_good, held_name, stored_roles};
use crate::audit::{Target, logged};
use crate::directory;
use crate::error::{Error, Kind};
use crate::limits::{MAX_PAGE, SAMPLE};
use crate::model::{Caller, Changed, Deletion, Filter, Key, Revocation, Slug};
use crate::registry::Registry;
use crate::store::args;
use crate::tenants::OrgRow;
use crate::transaction::{Act, check_revision, touch};

/// What a bulk revocation did, or would do.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkRevoked {
    /// Keys that the filter fits and that are not revoked yet.
    pub matched: u64,
    /// Whether they were revoked.
    pub done: bool,
    /// Some of them, to look at before confirming.
    pub sample: Vec<Key>,
}

impl Act<'_> {
    /// Revokes one key in the way of its org, and logs it.
    fn revoke(&mut self, row: u64, key: &Key, org: &OrgRow) -> Result<(), Error> {
        if org.settings.revocation == Revocation::Delete {
            return self.delete(row, key, org);
        }
        let sql = "UPDATE keys SET revoked_at = $2, updated_at = $2, revision = revision + 1, held_name = NULL WHERE id = $1";
        self.session.run(sql, args![row, self.now])?;
        // A key that is enabled again comes back with its newest secret only.
        self.end_overlap(row)?;
        let revoked = Key { revoked_at: Some(self.now), revision: key.revision + 1, ..key.clone() };
        self.log("key.revoke", &Target::key(key), logged(key), logged(&revoked))
    }

    fn delete(&mut self, row: u64, key: &Key, org: &OrgRow) -> Result<(), Error> {
        let roles = stored_roles(self.session, row)?;
        self.session.run("DELETE FROM keys WHERE id = $1", args![row])?;
        directory::remove_role_set(self.session, self.realm, org.id, &roles)?;
        directory::remove_scope(self.session, self.realm, org.id, &key.scope)?;
        self.log("key.delete", &Target::key(key), logged(key), None)
    }
}

impl Registry {
    /// Revokes a key. Revoking a revoked key changes nothing. Where revoking means deleting, the key is gone.
    pub fn revoke_key(&self, caller: &Caller, realm: &Slug, key_id: KeyId, if_revision: Option<u64>) -> Result<Changed, Error> {
        self.act(caller, realm, |act| {
            let (Loaded { row, key, .. }, org) = act.key(key_id)?;
            check_revision(if_revision, key.revision, Kind::Key, &key_id.to_string())?;
            if key.revoked_at.is_some() {
                return Ok(Changed { key, changed: false, deleted: false, warnings: Vec::new() });
            }
            act.revoke(row, &key, &org)?;
            touch(act.session, act.realm)?;
            let deleted = org.settings.revocation == Revocation::Delete;
            let key = if deleted { key } else { act.reload(key_id)? };
            Ok(Changed { key, changed: true, deleted, warnings: Vec::new() })
        })
    }

    /// Enables a revoked key again, where revocation is reversible. Enabling an active key changes nothing.
    pub fn enable_key(&self, caller: &Caller, realm: &Slug, key_id: KeyId, if_revision: Option<u64>) -> Result<Changed, Error> {
        self.act(caller, realm, |act| {
            let (Loaded { row, key: old, .. }, org) = act.key(key_id)?;
            check_revision(if_revision, old.revision, Kind::Key, &key_id.to_string())?;
            if old.revoked_at.is_none() {
                return Ok(changed(old, false));
            }
            if org.settings.revocation != Revocation::Reversible {
                return Err(for_good());
            }
            let held = Key { revoked_at: None, ..old.clone() };
            let sql =
                "UPDATE keys SET revoked_at = NULL, updated_at = $2, revision = revision + 1, held_name = $3 WHERE id = $1";
            let taken = || Error::NameTaken { name: old.name.to_string() };
            act.session.run(sql, args![row, act.now, held_name(&org, &held)]).map_err(|e| e.or_unique(taken))?;
            act.check_limits(&org)?;
            touch(act.session, act.realm)?;
            let changed = changed(act.reload(key_id)?, true);
            act.log("key.enable", &Target::key(&old), logged(&old), logged(&changed.key))?;
            Ok(changed)
        })
    }

    /// Deletes a key for ever and returns it as it was. `confirm` is the key's name, where the org wants it typed.
    pub fn delete_key(
        &self,
        caller: &Caller,
        realm: &Slug,
        key_id: KeyId,
        confirm: Option<&str>,
        if_revision: Option<u64>,
    ) -> Result<Key, Error> {
        self.act(caller, realm, |act| {
            let (Loaded { row, key, .. }, org) = act.key(key_id)?;
            check_revision(if_revision, key.revision, Kind::Key, &key_id.to_string())?;
            match org.settings.deletion {
                Deletion::None => {
                    let reason = "keys are not deleted here: revoke it".into();
                    return Err(Error::NotAllowed { field: "status".into(), reason });
                }
                Deletion::TypedName if confirm != Some(key.name.as_str()) => {
                    return Err(Error::Unconfirmed { what: "deleting a key" });
                }
                Deletion::TypedName | Deletion::Immediate => {}
            }
            act.delete(row, &key, &org)?;
            touch(act.session, act.realm)?;
            Ok(key)
        })
    }

    /// Revokes every key that a filter fits, in one transaction. Without `confirm` nothing is changed and the keys are counted;
    /// with it, that count must still be right.
    pub fn revoke_keys(
        &self,
        caller: &Caller,
        realm: &Slug,
        filter: &Filter,
        confirm: Option<u64>,
    ) -> Result<BulkRevoked, Error> {
        let filter = match caller.org() {
            None => filter.clone(),
            Some(org) => {
                filter.org.as_ref().map_or(Ok(()), |asked| caller.check(asked, Kind::Org, asked.as_str()))?;
                Filter { org: Some(org.clone()), ..filter.clone() }
            }
        };
        self.act(caller, realm, |act| {
            let all = wheres(act.session, act.realm, &filter, act.now)?;
            let sql = format!("SELECT k.id FROM keys k WHERE {} AND k.revoked_at IS NULL ORDER BY k.id", all.sql());
            let rows = act.session.rows(&sql, &all.values, |row| row.int(0))?;
            let matched = rows.len() as u64;
            let sample = load_rows(act.session, &rows[..rows.len().min(SAMPLE)], act.now)?;
            let sample = sample.into_iter().map(|loaded| loaded.key).collect();
            match confirm {
                None => return Ok(BulkRevoked { matched, done: false, sample }),
                Some(expected) if expected != matched => return Err(Error::CountChanged { expected, found: matched }),
                Some(_) if rows.is_empty() => return Ok(BulkRevoked { matched, done: true, sample }),
                Some(_) => {}
            }
            for page in rows.chunks(MAX_PAGE) {
                for Loaded { row, key, .. } in load_rows(act.session, page, act.now)? {
                    let org = act.org(&key.org)?;
                    act.revoke(row, &key, &org)?;
                }
            }
            touch(act.session, act.realm)?;
            let target = Target::party(Kind::Realm, realm, filter.org.as_ref());
            let mut what = serde_json::to_value(&filter).unwrap_or_default();
            what["revoked"] = matched.into();
            // What somebody looked for after a leak may be a key's text.
            if filter.search.is_some() {
                what["search"] = "…".into();
            }
            act.log("keys.revoke", &target, None, Some(what))?;
            Ok(BulkRevoked { matched, done: true, sample })
        })
    }
}
