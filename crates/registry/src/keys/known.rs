//! The services of orgs: those that a setting lists, and those that scopes of keys name. Of a scope the directory holds how many keys have it, so no key is
//! looked at.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Keys;
use crate::directory::scopes;
use crate::error::Error;
use crate::model::{Paging, Service, Settings, Slug, cut};
use crate::store::{Statements, args};
use crate::tenants::org_id;

/// A service of an org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct KnownService {
    /// The org.
    pub org: Slug,
    /// Its name.
    pub service: Service,
    /// Whether the org's setting `services` lists it. Where there is no such list, keys may name any service.
    pub listed: bool,
    /// Keys whose scope names it, whatever their state.
    pub keys: u64,
}

/// One page of services, by org and name.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ServicePage {
    /// The services.
    pub services: Vec<KnownService>,
    /// Pass this as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
    /// Keys of the org, or of the realm, that are for all services, whatever their state.
    pub unscoped: u64,
}

impl Keys<'_> {
    /// A page of the services of an org, or of all orgs of the realm.
    pub fn services(&self, org: Option<&Slug>, paging: &Paging) -> Result<ServicePage, Error> {
        let (size, after) = (paging.size()?, paging.place::<(String, String)>()?);
        self.0.read(|tx| {
            let only = org.map(|org| org_id(tx, org)).transpose()?;
            let sql = "SELECT id, slug, settings FROM orgs WHERE realm_id = $1";
            let orgs: Vec<(u64, Slug, Settings)> = tx.all(sql, args![tx.realm])?;
            let orgs = orgs.into_iter().filter(|(id, ..)| only.is_none_or(|only| only == *id));
            let (mut names, mut found) = (BTreeMap::new(), BTreeMap::<(String, String), (bool, u64)>::new());
            for (id, org, settings) in orgs {
                for service in settings.services.into_iter().flatten() {
                    found.insert((org.to_string(), service.to_string()), (true, 0));
                }
                names.insert(id, org);
            }
            let mut scoped = 0;
            for (id, services, keys) in scopes(tx, only)? {
                scoped += keys;
                let Some(org) = names.get(&id) else { continue };
                for service in services {
                    found.entry((org.to_string(), service)).or_default().1 += keys;
                }
            }
            let sql = "SELECT org_id, live + revoked FROM key_counts WHERE realm_id = $1";
            let counted: Vec<(u64, u64)> = tx.all(sql, args![tx.realm])?;
            let keys: u64 = counted.iter().filter(|(id, _)| names.contains_key(id)).map(|(_, keys)| keys).sum();
            let rest = found.into_iter().filter(|(place, _)| after.as_ref().is_none_or(|after| place > after));
            let read = |((org, service), (listed, keys)): ((String, String), (bool, u64))| {
                Ok(KnownService { org: org.parse()?, service: service.parse()?, listed, keys })
            };
            let mut services = rest.take(size + 1).map(read).collect::<Result<Vec<_>, Error>>()?;
            let next = cut(&mut services, size, |last| (last.org.to_string(), last.service.to_string()));
            // What an import that is under way brings has its scopes counted already, and its keys not yet.
            Ok(ServicePage { services, next, unscoped: keys.saturating_sub(scoped) })
        })
    }
}
