//! Everything that a snapshot is built from, read in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use edgelatch_core::build::{KeyRecord, RealmRecord, RoleRecord};
use edgelatch_core::http::CredentialHeaders;
use edgelatch_core::key::Pepper;
use edgelatch_core::policy::{AllowMode, Order};

use super::Ledger;
use crate::error::Error;
use crate::keys::{IP_ENTRY, ip_rules};
use crate::model::{Authority, IpEntry};
use crate::store::{Statements, Value, args, columns};
use crate::tenants::find_realm;
use crate::transaction::Transaction;

/// One state of a realm, as the builder of trees takes it.
#[derive(Debug)]
pub struct Snapshot {
    /// The realm's change counter at that state.
    pub changes: u64,
    /// Settings and roles.
    pub realm: RealmRecord,
    /// The keys.
    pub keys: Vec<KeyRecord>,
}

/// What a key may do whose org gives its keys its whole authority.
const ORG_ROLE: (&str, &str) = ("org", "*");

/// A secret as a record, and what decides on the rest of it.
struct Found {
    key: u64,
    owner: u64,
    authority: Authority,
    scope_all: bool,
    allow_mode: AllowMode,
    order: Order,
    record: KeyRecord,
}

columns! {
    SECRET: Found = {
        key = "k.id", owner_row = "w.id", authority = "o.authority", scope_all = "k.scope_all", allow_mode = "k.allow_mode",
        order = "k.ip_order", digest = "s.digest", key_id = "k.key_id", org = "o.slug", owner = "w.slug",
        owner_disabled = "w.disabled", name = "k.name", metadata = "k.metadata", revoked_at: Option<u64> = "k.revoked_at",
        not_before = "k.not_before", key_ends: Option<u64> = "k.expires_at", secret_ends: Option<u64> = "s.expires_at"
    } => Found {
        key, owner: owner_row, authority, scope_all, allow_mode, order,
        record: KeyRecord {
            digest, key_id, org, owner, owner_disabled, name, metadata, revoked: revoked_at.is_some(), not_before,
            // A secret in the overlap after a rotation ends at its own time or with its key, whatever is first.
            expires_at: [key_ends, secret_ends].into_iter().flatten().min(),
            roles: Vec::new(), services: None, ip_policy: None,
        },
    }
}

impl Ledger<'_> {
    /// One state of the realm. `pepper` is the secret that goes with the realm's pepper id, if it has one.
    pub fn snapshot(&self, pepper: Option<&Pepper>) -> Result<Snapshot, Error> {
        self.0.read(|tx| {
            let realm = find_realm(tx, self.0.realm)?;
            if realm.pepper_id != pepper.map(Pepper::id) {
                let detail = match realm.pepper_id {
                    Some(id) => format!("realm `{}` needs pepper {id}; give the publisher that pepper", realm.realm),
                    None => format!("realm `{}` has no pepper; give the publisher none", realm.realm),
                };
                return Err(Error::Snapshot { detail });
            }
            let (keys, roles) = records(tx, None)?;
            let headers = [
                (realm.credentials.bearer, CredentialHeaders::BEARER),
                (realm.credentials.x_api_key, CredentialHeaders::API_KEY),
            ];
            let on = headers.into_iter().filter(|(on, _)| *on);
            let credentials = on.fold(CredentialHeaders::empty(), |all, (_, header)| all.union(header));
            let record = RealmRecord { credentials, imports: realm.imports, pepper: pepper.cloned(), roles };
            Ok(Snapshot { changes: realm.changes, realm: record, keys })
        })
    }
}

/// The records of a realm's keys, or of one, and the roles they refer to. Other roles would only tell edges what they need not
/// know.
pub(super) fn records(tx: &mut Transaction<'_>, only: Option<u64>) -> Result<(Vec<KeyRecord>, Vec<RoleRecord>), Error> {
    let (mut roles, places) = roles(tx)?;
    let parts = Parts::read(tx, only)?;
    let whole_org = u32::try_from(roles.len()).map_err(|_| too_many_roles())?;
    roles.push(RoleRecord { name: ORG_ROLE.0.into(), patterns: vec![ORG_ROLE.1.into()] });
    let placed = |rows: Option<&Vec<u64>>| rows.into_iter().flatten().filter_map(|row| places.get(row).copied()).collect();
    let mut keys = Vec::new();
    let (test, values) = limited(tx, only);
    let rest = format!(
        "FROM secrets s JOIN keys k ON k.id = s.key_id JOIN orgs o ON o.id = k.org_id JOIN owners w ON w.id = k.owner_id \
         WHERE k.realm_id = $1{test}"
    );
    tx.each(SECRET.select(&rest), &values, |found| {
        let Found { key, owner, authority, scope_all, allow_mode, order, mut record } = found;
        record.roles = match authority {
            Authority::Roles => placed(parts.roles.get(&key)),
            Authority::Owner => placed(parts.owner_roles.get(&owner)),
            Authority::Org => vec![whole_org],
        };
        record.services = (!scope_all).then(|| parts.services.get(&key).cloned().unwrap_or_default());
        // In an overlap a key has two secrets, and both the same policy.
        record.ip_policy = ip_rules(allow_mode, order, parts.ips.get(&key).cloned().unwrap_or_default())?.policy();
        keys.push(record);
        Ok(())
    })?;
    Ok(keep_used(keys, roles))
}

/// Drops the roles that no key has.
fn keep_used(mut keys: Vec<KeyRecord>, roles: Vec<RoleRecord>) -> (Vec<KeyRecord>, Vec<RoleRecord>) {
    let used: BTreeSet<u32> = keys.iter().flat_map(|key| key.roles.iter().copied()).collect();
    let places: BTreeMap<u32, u32> = used.iter().copied().zip(0..).collect();
    for role in keys.iter_mut().flat_map(|key| key.roles.iter_mut()) {
        *role = places.get(role).copied().unwrap_or(u32::MAX);
    }
    let roles = (0u32..).zip(roles).filter(|(place, _)| used.contains(place)).map(|(_, role)| role).collect();
    (keys, roles)
}

fn too_many_roles() -> Error {
    Error::Snapshot { detail: "there are too many roles".into() }
}

/// A further test and the parameters of a query over a realm's keys, or over one.
fn limited(tx: &Transaction<'_>, only: Option<u64>) -> (&'static str, Vec<Value>) {
    match only {
        None => ("", args![tx.realm].to_vec()),
        Some(key) => (" AND k.id = $2", args![tx.realm, key].to_vec()),
    }
}

/// All roles of the realm, and where each stands in the list, by its row.
fn roles(tx: &mut Transaction<'_>) -> Result<(Vec<RoleRecord>, BTreeMap<u64, u32>), Error> {
    let sql = "SELECT r.id, r.slug, p.pattern FROM roles r JOIN role_patterns p ON p.role_id = r.id \
               WHERE r.realm_id = $1 ORDER BY r.id, p.pattern";
    let mut roles: Vec<RoleRecord> = Vec::new();
    let mut places = BTreeMap::new();
    tx.each(sql, args![tx.realm], |(row, name, pattern): (u64, String, String)| {
        let next = u32::try_from(roles.len()).map_err(|_| too_many_roles())?;
        if *places.entry(row).or_insert(next) == next {
            roles.push(RoleRecord { name, patterns: Vec::new() });
        }
        if let Some(last) = roles.last_mut() {
            last.patterns.push(pattern);
        }
        Ok(())
    })?;
    Ok((roles, places))
}

/// What other tables hold of each key, and of each owner, by its row.
struct Parts {
    roles: BTreeMap<u64, Vec<u64>>,
    owner_roles: BTreeMap<u64, Vec<u64>>,
    services: BTreeMap<u64, Vec<String>>,
    ips: BTreeMap<u64, Vec<(String, IpEntry)>>,
}

impl Parts {
    fn read(tx: &mut Transaction<'_>, only: Option<u64>) -> Result<Parts, Error> {
        let (test, values) = limited(tx, only);
        let of_keys = |table: &str| format!("FROM {table} x JOIN keys k ON k.id = x.key_id WHERE k.realm_id = $1{test}");
        let owner_roles = "SELECT x.owner_id, x.role_id FROM owner_roles x JOIN owners w ON w.id = x.owner_id \
                           JOIN orgs o ON o.id = w.org_id WHERE o.realm_id = $1";
        Ok(Parts {
            roles: tx.grouped(format!("SELECT x.key_id, x.role_id {}", of_keys("key_roles")), &values)?,
            owner_roles: tx.grouped(owner_roles, args![tx.realm])?,
            services: tx.grouped(format!("SELECT x.key_id, x.service {}", of_keys("key_services")), &values)?,
            ips: tx.grouped(IP_ENTRY.select(&of_keys("key_ips")), &values)?,
        })
    }
}
