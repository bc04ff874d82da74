//! Keys are made, or taken over by their digests.

use edgelatch_core::key::{self, KeyId};
use zeroize::Zeroizing;

use super::once::Idempotency;
use super::rows::{Secret, changed, insert_key, insert_parts, insert_secret, role_ids};
use super::rules::{check_new, checked};
use crate::audit::{Target, logged};
use crate::directory;
use crate::error::Error;
use crate::model::{Caller, Changed, Created, Digest, Keep, NewKey, Once, Prefix, Slug, future};
use crate::registry::Registry;
use crate::store::args;
use crate::tenants::{OrgRow, owner_id};
use crate::transaction::{Act, touch};

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
    pub(crate) fn issue(&self, prefix: &Prefix) -> Result<Zeroizing<String>, Error> {
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
        directory::add_role_set(act.session, act.realm, org.id, &roles)?;
        directory::add_scope(act.session, act.realm, org.id, &new.scope)?;
        act.check_limits(org)?;
        Ok(key_id)
    }

    pub(crate) fn key_id(&self) -> Result<KeyId, Error> {
        let mut id = [0; 8];
        self.env.random(&mut id)?;
        Ok(KeyId(u64::from_le_bytes(id)))
    }
}
