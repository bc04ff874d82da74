//! Keys are changed.

use edgelatch_core::build::Table;
use edgelatch_core::key::KeyId;
use edgelatch_core::policy::AllowMode;

use super::Keys;
use super::load::Loaded;
use super::room;
use super::rows::{end_overlap, expires_anew, ip_rows, replace, revise, role_rows, roles, service_rows, tag_rows, terms_of};
use super::rules::{check_edit, check_ip, check_times, revoked_for_good, unique_services};
use super::terms::enter;
use crate::audit::{Target, logged};
use crate::directory::{Numbers, granted, policy, role_set, scope, swap};
use crate::error::{Error, Warning};
use crate::grants::Grant;
use crate::journal::What;
use crate::model::{
    Authority, Caller, Changed, Key, KeyEdit, Revocation, Settings, Slug, StatusEdit, future, unique_roles, unique_tags,
};
use crate::store::{Statements, args};
use crate::tenants::{OrgRow, owner_id};
use crate::transaction::Change;

impl Keys<'_> {
    /// Changes a key. An edit that changes nothing writes nothing.
    pub fn edit(&self, caller: &Caller, key_id: KeyId, edit: &KeyEdit) -> Result<Changed, Error> {
        if let Some(Some(at)) = edit.expires_at {
            future("expires_at", at, self.0.now()?)?;
        }
        self.0.change(caller, |change| {
            let (loaded, org) = change.key(key_id, edit.if_revision)?;
            let row = loaded.row;
            let Edited { mut changed, revived } = apply(change, loaded, &org, edit)?;
            if revived {
                change.check_limits(&org)?;
            }
            if changed.changed && edit.scope.is_some() {
                let numbers = Numbers::of(&mut change.tx, row)?;
                changed.warnings.extend(change.unknown_services(&org, &changed.key.scope, numbers.scope)?);
            }
            Ok(changed)
        })
    }
}

/// What an edit did.
pub(crate) struct Edited {
    pub(super) changed: Changed,
    /// Whether it brought a key back to life, which counts like a new one: limits are still to be checked.
    pub(super) revived: bool,
}

/// Makes an edit, and logs it.
pub(super) fn apply(change: &mut Change<'_>, loaded: Loaded, org: &OrgRow, edit: &KeyEdit) -> Result<Edited, Error> {
    check_edit(&org.settings, edit, change.now)?;
    let key = edited(&org.settings, &loaded.key, edit, change.now)?;
    put(change, loaded, org, key)
}

/// Makes a key another one, whatever its org's settings let an edit do, and logs it.
pub(crate) fn put(
    change: &mut Change<'_>,
    Loaded { row, key: old, .. }: Loaded,
    org: &OrgRow,
    key: Key,
) -> Result<Edited, Error> {
    let now = change.now;
    if key == old {
        return Ok(Edited { changed: Changed::unchanged(old, &org.settings), revived: false });
    }
    let resized = key.name != old.name || key.metadata != old.metadata || key.owner != old.owner;
    if resized {
        room::leave(&mut change.tx, "key_id = $1", args![row])?;
    }
    revise(change, org, row, &old, &key)?;
    if key.expires_at != old.expires_at || (old.revoked_at.is_some() && key.revoked_at.is_none()) {
        expires_anew(change, row, key.expires_at)?;
    }
    // Roles that the edit does not name keep their rows: looked up by name once more, one of the realm's could turn into one of
    // that name that the org has made since.
    let (before, tx) = (Numbers::of(&mut change.tx, row)?, &mut change.tx);
    let mut numbers = before;
    if key.roles != old.roles {
        let roles = roles(tx, org, &key.roles)?;
        replace(tx, "key_roles", row, role_rows(row, &roles))?;
        if org.settings.authority == Authority::Roles {
            let after = role_set(roles.iter().map(|role| role.number).collect());
            numbers.role_set = swap(tx, org.id, (Table::RoleSets, before.role_set), after.as_ref())?;
        }
    }
    if key.owner != old.owner {
        let owner = owner_id(tx, org.id, Some(&key.owner))?;
        tx.run("UPDATE key_rows SET owner_id = $2 WHERE id = $1", args![row, owner])?;
        if org.settings.authority == Authority::Owner {
            let after = role_set(granted(tx, Authority::Owner, owner, [])?);
            numbers.role_set = swap(tx, org.id, (Table::RoleSets, before.role_set), after.as_ref())?;
        }
    }
    if resized {
        room::come(tx, "key_id = $1", args![row])?;
    }
    if key.scope != old.scope {
        replace(tx, "key_services", row, service_rows(row, &key.scope))?;
        numbers.scope = swap(tx, org.id, (Table::Scopes, before.scope), scope(&key.scope).as_ref())?;
    }
    if key.ip != old.ip {
        replace(tx, "key_ips", row, ip_rows(row, &key.ip))?;
        numbers.policy = swap(tx, org.id, (Table::Policies, before.policy), policy(&key.ip).as_ref())?;
    }
    let texts = key.name != old.name || key.description != old.description || key.tags != old.tags;
    if texts || key.roles != old.roles || key.environment != old.environment || key.scope != old.scope {
        let environment = key.environment.as_ref().map(Slug::as_str);
        let roles: Vec<u64> = tx.all("SELECT role_id FROM key_roles WHERE key_id = $1", args![row])?;
        // Those that it had are there.
        let had =
            terms_of((&old.name, &old.description), &old.tags, [], old.environment.as_ref().map(Slug::as_str), &old.scope);
        let mut terms = terms_of((&key.name, &key.description), &key.tags, roles, environment, &key.scope);
        terms.retain(|term| !had.contains(term));
        enter(tx, [(row, terms)])?;
    }
    if key.tags != old.tags {
        replace(tx, "key_tags", row, tag_rows(row, &key.tags))?;
    }
    if numbers != before {
        numbers.store(tx, row)?;
    }
    if key.revoked_at.is_some() {
        end_overlap(&mut change.tx, row)?;
    }
    // Taking it out of use grants nothing.
    if key != (Key { revoked_at: key.revoked_at, ..old.clone() }) || key.revoked_at.is_none() {
        change.check_grant(Grant::Key(row))?;
    }
    // What no edge is told of needs no epoch.
    let shown = Key {
        description: key.description.clone(),
        tags: key.tags.clone(),
        environment: key.environment.clone(),
        ..old.clone()
    };
    if key != shown {
        change.tx.touch(What::Key(row))?;
    }
    let lives = |key: &Key| key.revoked_at.is_none() && key.expires_at.is_none_or(|at| at > now);
    let mut changed = Changed::done(change.reload(old.key_id)?, &org.settings);
    if old.ip.allow_mode() == AllowMode::List && changed.key.ip.allow_mode() == AllowMode::Any {
        changed.warnings.push(Warning::OpensToAll);
    }
    change.log("key.edit", &Target::key(&changed.key), logged(&old), logged(&changed.key))?;
    Ok(Edited { changed, revived: lives(&key) && !lives(&old) })
}

fn edited(settings: &Settings, old: &Key, edit: &KeyEdit, now: u64) -> Result<Key, Error> {
    let mut key = old.clone();
    key.ip = old.ip.edited(&edit.ip, settings.empty_allow_list)?;
    if let Some(roles) = &edit.roles {
        key.roles = unique_roles(roles)?;
    }
    if let Some(tags) = &edit.tags {
        key.tags = unique_tags(tags)?;
    }
    if let Some(scope) = &edit.scope {
        key.scope = unique_services(scope)?;
    }
    macro_rules! take {
        ($($field:ident),*) => { $(if let Some(value) = &edit.$field { key.$field = value.clone(); })* };
    }
    take!(name, owner, description, not_before, expires_at, metadata, environment);
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
