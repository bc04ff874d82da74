//! Rows of orgs, owners and roles, found by their names.

use crate::error::{Error, Kind};
use crate::model::{Settings, Slug};
use crate::store::{Row, Session, Value, args};
use crate::transaction::{Act, RealmId};

/// An org's row and rules.
#[derive(Clone, Debug)]
pub(crate) struct OrgRow {
    pub(crate) id: u64,
    pub(crate) settings: Settings,
}

impl Act<'_> {
    /// An org that the caller may act in.
    pub(crate) fn org(&mut self, org: &Slug) -> Result<OrgRow, Error> {
        self.caller.check(org, Kind::Org, org.as_str())?;
        find_org(self.session, self.realm, org)
    }
}

/// Finds an org with its settings.
pub(crate) fn find_org(session: &mut dyn Session, realm: RealmId, org: &Slug) -> Result<OrgRow, Error> {
    let sql = "SELECT id, settings FROM orgs WHERE realm_id = $1 AND slug = $2";
    let found = session.row(sql, args![realm.0, org.as_str()], |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?;
    let (id, text) = found.ok_or_else(|| Error::missing(Kind::Org, org.as_str()))?;
    Ok(OrgRow { id, settings: Settings::stored(&text)? })
}

/// Finds an org of a realm.
pub(crate) fn org_id(session: &mut dyn Session, realm: RealmId, org: &Slug) -> Result<u64, Error> {
    let sql = "SELECT id FROM orgs WHERE realm_id = $1 AND slug = $2";
    id_of(session, sql, args![realm.0, org.as_str()])?.ok_or_else(|| Error::missing(Kind::Org, org.as_str()))
}

/// Finds an owner of an org.
pub(crate) fn owner_id(session: &mut dyn Session, org: u64, owner: &Slug) -> Result<u64, Error> {
    let sql = "SELECT id FROM owners WHERE org_id = $1 AND slug = $2";
    id_of(session, sql, args![org, owner.as_str()])?.ok_or_else(|| Error::missing(Kind::Owner, owner.as_str()))
}

/// Finds a role: the org's own, or else the realm's.
pub(crate) fn role_id(session: &mut dyn Session, realm: RealmId, org: u64, role: &Slug) -> Result<u64, Error> {
    let sql = "SELECT id FROM roles WHERE realm_id = $1 AND slug = $2 AND (org_id = $3 OR org_id IS NULL) \
               ORDER BY coalesce(org_id, 0) DESC LIMIT 1";
    id_of(session, sql, args![realm.0, role.as_str(), org])?.ok_or_else(|| Error::missing(Kind::Role, role.as_str()))
}

fn id_of(session: &mut dyn Session, sql: &str, args: &[Value]) -> Result<Option<u64>, Error> {
    session.row(sql, args, |row: &Row<'_>| row.int(0))
}

/// The number that a statement with one parameter counts.
pub(super) fn count(session: &mut dyn Session, sql: &str, id: u64) -> Result<u64, Error> {
    Ok(session.row(sql, args![id], |row| row.int(0))?.unwrap_or(0))
}
