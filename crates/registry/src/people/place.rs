//! Where people may act.

use crate::error::Error;
use crate::management::{REALM, org_service, realm_service};
use crate::model::{Scope, Slug};

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
}
