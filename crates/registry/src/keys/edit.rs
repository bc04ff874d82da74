//! Keys are changed.

use edgelatch_core::key::KeyId;
use edgelatch_core::policy::AllowMode;

use super::load::Loaded;
use super::rows::{changed, clear, for_good, insert_ips, insert_roles, insert_services, role_ids, stored_roles, write_row};
use super::rules::{check_edit, check_ip, check_times, unique_services};
use crate::audit::{Target, logged};
use crate::directory;
use crate::error::{Error, Kind};
use crate::model::{Caller, Changed, Key, KeyEdit, Revocation, Settings, Slug, Status, Warning, future, unique_roles};
use crate::registry::Registry;
use crate::tenants::OrgRow;
use crate::transaction::{Act, check_revision, touch};

impl Registry {
    /// Changes a key. An edit that changes nothing writes nothing.
    pub fn edit_key(&self, caller: &Caller, realm: &Slug, key_id: KeyId, edit: &KeyEdit) -> Result<Changed, Error> {
        let now = self.env.now()?;
        if let Some(Some(at)) = edit.expires_at {
            future("expires", at, now)?;
        }
        self.act(caller, realm, |act| {
            let (Loaded { row, key: old, .. }, org) = act.key(key_id)?;
            check_revision(edit.if_revision, old.revision, Kind::Key, &key_id.to_string())?;
            check_edit(&org.settings, edit, act.now)?;
            let mut key = edited(&org.settings, &old, edit)?;
            check_times(key.not_before, key.expires_at)?;
            if !edit.ip.is_empty() {
                check_ip(&org.settings, &key.ip)?;
            }
            key.revoked_at = set_status(&org, &old, edit.status, act.now)?;
            if key == old {
                return Ok(changed(old, false));
            }
            write_row(act, &org, row, &key)?;
            // A name stays with the role that it was given for: the org may have made one of that name since.
            if key.roles != old.roles {
                let (before, roles) = (stored_roles(act.session, row)?, role_ids(act, &org, &key.roles)?);
                clear(act.session, "key_roles", row)?;
                insert_roles(act.session, row, &roles)?;
                directory::remove_role_set(act.session, act.realm, org.id, &before)?;
                directory::add_role_set(act.session, act.realm, org.id, &roles)?;
            }
            if key.scope != old.scope {
                directory::remove_scope(act.session, act.realm, org.id, &old.scope)?;
                directory::add_scope(act.session, act.realm, org.id, &key.scope)?;
                clear(act.session, "key_services", row)?;
                insert_services(act.session, row, &key.scope)?;
            }
            if key.ip != old.ip {
                clear(act.session, "key_ips", row)?;
                insert_ips(act.session, row, &key.ip)?;
            }
            if key.revoked_at.is_some() {
                act.end_overlap(row)?;
            }
            // An edit may bring a key back to life: enabled, or past its expiry no more.
            act.check_limits_of_living(&org, &old, &key)?;
            touch(act.session, act.realm)?;
            let mut changed = changed(act.reload(key_id)?, true);
            if old.ip.allow_mode() == AllowMode::List && changed.key.ip.allow_mode() == AllowMode::Any {
                changed.warnings.push(Warning::OpensToAll);
            }
            act.log("key.edit", &Target::key(&changed.key), logged(&old), logged(&changed.key))?;
            Ok(changed)
        })
    }
}

impl Act<'_> {
    fn check_limits_of_living(&mut self, org: &OrgRow, old: &Key, new: &Key) -> Result<(), Error> {
        let now = self.now;
        let lives = |key: &Key| key.revoked_at.is_none() && key.expires_at.is_none_or(|at| at > now);
        if lives(new) && !lives(old) { self.check_limits(org) } else { Ok(()) }
    }
}

/// When the key was revoked, after an edit of its status.
fn set_status(org: &OrgRow, old: &Key, status: Option<Status>, now: u64) -> Result<Option<u64>, Error> {
    match (status, old.revoked_at, org.settings.revocation) {
        (Some(Status::Revoked), None, Revocation::Delete) => {
            let reason = "revoking a key means deleting it here: delete it".into();
            Err(Error::NotAllowed { field: "status".into(), reason })
        }
        (Some(Status::Revoked), None, _) => Ok(Some(now)),
        (Some(Status::Active), Some(_), Revocation::Reversible) => Ok(None),
        (Some(Status::Active), Some(_), _) => Err(for_good()),
        (_, revoked_at, _) => Ok(revoked_at),
    }
}

fn edited(settings: &Settings, old: &Key, edit: &KeyEdit) -> Result<Key, Error> {
    let mut key = old.clone();
    key.ip = old.ip.edited(&edit.ip, settings.empty_allow_list)?;
    if let Some(roles) = &edit.roles {
        key.roles = unique_roles(roles)?;
    }
    if let Some(scope) = &edit.scope {
        key.scope = unique_services(scope)?;
    }
    macro_rules! take {
        ($($field:ident),*) => { $(if let Some(value) = &edit.$field { key.$field = value.clone(); })* };
    }
    take!(name, description, not_before, expires_at, metadata, environment);
    Ok(key)
}
