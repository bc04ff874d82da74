//! What a key of the management realm holds: permissions by its roles, services by its scope. It bounds what its holder may grant (`grants`).

use std::fmt::{Display, Formatter};

use edgelatch_core::key::KeyId;

use crate::error::Error;
use crate::model::{Authority, MANAGEMENT_REALM, Pattern, Scope, Service};
use crate::store::{Statements, args, columns};

/// What a key holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Held {
    /// Patterns that its roles grant.
    patterns: Vec<Pattern>,
    scope: Scope,
}

/// What of something is held by nobody who may grant it.
#[derive(Debug, PartialEq)]
pub(crate) enum Excess {
    Permission(Pattern),
    AllServices,
    Service(Service),
}

impl Display for Excess {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Excess::Permission(pattern) => write!(f, "the permission `{pattern}`"),
            Excess::AllServices => f.write_str("a scope of all services"),
            Excess::Service(service) => write!(f, "the service `{service}`"),
        }
    }
}

impl From<Excess> for Error {
    fn from(excess: Excess) -> Error {
        Error::Exceeds { what: excess.to_string() }
    }
}

columns! {
    /// A key's row, and what its permissions and scope follow from, over `keys k`, `orgs o` and `owners w`.
    KEY: (u64, u64, Authority, bool) = { key = "k.id", owner = "k.owner_id", authority = "o.authority", scope_all = "k.scope_all" }
        => (key, owner, authority, scope_all)
}

const JOIN: &str = "JOIN orgs o ON o.id = k.org_id JOIN owners w ON w.id = k.owner_id WHERE";

/// Of a key that would be accepted at the moment `$3`.
const ACCEPTED: &str = "k.revoked_at IS NULL AND w.disabled = 0 AND (k.expires_at IS NULL OR k.expires_at > $3)";

impl Held {
    /// What a key of the realm holds that calls at this moment: nothing unless it is there and would be accepted now.
    pub(crate) fn by_caller(of: &mut (impl Statements + ?Sized), realm: u64, key_id: KeyId, now: u64) -> Result<Held, Error> {
        let sql = format!("FROM keys k {JOIN} k.realm_id = $1 AND k.key_id = $2 AND {ACCEPTED}");
        match of.one(KEY.select(&sql), args![realm, key_id.to_string(), now])? {
            Some(found) => Held::read(of, found),
            None => Ok(Held::nothing()),
        }
    }

    /// Whether a management key would be accepted now, whatever realm its holder acts in; so is whoever needs none.
    pub(crate) fn is_accepted(of: &mut (impl Statements + ?Sized), key_id: Option<KeyId>, now: u64) -> Result<bool, Error> {
        let Some(key_id) = key_id else { return Ok(true) };
        let sql = format!(
            "SELECT count(*) FROM keys k JOIN realms r ON r.id = k.realm_id {JOIN} r.slug = $1 AND k.key_id = $2 AND {ACCEPTED}"
        );
        Ok(of.count(sql, args![MANAGEMENT_REALM, key_id.to_string(), now])? > 0)
    }

    /// What the key in a row holds as soon as it is accepted, whatever keeps it from that now; of an import that is pending too.
    pub(crate) fn by_key(of: &mut (impl Statements + ?Sized), row: u64) -> Result<Option<Held>, Error> {
        let found = of.one(KEY.select(&format!("FROM key_rows k {JOIN} k.id = $1")), args![row])?;
        found.map(|found| Held::read(of, found)).transpose()
    }

    /// What is granted by these patterns and services.
    pub(crate) fn of(patterns: Vec<Pattern>, scope: Scope) -> Held {
        Held { patterns, scope }
    }

    /// Nothing at all.
    pub(crate) fn nothing() -> Held {
        Held { patterns: Vec::new(), scope: Scope::List(Vec::new()) }
    }

    fn read(
        of: &mut (impl Statements + ?Sized),
        (key, owner, authority, scope_all): (u64, u64, Authority, bool),
    ) -> Result<Held, Error> {
        let patterns = |table: &str| {
            format!("SELECT DISTINCT p.pattern FROM {table} x JOIN role_patterns p ON p.role_id = x.role_id WHERE x.")
        };
        let patterns = match authority {
            Authority::Roles => of.all(patterns("key_roles") + "key_id = $1", args![key])?,
            Authority::Owner => of.all(patterns("owner_roles") + "owner_id = $1", args![owner])?,
            // Its org's whole authority.
            Authority::Org => vec![Pattern::parse("permission", "*")?],
        };
        let scope = match scope_all {
            true => Scope::All,
            false => Scope::List(of.all("SELECT service FROM key_services WHERE key_id = $1", args![key])?),
        };
        Ok(Held { patterns, scope })
    }

    /// The permissions, as its roles grant them.
    pub(crate) fn into_patterns(self) -> Vec<Pattern> {
        self.patterns
    }

    /// The first of these patterns that this does not hold.
    pub(crate) fn lacks_one_of(&self, asked: &[Pattern]) -> Option<Excess> {
        let lacks = |asked: &&Pattern| !self.patterns.iter().any(|own| own.covers(asked));
        asked.iter().find(lacks).cloned().map(Excess::Permission)
    }

    /// What of `asked` this does not hold.
    pub(crate) fn lacks(&self, asked: &Held) -> Option<Excess> {
        self.lacks_one_of(&asked.patterns).or_else(|| match (&self.scope, &asked.scope) {
            (Scope::All, _) => None,
            (Scope::List(_), Scope::All) => Some(Excess::AllServices),
            (Scope::List(own), Scope::List(asked)) => {
                asked.iter().find(|asked| !own.iter().any(|own| reaches(own, asked))).cloned().map(Excess::Service)
            }
        })
    }
}

/// Whether a service of the management realm is another one, or the realm that the other one is an org of.
fn reaches(own: &Service, asked: &Service) -> bool {
    own == asked || asked.as_str().split_once('.').is_some_and(|(realm, _)| realm == own.as_str())
}

/// Whether there is a realm that a service of the management realm names, or an org of one. Dots of a name are written `X` there.
pub(crate) fn is_place(of: &mut (impl Statements + ?Sized), service: &Service) -> Result<bool, Error> {
    let named = |segment: &str| segment.replace('X', ".");
    let found = match service.as_str().split_once('.') {
        None => of.count("SELECT count(*) FROM realms WHERE slug = $1", args![named(service.as_str())])?,
        Some((realm, org)) => {
            let sql = "SELECT count(*) FROM orgs o JOIN realms r ON r.id = o.realm_id WHERE r.slug = $1 AND o.slug = $2";
            of.count(sql, args![named(realm), named(org)])?
        }
    };
    Ok(found > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(patterns: &[&str], scope: &[&str]) -> Held {
        let scope = match scope {
            ["all"] => Scope::All,
            some => Scope::List(some.iter().map(|service| service.parse().unwrap()).collect()),
        };
        Held { patterns: patterns.iter().map(|pattern| pattern.parse().unwrap()).collect(), scope }
    }

    #[test]
    fn whatever_exceeds_is_named() {
        let own = held(&["api.key.*", "api.org.view"], &["acme", "globex.web"]);
        for (patterns, scope, excess) in [
            (&["api.key.view", "api.key.*"][..], &["acme", "acme.one", "globex.web"][..], None),
            (&[], &[], None),
            (&["api.org.*"], &["acme"], Some("the permission `api.org.*`")),
            (&["*"], &["acme"], Some("the permission `*`")),
            (&["management.key.create"], &["acme"], Some("the permission `management.key.create`")),
            (&["api.key.view"], &["all"], Some("a scope of all services")),
            (&["api.key.view"], &["globex"], Some("the service `globex`")),
            (&["api.key.view"], &["globex.web", "globex.webX"], Some("the service `globex.webX`")),
            (&["api.key.view"], &["acmeX.one"], Some("the service `acmeX.one`")),
        ] {
            let found = own.lacks(&held(patterns, scope)).map(|excess| excess.to_string());
            assert_eq!(found.as_deref(), excess, "{patterns:?} {scope:?}");
        }
        assert_eq!(held(&["*"], &["all"]).lacks(&own), None);
    }
}
