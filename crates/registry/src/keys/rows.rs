//! A key's rows, written.

use edgelatch_core::key::{self, KeyId};

use crate::error::Error;
use crate::model::{
    ALLOW_MODES, Authority, Changed, Digest, IpEntry, IpRules, Key, NewKey, ORDERS, Origin, Scope, Slug, State, Warning, word,
};
use crate::store::{Session, Value, args};
use crate::tenants::{OrgRow, role_id};
use crate::transaction::Act;

/// What the secrets table takes of a key's text.
pub(super) struct Secret {
    pub(super) digest: [u8; 32],
    pub(super) first_12: Option<String>,
    pub(super) masked: Option<String>,
    pub(super) origin: Origin,
}

impl Secret {
    pub(super) fn issued(text: &str) -> Secret {
        Secret {
            digest: key::digest(text.as_bytes()),
            first_12: Some(key::first_12(text)),
            masked: Some(key::masked(text)),
            origin: Origin::Issued,
        }
    }

    pub(super) fn imported(digest: &Digest) -> Secret {
        Secret { digest: *digest.bytes(), first_12: None, masked: None, origin: Origin::Imported }
    }
}

impl Act<'_> {
    /// Ends every secret but the newest.
    pub(super) fn end_overlap(&mut self, row: u64) -> Result<(), Error> {
        let sql = "DELETE FROM secrets WHERE key_id = $1 AND id < (SELECT max(id) FROM secrets WHERE key_id = $1)";
        self.session.run(sql, args![row]).map(|_| ())
    }
}

pub(super) fn for_good() -> Error {
    Error::NotAllowed { field: "status".into(), reason: "a key is revoked for good here: make another one".into() }
}

/// The name that the key keeps others from having.
pub(super) fn held_name<'k>(org: &OrgRow, key: &'k Key) -> Option<&'k str> {
    (org.settings.unique_names && key.revoked_at.is_none()).then_some(key.name.as_str())
}

pub(super) fn write_row(act: &mut Act<'_>, org: &OrgRow, row: u64, key: &Key) -> Result<(), Error> {
    let sql = "UPDATE keys SET name = $2, description = $3, scope_all = $4, allow_mode = $5, ip_order = $6, not_before = $7, \
               expires_at = $8, metadata = $9, updated_at = $10, revision = revision + 1, environment = $11, held_name = $12, \
               revoked_at = $13 WHERE id = $1";
    let (mode, order) = ip_words(&key.ip);
    let texts = (key.name.as_str(), key.description.as_str(), key.metadata.as_str());
    let environment = key.environment.as_ref().map(Slug::as_str);
    let all = key.scope == Scope::All;
    let (held, times) = (held_name(org, key), (key.not_before, key.expires_at));
    let values =
        args![row, texts.0, texts.1, all, mode, order, times.0, times.1, texts.2, act.now, environment, held, key.revoked_at];
    let taken = || Error::NameTaken { name: key.name.to_string() };
    act.session.run(sql, values).map(|_| ()).map_err(|e| e.or_unique(taken))
}

/// The columns of a new key's own row, all but its number.
pub(crate) const KEY_COLUMNS: [&str; 17] = [
    "key_id",
    "realm_id",
    "org_id",
    "owner_id",
    "name",
    "description",
    "origin",
    "scope_all",
    "allow_mode",
    "ip_order",
    "not_before",
    "expires_at",
    "metadata",
    "created_at",
    "updated_at",
    "environment",
    "held_name",
];

/// What they hold.
pub(crate) fn key_values(
    act: &Act<'_>,
    org: &OrgRow,
    owner: u64,
    key_id: KeyId,
    new: &NewKey,
    origin: Origin,
) -> [Value; KEY_COLUMNS.len()] {
    let (mode, order) = ip_words(&new.ip);
    let first = org.settings.environments.first().map(|e| &e.environment);
    let environment = new.environment.as_ref().or(first).map(Slug::as_str);
    let name = new.name.as_str();
    [
        key_id.to_string().into(),
        act.realm.0.into(),
        org.id.into(),
        owner.into(),
        name.into(),
        new.description.as_str().into(),
        origin.word().into(),
        (new.scope == Scope::All).into(),
        mode.into(),
        order.into(),
        new.not_before.into(),
        new.expires_at.into(),
        new.metadata.as_str().into(),
        act.now.into(),
        act.now.into(),
        environment.into(),
        org.settings.unique_names.then_some(name).into(),
    ]
}

/// Adds a key's own row; none when its name is taken.
pub(super) fn insert_key(
    act: &mut Act<'_>,
    org: &OrgRow,
    owner: u64,
    key_id: KeyId,
    new: &NewKey,
    origin: Origin,
) -> Result<Option<u64>, Error> {
    let places: Vec<String> = (1..=KEY_COLUMNS.len()).map(|i| format!("${i}")).collect();
    let (columns, places) = (KEY_COLUMNS.join(", "), places.join(", "));
    let sql = format!("INSERT INTO keys ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING RETURNING id");
    let values = key_values(act, org, owner, key_id, new, origin);
    act.session.row(&sql, &values, |row| row.int(0))
}

/// Adds a secret; an error when another key has its digest.
pub(super) fn insert_secret(act: &mut Act<'_>, row: u64, secret: &Secret) -> Result<(), Error> {
    let sql = "INSERT INTO secrets (key_id, realm_id, digest, first_12, masked, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT DO NOTHING";
    let (first_12, masked) = (secret.first_12.as_deref(), secret.masked.as_deref());
    let values = args![row, act.realm.0, &secret.digest[..], first_12, masked, act.now];
    if act.session.run(sql, values)? == 1 { Ok(()) } else { Err(Error::DigestTaken) }
}

pub(super) fn clear(session: &mut dyn Session, table: &str, row: u64) -> Result<(), Error> {
    session.run(&format!("DELETE FROM {table} WHERE key_id = $1"), args![row]).map(|_| ())
}

/// What other tables hold of a key.
pub(super) fn insert_parts(
    session: &mut dyn Session,
    row: u64,
    roles: &[u64],
    scope: &Scope,
    ip: &IpRules,
) -> Result<(), Error> {
    insert_roles(session, row, roles)?;
    insert_services(session, row, scope)?;
    insert_ips(session, row, ip)
}

pub(super) fn insert_roles(session: &mut dyn Session, row: u64, roles: &[u64]) -> Result<(), Error> {
    for role in roles {
        session.run("INSERT INTO key_roles (key_id, role_id) VALUES ($1, $2)", args![row, *role])?;
    }
    Ok(())
}

pub(super) fn insert_services(session: &mut dyn Session, row: u64, scope: &Scope) -> Result<(), Error> {
    let Scope::List(services) = scope else { return Ok(()) };
    for service in services {
        session.run("INSERT INTO key_services (key_id, service) VALUES ($1, $2)", args![row, service.as_str()])?;
    }
    Ok(())
}

pub(super) fn insert_ips(session: &mut dyn Session, row: u64, ip: &IpRules) -> Result<(), Error> {
    for (list, entries) in [("allow", ip.allow()), ("deny", ip.deny())] {
        for (position, IpEntry { cidr, enabled, note }) in (0u64..).zip(entries) {
            let sql = "INSERT INTO key_ips (key_id, list, position, cidr, enabled, note) VALUES ($1, $2, $3, $4, $5, $6)";
            session.run(sql, args![row, list, position, cidr.to_string(), *enabled, note.as_str()])?;
        }
    }
    Ok(())
}

/// Rows of a key's roles; none where it has none of its own.
pub(super) fn role_ids(act: &mut Act<'_>, org: &OrgRow, roles: &[Slug]) -> Result<Vec<u64>, Error> {
    match org.settings.authority {
        Authority::Roles => roles.iter().map(|role| role_id(act.session, act.realm, org.id, role)).collect(),
        Authority::Owner | Authority::Org => Ok(Vec::new()),
    }
}

/// Rows of the roles that a key has.
pub(super) fn stored_roles(session: &mut dyn Session, row: u64) -> Result<Vec<u64>, Error> {
    session.rows("SELECT role_id FROM key_roles WHERE key_id = $1", args![row], |role| role.int(0))
}

/// A change with what the administrator should know about it.
pub(super) fn changed(key: Key, changed: bool) -> Changed {
    let mut warnings = key.ip.warnings();
    if key.roles.is_empty() && key.authority != Authority::Org {
        warnings.push(Warning::NoRoles);
    }
    if key.state == State::Expired {
        warnings.push(Warning::Expired);
    }
    Changed { key, changed, deleted: false, warnings }
}

fn ip_words(ip: &IpRules) -> (&'static str, &'static str) {
    (word(&ALLOW_MODES, ip.allow_mode()), word(&ORDERS, ip.order()))
}
