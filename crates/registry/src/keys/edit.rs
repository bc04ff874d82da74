//! Keys are changed.

use edgelatch_core::build::Table;
use edgelatch_core::key::KeyId;
use edgelatch_core::policy::AllowMode;

use super::Keys;
use super::load::Loaded;
use super::rows::{end_overlap, ip_rows, replace, revise, role_rows, roles, service_rows};
use super::rules::{check_edit, check_ip, check_times, revoked_for_good, unique_services};
use crate::audit::{Target, logged};
use crate::directory::{Numbers, policy, role_set, scope, swap};
use crate::error::{Error, Warning};
use crate::journal::What;
use crate::model::{Authority, Caller, Changed, Key, KeyEdit, Revocation, Settings, StatusEdit, future, unique_roles};

impl Keys<'_> {
    /// Changes a key. An edit that changes nothing writes nothing.
    pub fn edit(&self, caller: &Caller, key_id: KeyId, edit: &KeyEdit) -> Result<Changed, Error> {
        if let Some(Some(at)) = edit.expires_at {
            future("expires_at", at, self.0.now()?)?;
        }
        self.0.change(caller, |change| {
            let now = change.now;
            let (Loaded { row, key: old, .. }, org) = change.key(key_id, edit.if_revision)?;
            check_edit(&org.settings, edit, now)?;
            let key = edited(&org.settings, &old, edit, now)?;
            if key == old {
                return Ok(Changed::unchanged(old));
            }
            revise(change, &org, row, &key)?;
            // Roles that the edit does not name keep their rows: looked up by name once more, one of the realm's could turn into one of
            // that name that the org has made since.
            let (before, tx) = (Numbers::of(&mut change.tx, row)?, &mut change.tx);
            let mut numbers = before;
            if key.roles != old.roles {
                let roles = roles(tx, &org, &key.roles)?;
                replace(tx, "key_roles", row, role_rows(row, &roles))?;
                if org.settings.authority == Authority::Roles {
                    let after = role_set(roles.iter().map(|role| role.number).collect());
                    numbers.role_set = swap(tx, org.id, (Table::RoleSets, before.role_set), after.as_ref())?;
                }
            }
            if key.scope != old.scope {
                replace(tx, "key_services", row, service_rows(row, &key.scope))?;
                numbers.scope = swap(tx, org.id, (Table::Scopes, before.scope), scope(&key.scope).as_ref())?;
            }
            if key.ip != old.ip {
                replace(tx, "key_ips", row, ip_rows(row, &key.ip))?;
                numbers.policy = swap(tx, org.id, (Table::Policies, before.policy), policy(&key.ip).as_ref())?;
            }
            if numbers != before {
                numbers.store(tx, row)?;
            }
            if key.revoked_at.is_some() {
                end_overlap(&mut change.tx, row)?;
            }
            // An edit may bring a key back to life, which counts like a new one.
            let lives = |key: &Key| key.revoked_at.is_none() && key.expires_at.is_none_or(|at| at > now);
            if lives(&key) && !lives(&old) {
                change.check_limits(&org)?;
            }
            change.tx.touch(What::Key(row))?;
            let mut changed = Changed::done(change.reload(key_id)?);
            if old.ip.allow_mode() == AllowMode::List && changed.key.ip.allow_mode() == AllowMode::Any {
                changed.warnings.push(Warning::OpensToAll);
            }
            change.log("key.edit", &Target::key(&changed.key), logged(&old), logged(&changed.key))?;
            Ok(changed)
        })
    }
}

fn edited(settings: &Settings, old: &Key, edit: &KeyEdit, now: u64) -> Result<Key, Error> {
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
    check_times(key.not_before, key.expires_at)?;
    if !edit.ip.is_empty() {
        check_ip(settings, &key.ip)?;
    }
    key.revoked_at = match (edit.status, old.revoked_at, settings.revocation) {
        (Some(StatusEdit::Revoke), None, Revocation::Delete) => {
            return Err(Error::not_allowed("status", "revoking a key means deleting it here: delete it"));
        }
        (Some(StatusEdit::Revoke), None, _) => Some(now),
        (Some(StatusEdit::Enable), Some(_), Revocation::Reversible) => None,
        (Some(StatusEdit::Enable), Some(_), _) => return Err(revoked_for_good()),
        (_, revoked_at, _) => revoked_at,
    };
    Ok(key)
}
