//! What an org's settings say about a key that is made or changed, and how many keys it may have. Numbers of keys are counted
//! after the change, in the same transaction.

use super::services::check_services;
use crate::error::Error;
use crate::limits::MAX_KEY_SERVICES;
use crate::model::{
    Authority, Deletion, IpLists, IpRules, KeyEdit, NewKey, Origin, Revocation, Scope, Settings, Slug, Word, distinct,
    unique_roles, unique_tags,
};
use crate::store::{Statements, args};
use crate::tenants::OrgRow;
use crate::transaction::Change;

/// A new key with what is named twice named once.
pub(crate) fn tidy(new: &NewKey) -> Result<NewKey, Error> {
    check_times(new.not_before, new.expires_at)?;
    Ok(NewKey {
        roles: unique_roles(&new.roles)?,
        scope: unique_services(&new.scope)?,
        tags: unique_tags(&new.tags)?,
        ..new.clone()
    })
}

pub(super) fn check_times(not_before: Option<u64>, expires_at: Option<u64>) -> Result<(), Error> {
    match (not_before, expires_at) {
        // In a snapshot, 0 means "no bound".
        (Some(0), _) | (_, Some(0)) => Err(Error::invalid("not_before", "is the first second of 1970; leave it out")),
        (Some(start), Some(end)) if start >= end => {
            Err(Error::invalid("not_before", "is not before the expiry; give an earlier start or a later expiry"))
        }
        _ => Ok(()),
    }
}

pub(super) fn unique_services(scope: &Scope) -> Result<Scope, Error> {
    match scope {
        Scope::All => Ok(Scope::All),
        Scope::List(services) if services.is_empty() => {
            Err(Error::invalid("scope", "is an empty list; name services, or say `all`"))
        }
        Scope::List(services) => distinct(services, "scope", MAX_KEY_SERVICES).map(Scope::List),
    }
}

/// Refuses a new key that the settings have no room for, and returns its IP rules. Imported keys live as long as they did where
/// they come from.
pub(crate) fn check_new(settings: &Settings, new: &NewKey, now: u64, origin: Origin) -> Result<IpRules, Error> {
    if origin == Origin::Issued {
        settings.check_expiry(new.expires_at, now)?;
    }
    check_roles(settings, &new.roles)?;
    let ip = new.ip.rules(settings.first_order())?;
    check_ip(settings, &ip)?;
    check_environment(settings, new.environment.as_ref())?;
    check_services(settings, &new.scope)?;
    Ok(ip)
}

/// Refuses an edit of what must stay as it is.
pub(super) fn check_edit(settings: &Settings, edit: &KeyEdit, now: u64) -> Result<(), Error> {
    if let Some((_, name)) = edit.named().find(|(field, _)| !settings.is_editable(*field)) {
        let editable: Vec<_> = settings.editable.iter().map(|field| field.word()).collect();
        let can = if editable.is_empty() {
            "nothing can; make another key".into()
        } else {
            format!("these can: {}", editable.join(", "))
        };
        return Err(Error::not_allowed(name, format!("cannot be changed once the key is made; {can}")));
    }
    if let Some(at) = edit.expires_at {
        settings.check_expiry(at, now)?;
    }
    edit.roles.as_deref().map_or(Ok(()), |roles| check_roles(settings, roles))?;
    edit.scope.as_ref().map_or(Ok(()), |scope| check_services(settings, scope))?;
    check_environment(settings, edit.environment.as_ref().and_then(Option::as_ref))
}

fn check_roles(settings: &Settings, roles: &[Slug]) -> Result<(), Error> {
    let (min, max) = (settings.min_roles as usize, settings.max_roles as usize);
    let reason = match settings.authority {
        Authority::Owner if !roles.is_empty() => "a key has its owner's roles here: give them to the owner".into(),
        Authority::Org if !roles.is_empty() => "a key has its org's whole authority here: leave roles out".into(),
        Authority::Roles if min == max && roles.len() != min => format!("a key has exactly {min} here"),
        Authority::Roles if roles.len() < min => format!("a key has at least {min} here"),
        Authority::Roles if roles.len() > max => format!("a key has at most {max} here"),
        _ => return Ok(()),
    };
    Err(Error::not_allowed("roles", reason))
}

/// Refuses IP rules of a kind or size that keys here do not have.
pub(super) fn check_ip(settings: &Settings, ip: &IpRules) -> Result<(), Error> {
    let (allow, deny) = (ip.allow().len(), ip.deny().len());
    if *ip == IpRules::unrestricted() {
        return Ok(());
    }
    match settings.ip_lists {
        IpLists::None => return Err(Error::not_allowed("allow", "keys have no IP lists here")),
        IpLists::Allow if deny > 0 => return Err(Error::not_allowed("deny", "keys have an allow list only here")),
        _ => {}
    }
    if allow + deny > 0 && !settings.ip_orders.contains(&ip.order()) {
        let orders: Vec<_> = settings.ip_orders.iter().map(|order| order.word()).collect();
        return Err(Error::not_allowed("order", format!("must be {} here", orders.join(" or "))));
    }
    let limit = u64::from(settings.max_ip_entries);
    if (allow + deny) as u64 > limit {
        let field = if allow as u64 > limit || deny == 0 { "allow" } else { "deny" };
        let mend = "join addresses to networks, or split the work between keys";
        return Err(Error::LimitReached { field: field.into(), limit, what: "IP entries of one key", mend });
    }
    Ok(())
}

fn check_environment(settings: &Settings, environment: Option<&Slug>) -> Result<(), Error> {
    let Some(environment) = environment else { return Ok(()) };
    if settings.environments.iter().any(|e| e.environment == *environment) {
        return Ok(());
    }
    let known: Vec<_> = settings.environments.iter().map(|e| e.environment.as_str()).collect();
    let reason =
        if known.is_empty() { "keys have no environment here".into() } else { format!("must be one of: {}", known.join(", ")) };
    Err(Error::not_allowed("environment", reason))
}

/// What confirms what cannot be taken back.
pub const TYPED_NAME: &str = "the key's name, typed exactly";

pub(super) fn revoked_for_good() -> Error {
    Error::not_allowed("status", "a key is revoked for good here: make another one")
}

/// A limit on an org's keys. Those of pending imports count: they may be there in a moment.
pub(crate) struct KeyLimit {
    setting: fn(&Settings) -> Option<u32>,
    sql: &'static str,
    /// Whether only keys that are neither revoked nor expired are counted, which takes the time.
    active: bool,
    what: &'static str,
    mend: fn(&Settings) -> &'static str,
}

pub(crate) const KEY_LIMITS: [KeyLimit; 2] = [
    KeyLimit {
        setting: |settings| settings.max_active_keys,
        sql: "SELECT count(*) FROM key_rows WHERE org_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
        active: true,
        what: "active keys of an org",
        mend: |_| "revoke unused ones, or have the limit raised",
    },
    KeyLimit {
        setting: |settings| settings.max_keys,
        sql: "SELECT count(*) FROM key_rows WHERE org_id = $1",
        active: false,
        what: "keys of an org",
        mend: |settings| match settings.deletion {
            Deletion::None if settings.revocation != Revocation::Delete => {
                "have the limit raised, since keys are not deleted here"
            }
            _ => "delete unused ones, or have the limit raised",
        },
    },
];

impl KeyLimit {
    /// The limit and how many keys there are; none where there is no limit.
    pub(crate) fn count(&self, change: &mut Change<'_>, org: &OrgRow) -> Result<Option<(u64, u64)>, Error> {
        let Some(limit) = (self.setting)(&org.settings) else { return Ok(None) };
        let values = if self.active { args![org.id, change.now].to_vec() } else { args![org.id].to_vec() };
        Ok(Some((limit.into(), change.count(self.sql, &values)?)))
    }

    pub(crate) fn reached(&self, limit: u64, mend: &'static str) -> Error {
        Error::LimitReached { field: "org".into(), limit, what: self.what, mend }
    }
}

impl Change<'_> {
    /// Refuses what has left the org with more keys than it may have.
    pub(crate) fn check_limits(&mut self, org: &OrgRow) -> Result<(), Error> {
        for limit in &KEY_LIMITS {
            match limit.count(self, org)? {
                Some((most, found)) if found > most => return Err(limit.reached(most, (limit.mend)(&org.settings))),
                _ => {}
            }
        }
        Ok(())
    }
}
