//! Records with their roles, services and policies in the place of numbers.

use std::collections::BTreeMap;

use crate::directory::Entries;
use edgelatch_core::build::{Entry, KeyRecord, Record, RoleRecord, Table};
use edgelatch_core::policy::{AllowMode, IpPolicy};

/// Spells out what records refer to. The roles come first; a key's roles are places in that list.
pub(super) fn spelled_out(entries: &Entries, records: Vec<Record>) -> (Vec<RoleRecord>, Vec<KeyRecord>) {
    let roles = entries.iter().filter_map(|((_, number), entry)| match entry {
        Entry::Role(role) => Some((*number, role.clone())),
        _ => None,
    });
    let (numbers, roles): (Vec<u32>, Vec<RoleRecord>) = roles.unzip();
    let places: BTreeMap<u32, u32> = numbers.into_iter().zip(0..).collect();
    let keys = records.into_iter().map(|record| key(entries, &places, record)).collect();
    (roles, keys)
}

fn key(entries: &Entries, places: &BTreeMap<u32, u32>, record: Record) -> KeyRecord {
    let Record { digest, key_id, org, owner, owner_disabled, name, metadata, revoked, not_before, expires_at, .. } = record;
    let roles = match entries.get(&(Table::RoleSets, record.role_set)) {
        Some(Entry::RoleSet(set)) => set.iter().filter_map(|role| places.get(role).copied()).collect(),
        _ => Vec::new(),
    };
    let services = match entries.get(&(Table::Scopes, record.scope)) {
        Some(Entry::Scope(services)) => Some(services.clone()),
        // A scope that is not there is none, rather than all.
        _ => (record.scope != 0).then(Vec::new),
    };
    let ip_policy = match entries.get(&(Table::Policies, record.policy)) {
        Some(Entry::Policy(policy)) => Some(policy.clone()),
        // A policy that is not there lets nobody in, rather than everybody.
        _ => (record.policy != 0).then(|| IpPolicy { allow_mode: AllowMode::List, ..IpPolicy::default() }),
    };
    KeyRecord {
        digest,
        key_id,
        org,
        owner,
        owner_disabled,
        name,
        metadata,
        revoked,
        not_before,
        expires_at,
        roles,
        services,
        ip_policy,
    }
}
