//! Keys as the rest of the program sees them, read from their tables.

use std::collections::{BTreeMap, BTreeSet};

use edgelatch_core::key::KeyId;
use edgelatch_core::policy::{AllowMode, Order};

use super::Keys;
use crate::error::{Error, Kind};
use crate::held::Held;
use crate::limits::DEFAULT_PAGE;
use crate::model::{Authority, DAY, IpEntry, IpRules, Key, Metadata, Pattern, Scope, Settings, Slug, State};
use crate::store::{Column, Statements, Value, args, columns, places};
use crate::tenants::OrgRow;
use crate::transaction::{Change, Transaction, check_revision};

/// A key with what only the registry needs to know of it.
pub(crate) struct Loaded {
    pub(crate) row: u64,
    org: u64,
    owner: u64,
    pub(crate) key: Key,
}

columns! {
    /// What the key's own row, its org's, its owner's and its newest secret's hold. The rest is filled in by [`load_rows`].
    KEY: Loaded = {
        row = "k.id", org_row = "k.org_id", owner_row = "k.owner_id",
        key_id = "k.key_id", org = "o.slug", owner = "w.slug", owner_disabled = "w.disabled",
        name = "k.name", description = "k.description", origin = "k.origin", first_12 = "s.first_12", masked = "s.masked",
        authority = "o.authority", scope_all: bool = "k.scope_all", allow_mode = "k.allow_mode", order = "k.ip_order",
        not_before = "k.not_before", expires_at = "k.expires_at", metadata = "k.metadata", environment = "k.environment",
        rotated_at = "k.rotated_at", overlap_until = "(SELECT max(x.expires_at) FROM secrets x WHERE x.key_id = k.id)",
        leaked_at = "s.leaked_at", last_used_at: u64 = "k.last_used_at", last_used_ip = "k.last_used_ip", uses = "k.uses", refusals = "k.refusals",
        created_at = "k.created_at", created_by = "k.created_by", updated_at = "k.updated_at", updated_by = "k.updated_by",
        revoked_at = "k.revoked_at", revision = "k.revision"
    } => Loaded {
        row, org: org_row, owner: owner_row,
        key: Key {
            key_id, org, owner, owner_disabled, name, description, state: State::Active, origin, first_12, masked, authority,
            roles: Vec::new(), scope: if scope_all { Scope::All } else { Scope::List(Vec::new()) },
            ip: IpRules::without_lists(allow_mode, order), not_before, expires_at, days_left: None, metadata: Metadata::stored(metadata),
            environment, tags: Vec::new(), rotated_at, due_at: None, overlap_until, leaked_at,
            last_used_at: Some(last_used_at).filter(|at| *at > 0), last_used_ip, uses, refusals, created_at, created_by,
            updated_at, updated_by, revoked_at, revision,
        },
    }
}

const FROM: &str = "FROM keys k JOIN orgs o ON o.id = k.org_id JOIN owners w ON w.id = k.owner_id \
                    LEFT JOIN secrets s ON s.id = (SELECT max(id) FROM secrets WHERE key_id = k.id)";

columns! {
    /// A key's row, and an entry of one of its lists, over `key_ips x`.
    IP_ENTRY: (u64, (String, IpEntry)) = {
        key = "x.key_id", list = "x.list", cidr = "x.cidr", enabled = "x.enabled", note = "x.note"
    } => (key, (list, IpEntry { cidr, enabled, note }))
}

/// The rules that a key's entries make.
fn ip_rules(allow_mode: AllowMode, order: Order, entries: Vec<(String, IpEntry)>) -> Result<IpRules, Error> {
    let (allow, deny): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(list, _)| list == "allow");
    let [allow, deny] = [allow, deny].map(|list| list.into_iter().map(|(_, entry)| entry).collect());
    IpRules::new(Some(allow_mode), order, allow, deny)
}

fn state(key: &Key, now: u64) -> State {
    match () {
        () if key.revoked_at.is_some() => State::Revoked,
        () if key.not_before.is_some_and(|at| now < at) => State::Pending,
        () if key.expires_at.is_some_and(|at| now >= at) => State::Expired,
        () => State::Active,
    }
}

/// When the key's environment wants a new secret.
fn due(settings: &Settings, key: &Key) -> Option<u64> {
    let environment = settings.environments.iter().find(|e| Some(&e.environment) == key.environment.as_ref())?;
    Some(key.rotated_at + u64::from(environment.rotate_after_days) * DAY)
}

/// `($1, $2, …)` and the values for it.
fn among(ids: &[u64]) -> (String, Vec<Value>) {
    (format!("({})", places(1, ids.len())), ids.iter().map(|id| Value::from(*id)).collect())
}

/// What a query finds for some rows; it ends with the column that holds them.
fn parts<T: Column>(tx: &mut Transaction<'_>, query: &str, ids: &[u64], order: &str) -> Result<BTreeMap<u64, Vec<T>>, Error> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (places, values) = among(ids);
    tx.grouped(format!("{query} IN {places} ORDER BY {order}"), &values)
}

const KEY_ROLES: &str = "SELECT x.key_id, r.slug FROM key_roles x JOIN roles r ON r.id = x.role_id WHERE x.key_id";
const OWNER_ROLES: &str = "SELECT x.owner_id, r.slug FROM owner_roles x JOIN roles r ON r.id = x.role_id WHERE x.owner_id";
const SERVICES: &str = "SELECT key_id, service FROM key_services WHERE key_id";
const TAGS: &str = "SELECT key_id, tag FROM key_tags WHERE key_id";
const SETTINGS: &str = "SELECT id, settings FROM orgs WHERE id";

/// The keys of some rows, in that order: a handful of statements however many they are.
pub(crate) fn load_rows(tx: &mut Transaction<'_>, ids: &[u64], now: u64) -> Result<Vec<Loaded>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (places, values) = among(ids);
    let found = tx.all(KEY.select(&format!("{FROM} WHERE k.id IN {places}")), &values)?;
    let mut found: BTreeMap<u64, Loaded> = found.into_iter().map(|loaded| (loaded.row, loaded)).collect();
    let some = |of: &dyn Fn(&Loaded) -> Option<u64>| -> Vec<u64> {
        found.values().filter_map(of).collect::<BTreeSet<u64>>().into_iter().collect()
    };
    let owners = some(&|l| (l.key.authority == Authority::Owner).then_some(l.owner));
    let orgs = some(&|l| l.key.environment.as_ref().map(|_| l.org));
    let scoped = some(&|l| (l.key.scope != Scope::All).then_some(l.row));
    let own_roles = some(&|l| (l.key.authority == Authority::Roles).then_some(l.row));
    let roles = parts::<Slug>(tx, KEY_ROLES, &own_roles, "r.slug")?;
    let inherited = parts::<Slug>(tx, OWNER_ROLES, &owners, "r.slug")?;
    let mut services = parts(tx, SERVICES, &scoped, "service")?;
    let rest = format!("FROM key_ips x WHERE x.key_id IN {places} ORDER BY x.position");
    let mut ips = tx.grouped(IP_ENTRY.select(&rest), &values)?;
    let mut tags = parts(tx, TAGS, ids, "folded")?;
    let settings = parts::<Settings>(tx, SETTINGS, &orgs, "id")?;
    for Loaded { row, org, owner, key } in found.values_mut() {
        key.roles = match key.authority {
            Authority::Roles => roles.get(row).cloned().unwrap_or_default(),
            Authority::Owner => inherited.get(owner).cloned().unwrap_or_default(),
            Authority::Org => Vec::new(),
        };
        if let Scope::List(list) = &mut key.scope {
            *list = services.remove(row).unwrap_or_default();
        }
        key.ip = ip_rules(key.ip.allow_mode(), key.ip.order(), ips.remove(row).unwrap_or_default())?;
        key.tags = tags.remove(row).unwrap_or_default();
        key.state = state(key, now);
        key.days_left = key.expires_at.map(|at| at.saturating_sub(now).div_ceil(DAY));
        key.overlap_until = key.overlap_until.filter(|end| *end > now);
        let settings = settings.get(org).and_then(|org| org.first()).filter(|_| key.revoked_at.is_none());
        key.due_at = settings.and_then(|settings| due(settings, key));
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// The keys of some rows, in that order, until `take` has enough: so many at once that no more than a part of a long page is in memory.
pub(crate) fn load_while(
    tx: &mut Transaction<'_>,
    ids: &[u64],
    now: u64,
    mut take: impl FnMut(Loaded) -> Result<bool, Error>,
) -> Result<(), Error> {
    for some in ids.chunks(DEFAULT_PAGE) {
        for loaded in load_rows(tx, some, now)? {
            if !take(loaded)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The row of a key.
pub(crate) fn row_of(tx: &mut Transaction<'_>, key_id: KeyId) -> Result<u64, Error> {
    let sql = "SELECT id FROM keys WHERE realm_id = $1 AND key_id = $2";
    let found = tx.one(sql, args![tx.realm, key_id.to_string()])?;
    found.ok_or_else(|| Error::missing(Kind::Key, &key_id.to_string()))
}

/// One key of a realm in full.
fn load(tx: &mut Transaction<'_>, key_id: KeyId, now: u64) -> Result<Loaded, Error> {
    let row = row_of(tx, key_id)?;
    let found = load_rows(tx, &[row], now)?.into_iter().next();
    found.ok_or_else(|| Error::missing(Kind::Key, &key_id.to_string()))
}

impl Change<'_> {
    /// A key that the caller may change, if it is at the expected revision, and its org.
    pub(crate) fn key(&mut self, key_id: KeyId, if_revision: Option<u64>) -> Result<(Loaded, OrgRow), Error> {
        let loaded = load(&mut self.tx, key_id, self.now)?;
        self.caller.check(&loaded.key.org, Kind::Key, &key_id.to_string())?;
        check_revision(if_revision, loaded.key.revision, Kind::Key, &key_id.to_string())?;
        let org = self.org(&loaded.key.org)?;
        Ok((loaded, org))
    }

    /// The key as it is now.
    pub(super) fn reload(&mut self, key_id: KeyId) -> Result<Key, Error> {
        load(&mut self.tx, key_id, self.now).map(|loaded| loaded.key)
    }
}

impl Keys<'_> {
    /// One key.
    pub fn get(&self, key_id: KeyId) -> Result<Key, Error> {
        let now = self.0.now()?;
        self.0.read(|tx| load(tx, key_id, now).map(|loaded| loaded.key))
    }

    /// One key, and the permissions that its roles grant as they are now; each once, in the order of their names.
    pub fn holding(&self, key_id: KeyId) -> Result<(Key, Vec<Pattern>), Error> {
        let now = self.0.now()?;
        self.0.read(|tx| {
            let Loaded { row, key, .. } = load(tx, key_id, now)?;
            let mut patterns = Held::by_key(tx, row)?.map_or(Vec::new(), Held::into_patterns);
            patterns.sort();
            Ok((key, patterns))
        })
    }
}
