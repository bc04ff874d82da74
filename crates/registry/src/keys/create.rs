//! Keys are made, or taken over by their digests.

use edgelatch_core::build::Table;
use edgelatch_core::key::{self, KeyId};
use zeroize::Zeroizing;

use super::Keys;
use super::rows::{Secret, environment_of, ip_rows, new_row, role_rows, roles, service_rows, tag_rows, terms_of};
use super::rules::{check_new, tidy};
use super::terms::{enter, maker};
use super::total::turn;
use crate::audit::{Target, logged};
use crate::directory::{Numbers, granted, policy, role_set, scope, swap};
use crate::error::Error;
use crate::grants::Grant;
use crate::journal::What;
use crate::limits::IDEMPOTENCY_SECONDS;
use crate::model::{
    Caller, Changed, Created, Digest, Handover, Idempotency, IpRules, NewKey, Once, Origin, Prefix, Slug, future,
};
use crate::registry::Env;
use crate::store::{Statements, args, fields};
use crate::tenants::{OrgRow, owner_id};
use crate::transaction::Change;

impl Keys<'_> {
    /// Makes a key. Its secret is in the answer, and nowhere else but where `handover` puts it.
    pub fn create(&self, caller: &Caller, new: &NewKey, mut handover: Handover<'_>) -> Result<Once, Error> {
        let new = tidy(new)?;
        self.0.change(caller, |change| {
            if let Some(key_id) = change.repeated(handover.once)? {
                return Ok(Once::Repeated(Box::new(change.key(key_id, None)?.0.key)));
            }
            let made = make(change, &new)?;
            change.remember(handover.once, made.key.key_id)?;
            handover.put(&made.secret)?;
            Ok(Once::Done(Box::new(made)))
        })
    }

    /// Takes over a key by its SHA-256, and marks the realm as holding imports.
    pub fn import(&self, caller: &Caller, new: &NewKey, digest: &Digest) -> Result<Changed, Error> {
        let (new, env) = (tidy(new)?, &self.0.registry.env);
        self.0.change(caller, |change| {
            let (org, ip) = admit(change, &new, Origin::Imported)?;
            let made = (new_key_id(env)?, Origin::Imported);
            let changed = insert(change, &org, made, (&new, &ip), &Secret::imported(digest))?;
            change.check_limits(&org)?;
            hold_imports(change)?;
            change.log("key.import", &Target::key(&changed.key), None, logged(&changed.key))?;
            Ok(changed)
        })
    }
}

/// Makes a key, and logs it.
pub(crate) fn make(change: &mut Change<'_>, new: &NewKey) -> Result<Created, Error> {
    let (org, ip) = admit(change, new, Origin::Issued)?;
    let secret = issue(change.env, &org.settings.prefix)?;
    let made = (new_key_id(change.env)?, Origin::Issued);
    let Changed { key, warnings, .. } = insert(change, &org, made, (new, &ip), &Secret::issued(&secret))?;
    change.check_limits(&org)?;
    change.log("key.create", &Target::key(&key), None, logged(&key))?;
    Ok(Created { key, secret, warnings })
}

/// Marks the realm as holding imports.
pub(crate) fn hold_imports(change: &mut Change<'_>) -> Result<(), Error> {
    match change.run("UPDATE realms SET imports = 1 WHERE id = $1 AND imports = 0", args![change.tx.realm])? {
        0 => Ok(()),
        _ => change.tx.touch(What::Settings),
    }
}

/// The org of a new key that it has room for, and the key's IP rules there.
fn admit(change: &mut Change<'_>, new: &NewKey, origin: Origin) -> Result<(OrgRow, IpRules), Error> {
    let org = change.org(&new.org)?;
    if let Some(at) = new.expires_at {
        future("expires_at", at, change.now)?;
    }
    let ip = check_new(&org.settings, new, change.now, origin)?;
    Ok((org, ip))
}

/// Adds a key and counts what it takes up. Whether its org may have one more is asked by whoever makes one, and not where a key is there already,
/// for edges.
pub(crate) fn insert(
    change: &mut Change<'_>,
    org: &OrgRow,
    (key_id, origin): (KeyId, Origin),
    (new, ip): (&NewKey, &IpRules),
    secret: &Secret,
) -> Result<Changed, Error> {
    let owner = owner_id(&mut change.tx, org.id, new.owner.as_ref())?;
    let roles = roles(&mut change.tx, org, &new.roles)?;
    let granted = granted(&mut change.tx, org.settings.authority, owner, roles.iter().map(|role| role.number))?;
    let numbers = Numbers {
        role_set: swap(&mut change.tx, org.id, (Table::RoleSets, 0), role_set(granted).as_ref())?,
        scope: swap(&mut change.tx, org.id, (Table::Scopes, 0), scope(&new.scope).as_ref())?,
        policy: swap(&mut change.tx, org.id, (Table::Policies, 0), policy(ip).as_ref())?,
    };
    let key = new_row(change, (org, owner), key_id, (new, ip), origin).and(numbers.fields());
    let row = change.add_new("key_rows", key)?.ok_or_else(|| Error::NameTaken { name: new.name.to_string() })?;
    secret.add(change, row)?;
    change.add_all("key_roles", role_rows(row, &roles))?;
    change.add_all("key_services", service_rows(row, &new.scope))?;
    change.add_all("key_ips", ip_rows(row, ip))?;
    change.add_all("key_tags", tag_rows(row, &new.tags))?;
    let environment = environment_of(&org.settings, new.environment.as_ref()).map(Slug::as_str);
    let mut terms =
        terms_of((&new.name, &new.description), &new.tags, roles.iter().map(|role| role.id), environment, &new.scope);
    terms.insert(maker(change.caller.actor().as_str()));
    enter(&mut change.tx, [(row, terms)])?;
    turn(&mut change.tx, org.id, None, Some(false))?;
    change.check_grant(Grant::Key(row))?;
    change.tx.touch(What::Key(row))?;
    let mut changed = Changed::done(change.reload(key_id)?, &org.settings);
    changed.warnings.extend(change.unknown_services(org, &new.scope, numbers.scope)?);
    Ok(changed)
}

/// A new key's text. Bytes that a failing source left behind never become a key.
pub(super) fn issue(env: &Env, prefix: &Prefix) -> Result<Zeroizing<String>, Error> {
    let prefix = key::Prefix::parse(prefix.as_str()).map_err(|e| Error::invalid("prefix", e.to_string()))?;
    let mut failure = None;
    let text = key::issue(&prefix, &mut |bytes| {
        if let Err(error) = env.random(bytes) {
            bytes.fill(0);
            failure = Some(error);
        }
    });
    failure.map_or(Ok(text), Err)
}

pub(crate) fn new_key_id(env: &Env) -> Result<KeyId, Error> {
    let mut id = [0; 8];
    env.random(&mut id)?;
    Ok(KeyId(u64::from_le_bytes(id)))
}

/// Requests that may come twice: a client that lost the answer asks again with the same idempotency key, and is told what was made,
/// without the secret.
impl Change<'_> {
    /// The key that this request made or rotated before.
    pub(super) fn repeated(&mut self, once: Option<&Idempotency>) -> Result<Option<KeyId>, Error> {
        let Some(once) = once else { return Ok(None) };
        let oldest = self.now.saturating_sub(IDEMPOTENCY_SECONDS);
        self.run("DELETE FROM idempotency WHERE created_at < $1", args![oldest])?;
        let sql = "SELECT request, key_id FROM idempotency WHERE realm_id = $1 AND actor = $2 AND token = $3";
        let values = args![self.tx.realm, self.caller.actor().as_str(), &*once.token];
        match self.one::<([u8; 32], KeyId)>(sql, values)? {
            Some((request, _)) if request != once.request => Err(Error::Repeated),
            found => Ok(found.map(|(_, key)| key)),
        }
    }

    /// Notes what this request made or rotated.
    pub(super) fn remember(&mut self, once: Option<&Idempotency>, key: KeyId) -> Result<(), Error> {
        let Some(once) = once else { return Ok(()) };
        let row = fields! {
            realm_id: self.tx.realm, actor: self.caller.actor().as_str(), token: &*once.token, request: &once.request[..],
            key_id: key.to_string(), created_at: self.now,
        };
        self.add("idempotency", row)
    }
}
