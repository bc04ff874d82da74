//! Keys as the rest of the program sees them, read from their tables.

use std::collections::BTreeMap;

use edgelatch_core::key::KeyId;

use crate::error::{Error, Kind};
use crate::model::{
    ALLOW_MODES, Authority, IpEntry, IpRules, Key, Metadata, ORDERS, Scope, Settings, Slug, State, from_word, parse_cidr,
};
use crate::registry::Registry;
use crate::store::{Row, Session, Value, args};
use crate::tenants::OrgRow;
use crate::transaction::{Act, RealmId, realm_id};

/// A key with what only the registry needs to know of it.
pub(crate) struct Loaded {
    pub(crate) row: u64,
    org: u64,
    owner: u64,
    pub(crate) key: Key,
}

const DAY: u64 = 86_400;

const COLUMNS: &str = "SELECT k.id, k.org_id, k.key_id, o.slug, w.slug, w.disabled, k.name, k.description, k.origin, \
    s.first_12, s.masked, k.scope_all, k.allow_mode, k.ip_order, k.not_before, k.expires_at, k.metadata, \
    k.created_at, k.updated_at, k.revoked_at, k.revision, k.environment, s.created_at, \
    (SELECT max(x.expires_at) FROM secrets x WHERE x.key_id = k.id), k.last_used_at, k.last_used_ip, k.uses, k.refusals, \
    k.owner_id, o.authority \
    FROM keys k JOIN orgs o ON o.id = k.org_id JOIN owners w ON w.id = k.owner_id \
    LEFT JOIN secrets s ON s.id = (SELECT max(id) FROM secrets WHERE key_id = k.id)";

fn state(revoked_at: Option<u64>, not_before: Option<u64>, expires_at: Option<u64>, now: u64) -> State {
    match () {
        () if revoked_at.is_some() => State::Revoked,
        () if not_before.is_some_and(|at| now < at) => State::Pending,
        () if expires_at.is_some_and(|at| now >= at) => State::Expired,
        () => State::Active,
    }
}

/// The row's own columns; what other tables hold is filled in by [`load_rows`].
fn read(row: &Row<'_>, now: u64) -> Result<Loaded, Error> {
    let wrong = || Error::Store { detail: "a key's row holds an unknown word".into() };
    let (revoked_at, not_before, expires_at) = (row.maybe_int(19)?, row.maybe_int(14)?, row.maybe_int(15)?);
    let allow_mode = from_word(&ALLOW_MODES, row.text(12)?).ok_or_else(wrong)?;
    let order = from_word(&ORDERS, row.text(13)?).ok_or_else(wrong)?;
    let created_at = row.int(17)?;
    let key = Key {
        key_id: row.parse(2)?,
        org: row.parse(3)?,
        owner: row.parse(4)?,
        owner_disabled: row.bool(5)?,
        name: row.parse(6)?,
        description: row.parse(7)?,
        state: state(revoked_at, not_before, expires_at, now),
        origin: row.parse(8)?,
        first_12: row.maybe_text(9)?.map(Into::into),
        masked: row.maybe_text(10)?.map(Into::into),
        authority: row.parse(29)?,
        roles: Vec::new(),
        scope: if row.bool(11)? { Scope::All } else { Scope::List(Vec::new()) },
        ip: IpRules::new(Some(allow_mode), order, Vec::new(), Vec::new())?,
        not_before,
        expires_at,
        days_left: expires_at.map(|at| at.saturating_sub(now).div_ceil(DAY)),
        metadata: Metadata::stored(row.text(16)?.into()),
        environment: row.maybe_text(21)?.map(str::parse).transpose()?,
        rotated_at: row.maybe_int(22)?.unwrap_or(created_at),
        due_at: None,
        overlap_until: row.maybe_int(23)?.filter(|end| *end > now),
        last_used_at: Some(row.int(24)?).filter(|at| *at > 0),
        last_used_ip: row.maybe_text(25)?.map(Into::into),
        uses: row.int(26)?,
        refusals: row.int(27)?,
        created_at,
        updated_at: row.int(18)?,
        revoked_at,
        revision: row.int(20)?,
    };
    Ok(Loaded { row: row.int(0)?, org: row.int(1)?, owner: row.int(28)?, key })
}

/// `($1, $2, …)` and the values for it.
fn among(ids: &[u64]) -> (String, Vec<Value>) {
    let places: Vec<String> = (1..=ids.len()).map(|i| format!("${i}")).collect();
    (format!("({})", places.join(", ")), ids.iter().map(|id| Value::from(*id)).collect())
}

/// What one table holds for several keys (or owners, or orgs), by their row.
fn grouped<T>(
    session: &mut dyn Session,
    select: &str,
    order: &str,
    ids: &[u64],
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<BTreeMap<u64, Vec<T>>, Error> {
    let mut found: BTreeMap<u64, Vec<T>> = BTreeMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let (places, values) = among(ids);
    session.each(&format!("{select} IN {places} ORDER BY {order}"), &values, &mut |row| {
        found.entry(row.int(0)?).or_default().push(read(row)?);
        Ok(())
    })?;
    Ok(found)
}

const KEY_ROLES: &str = "SELECT x.key_id, r.slug FROM key_roles x JOIN roles r ON r.id = x.role_id WHERE x.key_id";
const OWNER_ROLES: &str = "SELECT x.owner_id, r.slug FROM owner_roles x JOIN roles r ON r.id = x.role_id WHERE x.owner_id";
const SERVICES: &str = "SELECT key_id, service FROM key_services WHERE key_id";
const IPS: &str = "SELECT key_id, list, cidr, enabled, note FROM key_ips WHERE key_id";
const SETTINGS: &str = "SELECT id, settings FROM orgs WHERE id";

fn ip_entry(row: &Row<'_>) -> Result<(bool, IpEntry), Error> {
    let entry = IpEntry { cidr: parse_cidr("cidr", row.text(2)?)?, enabled: row.bool(3)?, note: row.parse(4)? };
    Ok((row.text(1)? == "allow", entry))
}

/// The keys of some rows, in that order: a handful of statements however many they are.
pub(crate) fn load_rows(session: &mut dyn Session, ids: &[u64], now: u64) -> Result<Vec<Loaded>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (places, values) = among(ids);
    let found = session.rows(&format!("{COLUMNS} WHERE k.id IN {places}"), &values, |row| read(row, now))?;
    let mut found: BTreeMap<u64, Loaded> = found.into_iter().map(|loaded| (loaded.row, loaded)).collect();
    let some = |of: &dyn Fn(&Loaded) -> Option<u64>| {
        let mut ids: Vec<u64> = found.values().filter_map(of).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let owners = some(&|l| (l.key.authority == Authority::Owner).then_some(l.owner));
    let orgs = some(&|l| l.key.environment.as_ref().map(|_| l.org));
    let scoped = some(&|l| (l.key.scope != Scope::All).then_some(l.row));
    let own_roles = some(&|l| (l.key.authority == Authority::Roles).then_some(l.row));
    let roles = grouped(session, KEY_ROLES, "r.slug", &own_roles, |row| row.parse(1))?;
    let inherited = grouped(session, OWNER_ROLES, "r.slug", &owners, |row| row.parse(1))?;
    let mut services = grouped(session, SERVICES, "service", &scoped, |row| row.parse(1))?;
    let mut ips = grouped(session, IPS, "key_id, list, position", ids, ip_entry)?;
    let mut rules: BTreeMap<u64, Settings> = BTreeMap::new();
    for (org, text) in grouped(session, SETTINGS, "id", &orgs, |row| Ok(row.text(1)?.to_owned()))? {
        rules.insert(org, Settings::stored(text.first().map_or("", String::as_str))?);
    }
    for Loaded { row, org, owner, key } in found.values_mut() {
        key.roles = match key.authority {
            Authority::Roles => roles.get(row).cloned().unwrap_or_default(),
            Authority::Owner => inherited.get(owner).cloned().unwrap_or_default(),
            Authority::Org => Vec::new(),
        };
        if let Scope::List(list) = &mut key.scope {
            *list = services.remove(row).unwrap_or_default();
        }
        let (allow, deny): (Vec<_>, Vec<_>) = ips.remove(row).unwrap_or_default().into_iter().partition(|(allow, _)| *allow);
        let [allow, deny] = [allow, deny].map(|list| list.into_iter().map(|(_, entry)| entry).collect());
        key.ip = IpRules::new(Some(key.ip.allow_mode()), key.ip.order(), allow, deny)?;
        key.due_at = rules.get(org).filter(|_| key.revoked_at.is_none()).and_then(|rules| due(rules, key));
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// When the key's environment wants a new secret.
fn due(settings: &Settings, key: &Key) -> Option<u64> {
    let environment = settings.environments.iter().find(|e| Some(&e.environment) == key.environment.as_ref())?;
    Some(key.rotated_at + u64::from(environment.rotate_after_days) * DAY)
}

/// The row of a key.
pub(crate) fn row_of(session: &mut dyn Session, realm: RealmId, key_id: KeyId) -> Result<u64, Error> {
    let sql = "SELECT id FROM keys WHERE realm_id = $1 AND key_id = $2";
    let found = session.row(sql, args![realm.0, key_id.to_string()], |row| row.int(0))?;
    found.ok_or_else(|| Error::missing(Kind::Key, &key_id.to_string()))
}

/// One key of a realm in full.
pub(super) fn load(session: &mut dyn Session, realm: RealmId, key_id: KeyId, now: u64) -> Result<Loaded, Error> {
    let row = row_of(session, realm, key_id)?;
    let found = load_rows(session, &[row], now)?.into_iter().next();
    found.ok_or_else(|| Error::missing(Kind::Key, &key_id.to_string()))
}

impl Act<'_> {
    /// A key that the caller may act on, and its org.
    pub(super) fn key(&mut self, key_id: KeyId) -> Result<(Loaded, OrgRow), Error> {
        let loaded = load(self.session, self.realm, key_id, self.now)?;
        self.caller.check(&loaded.key.org, Kind::Key, &key_id.to_string())?;
        let org = self.org(&loaded.key.org)?;
        Ok((loaded, org))
    }

    /// The key as it is now.
    pub(super) fn reload(&mut self, key_id: KeyId) -> Result<Key, Error> {
        load(self.session, self.realm, key_id, self.now).map(|loaded| loaded.key)
    }
}

impl Registry {
    /// One key.
    pub fn key(&self, realm: &Slug, key_id: KeyId) -> Result<Key, Error> {
        let now = self.env.now()?;
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            load(session, realm, key_id, now).map(|loaded| loaded.key)
        })
    }
}
