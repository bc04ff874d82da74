//! Keys are made, imported and edited. Each operation is one transaction.

use edgelatch_core::key::{self, KeyId};
use edgelatch_core::policy::AllowMode;
use zeroize::Zeroizing;

use super::act::{Act, OrgRow, Target, check_revision, logged};
use super::load::Loaded;
use super::once::Idempotency;
use super::rules::{check_edit, check_ip, check_new};
use crate::caller::Caller;
use crate::digest::Digest;
use crate::error::{Error, Kind};
use crate::ip_rules::{ALLOW_MODES, IpEntry, IpRules, ORDERS, word};
use crate::limits::{MAX_KEY_ROLES, MAX_KEY_SERVICES};
use crate::model::{Changed, Created, Keep, Key, KeyEdit, NewKey, Once, Origin, Scope, State, Status};
use crate::registry::{Registry, owner_id, role_id, touch};
use crate::settings::{Authority, Revocation, Settings};
use crate::store::{Session, Value, args};
use crate::text::{Prefix, Service, Slug};
use crate::time::future;
use crate::warning::Warning;

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

impl Registry {
    /// Makes a key. Its secret is in the answer and nowhere else.
    pub fn create_key(&self, caller: &Caller, realm: &Slug, new: &NewKey) -> Result<Created, Error> {
        match self.create_key_kept(caller, realm, new, None, &mut |_| Ok(()))? {
            Once::Done(created) => Ok(*created),
            Once::Repeated(_) => Err(Error::Repeated),
        }
    }

    /// The same for a request that may come twice.
    pub fn create_key_once(&self, caller: &Caller, realm: &Slug, new: &NewKey, once: &Idempotency) -> Result<Once, Error> {
        self.create_key_kept(caller, realm, new, Some(once), &mut |_| Ok(()))
    }

    /// The same, with the secret handed to `keep` before the key is committed.
    pub fn create_key_kept(
        &self,
        caller: &Caller,
        realm: &Slug,
        new: &NewKey,
        once: Option<&Idempotency>,
        keep: Keep<'_>,
    ) -> Result<Once, Error> {
        let new = checked(new)?;
        self.act(caller, realm, |act| {
            if let Some(key_id) = act.repeated(once)? {
                return Ok(Once::Repeated(Box::new(act.key(key_id)?.0.key)));
            }
            let org = act.org(&new.org)?;
            if let Some(at) = new.expires_at {
                future("expires", at, act.now)?;
            }
            check_new(&org.settings, &new, act.now, false)?;
            let text = self.issue(&org.settings.prefix)?;
            let key_id = self.insert(act, &org, &new, &Secret::issued(&text))?;
            act.remember(once, key_id)?;
            touch(act.session, act.realm)?;
            let Changed { key, warnings, .. } = changed(act.reload(key_id)?, true);
            act.log("key.create", &Target::key(&key), None, logged(&key))?;
            keep(&text)?;
            Ok(Once::Done(Box::new(Created { key, secret: text, warnings })))
        })
    }

    /// Takes over a key by its SHA-256, and marks the realm as holding imports.
    pub fn import_key(&self, caller: &Caller, realm: &Slug, new: &NewKey, digest: &Digest) -> Result<Changed, Error> {
        let new = checked(new)?;
        self.act(caller, realm, |act| {
            let org = act.org(&new.org)?;
            if let Some(at) = new.expires_at {
                future("expires", at, act.now)?;
            }
            check_new(&org.settings, &new, act.now, true)?;
            let key_id = self.insert(act, &org, &new, &Secret::imported(digest))?;
            act.session.run("UPDATE realms SET imports = 1 WHERE id = $1", args![act.realm.0])?;
            touch(act.session, act.realm)?;
            let changed = changed(act.reload(key_id)?, true);
            act.log("key.import", &Target::key(&changed.key), None, logged(&changed.key))?;
            Ok(changed)
        })
    }

    /// A new key's text. Bytes that a failing source left behind never become a key.
    pub(super) fn issue(&self, prefix: &Prefix) -> Result<Zeroizing<String>, Error> {
        let prefix = key::Prefix::parse(prefix.as_str()).map_err(|e| Error::invalid("prefix", e.to_string()))?;
        let mut failure = None;
        let text = key::issue(&prefix, &mut |bytes| {
            if let Err(error) = self.env.random(bytes) {
                bytes.fill(0);
                failure = Some(error);
            }
        });
        failure.map_or(Ok(text), Err)
    }

    fn insert(&self, act: &mut Act<'_>, org: &OrgRow, new: &NewKey, secret: &Secret) -> Result<KeyId, Error> {
        let owner = owner_id(act.session, org.id, &new.owner)?;
        let roles = role_ids(act, org, &new.roles)?;
        let key_id = self.key_id()?;
        let row = insert_key(act, org, owner, key_id, new, secret.origin)?;
        let taken = || Error::NameTaken { name: new.name.to_string() };
        let row = row.ok_or_else(taken)?;
        insert_secret(act, row, secret)?;
        insert_parts(act.session, row, &roles, &new.scope, &new.ip)?;
        act.check_limits(org)?;
        Ok(key_id)
    }

    pub(super) fn key_id(&self) -> Result<KeyId, Error> {
        let mut id = [0; 8];
        self.env.random(&mut id)?;
        Ok(KeyId(u64::from_le_bytes(id)))
    }

    /// Changes a key. An edit that changes nothing writes nothing.
    pub fn edit_key(&self, caller: &Caller, realm: &Slug, key_id: KeyId, edit: &KeyEdit) -> Result<Changed, Error> {
        let now = self.env.now()?;
        if let Some(Some(at)) = edit.expires_at {
            future("expires", at, now)?;
        }
        self.act(caller, realm, |act| {
            let (Loaded { row, key: old, .. }, org) = act.key(key_id)?;
            check_revision(edit.if_revision, old.revision, Kind::Key, &key_id.to_string())?;
            check_edit(&org.settings, edit, act.now)?;
            let mut key = edited(&org.settings, &old, edit)?;
            check_times(key.not_before, key.expires_at)?;
            if !edit.ip.is_empty() {
                check_ip(&org.settings, &key.ip)?;
            }
            key.revoked_at = set_status(&org, &old, edit.status, act.now)?;
            if key == old {
                return Ok(changed(old, false));
            }
            write_row(act, &org, row, &key)?;
            // A name stays with the role that it was given for: the org may have made one of that name since.
            if key.roles != old.roles {
                let roles = role_ids(act, &org, &key.roles)?;
                clear(act.session, "key_roles", row)?;
                insert_roles(act.session, row, &roles)?;
            }
            if key.scope != old.scope {
                clear(act.session, "key_services", row)?;
                insert_services(act.session, row, &key.scope)?;
            }
            if key.ip != old.ip {
                clear(act.session, "key_ips", row)?;
                insert_ips(act.session, row, &key.ip)?;
            }
            if key.revoked_at.is_some() {
                act.end_overlap(row)?;
            }
            // An edit may bring a key back to life: enabled, or past its expiry no more.
            act.check_limits_of_living(&org, &old, &key)?;
            touch(act.session, act.realm)?;
            let mut changed = changed(act.reload(key_id)?, true);
            if old.ip.allow_mode() == AllowMode::List && changed.key.ip.allow_mode() == AllowMode::Any {
                changed.warnings.push(Warning::OpensToAll);
            }
            act.log("key.edit", &Target::key(&changed.key), logged(&old), logged(&changed.key))?;
            Ok(changed)
        })
    }
}

impl Act<'_> {
    fn check_limits_of_living(&mut self, org: &OrgRow, old: &Key, new: &Key) -> Result<(), Error> {
        let now = self.now;
        let lives = |key: &Key| key.revoked_at.is_none() && key.expires_at.is_none_or(|at| at > now);
        if lives(new) && !lives(old) { self.check_limits(org) } else { Ok(()) }
    }

    /// Ends every secret but the newest.
    pub(super) fn end_overlap(&mut self, row: u64) -> Result<(), Error> {
        let sql = "DELETE FROM secrets WHERE key_id = $1 AND id < (SELECT max(id) FROM secrets WHERE key_id = $1)";
        self.session.run(sql, args![row]).map(|_| ())
    }
}

/// When the key was revoked, after an edit of its status.
fn set_status(org: &OrgRow, old: &Key, status: Option<Status>, now: u64) -> Result<Option<u64>, Error> {
    match (status, old.revoked_at, org.settings.revocation) {
        (Some(Status::Revoked), None, Revocation::Delete) => {
            let reason = "revoking a key means deleting it here: delete it".into();
            Err(Error::NotAllowed { field: "status".into(), reason })
        }
        (Some(Status::Revoked), None, _) => Ok(Some(now)),
        (Some(Status::Active), Some(_), Revocation::Reversible) => Ok(None),
        (Some(Status::Active), Some(_), _) => Err(for_good()),
        (_, revoked_at, _) => Ok(revoked_at),
    }
}

pub(super) fn for_good() -> Error {
    Error::NotAllowed { field: "status".into(), reason: "a key is revoked for good here: make another one".into() }
}

/// The name that the key keeps others from having.
pub(super) fn held_name<'k>(org: &OrgRow, key: &'k Key) -> Option<&'k str> {
    (org.settings.unique_names && key.revoked_at.is_none()).then_some(key.name.as_str())
}

fn write_row(act: &mut Act<'_>, org: &OrgRow, row: u64, key: &Key) -> Result<(), Error> {
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
pub(super) const KEY_COLUMNS: [&str; 17] = [
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
pub(super) fn key_values(
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
fn insert_key(
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

fn clear(session: &mut dyn Session, table: &str, row: u64) -> Result<(), Error> {
    session.run(&format!("DELETE FROM {table} WHERE key_id = $1"), args![row]).map(|_| ())
}

/// What other tables hold of a key.
fn insert_parts(session: &mut dyn Session, row: u64, roles: &[u64], scope: &Scope, ip: &IpRules) -> Result<(), Error> {
    insert_roles(session, row, roles)?;
    insert_services(session, row, scope)?;
    insert_ips(session, row, ip)
}

fn insert_roles(session: &mut dyn Session, row: u64, roles: &[u64]) -> Result<(), Error> {
    for role in roles {
        session.run("INSERT INTO key_roles (key_id, role_id) VALUES ($1, $2)", args![row, *role])?;
    }
    Ok(())
}

fn insert_services(session: &mut dyn Session, row: u64, scope: &Scope) -> Result<(), Error> {
    let Scope::List(services) = scope else { return Ok(()) };
    for service in services {
        session.run("INSERT INTO key_services (key_id, service) VALUES ($1, $2)", args![row, service.as_str()])?;
    }
    Ok(())
}

fn insert_ips(session: &mut dyn Session, row: u64, ip: &IpRules) -> Result<(), Error> {
    for (list, entries) in [("allow", ip.allow()), ("deny", ip.deny())] {
        for (position, IpEntry { cidr, enabled, note }) in (0u64..).zip(entries) {
            let sql = "INSERT INTO key_ips (key_id, list, position, cidr, enabled, note) VALUES ($1, $2, $3, $4, $5, $6)";
            session.run(sql, args![row, list, position, cidr.to_string(), *enabled, note.as_str()])?;
        }
    }
    Ok(())
}

/// Rows of a key's roles; none where it has none of its own.
fn role_ids(act: &mut Act<'_>, org: &OrgRow, roles: &[Slug]) -> Result<Vec<u64>, Error> {
    match org.settings.authority {
        Authority::Roles => roles.iter().map(|role| role_id(act.session, act.realm, org.id, role)).collect(),
        Authority::Owner | Authority::Org => Ok(Vec::new()),
    }
}

fn edited(settings: &Settings, old: &Key, edit: &KeyEdit) -> Result<Key, Error> {
    let mut key = old.clone();
    key.ip = old.ip.edited(&edit.ip, settings.empty_allow_list)?;
    if let Some(roles) = &edit.roles {
        key.roles = unique_roles(roles)?;
    }
    if let Some(scope) = &edit.scope {
        key.scope = unique_services(scope)?;
    }
    macro_rules! take {
        ($($field:ident),*) => { $(if let Some(value) = &edit.$field { key.$field = value.clone(); })* };
    }
    take!(name, description, not_before, expires_at, metadata, environment);
    Ok(key)
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

/// A new key with what is listed twice listed once.
pub(super) fn checked(new: &NewKey) -> Result<NewKey, Error> {
    check_times(new.not_before, new.expires_at)?;
    Ok(NewKey { roles: unique_roles(&new.roles)?, scope: unique_services(&new.scope)?, ..new.clone() })
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

pub(super) fn unique_roles(roles: &[Slug]) -> Result<Vec<Slug>, Error> {
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
