//! Roles: the realm's own, and those that orgs make for themselves.

use std::collections::HashSet;

use edgelatch_core::build::Table;

use super::{Tenants, check_unused};
use crate::audit::{Target, logged};
use crate::directory;
use crate::error::{Error, Kind, Warning};
use crate::grants::Grant;
use crate::limits::MAX_ROLE_PATTERNS;
use crate::model::{Caller, Name, NewRole, Pattern, Role, RoleEdit, Slug, distinct};
use crate::store::{Conditions, Statements, args, columns, fields};
use crate::transaction::{Change, Transaction, check_revision};

columns! {
    /// A role with one of its patterns.
    ROLE: (u64, Role) = {
        id = "r.id", role = "r.slug", org = "o.slug", name = "r.name", predefined = "r.predefined", revision = "r.revision",
        pattern = "p.pattern"
    } => (id, Role { role, org, name, permissions: vec![pattern], predefined, revision, warnings: Vec::new() })
}

/// Roles that fit: the realm's own first, then those of each org.
fn select(tx: &mut Transaction<'_>, only: &Conditions) -> Result<Vec<(u64, Role)>, Error> {
    let mut roles: Vec<(u64, Role)> = Vec::new();
    let rest = format!(
        "FROM roles r LEFT JOIN orgs o ON o.id = r.org_id JOIN role_patterns p ON p.role_id = r.id \
         WHERE {} ORDER BY coalesce(o.slug, ''), r.slug, p.pattern",
        only.sql()
    );
    tx.each(ROLE.select(&rest), &only.values, |(id, mut role)| {
        match roles.last_mut().filter(|(last, _)| *last == id) {
            Some((_, last)) => last.permissions.append(&mut role.permissions),
            None => roles.push((id, role)),
        }
        Ok(())
    })?;
    Ok(roles)
}

fn all(tx: &mut Transaction<'_>, named: Option<&Slug>) -> Result<Vec<(u64, Role)>, Error> {
    let mut only = Conditions::new("r.realm_id =", tx.realm);
    only.maybe("r.slug =", named.map(Slug::as_str));
    let mut roles = select(tx, &only)?;
    let of_realm: HashSet<Slug> =
        roles.iter().filter(|(_, role)| role.org.is_none()).map(|(_, role)| role.role.clone()).collect();
    for (_, role) in roles.iter_mut().filter(|(_, role)| role.org.is_some() && of_realm.contains(&role.role)) {
        role.warnings.push(Warning::ShadowsRole { role: role.role.to_string() });
    }
    Ok(roles)
}

fn find(tx: &mut Transaction<'_>, org: Option<&Slug>, role: &Slug) -> Result<(u64, Role), Error> {
    let found = all(tx, Some(role))?.into_iter().find(|(_, found)| found.org.as_ref() == org);
    found.ok_or_else(|| Error::missing(Kind::Role, role.as_str()))
}

fn checked(permissions: &[Pattern]) -> Result<Vec<Pattern>, Error> {
    if permissions.is_empty() {
        return Err(Error::invalid("permissions", "is empty; a role must grant something, such as `dns.*`"));
    }
    distinct(permissions, "permissions", MAX_ROLE_PATTERNS)
}

/// Gives a role other permissions than it had, and refuses what is too much for its org.
fn write_patterns(tx: &mut Transaction<'_>, (org, id): (Option<u64>, u64), after: &[Pattern]) -> Result<(), Error> {
    tx.run("DELETE FROM role_patterns WHERE role_id = $1", args![id])?;
    tx.add_all("role_patterns", after.iter().map(|p| fields! { role_id: id, pattern: p.as_str() }).collect())?;
    org.map_or(Ok(()), |org| directory::check_roles(tx, org))
}

pub(super) fn insert_role(
    change: &mut Change<'_>,
    org: Option<u64>,
    (role, name, permissions): (&Slug, &Name, &[Pattern]),
    predefined: bool,
) -> Result<(), Error> {
    let row = fields! {
        realm_id: change.tx.realm, org_id: org, slug: role.as_str(), name: name.as_str(), predefined: predefined,
        created_at: change.now, number: directory::new_number(&mut change.tx, Table::Roles)?,
    };
    let exists = || Error::Exists { kind: Kind::Role, id: role.to_string() };
    let id = change.add_new("roles", row)?.ok_or_else(exists)?;
    write_patterns(&mut change.tx, (org, id), &checked(permissions)?)?;
    change.check_grant(Grant::Role(id))
}

/// The row of the org whose roles the caller means to change; none for the realm's own, which takes authority over the realm.
fn place(change: &mut Change<'_>, org: Option<&Slug>) -> Result<Option<u64>, Error> {
    match org {
        Some(org) => Ok(Some(change.org(org)?.id)),
        None => change.caller.check_realm().map(|()| None),
    }
}

/// A role that the caller may change, which none that came with a preset is, if it is at the expected revision. Its org's row comes
/// first.
fn find_to_change(
    change: &mut Change<'_>,
    org: Option<&Slug>,
    role: &Slug,
    if_revision: Option<u64>,
) -> Result<(Option<u64>, u64, Role), Error> {
    let org_row = place(change, org)?;
    let (id, found) = find(&mut change.tx, org, role)?;
    if found.predefined {
        return Err(Error::not_allowed("role", "is predefined: make a role of your own with other permissions"));
    }
    check_revision(if_revision, found.revision, Kind::Role, role.as_str())?;
    Ok((org_row, id, found))
}

impl Tenants<'_> {
    /// Makes a role.
    pub fn create_role(&self, caller: &Caller, new: &NewRole) -> Result<Role, Error> {
        self.0.change(caller, |change| {
            let org = place(change, new.org.as_ref())?;
            insert_role(change, org, (&new.role, &new.name, &new.permissions), false)?;
            let (_, mut role) = find(&mut change.tx, new.org.as_ref(), &new.role)?;
            let alike = all(&mut change.tx, Some(&new.role))?.len().saturating_sub(1);
            if new.org.is_none() && alike > 0 {
                role.warnings.push(Warning::RoleShadowed { role: role.role.to_string(), orgs: alike });
            }
            change.log("role.create", &Target::role(&role), None, logged(&role))?;
            Ok(role)
        })
    }

    /// All roles: the realm's own first, then those of each org.
    pub fn roles(&self) -> Result<Vec<Role>, Error> {
        self.0.read(|tx| Ok(all(tx, None)?.into_iter().map(|(_, role)| role).collect()))
    }

    /// One role, as a key of `org` would get it: the org's own before the realm's.
    pub fn role(&self, org: Option<&Slug>, role: &Slug) -> Result<Role, Error> {
        self.0.read(|tx| {
            let named = all(tx, Some(role))?.into_iter().map(|(_, role)| role);
            let mut fit = named.filter(|found| found.org.is_none() || found.org.as_ref() == org);
            fit.next_back().ok_or_else(|| Error::missing(Kind::Role, role.as_str()))
        })
    }

    /// Changes a role, and with it what every key that has it may do.
    pub fn edit_role(&self, caller: &Caller, org: Option<&Slug>, role: &Slug, edit: &RoleEdit) -> Result<Role, Error> {
        self.0.change(caller, |change| {
            let (org_row, id, before) = find_to_change(change, org, role, edit.if_revision)?;
            let name = edit.name.as_ref().unwrap_or(&before.name);
            let permissions = edit.permissions.as_deref().map_or(Ok(before.permissions.clone()), checked)?;
            if *name == before.name && permissions == before.permissions {
                return Ok(before);
            }
            change.revise("roles", id, fields! { name: name.as_str() })?;
            if permissions != before.permissions {
                write_patterns(&mut change.tx, (org_row, id), &permissions)?;
                directory::change_role(&mut change.tx, id)?;
                // Taking permissions away grants nothing.
                if permissions.iter().any(|after| !before.permissions.iter().any(|before| before.covers(after))) {
                    change.check_grant(Grant::Role(id))?;
                }
            }
            let (_, after) = find(&mut change.tx, org, role)?;
            change.log("role.edit", &Target::role(&after), logged(&before), logged(&after))?;
            Ok(after)
        })
    }

    /// Deletes a role that nobody has.
    pub fn delete_role(
        &self,
        caller: &Caller,
        org: Option<&Slug>,
        role: &Slug,
        if_revision: Option<u64>,
    ) -> Result<Role, Error> {
        let act = || {
            self.0.change(caller, |change| {
                let (_, id, before) = find_to_change(change, org, role, if_revision)?;
                let having = "id IN (SELECT key_id FROM key_roles WHERE role_id = $1)";
                let keys = change.count(format!("SELECT count(*) FROM keys WHERE {having}"), args![id])?;
                let owners = change.count("SELECT count(*) FROM owner_roles WHERE role_id = $1", args![id])?;
                if keys + owners > 0 {
                    let by = format!("{keys} keys and {owners} owners");
                    return Err(Error::InUse { kind: Kind::Role, id: role.to_string(), by });
                }
                check_unused(change, (Kind::Role, role), having, id)?;
                change.delete("roles", id)?;
                change.log("role.delete", &Target::role(&before), logged(&before), None)?;
                Ok(before)
            })
        };
        self.0.over_imports(act)
    }
}
