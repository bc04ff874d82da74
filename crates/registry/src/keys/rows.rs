//! A key's rows, written.

use edgelatch_core::key::{self, KeyId};

use crate::error::Error;
use crate::model::{Authority, Digest, IpEntry, IpRules, Key, NewKey, Origin, Scope, Slug, Word};
use crate::store::{Value, args};
use crate::tenants::{OrgRow, role_id};
use crate::transaction::{Change, Transaction};

/// What the secrets table takes of a key's text.
pub(super) struct Secret {
    digest: [u8; 32],
    first_12: Option<String>,
    masked: Option<String>,
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

/// The columns of a new key's own row, all but its id.
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
    change: &Change<'_>,
    org: &OrgRow,
    owner: u64,
    key_id: KeyId,
    (new, ip): (&NewKey, &IpRules),
    origin: Origin,
) -> [Value; KEY_COLUMNS.len()] {
    let first = org.settings.environments.first().map(|e| &e.environment);
    let environment = new.environment.as_ref().or(first).map(Slug::as_str);
    let name = new.name.as_str();
    [
        key_id.to_string().into(),
        change.tx.realm.0.into(),
        org.id.into(),
        owner.into(),
        name.into(),
        new.description.as_str().into(),
        origin.word().into(),
        (new.scope == Scope::All).into(),
        ip.allow_mode().word().into(),
        ip.order().word().into(),
        new.not_before.into(),
        new.expires_at.into(),
        new.metadata.as_str().into(),
        change.now.into(),
        change.now.into(),
        environment.into(),
        org.settings.unique_names.then_some(name).into(),
    ]
}

/// A table that holds a part of each key.
pub(crate) struct PartTable {
    name: &'static str,
    columns: &'static [&'static str],
}

pub(crate) const ROLES: PartTable = PartTable { name: "key_roles", columns: &["key_id", "role_id"] };
pub(crate) const SERVICES: PartTable = PartTable { name: "key_services", columns: &["key_id", "service"] };
pub(crate) const IPS: PartTable =
    PartTable { name: "key_ips", columns: &["key_id", "list", "position", "cidr", "enabled", "note"] };

/// Rows of such a table.
pub(crate) type PartRows = Vec<Vec<Value>>;

impl PartTable {
    pub(crate) fn load(&self, tx: &mut Transaction<'_>, rows: &PartRows) -> Result<(), Error> {
        if rows.is_empty() { Ok(()) } else { tx.session.load(self.name, self.columns, rows) }
    }

    /// Puts other rows in the place of a key's.
    pub(super) fn replace(&self, tx: &mut Transaction<'_>, row: u64, rows: &PartRows) -> Result<(), Error> {
        tx.session.run(&format!("DELETE FROM {} WHERE key_id = $1", self.name), args![row])?;
        self.load(tx, rows)
    }
}

pub(crate) fn role_rows(row: u64, roles: &[u64]) -> PartRows {
    roles.iter().map(|role| args![row, *role].to_vec()).collect()
}

pub(crate) fn service_rows(row: u64, scope: &Scope) -> PartRows {
    match scope {
        Scope::All => Vec::new(),
        Scope::List(services) => services.iter().map(|service| args![row, service.as_str()].to_vec()).collect(),
    }
}

pub(crate) fn ip_rows(row: u64, ip: &IpRules) -> PartRows {
    let lists = [("allow", ip.allow()), ("deny", ip.deny())];
    let rows = lists.into_iter().flat_map(|(list, entries)| {
        (0u64..).zip(entries).map(move |(position, IpEntry { cidr, enabled, note })| {
            args![row, list, position, cidr.to_string(), *enabled, note.as_str()].to_vec()
        })
    });
    rows.collect()
}

/// Adds a key's own row and returns its id; none when its name or its public id is taken.
pub(super) fn insert_key(tx: &mut Transaction<'_>, values: &[Value; KEY_COLUMNS.len()]) -> Result<Option<u64>, Error> {
    let places: Vec<String> = (1..=KEY_COLUMNS.len()).map(|i| format!("${i}")).collect();
    let (columns, places) = (KEY_COLUMNS.join(", "), places.join(", "));
    let sql = format!("INSERT INTO keys ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING RETURNING id");
    tx.session.one(&sql, values)
}

/// Adds a secret; an error when another key has its digest.
pub(super) fn insert_secret(change: &mut Change<'_>, row: u64, secret: &Secret) -> Result<(), Error> {
    let sql = "INSERT INTO secrets (key_id, realm_id, digest, first_12, masked, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT DO NOTHING";
    let (first_12, masked) = (secret.first_12.as_deref(), secret.masked.as_deref());
    let values = args![row, change.tx.realm.0, &secret.digest[..], first_12, masked, change.now];
    if change.tx.session.run(sql, values)? == 1 { Ok(()) } else { Err(Error::DigestTaken) }
}

/// Writes what an edit may change of a key's own row.
pub(super) fn update_key(change: &mut Change<'_>, org: &OrgRow, row: u64, key: &Key) -> Result<(), Error> {
    let sql = "UPDATE keys SET name = $2, description = $3, scope_all = $4, allow_mode = $5, ip_order = $6, not_before = $7, \
               expires_at = $8, metadata = $9, updated_at = $10, revision = revision + 1, environment = $11, held_name = $12, \
               revoked_at = $13 WHERE id = $1";
    let values = args![
        row,
        key.name.as_str(),
        key.description.as_str(),
        key.scope == Scope::All,
        key.ip.allow_mode().word(),
        key.ip.order().word(),
        key.not_before,
        key.expires_at,
        key.metadata.as_str(),
        change.now,
        key.environment.as_ref().map(Slug::as_str),
        held_name(org, key),
        key.revoked_at,
    ];
    let taken = || Error::NameTaken { name: key.name.to_string() };
    change.tx.session.run(sql, values).map(drop).map_err(|e| e.or_unique(taken))
}

/// The name that the key keeps others from having.
pub(super) fn held_name<'k>(org: &OrgRow, key: &'k Key) -> Option<&'k str> {
    (org.settings.unique_names && key.revoked_at.is_none()).then_some(key.name.as_str())
}

/// Rows of a key's roles; none where it has none of its own.
pub(super) fn role_ids(tx: &mut Transaction<'_>, org: &OrgRow, roles: &[Slug]) -> Result<Vec<u64>, Error> {
    match org.settings.authority {
        Authority::Roles => roles.iter().map(|role| role_id(tx, org.id, role)).collect(),
        Authority::Owner | Authority::Org => Ok(Vec::new()),
    }
}

/// Rows of the roles that a key has.
pub(super) fn stored_roles(tx: &mut Transaction<'_>, row: u64) -> Result<Vec<u64>, Error> {
    tx.session.all("SELECT role_id FROM key_roles WHERE key_id = $1", args![row])
}

/// Ends every secret of a key but the newest.
pub(super) fn end_overlap(tx: &mut Transaction<'_>, row: u64) -> Result<(), Error> {
    let sql = "DELETE FROM secrets WHERE key_id = $1 AND id < (SELECT max(id) FROM secrets WHERE key_id = $1)";
    tx.session.run(sql, args![row]).map(drop)
}
