//! Owners: users and service accounts, with roles of their own.

use super::Tenants;
use super::find::{org_id, role_id};
use crate::audit::{Target, logged};
use crate::directory;
use crate::error::{Error, Kind};
use crate::model::{Caller, NewOwner, Owner, OwnerEdit, Slug, Word, unique_roles};
use crate::store::{Session, args, columns};
use crate::transaction::{Change, Transaction, check_revision};

columns! {
    OWNER: (u64, Owner) = {
        id = "w.id", org = "o.slug", owner = "w.slug", kind = "w.kind", name = "w.name", disabled = "w.disabled",
        created_at = "w.created_at", revision = "w.revision"
    } => (id, Owner { org, owner, kind, name, roles: Vec::new(), disabled, created_at, revision })
}

const FROM: &str = "FROM owners w JOIN orgs o ON o.id = w.org_id WHERE o.realm_id = $1";

fn with_roles(session: &mut dyn Session, (id, owner): (u64, Owner)) -> Result<(u64, Owner), Error> {
    let sql = "SELECT r.slug FROM owner_roles x JOIN roles r ON r.id = x.role_id WHERE x.owner_id = $1 ORDER BY r.slug";
    Ok((id, Owner { roles: session.all(sql, args![id])?, ..owner }))
}

fn find(tx: &mut Transaction<'_>, org: &Slug, owner: &Slug) -> Result<(u64, Owner), Error> {
    let values = args![tx.realm.0, org.as_str(), owner.as_str()];
    let found = tx.session.select_one(&OWNER, &format!("{FROM} AND o.slug = $2 AND w.slug = $3"), values)?;
    with_roles(tx.session, found.ok_or_else(|| Error::missing(Kind::Owner, owner.as_str()))?)
}

/// An owner that the caller may change, if it is at the expected revision; its org's row comes first.
fn find_to_change(
    change: &mut Change<'_>,
    (org, owner): (&Slug, &Slug),
    if_revision: Option<u64>,
) -> Result<(u64, u64, Owner), Error> {
    let org_row = change.org(org)?.id;
    let (id, found) = find(&mut change.tx, org, owner)?;
    check_revision(if_revision, found.revision, Kind::Owner, owner.as_str())?;
    Ok((org_row, id, found))
}

fn set_roles(tx: &mut Transaction<'_>, org: u64, owner: u64, roles: &[Slug]) -> Result<(), Error> {
    count_no_more(tx, org, owner)?;
    tx.session.run("DELETE FROM owner_roles WHERE owner_id = $1", args![owner])?;
    let roles = unique_roles(roles)?.iter().map(|role| role_id(tx, org, role)).collect::<Result<Vec<_>, _>>()?;
    for role in &roles {
        tx.session.run("INSERT INTO owner_roles (owner_id, role_id) VALUES ($1, $2)", args![owner, *role])?;
    }
    directory::add_role_set(tx, org, &roles)
}

/// The roles of an owner are about to change, or to go.
pub(super) fn count_no_more(tx: &mut Transaction<'_>, org: u64, owner: u64) -> Result<(), Error> {
    let roles: Vec<u64> = tx.session.all("SELECT role_id FROM owner_roles WHERE owner_id = $1", args![owner])?;
    directory::remove_role_set(tx, org, &roles)
}

impl Tenants<'_> {
    /// Makes an owner.
    pub fn create_owner(&self, caller: &Caller, new: &NewOwner) -> Result<Owner, Error> {
        self.0.change(caller, |change| {
            let org = change.org(&new.org)?.id;
            let sql = "INSERT INTO owners (org_id, slug, kind, name, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id";
            let exists = || Error::Exists { kind: Kind::Owner, id: new.owner.to_string() };
            let values = args![org, new.owner.as_str(), new.kind.word(), new.name.as_str(), change.now];
            let id = change.tx.session.insert(sql, values).map_err(|e| e.or_unique(exists))?;
            set_roles(&mut change.tx, org, id, &new.roles)?;
            let (_, owner) = find(&mut change.tx, &new.org, &new.owner)?;
            change.log("owner.create", &Target::owner(&owner), None, logged(&owner))?;
            Ok(owner)
        })
    }

    /// All owners of the realm or of one org, by identifier.
    pub fn owners(&self, org: Option<&Slug>) -> Result<Vec<Owner>, Error> {
        self.0.read(|tx| {
            let order = "ORDER BY o.slug, w.slug";
            let found = match org {
                None => tx.session.select(&OWNER, &format!("{FROM} {order}"), args![tx.realm.0])?,
                Some(org) => {
                    let values = args![tx.realm.0, org_id(tx, org)?];
                    tx.session.select(&OWNER, &format!("{FROM} AND o.id = $2 {order}"), values)?
                }
            };
            found.into_iter().map(|owner| Ok(with_roles(tx.session, owner)?.1)).collect()
        })
    }

    /// One owner.
    pub fn owner(&self, org: &Slug, owner: &Slug) -> Result<Owner, Error> {
        self.0.read(|tx| find(tx, org, owner).map(|(_, owner)| owner))
    }

    /// Changes an owner. Disabling it, or taking a role from it, reaches its keys with the next epoch.
    pub fn edit_owner(&self, caller: &Caller, org: &Slug, owner: &Slug, edit: &OwnerEdit) -> Result<Owner, Error> {
        self.0.change(caller, |change| {
            let (org_row, id, before) = find_to_change(change, (org, owner), edit.if_revision)?;
            let name = edit.name.as_ref().unwrap_or(&before.name);
            let disabled = edit.disabled.unwrap_or(before.disabled);
            let roles = edit.roles.as_deref().map_or(Ok(before.roles.clone()), unique_roles)?;
            if *name == before.name && disabled == before.disabled && roles == before.roles {
                return Ok(before);
            }
            let sql = "UPDATE owners SET name = $2, disabled = $3, revision = revision + 1 WHERE id = $1";
            change.tx.session.run(sql, args![id, name.as_str(), disabled])?;
            // Roles that were not named again stay the same rows: the org may have made one of the same name since.
            if roles != before.roles {
                set_roles(&mut change.tx, org_row, id, &roles)?;
            }
            if disabled != before.disabled || roles != before.roles {
                change.tx.touch()?;
            }
            let (_, after) = find(&mut change.tx, org, owner)?;
            change.log("owner.edit", &Target::owner(&after), logged(&before), logged(&after))?;
            Ok(after)
        })
    }

    /// Deletes an owner that has no keys.
    pub fn delete_owner(&self, caller: &Caller, org: &Slug, owner: &Slug, if_revision: Option<u64>) -> Result<Owner, Error> {
        self.0.change(caller, |change| {
            let (org_row, id, before) = find_to_change(change, (org, owner), if_revision)?;
            let keys = change.tx.session.count("SELECT count(*) FROM keys WHERE owner_id = $1", args![id])?;
            if keys > 0 {
                return Err(Error::InUse { kind: Kind::Owner, id: owner.to_string(), by: format!("{keys} keys") });
            }
            count_no_more(&mut change.tx, org_row, id)?;
            change.tx.session.run("DELETE FROM owners WHERE id = $1", args![id])?;
            change.log("owner.delete", &Target::owner(&before), logged(&before), None)?;
            Ok(before)
        })
    }
}
