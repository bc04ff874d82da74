//! The key of a sign-in at an identity provider: made when it begins, and taken away when it ends.

use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;

use super::{ACTOR, Grant, ORG, People, Person, salted};
use crate::audit::Target;
use crate::error::Error;
use crate::keys::Loaded;
use crate::limits::{SESSION_LIFE, SESSIONS_OF_KEY};
use crate::management::REALM;
use crate::model::{Caller, Created, Description, Handover, NewKey, NewOwner, Owner, OwnerKind, Slug};
use crate::store::{Statements, args};

/// Seconds in which a sign-in is there once its key is.
const MAKING_SECONDS: u64 = 60;

impl People<'_> {
    /// Makes the key of a sign-in, which ends with the longest one: with what the operator grants such people or, where that is nothing, what they were
    /// invited to. None for somebody who was neither, or who was locked out. Keys of their sign-ins that have ended are taken away, and the oldest
    /// if there are too many.
    pub fn key(&self, person: &Person, granted: Option<&Grant>) -> Result<Option<Created>, Error> {
        let (realm, org): (Slug, Slug) = (REALM.parse()?, ORG.parse()?);
        let caller = Caller::new(person.actor()?);
        let (owner, grant, until) = match granted {
            Some(grant) => (self.owner(&realm, &org, person, &caller)?, grant.clone(), None),
            None => match self.invited(person, &caller)? {
                Some((owner, key)) => (owner, Grant { roles: key.roles, scope: key.scope }, key.expires_at),
                None => return Ok(None),
            },
        };
        if owner.disabled {
            return Ok(None);
        }
        self.sweep(&realm, &caller, &owner.owner, SESSIONS_OF_KEY.saturating_sub(1))?;
        // One person may sign in on two machines.
        let name = salted(self.0, &person.name, "Sign-in")?;
        let mut key = NewKey::new(org, name);
        key.owner = Some(owner.owner);
        key.description = Description::parse("description", &format!("Signed in at {} as {}", person.issuer, person.subject))?;
        (key.roles, key.scope) = (grant.roles.clone(), grant.scope.clone());
        let longest = self.0.env.now()?.saturating_add(SESSION_LIFE);
        key.expires_at = Some(until.map_or(longest, |until| longest.min(until)));
        self.0.keys(&realm).create(&caller, &key, Handover::default())?.created().map(Some)
    }

    /// The owner that stands for somebody, who is here for the first time perhaps.
    fn owner(&self, realm: &Slug, org: &Slug, person: &Person, caller: &Caller) -> Result<Owner, Error> {
        let (tenants, owner) = (self.0.tenants(realm), person.owner()?);
        match tenants.owner(org, &owner) {
            Err(Error::NotFound { .. }) => {}
            found => return found,
        }
        self.establish(caller)?;
        let new = NewOwner {
            org: org.clone(),
            owner: owner.clone(),
            kind: OwnerKind::User,
            name: person.name.clone(),
            roles: Vec::new(),
        };
        match tenants.create_owner(caller, &new) {
            // Somebody signs in on two machines at this moment.
            Ok(_) | Err(Error::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
        tenants.owner(org, &owner)
    }

    /// Takes away what sign-ins of a person have left behind: keys of those that have ended, and all but the `keep` newest.
    pub(super) fn sweep(&self, realm: &Slug, caller: &Caller, owner: &Slug, keep: u64) -> Result<(), Error> {
        // One that is being made has no sign-in yet.
        let before = self.0.env.now()?.saturating_sub(MAKING_SECONDS);
        let sql = "SELECT k.key_id, k.created_at, (SELECT count(*) FROM console_sessions s WHERE s.key_id = k.key_id) FROM keys k \
                   JOIN orgs o ON o.id = k.org_id JOIN owners w ON w.id = k.owner_id \
                   WHERE o.slug = $1 AND w.slug = $2 AND k.created_by LIKE 'oidc:%' ORDER BY k.created_at DESC, k.id DESC";
        let all: Vec<(KeyId, u64, u64)> = self.0.store.reading(|session| session.all(sql, args![ORG, owner.as_str()]))?;
        let over =
            all.into_iter().enumerate().filter(|(at, (_, made, open))| *at as u64 >= keep || (*open == 0 && *made <= before));
        for (_, (key_id, _, _)) in over {
            self.gone(self.0.keys(realm).retire(caller, key_id))?;
            self.0.sign_ins().end_all(&key_id.to_string())?;
        }
        Ok(())
    }

    /// Ends the key of a sign-in, or those of all sign-ins of whoever it was made for; whether it was made for one at all.
    pub fn leave(&self, key_id: KeyId, everywhere: bool) -> Result<bool, Error> {
        let realm: Slug = REALM.parse()?;
        let key = match self.0.keys(&realm).get(key_id) {
            Ok(key) if key.created_by.as_str().starts_with(ACTOR) && key.org.as_str() == ORG => key,
            Ok(_) | Err(Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let caller = Caller::holding(key_id)?;
        match everywhere {
            true => self.sweep(&realm, &caller, &key.owner, 0)?,
            false => {
                self.gone(self.0.keys(&realm).retire(&caller, key_id))?;
                self.0.sign_ins().end_all(&key_id.to_string())?;
            }
        }
        Ok(true)
    }

    /// Notes that somebody has signed in with a key, and from where.
    pub fn signed_in(&self, key_id: KeyId, address: Option<Ip>) -> Result<(), Error> {
        let caller = Caller::holding(key_id)?;
        let caller = address.map_or(caller.clone(), |address| caller.from_address(address));
        self.within(|realm| {
            realm.change(&caller, |change| {
                let (Loaded { key, .. }, _) = change.key(key_id, None)?;
                let sql = "UPDATE people SET signed_in_at = $1 WHERE owner_id IN (SELECT owner_id FROM keys WHERE realm_id = $2 AND key_id = $3)";
                change.run(sql, args![change.now, change.tx.realm, key_id.to_string()])?;
                change.log("key.sign_in", &Target::key(&key), None, None)
            })
        })
    }

    /// Somebody else may have taken it away at this moment.
    fn gone(&self, retired: Result<(), Error>) -> Result<(), Error> {
        match retired {
            Err(Error::NotFound { .. }) => Ok(()),
            other => other,
        }
    }
}
