//! Where people may act.

use crate::error::{Error, Kind};
use crate::management::{REALM, org_service, realm_service};
use crate::model::{Scope, Slug};
use crate::store::{Statements, args};

/// Where somebody may act: in a realm, or in one org of it. In the realm of management keys: everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The realm.
    pub realm: Slug,
    /// Its org; none for the whole realm.
    pub org: Option<Slug>,
}

impl Place {
    /// As a scope of management keys.
    pub(super) fn scope(&self) -> Result<Scope, Error> {
        Ok(match &self.org {
            None if self.realm.as_str() == REALM => Scope::All,
            Some(_) if self.realm.as_str() == REALM => {
                return Err(Error::invalid(
                    "org",
                    "is no org of a realm that keys are managed in: name another realm, or no org",
                ));
            }
            None => Scope::List(vec![realm_service(&self.realm)?]),
            Some(org) => Scope::List(vec![org_service(&self.realm, org)?]),
        })
    }

    /// The rows of the realm and of its org, which must be there at this moment.
    pub(super) fn rows(&self, of: &mut impl Statements) -> Result<(u64, Option<u64>), Error> {
        let sql = "SELECT id FROM realms WHERE slug = $1 AND deleted_at IS NULL";
        let realm: Option<u64> = of.one(sql, args![self.realm.as_str()])?;
        let realm = realm.ok_or_else(|| Error::missing(Kind::Realm, self.realm.as_str()))?;
        let Some(org) = &self.org else { return Ok((realm, None)) };
        let found: Option<u64> = of.one("SELECT id FROM orgs WHERE realm_id = $1 AND slug = $2", args![realm, org.as_str()])?;
        Ok((realm, Some(found.ok_or_else(|| Error::missing(Kind::Org, org.as_str()))?)))
    }
}
