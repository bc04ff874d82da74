//! Who is in the registry: realms, their orgs, and those orgs' owners and roles, each found by its name. Keys are in `keys`. Begin
//! with `owners`: orgs and roles go the same way.

mod deletion;
mod orgs;
mod owners;
mod realms;
mod roles;

use crate::error::{Error, Kind};
use crate::model::{Settings, Slug};
use crate::store::{Statements, args};
use crate::transaction::{Change, Transaction, handle};

pub(crate) use owners::{find as find_owner, make_owner};
pub(crate) use realms::find_realm;

handle! {
    /// Orgs, owners and roles of a realm.
    Tenants = tenants
}

/// An org's row and rules.
#[derive(Clone, Debug)]
pub(crate) struct OrgRow {
    pub(crate) id: u64,
    pub(crate) settings: Settings,
}

impl Change<'_> {
    /// An org that the caller may act in.
    pub(crate) fn org(&mut self, org: &Slug) -> Result<OrgRow, Error> {
        self.caller.check(org, Kind::Org, org.as_str())?;
        let sql = "SELECT id, settings FROM orgs WHERE realm_id = $1 AND slug = $2";
        let found = self.one(sql, args![self.tx.realm, org.as_str()])?;
        let (id, settings) = found.ok_or_else(|| Error::missing(Kind::Org, org.as_str()))?;
        Ok(OrgRow { id, settings })
    }
}

/// Refuses to delete what keys have, or pending imports bring keys with. `rows` tests rows of keys, with the row to delete as $1.
pub(crate) fn check_unused(change: &mut Change<'_>, (kind, id): (Kind, &Slug), rows: &str, row: u64) -> Result<(), Error> {
    if change.count(format!("SELECT count(*) FROM key_rows WHERE {rows}"), args![row])? == 0 {
        return Ok(());
    }
    match change.count(format!("SELECT count(*) FROM keys WHERE {rows}"), args![row])? {
        0 => {
            let sql = format!("SELECT DISTINCT import_id FROM key_rows WHERE {rows} AND import_id > 0");
            let imports = change.all(sql, args![row])?;
            Err(Error::Importing { kind, id: id.to_string(), imports })
        }
        keys => Err(Error::InUse { kind, id: id.to_string(), by: format!("{keys} keys") }),
    }
}

pub(crate) fn org_id(tx: &mut Transaction<'_>, org: &Slug) -> Result<u64, Error> {
    let sql = "SELECT id FROM orgs WHERE realm_id = $1 AND slug = $2";
    tx.one(sql, args![tx.realm, org.as_str()])?.ok_or_else(|| Error::missing(Kind::Org, org.as_str()))
}

/// The row of an org's owner: of the one named, or else of the only one.
pub(crate) fn owner_id(tx: &mut Transaction<'_>, org: u64, owner: Option<&Slug>) -> Result<u64, Error> {
    let Some(owner) = owner else {
        let owners: Vec<u64> = tx.all("SELECT id FROM owners WHERE org_id = $1 LIMIT 2", args![org])?;
        return match owners[..] {
            [only] => Ok(only),
            [] => Err(Error::invalid("owner", "is missing, and the org has none yet: create one")),
            _ => Err(Error::invalid("owner", "is missing, and the org has several: name one of them")),
        };
    };
    let sql = "SELECT id FROM owners WHERE org_id = $1 AND slug = $2";
    tx.one(sql, args![org, owner.as_str()])?.ok_or_else(|| Error::missing(Kind::Owner, owner.as_str()))
}

/// A role's row, and its number in the directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoleRow {
    pub(crate) id: u64,
    pub(crate) number: u32,
}

/// A role: the org's own, or else the realm's.
pub(crate) fn find_role(tx: &mut Transaction<'_>, org: u64, role: &Slug) -> Result<RoleRow, Error> {
    let sql = "SELECT id, number FROM roles WHERE realm_id = $1 AND slug = $2 AND (org_id = $3 OR org_id IS NULL) \
               ORDER BY coalesce(org_id, 0) DESC LIMIT 1";
    let found = tx.one(sql, args![tx.realm, role.as_str(), org])?;
    let (id, number) = found.ok_or_else(|| Error::missing(Kind::Role, role.as_str()))?;
    Ok(RoleRow { id, number })
}
