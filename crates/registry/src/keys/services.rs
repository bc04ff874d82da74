//! Services that a scope may name: those that its org lists or, where it lists none, any; but one that nobody else there knows may be a slip, of
//! which whoever makes the key is told. A service is known by the scopes of the org's keys, which the directory holds each once: a look costs what
//! there are of those (`MAX_ORG_ENTRIES`), not what there are of keys.

use std::collections::BTreeSet;

use edgelatch_core::build::Entry;
use strsim::osa_distance;

use crate::directory::scopes_beside;
use crate::error::{Error, Warning};
use crate::held::is_place;
use crate::limits::{MAX_COMPARED, MAX_GUESSES, MAX_SLIPS};
use crate::model::{MANAGEMENT_REALM, Scope, Service, Settings};
use crate::store::{Statements, args};
use crate::tenants::OrgRow;
use crate::transaction::Change;

/// Refuses a scope with a service that is none of those that the org lists, if it lists them.
pub(super) fn check_services(settings: &Settings, scope: &Scope) -> Result<(), Error> {
    let Some(listed) = &settings.services else { return Ok(()) };
    let Some(other) = scope.listed().iter().find(|service| !listed.contains(service)) else { return Ok(()) };
    let reason = match nearest(listed.iter().map(Service::as_str), other) {
        None => "keys are for all services here: leave the scope out".into(),
        Some((_, near)) => {
            format!("`{other}` is none of the org's {} services, the nearest of which is `{near}`", listed.len())
        }
    };
    Err(Error::not_allowed("scope", reason))
}

/// The one that is written most like a service, and in how many letters it differs.
fn nearest<'s>(services: impl Iterator<Item = &'s str>, to: &Service) -> Option<(usize, &'s str)> {
    services.map(|one| (osa_distance(one, to.as_str()), one)).min()
}

/// A service that nobody else knows, and one that may have been meant.
fn told(service: &Service, known: &BTreeSet<String>) -> String {
    let close = |one: &&String| known.len() <= MAX_COMPARED && one.len().abs_diff(service.as_str().len()) <= MAX_SLIPS * 4;
    let few = known.iter().filter(close);
    match nearest(few.map(String::as_str), service) {
        // A short one is another one if all its letters are.
        Some((slips, near)) if slips <= MAX_SLIPS && slips < near.len() => format!("`{service}` (is `{near}` meant?)"),
        _ => format!("`{service}`"),
    }
}

impl Change<'_> {
    /// What to tell whoever gave a key a scope, which has a number in the directory: services that no other key of the org is for, where the org
    /// does not list them. In the management realm, services without a realm or org.
    pub(super) fn unknown_services(&mut self, org: &OrgRow, scope: &Scope, number: u32) -> Result<Vec<Warning>, Error> {
        if org.settings.services.is_some() || scope.listed().is_empty() {
            return Ok(Vec::new());
        }
        let mut unknown = Vec::new();
        let managing = "SELECT count(*) FROM realms WHERE id = $1 AND slug = $2";
        if self.count(managing, args![self.tx.realm, MANAGEMENT_REALM])? > 0 {
            for service in scope.listed() {
                if !is_place(self, service)? {
                    unknown.push(format!("`{service}`"));
                }
            }
            let services = unknown.join(", ");
            return Ok(if unknown.is_empty() { Vec::new() } else { vec![Warning::UnknownPlace { services }] });
        }
        let others = scopes_beside(&mut self.tx, org.id, number)?;
        let services = others.into_iter().filter_map(|entry| if let Entry::Scope(all) = entry { Some(all) } else { None });
        let known: BTreeSet<String> = services.flatten().collect();
        let others = scope.listed().iter().filter(|one| !known.contains(one.as_str())).enumerate();
        unknown.extend(others.map(|(at, one)| if at < MAX_GUESSES { told(one, &known) } else { format!("`{one}`") }));
        let services = unknown.join(", ");
        Ok(if unknown.is_empty() { Vec::new() } else { vec![Warning::UnknownService { services }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_from_another_service() {
        let known: BTreeSet<String> = ["cdn", "dns.record", "waf", "ai"].map(String::from).into();
        for (service, says) in [
            ("cnd", "`cnd` (is `cdn` meant?)"),
            ("cdns", "`cdns` (is `cdn` meant?)"),
            ("dns.recrod", "`dns.recrod` (is `dns.record` meant?)"),
            ("billing", "`billing`"),
            ("db", "`db`"),
        ] {
            assert_eq!(told(&service.parse().unwrap(), &known), says);
        }
        let many: BTreeSet<String> = (0..=MAX_COMPARED).map(|n| format!("s{n}")).collect();
        assert_eq!(told(&"s1x".parse().unwrap(), &many), "`s1x`");
    }
}
