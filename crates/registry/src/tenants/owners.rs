//! Owners: users and service accounts, with roles of their own.

use super::find::{count, org_id, owner_id, role_id};
use crate::audit::{Target, logged};
use crate::directory;
use crate::error::{Error, Kind};
use crate::model::{Caller, NewOwner, Owner, OwnerEdit, Slug, unique_roles};
use crate::registry::Registry;
use crate::store::{Row, Session, args};
use crate::transaction::{Act, check_revision, realm_id, touch};

const COLUMNS: &str = "SELECT o.slug, w.slug, w.kind, w.name, w.disabled, w.created_at, w.revision, w.id \
                       FROM owners w JOIN orgs o ON o.id = w.org_id WHERE o.realm_id = $1";

fn read(row: &Row<'_>) -> Result<(u64, Owner), Error> {
    let owner = Owner {
        org: row.parse(0)?,
        owner: row.parse(1)?,
        kind: row.parse(2)?,
        name: row.parse(3)?,
        roles: Vec::new(),
        disabled: row.bool(4)?,
        created_at: row.int(5)?,
        revision: row.int(6)?,
    };
    Ok((row.int(7)?, owner))
}

fn with_roles(session: &mut dyn Session, (id, owner): (u64, Owner)) -> Result<Owner, Error> {
    let sql = "SELECT r.slug FROM owner_roles x JOIN roles r ON r.id = x.role_id WHERE x.owner_id = $1 ORDER BY r.slug";
    Ok(Owner { roles: session.rows(sql, args![id], |row| row.parse(0))?, ..owner })
}

fn find(session: &mut dyn Session, realm: u64, org: &Slug, slug: &Slug) -> Result<Owner, Error> {
    let sql = format!("{COLUMNS} AND o.slug = $2 AND w.slug = $3");
    let found = session.row(&sql, args![realm, org.as_str(), slug.as_str()], read)?;
    with_roles(session, found.ok_or_else(|| Error::missing(Kind::Owner, slug.as_str()))?)
}

fn set_roles(act: &mut Act<'_>, org: u64, owner: u64, roles: &[Slug]) -> Result<(), Error> {
    count_no_more(act, org, owner)?;
    act.session.run("DELETE FROM owner_roles WHERE owner_id = $1", args![owner])?;
    let roles =
        unique_roles(roles)?.iter().map(|role| role_id(act.session, act.realm, org, role)).collect::<Result<Vec<_>, _>>()?;
    for role in &roles {
        act.session.run("INSERT INTO owner_roles (owner_id, role_id) VALUES ($1, $2)", args![owner, *role])?;
    }
    directory::add_role_set(act.session, act.realm, org, &roles)
}

/// The roles of an owner are about to change, or to go.
pub(super) fn count_no_more(act: &mut Act<'_>, org: u64, owner: u64) -> Result<(), Error> {
    let sql = "SELECT role_id FROM owner_roles WHERE owner_id = $1";
    let roles = act.session.rows(sql, args![owner], |row| row.int(0))?;
    directory::remove_role_set(act.session, act.realm, org, &roles)
}

impl Registry {
    /// Makes an owner.
    pub fn create_owner(&self, caller: &Caller, realm: &Slug, new: &NewOwner) -> Result<Owner, Error> {
        self.act(caller, realm, |act| {
            let org = act.org(&new.org)?.id;
            let sql = "INSERT INTO owners (org_id, slug, kind, name, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id";
            let exists = || Error::Exists { kind: Kind::Owner, id: new.owner.to_string() };
            let values = args![org, new.owner.as_str(), new.kind.word(), new.name.as_str(), act.now];
            let id = act.session.row(sql, values, |row| row.int(0)).map_err(|e| e.or_unique(exists))?;
            set_roles(act, org, id.unwrap_or_default(), &new.roles)?;
            let owner = find(act.session, act.realm.0, &new.org, &new.owner)?;
            act.log("owner.create", &Target::party(Kind::Owner, &owner.owner, Some(&owner.org)), None, logged(&owner))?;
            Ok(owner)
        })
    }

    /// All owners of a realm or of one org, by identifier.
    pub fn owners(&self, realm: &Slug, org: Option<&Slug>) -> Result<Vec<Owner>, Error> {
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            let order = "ORDER BY o.slug, w.slug";
            let found = match org {
                None => session.rows(&format!("{COLUMNS} {order}"), args![realm.0], read)?,
                Some(org) => {
                    let org = org_id(session, realm, org)?;
                    session.rows(&format!("{COLUMNS} AND o.id = $2 {order}"), args![realm.0, org], read)?
                }
            };
            found.into_iter().map(|owner| with_roles(session, owner)).collect()
        })
    }

    /// One owner.
    pub fn owner(&self, realm: &Slug, org: &Slug, owner: &Slug) -> Result<Owner, Error> {
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            find(session, realm.0, org, owner)
        })
    }

    /// Changes an owner. Disabling it, or taking a role from it, reaches its keys with the next epoch.
    pub fn edit_owner(
        &self,
        caller: &Caller,
        realm: &Slug,
        org: &Slug,
        owner: &Slug,
        edit: &OwnerEdit,
    ) -> Result<Owner, Error> {
        self.act(caller, realm, |act| {
            let org_row = act.org(org)?.id;
            let before = find(act.session, act.realm.0, org, owner)?;
            check_revision(edit.if_revision, before.revision, Kind::Owner, owner.as_str())?;
            let name = edit.name.as_ref().unwrap_or(&before.name);
            let disabled = edit.disabled.unwrap_or(before.disabled);
            let roles = edit.roles.as_deref().map_or(Ok(before.roles.clone()), unique_roles)?;
            if *name == before.name && disabled == before.disabled && roles == before.roles {
                return Ok(before);
            }
            let id = owner_id(act.session, org_row, owner)?;
            let sql = "UPDATE owners SET name = $2, disabled = $3, revision = revision + 1 WHERE id = $1";
            act.session.run(sql, args![id, name.as_str(), disabled])?;
            // A name stays with the role that it was given for: the org may have made one of that name since.
            if roles != before.roles {
                set_roles(act, org_row, id, &roles)?;
            }
            if disabled != before.disabled || roles != before.roles {
                touch(act.session, act.realm)?;
            }
            let after = find(act.session, act.realm.0, org, owner)?;
            let target = Target::party(Kind::Owner, owner, Some(org));
            act.log("owner.edit", &target, logged(&before), logged(&after))?;
            Ok(after)
        })
    }

    /// Deletes an owner that has no keys.
    pub fn delete_owner(
        &self,
        caller: &Caller,
        realm: &Slug,
        org: &Slug,
        owner: &Slug,
        if_revision: Option<u64>,
    ) -> Result<Owner, Error> {
        self.act(caller, realm, |act| {
            let org_row = act.org(org)?.id;
            let before = find(act.session, act.realm.0, org, owner)?;
            check_revision(if_revision, before.revision, Kind::Owner, owner.as_str())?;
            let id = owner_id(act.session, org_row, owner)?;
            let keys = count(act.session, "SELECT count(*) FROM keys WHERE owner_id = $1", id)?;
            if keys > 0 {
                return Err(Error::InUse { kind: Kind::Owner, id: owner.to_string(), by: format!("{keys} keys") });
            }
            count_no_more(act, org_row, id)?;
            act.session.run("DELETE FROM owners WHERE id = $1", args![id])?;
            act.log("owner.delete", &Target::party(Kind::Owner, owner, Some(org)), logged(&before), None)?;
            Ok(before)
        })
    }
}
