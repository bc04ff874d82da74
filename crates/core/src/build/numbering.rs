//! Records that say themselves what they refer to: for tests, fixtures and single records, where nobody gives numbers.

use super::records::{Entry, Record, RoleRecord, Settings, State};
use super::tree::Tree;
use crate::error::Error;
use crate::http::CredentialHeaders;
use crate::key::{KeyId, Pepper};
use crate::policy::IpPolicy;
use crate::tree::Table;
use alloc::{collections::BTreeMap, collections::BTreeSet, string::String, vec::Vec};

/// A [`Record`] that holds what it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// As in [`Record`], like everything down to `expires_at`.
    pub digest: [u8; 32],
    /// The public id.
    pub key_id: KeyId,
    /// The tenant.
    pub org: String,
    /// The user or service account.
    pub owner: String,
    /// Whether the owner is disabled.
    pub owner_disabled: bool,
    /// Descriptive name.
    pub name: String,
    /// Custom metadata.
    pub metadata: String,
    /// Whether the key was revoked.
    pub revoked: bool,
    /// Refused before this time.
    pub not_before: Option<u64>,
    /// Refused from this time on.
    pub expires_at: Option<u64>,
    /// Indexes into [`RealmRecord::roles`], at most 32.
    pub roles: Vec<u32>,
    /// Services it may be used for (SPEC.md section 3), at most 128; `None` for all, present and future.
    pub services: Option<Vec<String>>,
    /// From where it may be used; `None` for anywhere.
    pub ip_policy: Option<IpPolicy>,
}

/// What all keys of a realm share, and its roles.
#[derive(Clone, Debug)]
pub struct RealmRecord {
    /// Headers in which a key is accepted; at least one.
    pub credentials: CredentialHeaders,
    /// Whether some keys were imported, so that their text is of free syntax.
    pub imports: bool,
    /// The pepper for digests of low-entropy keys.
    pub pepper: Option<Pepper>,
    /// All roles.
    pub roles: Vec<RoleRecord>,
}

/// Builds the tree of some keys (SPEC.md section 5), giving numbers by content: the same keys in any order give the same bytes.
/// Fails as [`Tree::build`] does, and on a role that is none of the realm's.
pub fn build_tree(realm: &RealmRecord, keys: Vec<KeyRecord>) -> Result<Tree, Error> {
    Tree::build(&number(realm, keys)?)
}

/// The same content under numbers: in each table from 1 on, ascending by content, and only what some key needs.
fn number(realm: &RealmRecord, keys: Vec<KeyRecord>) -> Result<State, Error> {
    let roles: Vec<RoleRecord> =
        realm.roles.iter().map(|role| RoleRecord { patterns: sorted(role.patterns.clone()), ..role.clone() }).collect();
    let role = |index: &u32| {
        let found = usize::try_from(*index).ok().and_then(|index| roles.get(index));
        found.ok_or(Error::BadRecord { what: "role", reason: "points outside the realm's roles" })
    };
    let role_numbers = {
        let used = keys.iter().flat_map(|key| &key.roles).map(role).collect::<Result<BTreeSet<_>, _>>()?;
        numbers(used.into_iter())
    };
    let set_of = |key: &KeyRecord| {
        let numbers = key.roles.iter().map(|index| Ok(role_numbers.get(role(index)?).copied().unwrap_or(0)));
        numbers.collect::<Result<Vec<u32>, Error>>().map(sorted)
    };
    let sets = keys.iter().map(set_of).collect::<Result<BTreeSet<_>, _>>()?;
    let set_numbers = numbers(sets.iter().filter(|set| !set.is_empty()));
    let scopes: BTreeSet<Vec<String>> = keys.iter().filter_map(|key| key.services.clone().map(sorted)).collect();
    let scope_numbers = numbers(scopes.iter());
    let mut policies = BTreeMap::new();
    for policy in keys.iter().filter_map(restricting) {
        policies.insert(super::entries::policy(policy)?, policy);
    }
    let policy_numbers = numbers(policies.keys());

    let mut entries = BTreeMap::new();
    entries.extend(role_numbers.iter().map(|(role, n)| ((Table::Roles, *n), Entry::Role((*role).clone()))));
    entries.extend(set_numbers.iter().map(|(set, n)| ((Table::RoleSets, *n), Entry::RoleSet((*set).clone()))));
    entries.extend(scope_numbers.iter().map(|(scope, n)| ((Table::Scopes, *n), Entry::Scope((*scope).clone()))));
    let policy = |(bytes, n): (&&Vec<u8>, &u32)| Some(((Table::Policies, *n), Entry::Policy((*policies.get(*bytes)?).clone())));
    entries.extend(policy_numbers.iter().filter_map(policy));

    let record = |key: &KeyRecord| {
        let policy = restricting(key).map(super::entries::policy).transpose()?;
        Ok(Record {
            digest: key.digest,
            key_id: key.key_id,
            org: key.org.clone(),
            owner: key.owner.clone(),
            owner_disabled: key.owner_disabled,
            name: key.name.clone(),
            metadata: key.metadata.clone(),
            revoked: key.revoked,
            not_before: key.not_before,
            expires_at: key.expires_at,
            role_set: set_numbers.get(&set_of(key)?).copied().unwrap_or(0),
            scope: key.services.clone().and_then(|list| scope_numbers.get(&sorted(list)).copied()).unwrap_or(0),
            policy: policy.and_then(|bytes| policy_numbers.get(&bytes).copied()).unwrap_or(0),
        })
    };
    let records = keys.iter().map(record).collect::<Result<Vec<_>, Error>>()?;
    let settings = Settings { credentials: realm.credentials, imports: realm.imports, pepper: realm.pepper.clone() };
    Ok(State { settings, entries, records })
}

fn restricting(key: &KeyRecord) -> Option<&IpPolicy> {
    key.ip_policy.as_ref().filter(|policy| !policy.is_unrestricted())
}

fn numbers<T: Ord>(items: impl Iterator<Item = T>) -> BTreeMap<T, u32> {
    items.zip(1..).collect()
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}
