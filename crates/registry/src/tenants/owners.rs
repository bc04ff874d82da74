//! Owners: users and service accounts, with roles of their own.

use super::{OrgRow, Tenants, check_unused, find_role, org_id};
use crate::audit::{Target, logged};
use crate::directory;
use crate::error::{Error, Kind};
use crate::grants::Grant;
use crate::journal::What;
use crate::model::{Authority, Caller, NewOwner, Owner, OwnerEdit, Slug, Word, unique_roles};
use crate::store::{Conditions, Statements, args, columns, fields};
use crate::transaction::{Change, Transaction, check_revision};

columns! {
    OWNER: (u64, Owner) = {
        id = "w.id", org = "o.slug", owner = "w.slug", kind = "w.kind", name = "w.name", disabled = "w.disabled",
        created_at = "w.created_at", revision = "w.revision"
    } => (id, Owner { org, owner, kind, name, roles: Vec::new(), disabled, created_at, revision })
}

const FROM: &str = "FROM owners w JOIN orgs o ON o.id = w.org_id WHERE";

fn with_roles(tx: &mut Transaction<'_>, (id, owner): (u64, Owner)) -> Result<(u64, Owner), Error> {
    let sql = "SELECT r.slug FROM owner_roles x JOIN roles r ON r.id = x.role_id WHERE x.owner_id = $1 ORDER BY r.slug";
    Ok((id, Owner { roles: tx.all(sql, args![id])?, ..owner }))
}

pub(crate) fn find(tx: &mut Transaction<'_>, org: &Slug, owner: &Slug) -> Result<(u64, Owner), Error> {
    let values = args![tx.realm, org.as_str(), owner.as_str()];
    let found = tx.one(OWNER.select(&format!("{FROM} o.realm_id = $1 AND o.slug = $2 AND w.slug = $3")), values)?;
    with_roles(tx, found.ok_or_else(|| Error::missing(Kind::Owner, owner.as_str()))?)
}

/// An owner that the caller may change, if it is at the expected revision; its org comes first.
fn find_to_change(
    change: &mut Change<'_>,
    (org, owner): (&Slug, &Slug),
    if_revision: Option<u64>,
) -> Result<(OrgRow, u64, Owner), Error> {
    let org_row = change.org(org)?;
    let (id, found) = find(&mut change.tx, org, owner)?;
    check_revision(if_revision, found.revision, Kind::Owner, owner.as_str())?;
    Ok((org_row, id, found))
}

/// Gives an owner these roles. Those that it has already keep their rows: looked up by name once more, one of the realm's would turn into
/// one of that name that the org has made since. Returns whether it has one that it had not.
fn set_roles(tx: &mut Transaction<'_>, org: u64, owner: u64, roles: &[Slug]) -> Result<bool, Error> {
    let roles = unique_roles(roles)?;
    let sql = "SELECT r.id, r.slug FROM owner_roles x JOIN roles r ON r.id = x.role_id WHERE x.owner_id = $1";
    let had: Vec<(u64, Slug)> = tx.all(sql, args![owner])?;
    for (id, _) in had.iter().filter(|(_, slug)| !roles.contains(slug)) {
        tx.run("DELETE FROM owner_roles WHERE owner_id = $1 AND role_id = $2", args![owner, *id])?;
    }
    let new = roles.iter().filter(|role| had.iter().all(|(_, slug)| slug != *role));
    let new = new.map(|role| find_role(tx, org, role)).collect::<Result<Vec<_>, _>>()?;
    tx.add_all("owner_roles", new.iter().map(|role| fields! { owner_id: owner, role_id: role.id }).collect())?;
    Ok(!new.is_empty())
}

/// Makes an owner, and logs it; its row comes first.
pub(crate) fn make_owner(change: &mut Change<'_>, new: &NewOwner) -> Result<(u64, Owner), Error> {
    let org = change.org(&new.org)?.id;
    let row = fields! {
        org_id: org, slug: new.owner.as_str(), kind: new.kind.word(), name: new.name.as_str(), created_at: change.now,
    };
    let exists = || Error::Exists { kind: Kind::Owner, id: new.owner.to_string() };
    let id = change.add_new("owners", row)?.ok_or_else(exists)?;
    set_roles(&mut change.tx, org, id, &new.roles)?;
    change.check_grant(Grant::Owner(id))?;
    let (_, owner) = find(&mut change.tx, &new.org, &new.owner)?;
    change.log("owner.create", &Target::owner(&owner), None, logged(&owner))?;
    Ok((id, owner))
}

impl Tenants<'_> {
    /// Makes an owner.
    pub fn create_owner(&self, caller: &Caller, new: &NewOwner) -> Result<Owner, Error> {
        self.0.change(caller, |change| Ok(make_owner(change, new)?.1))
    }

    /// All owners of the realm or of one org, by identifier.
    pub fn owners(&self, org: Option<&Slug>) -> Result<Vec<Owner>, Error> {
        self.0.read(|tx| {
            let mut only = Conditions::new("o.realm_id =", tx.realm);
            only.maybe("o.id =", org.map(|org| org_id(tx, org)).transpose()?);
            let rest = format!("{FROM} {} ORDER BY o.slug, w.slug", only.sql());
            let found = tx.all(OWNER.select(&rest), &only.values)?;
            found.into_iter().map(|owner| Ok(with_roles(tx, owner)?.1)).collect()
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
            change.revise("owners", id, fields! { name: name.as_str(), disabled: disabled })?;
            let (mut shows, mut grants) = (disabled != before.disabled, before.disabled && !disabled);
            if roles != before.roles {
                grants |= set_roles(&mut change.tx, org_row.id, id, &roles)?;
                if org_row.settings.authority == Authority::Owner {
                    directory::regrant(&mut change.tx, org_row.id, id)?;
                    shows = true;
                }
            }
            // Taking a role away, or disabling an owner, grants nothing.
            if grants {
                change.check_grant(Grant::Owner(id))?;
            }
            if shows {
                change.tx.touch(What::Owner(id))?;
            }
            let (_, after) = find(&mut change.tx, org, owner)?;
            change.log("owner.edit", &Target::owner(&after), logged(&before), logged(&after))?;
            Ok(after)
        })
    }

    /// Deletes an owner that has no keys.
    pub fn delete_owner(&self, caller: &Caller, org: &Slug, owner: &Slug, if_revision: Option<u64>) -> Result<Owner, Error> {
        let act = || {
            self.0.change(caller, |change| {
                let (_, id, before) = find_to_change(change, (org, owner), if_revision)?;
                check_unused(change, (Kind::Owner, owner), "owner_id = $1", id)?;
                change.delete("owners", id)?;
                change.log("owner.delete", &Target::owner(&before), logged(&before), None)?;
                Ok(before)
            })
        };
        self.0.over_imports(act)
    }
}
