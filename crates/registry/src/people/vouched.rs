//! What a rule of the operator gives somebody whom an identity provider vouches for. Their key is gone with each sign-in, so it is kept beside: it bounds
//! what they may give others while they are away.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ORG, People};
use crate::error::Error;
use crate::held::Held;
use crate::limits::GRANT_LIFE;
use crate::model::{Scope, Slug};
use crate::store::{Statements, args, fields};
use crate::tenants::{find_role, org_id};
use crate::transaction::{Change, Transaction};

/// What a person may do where.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// The rule that gives it, as the operator has written it.
    pub rule: String,
    /// Roles of the management realm.
    pub roles: Vec<Slug>,
    /// Its services: realms, and orgs of them.
    pub scope: Scope,
}

/// The same as it is kept.
#[derive(Serialize, Deserialize)]
struct Gives {
    roles: Vec<Slug>,
    scope: Scope,
}

/// Notes what a sign-in gives somebody; nothing, where no rule fits them any more.
pub(super) fn note(change: &mut Change<'_>, owner: u64, issuer: &str, granted: Option<&Grant>) -> Result<(), Error> {
    change.run("DELETE FROM person_grants WHERE owner_id = $1", args![owner])?;
    let Some(Grant { rule, roles, scope }) = granted else { return Ok(()) };
    let gives = Gives { roles: roles.clone(), scope: scope.clone() };
    let gives = serde_json::to_string(&gives).map_err(|e| Error::Store { detail: e.to_string() })?;
    let row = fields! { owner_id: owner, issuer: issuer, rule: rule.as_str(), gives: gives, granted_at: change.now };
    change.add("person_grants", row)
}

/// What somebody holds by the rule that let them in last: nothing once that is too long ago, or the rule is no more.
pub(super) fn held(tx: &mut Transaction<'_>, owner: u64, now: u64) -> Result<Held, Error> {
    let sql = "SELECT gives, granted_at FROM person_grants WHERE owner_id = $1";
    let found: Option<(String, u64)> = tx.one(sql, args![owner])?;
    // A clock that was set back ends it: how old it is cannot be told any more.
    let lives = |at: u64| now.checked_sub(at).is_some_and(|age| age < GRANT_LIFE);
    let Some((gives, _)) = found.filter(|(_, at)| lives(*at)) else { return Ok(Held::nothing()) };
    let Gives { roles, scope } = serde_json::from_str(&gives).map_err(|e| Error::Store { detail: e.to_string() })?;
    let (org, mut patterns) = (org_id(tx, &ORG.parse()?)?, Vec::new());
    for role in &roles {
        match find_role(tx, org, role) {
            Ok(role) => {
                patterns.extend(tx.all("SELECT pattern FROM role_patterns WHERE role_id = $1", args![role.id])?);
            }
            // A role that is gone grants nothing.
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Held::of(patterns, scope))
}

impl People<'_> {
    /// From here on these are the rules for a provider: what others gave, which were there before, bounds nobody's invitations any more but ends them.
    /// Returns of how many people.
    pub fn ruled_by(&self, issuer: &str, rules: &BTreeSet<&str>) -> Result<u64, Error> {
        let sql = "SELECT DISTINCT rule FROM person_grants WHERE issuer = $1";
        let known: Vec<String> = self.0.store.reading(|session| session.all(sql, args![issuer]))?;
        let over: Vec<String> = known.into_iter().filter(|rule| !rules.contains(rule.as_str())).collect();
        if over.is_empty() {
            return Ok(0);
        }
        let sql = "DELETE FROM person_grants WHERE issuer = $1 AND rule = $2";
        self.0.store.writing(|session| {
            over.iter().try_fold(0, |ended, rule| Ok(ended + session.run(sql, args![issuer, rule.as_str()])?))
        })
    }
}
