//! Everything that a snapshot is built from, read in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use edgelatch_core::build::{KeyRecord, RealmRecord, RoleRecord};
use edgelatch_core::http;
use edgelatch_core::key::{KeyId, Pepper};

use crate::error::Error;
use crate::model::{ALLOW_MODES, Authority, IpEntry, IpRules, Note, ORDERS, Slug, from_word, parse_cidr};
use crate::registry::Registry;
use crate::store::{Session, Value, args};
use crate::tenants::find_realm;
use crate::transaction::{RealmId, realm_id};

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

const SECRETS: &str = "SELECT s.digest, k.key_id, o.slug, w.slug, w.disabled, k.name, k.metadata, k.revoked_at, \
    k.not_before, k.expires_at, s.expires_at, k.scope_all, k.allow_mode, k.ip_order, k.id, w.id, o.authority \
    FROM secrets s JOIN keys k ON k.id = s.key_id JOIN orgs o ON o.id = k.org_id JOIN owners w ON w.id = k.owner_id \
    WHERE k.realm_id = $1";

impl Registry {
    /// One state of a realm. `pepper` is the secret that goes with the realm's pepper id, if it has one.
    pub fn snapshot(&self, realm: &Slug, pepper: Option<&Pepper>) -> Result<Snapshot, Error> {
        self.store.reading(|session| {
            let settings = find_realm(session, realm)?;
            if settings.pepper_id != pepper.map(Pepper::id) {
                let detail = match settings.pepper_id {
                    Some(id) => format!("realm `{realm}` needs pepper {id}; give the publisher that pepper"),
                    None => format!("realm `{realm}` has no pepper; give the publisher none"),
                };
                return Err(Error::Snapshot { detail });
            }
            let id = realm_id(session, realm)?;
            let (keys, roles) = records(session, id, None)?;
            let mut sources = http::CredentialHeaders::empty();
            for (on, source) in [
                (settings.sources.bearer, http::CredentialHeaders::BEARER),
                (settings.sources.x_api_key, http::CredentialHeaders::API_KEY),
            ] {
                sources = if on { sources.union(source) } else { sources };
            }
            let realm = RealmRecord { credentials: sources, imports: settings.imports, pepper: pepper.cloned(), roles };
            Ok(Snapshot { changes: settings.changes, realm, keys })
        })
    }
}

/// The records of a realm's keys, or of one, and the roles they refer to. Other roles would only tell edges what they need not
/// know.
pub(super) fn records(
    session: &mut dyn Session,
    realm: RealmId,
    only: Option<u64>,
) -> Result<(Vec<KeyRecord>, Vec<RoleRecord>), Error> {
    let (mut roles, places) = roles(session, realm)?;
    let parts = Parts::read(session, realm, &places, only)?;
    let whole_org = u32::try_from(roles.len()).map_err(|_| too_many_roles())?;
    roles.push(RoleRecord { name: ORG_ROLE.0.into(), patterns: vec![ORG_ROLE.1.into()] });
    let mut keys = Vec::new();
    let (test, values) = limited("k.id", realm, only);
    session.each(&format!("{SECRETS}{test}"), &values, &mut |row| {
        let wrong = |what: &str| Error::Snapshot { detail: format!("a key's row holds a wrong {what}") };
        let key = row.int(14)?;
        let digest = row.blob(0)?.try_into().map_err(|_| wrong("digest"))?;
        let key_id: KeyId = row.parse(1)?;
        let mode = from_word(&ALLOW_MODES, row.text(12)?).ok_or_else(|| wrong("mode"))?;
        let order = from_word(&ORDERS, row.text(13)?).ok_or_else(|| wrong("order"))?;
        let (allow, deny) = parts.ips.get(&key).cloned().unwrap_or_default();
        // A secret in the overlap after a rotation ends at its own time or with its key, whatever is first.
        let expires_at = [row.maybe_int(9)?, row.maybe_int(10)?].into_iter().flatten().min();
        keys.push(KeyRecord {
            digest,
            key_id,
            org: row.text(2)?.into(),
            owner: row.text(3)?.into(),
            owner_disabled: row.bool(4)?,
            name: row.text(5)?.into(),
            metadata: row.text(6)?.into(),
            revoked: row.maybe_int(7)?.is_some(),
            not_before: row.maybe_int(8)?,
            expires_at,
            roles: match row.parse(16)? {
                Authority::Roles => parts.roles.get(&key).cloned().unwrap_or_default(),
                Authority::Owner => parts.owner_roles.get(&row.int(15)?).cloned().unwrap_or_default(),
                Authority::Org => vec![whole_org],
            },
            services: (!row.bool(11)?).then(|| parts.services.get(&key).cloned().unwrap_or_default()),
            ip_policy: IpRules::new(Some(mode), order, allow, deny)?.policy(),
        });
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

/// The parameters of a query over a realm's keys, or over one.
fn limited(column: &str, realm: RealmId, only: Option<u64>) -> (String, Vec<Value>) {
    match only {
        None => (String::new(), args![realm.0].to_vec()),
        Some(key) => (format!(" AND {column} = $2"), args![realm.0, key].to_vec()),
    }
}

/// All roles of the realm, and where each stands in the list.
fn roles(session: &mut dyn Session, realm: RealmId) -> Result<(Vec<RoleRecord>, BTreeMap<u64, u32>), Error> {
    let sql = "SELECT r.id, r.slug, p.pattern FROM roles r JOIN role_patterns p ON p.role_id = r.id \
               WHERE r.realm_id = $1 ORDER BY r.id, p.pattern";
    let mut roles: Vec<RoleRecord> = Vec::new();
    let mut places = BTreeMap::new();
    session.each(sql, args![realm.0], &mut |row| {
        let next = u32::try_from(roles.len()).map_err(|_| too_many_roles())?;
        let place = *places.entry(row.int(0)?).or_insert(next);
        if place == next {
            roles.push(RoleRecord { name: row.text(1)?.into(), patterns: Vec::new() });
        }
        if let Some(last) = roles.last_mut() {
            last.patterns.push(row.text(2)?.into());
        }
        Ok(())
    })?;
    Ok((roles, places))
}

/// What other tables hold of each key, and of each owner.
#[derive(Default)]
struct Parts {
    roles: BTreeMap<u64, Vec<u32>>,
    owner_roles: BTreeMap<u64, Vec<u32>>,
    services: BTreeMap<u64, Vec<String>>,
    ips: BTreeMap<u64, (Vec<IpEntry>, Vec<IpEntry>)>,
}

impl Parts {
    fn read(session: &mut dyn Session, realm: RealmId, places: &BTreeMap<u64, u32>, only: Option<u64>) -> Result<Parts, Error> {
        let mut parts = Parts::default();
        let (test, values) = limited("k.id", realm, only);
        let sql = "SELECT x.key_id, x.role_id FROM key_roles x JOIN keys k ON k.id = x.key_id WHERE k.realm_id = $1";
        session.each(&format!("{sql}{test}"), &values, &mut |row| {
            if let Some(place) = places.get(&row.int(1)?) {
                parts.roles.entry(row.int(0)?).or_default().push(*place);
            }
            Ok(())
        })?;
        let sql = "SELECT x.owner_id, x.role_id FROM owner_roles x JOIN owners w ON w.id = x.owner_id \
                   JOIN orgs o ON o.id = w.org_id WHERE o.realm_id = $1";
        session.each(sql, args![realm.0], &mut |row| {
            if let Some(place) = places.get(&row.int(1)?) {
                parts.owner_roles.entry(row.int(0)?).or_default().push(*place);
            }
            Ok(())
        })?;
        let sql = "SELECT x.key_id, x.service FROM key_services x JOIN keys k ON k.id = x.key_id WHERE k.realm_id = $1";
        session.each(&format!("{sql}{test}"), &values, &mut |row| {
            parts.services.entry(row.int(0)?).or_default().push(row.text(1)?.into());
            Ok(())
        })?;
        let sql =
            "SELECT x.key_id, x.list, x.cidr, x.enabled FROM key_ips x JOIN keys k ON k.id = x.key_id WHERE k.realm_id = $1";
        session.each(&format!("{sql}{test}"), &values, &mut |row| {
            let lists = parts.ips.entry(row.int(0)?).or_default();
            let list = if row.text(1)? == "allow" { &mut lists.0 } else { &mut lists.1 };
            list.push(IpEntry { cidr: parse_cidr("cidr", row.text(2)?)?, enabled: row.bool(3)?, note: Note::none() });
            Ok(())
        })?;
        Ok(parts)
    }
}
