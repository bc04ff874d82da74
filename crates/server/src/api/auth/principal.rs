//! Who calls, and where: a role says what its key may do, its scope says in which realms and orgs.

use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use edgelatch_registry::{Caller, Error, Service, Slug, management};

use crate::problem::Problem;

/// Who calls: the holder of a management key that was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    /// The key's id.
    pub(crate) key_id: KeyId,
    /// The services of its scope; none for everywhere.
    pub(crate) services: Option<Vec<String>>,
}

/// Where in a realm a principal may act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// In the whole of it.
    Realm,
    /// In these orgs of it.
    Orgs(Vec<Slug>),
}

impl Principal {
    /// Where it may act in a realm.
    pub(crate) fn reach(&self, realm: &Slug) -> Reach {
        match &self.services {
            None => Reach::Realm,
            Some(services) if whole(realm, services).is_some() => Reach::Realm,
            Some(services) => Reach::Orgs(services.iter().filter_map(|service| org_of(realm, service)).collect()),
        }
    }

    /// Whether its scope names a realm, or an org of it.
    pub(crate) fn reaches(&self, realm: &Slug) -> bool {
        self.reach(realm) != Reach::Orgs(Vec::new())
    }

    /// The same for the audit log and the registry's own checks: confined to an org, to `org` where it reaches several, unless
    /// it reaches the whole realm.
    pub(crate) fn caller(&self, address: Option<Ip>, reach: &Reach, org: Option<&Slug>) -> Result<Caller, Error> {
        let caller = Caller::holding(self.key_id)?;
        let caller = address.map_or(caller.clone(), |address| caller.from_address(address));
        Ok(match reach {
            Reach::Realm => caller,
            // Nobody gets here without an org in reach; a caller without one would have the whole realm.
            Reach::Orgs(own) => match org.or(own.first()) {
                Some(org) => caller.within(org.clone()),
                None => return Err(Error::Forbidden { org: "none".into() }),
            },
        })
    }
}

impl Reach {
    /// The org that a call is about: the one named, or the only one in reach; none for the whole realm.
    pub(crate) fn org(&self, named: Option<&Slug>) -> Result<Option<Slug>, Problem> {
        match (self, named) {
            (Reach::Realm, named) => Ok(named.cloned()),
            (Reach::Orgs(own), Some(named)) if own.contains(named) => Ok(Some(named.clone())),
            (Reach::Orgs(_), Some(_)) => Err(Problem::scope()),
            (Reach::Orgs(own), None) => match &own[..] {
                [only] => Ok(Some(only.clone())),
                _ => Err(Problem::at("/org", "the key may manage several orgs: name one of them")),
            },
        }
    }

    /// Whether what belongs to `org` is the caller's to see.
    pub(crate) fn sees(&self, org: &Slug) -> bool {
        match self {
            Reach::Realm => true,
            Reach::Orgs(own) => own.contains(org),
        }
    }

    /// Refuses whoever may not act in the whole realm.
    pub(crate) fn whole_realm(&self) -> Result<(), Problem> {
        if *self == Reach::Realm { Ok(()) } else { Err(Problem::scope()) }
    }
}

/// The service in whose name a key acts in a realm: the realm's, or else that of one of its orgs.
pub(crate) fn acting_service(realm: &Slug, services: &[String]) -> Option<String> {
    whole(realm, services).or_else(|| services.iter().find(|service| org_of(realm, service).is_some())).cloned()
}

/// The service that stands for the whole realm, if it is among these.
fn whole<'s>(realm: &Slug, services: &'s [String]) -> Option<&'s String> {
    let whole = management::realm_service(realm).ok()?;
    services.iter().find(|service| **service == whole.as_str())
}

fn org_of(realm: &Slug, service: &str) -> Option<Slug> {
    management::org_of(realm, &Service::parse("scope", service).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reaches_no_org_acts_nowhere() {
        let principal = Principal { key_id: KeyId(1), services: Some(vec!["elsewhere.web".into()]) };
        let realm: Slug = "acme".parse().unwrap();
        let reach = principal.reach(&realm);
        assert_eq!((&reach, principal.reaches(&realm)), (&Reach::Orgs(Vec::new()), false));
        assert_eq!(principal.caller(None, &reach, None).unwrap_err().code(), "forbidden");
    }
}
