//! A key's life: created or imported, edited, revoked. Each operation is one transaction.

use edgelatch_core::key::{self, KeyId};
use zeroize::Zeroizing;

use super::views::{Loaded, load};
use crate::digest::Digest;
use crate::error::{Error, Kind};
use crate::ip_rules::{ALLOW_MODES, IpEntry, IpRules, ORDERS, word};
use crate::limits::{MAX_KEY_ROLES, MAX_KEY_SERVICES};
use crate::model::{Changed, Created, Key, KeyEdit, NewKey, Origin, Scope, State};
use crate::registry::{RealmId, Registry, org_id, owner_id, realm_id, role_id, touch};
use crate::store::{Session, args};
use crate::text::{Service, Slug};
use crate::time::future;
use crate::warning::Warning;

/// What the secrets table takes of a key's text.
struct Secret {
    digest: [u8; 32],
    first_12: Option<String>,
    masked: Option<String>,
    origin: Origin,
}

impl Registry {
    /// Makes a key. Its secret is in the answer and nowhere else.
    pub fn create_key(&self, realm: &Slug, new: &NewKey) -> Result<Created, Error> {
        let prefix = key::Prefix::parse(self.realm(realm)?.prefix.as_str());
        let prefix = prefix.map_err(|e| Error::invalid("prefix", e.to_string()))?;
        let text = self.issue(&prefix)?;
        let secret = Secret {
            digest: key::digest(text.as_bytes()),
            first_12: Some(key::first_12(&text)),
            masked: Some(key::masked(&text)),
            origin: Origin::Issued,
        };
        let Changed { key, warnings, .. } = self.insert(realm, new, &secret)?;
        Ok(Created { key, secret: text, warnings })
    }

    /// Takes over a key by its SHA-256, and marks the realm as holding imports.
    pub fn import_key(&self, realm: &Slug, new: &NewKey, digest: &Digest) -> Result<Changed, Error> {
        let secret = Secret { digest: *digest.bytes(), first_12: None, masked: None, origin: Origin::Imported };
        self.insert(realm, new, &secret)
    }

    /// Changes a key. An edit that changes nothing writes nothing.
    pub fn edit_key(&self, realm: &Slug, key_id: KeyId, edit: &KeyEdit) -> Result<Changed, Error> {
        let now = self.env.now()?;
        if let Some(Some(at)) = edit.expires_at {
            future("expires", at, now)?;
        }
        self.store.writing(|session| {
            let realm = realm_id(session, realm)?;
            let Loaded { row, org, key: old } = load(session, realm, key_id, now)?;
            let mut key = edited(&old, edit)?;
            check_times(key.not_before, key.expires_at)?;
            let roles = key.roles.iter().map(|role| role_id(session, realm, org, role)).collect::<Result<Vec<_>, _>>()?;
            if key == old {
                return Ok(changed(old, false));
            }
            (key.updated_at, key.revision) = (now, old.revision + 1);
            let sql = "UPDATE keys SET name = $2, description = $3, scope_all = $4, allow_mode = $5, ip_order = $6, \
                       not_before = $7, expires_at = $8, metadata = $9, updated_at = $10, revision = $11 WHERE id = $1";
            let (mode, order) = ip_words(&key.ip);
            let texts = (key.name.as_str(), key.description.as_str(), key.metadata.as_str());
            let all = key.scope == Scope::All;
            let values =
                args![row, texts.0, texts.1, all, mode, order, key.not_before, key.expires_at, texts.2, now, key.revision];
            session.run(sql, values)?;
            for table in ["key_roles", "key_services", "key_ips"] {
                session.run(&format!("DELETE FROM {table} WHERE key_id = $1"), args![row])?;
            }
            insert_parts(session, row, &roles, &key.scope, &key.ip)?;
            touch(session, realm)?;
            load(session, realm, key_id, now).map(|loaded| changed(loaded.key, true))
        })
    }

    /// Revokes a key. Revoking a revoked key changes nothing.
    pub fn revoke_key(&self, realm: &Slug, key_id: KeyId) -> Result<Changed, Error> {
        let now = self.env.now()?;
        self.store.writing(|session| {
            let realm = realm_id(session, realm)?;
            let Loaded { row, key, .. } = load(session, realm, key_id, now)?;
            if key.revoked_at.is_some() {
                return Ok(Changed { key, changed: false, warnings: Vec::new() });
            }
            let sql = "UPDATE keys SET revoked_at = $2, updated_at = $2, revision = revision + 1 WHERE id = $1";
            session.run(sql, args![row, now])?;
            touch(session, realm)?;
            let key = load(session, realm, key_id, now)?.key;
            Ok(Changed { key, changed: true, warnings: Vec::new() })
        })
    }

    /// A new key's text. Bytes that a failing source left behind never become a key.
    fn issue(&self, prefix: &key::Prefix) -> Result<Zeroizing<String>, Error> {
        let mut failure = None;
        let text = key::issue(prefix, &mut |bytes| {
            if let Err(error) = self.env.random(bytes) {
                bytes.fill(0);
                failure = Some(error);
            }
        });
        failure.map_or(Ok(text), Err)
    }

    fn insert(&self, realm: &Slug, new: &NewKey, secret: &Secret) -> Result<Changed, Error> {
        let now = self.env.now()?;
        if let Some(at) = new.expires_at {
            future("expires", at, now)?;
        }
        check_times(new.not_before, new.expires_at)?;
        let (slugs, scope) = (unique_roles(&new.roles)?, unique_services(&new.scope)?);
        let mut id = [0; 8];
        self.env.random(&mut id)?;
        let key_id = KeyId(u64::from_le_bytes(id));
        self.store.writing(|session| {
            let realm = realm_id(session, realm)?;
            let org = org_id(session, realm, &new.org)?;
            let owner = owner_id(session, org, &new.owner)?;
            let roles = slugs.iter().map(|role| role_id(session, realm, org, role)).collect::<Result<Vec<_>, _>>()?;
            let sql = "INSERT INTO keys (key_id, realm_id, org_id, owner_id, name, description, origin, scope_all, allow_mode, \
                       ip_order, not_before, expires_at, metadata, created_at, updated_at) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14) RETURNING id";
            let (id, (mode, order)) = (key_id.to_string(), ip_words(&new.ip));
            let texts = (new.name.as_str(), new.description.as_str(), new.metadata.as_str());
            let (origin, all) = (secret.origin.word(), scope == Scope::All);
            let times = (new.not_before, new.expires_at);
            let values =
                args![&*id, realm.0, org, owner, texts.0, texts.1, origin, all, mode, order, times.0, times.1, texts.2, now];
            let exists = || Error::Exists { kind: Kind::Key, id: id.clone() };
            let row = session.row(sql, values, |row| row.int(0)).map_err(|e| e.or_unique(exists))?;
            let row = row.ok_or_else(|| Error::Store { detail: "a new key got no row".into() })?;
            insert_secret(session, realm, row, secret, now)?;
            insert_parts(session, row, &roles, &scope, &new.ip)?;
            if secret.origin == Origin::Imported {
                session.run("UPDATE realms SET imports = 1 WHERE id = $1", args![realm.0])?;
            }
            touch(session, realm)?;
            load(session, realm, key_id, now).map(|loaded| changed(loaded.key, true))
        })
    }
}

fn insert_secret(session: &mut dyn Session, realm: RealmId, row: u64, secret: &Secret, now: u64) -> Result<(), Error> {
    let sql = "INSERT INTO secrets (key_id, realm_id, digest, first_12, masked, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    let (first_12, masked) = (secret.first_12.as_deref(), secret.masked.as_deref());
    let values = args![row, realm.0, &secret.digest[..], first_12, masked, now];
    session.run(sql, values).map(|_| ()).map_err(|e| e.or_unique(|| Error::DigestTaken))
}

/// What other tables hold of a key.
fn insert_parts(session: &mut dyn Session, row: u64, roles: &[u64], scope: &Scope, ip: &IpRules) -> Result<(), Error> {
    for role in roles {
        session.run("INSERT INTO key_roles (key_id, role_id) VALUES ($1, $2)", args![row, *role])?;
    }
    if let Scope::List(services) = scope {
        for service in services {
            session.run("INSERT INTO key_services (key_id, service) VALUES ($1, $2)", args![row, service.as_str()])?;
        }
    }
    for (list, entries) in [("allow", ip.allow()), ("deny", ip.deny())] {
        for (position, IpEntry { cidr, enabled, note }) in (0u64..).zip(entries) {
            let sql = "INSERT INTO key_ips (key_id, list, position, cidr, enabled, note) VALUES ($1, $2, $3, $4, $5, $6)";
            session.run(sql, args![row, list, position, cidr.to_string(), *enabled, note.as_str()])?;
        }
    }
    Ok(())
}

fn edited(old: &Key, edit: &KeyEdit) -> Result<Key, Error> {
    let mut key = old.clone();
    key.ip = old.ip.edited(&edit.ip)?;
    if let Some(roles) = &edit.roles {
        key.roles = unique_roles(roles)?;
    }
    if let Some(scope) = &edit.scope {
        key.scope = unique_services(scope)?;
    }
    macro_rules! take {
        ($($field:ident),*) => { $(if let Some(value) = &edit.$field { key.$field = value.clone(); })* };
    }
    take!(name, description, not_before, expires_at, metadata);
    Ok(key)
}

fn changed(key: Key, changed: bool) -> Changed {
    let mut warnings = key.ip.warnings();
    if key.roles.is_empty() {
        warnings.push(Warning::NoRoles);
    }
    if key.state == State::Expired {
        warnings.push(Warning::Expired);
    }
    Changed { key, changed, warnings }
}

fn ip_words(ip: &IpRules) -> (&'static str, &'static str) {
    (word(&ALLOW_MODES, ip.allow_mode()), word(&ORDERS, ip.order()))
}

fn check_times(not_before: Option<u64>, expires_at: Option<u64>) -> Result<(), Error> {
    match (not_before, expires_at) {
        // Both zeros would mean "no bound" in a snapshot.
        (Some(0), _) | (_, Some(0)) => Err(Error::invalid("not_before", "is the first second of 1970; leave it out")),
        (Some(start), Some(end)) if start >= end => {
            Err(Error::invalid("not_before", "is not before the expiry; give an earlier start or a later expiry"))
        }
        _ => Ok(()),
    }
}

fn unique_roles(roles: &[Slug]) -> Result<Vec<Slug>, Error> {
    sorted(roles, "role", MAX_KEY_ROLES)
}

fn unique_services(scope: &Scope) -> Result<Scope, Error> {
    match scope {
        Scope::All => Ok(Scope::All),
        Scope::List(services) if services.is_empty() => {
            Err(Error::invalid("scope", "is an empty list; name services, or say `all`"))
        }
        Scope::List(services) => sorted::<Service>(services, "scope", MAX_KEY_SERVICES).map(Scope::List),
    }
}

fn sorted<T: Clone + Ord>(given: &[T], field: &str, limit: usize) -> Result<Vec<T>, Error> {
    let mut list = given.to_vec();
    list.sort_unstable();
    list.dedup();
    if list.len() > limit {
        return Err(Error::invalid(field, format!("{} are more than the limit of {limit}", list.len())));
    }
    Ok(list)
}
