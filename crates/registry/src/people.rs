//! People whom an identity provider vouches for. They act as everybody else does, with a key of the management realm: each sign-in has one made for it,
//! with the roles and the scope that the operator gives such people, and it is gone when the sign-in ends.
//!
//! Each person is an owner in the org [`ORG`]: whoever disables it locks them out, now and at their next sign-in. The log names the provider and the
//! provider's name for them with each key that is made.

use edgelatch_core::hex::Hex;
use edgelatch_core::key::KeyId;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::limits::{MAX_ISSUER_BYTES, MAX_SUBJECT_BYTES, SESSION_LIFE, SESSIONS_OF_KEY};
use crate::management::REALM;
use crate::model::{Caller, Created, Description, Handover, Name, NewKey, NewOrg, NewOwner, Owner, OwnerKind, Scope, Slug};
use crate::registry::Registry;
use crate::store::{Statements, args};

/// The org of the management realm that they belong to.
pub const ORG: &str = "people";
/// What the names of those begin with who act for a sign-in. Nobody else is called so: others are key ids, or begin with `cli:`.
const ACTOR: &str = "oidc:";

/// Seconds in which a sign-in is there once its key is.
const MAKING_SECONDS: u64 = 60;

/// Somebody, as an identity provider knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    issuer: String,
    subject: String,
    /// What they are called.
    name: Name,
}

/// What a person may do where.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Roles of the management realm.
    pub roles: Vec<Slug>,
    /// Its services: realms, and orgs of them.
    pub scope: Scope,
}

impl Person {
    /// The one whom `issuer` calls `subject`. What they are called is what somebody typed: where it is no name, the subject stands for it.
    pub fn new(issuer: &str, subject: &str, name: Option<&str>) -> Result<Person, Error> {
        let sound = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        };
        if !sound(issuer, MAX_ISSUER_BYTES) {
            return Err(Error::invalid("issuer", format!("must be 1 to {MAX_ISSUER_BYTES} visible ASCII characters")));
        }
        if !sound(subject, MAX_SUBJECT_BYTES) {
            return Err(Error::invalid("subject", format!("must be 1 to {MAX_SUBJECT_BYTES} visible ASCII characters")));
        }
        let named = [name, Some(subject)].into_iter().flatten().find_map(|text| Name::parse("name", text).ok());
        let name = named.map_or_else(|| Name::parse("name", "somebody"), Ok)?;
        Ok(Person { issuer: issuer.into(), subject: subject.into(), name })
    }

    /// The owner that stands for them: nobody else, at this provider or at another one, has the same.
    pub fn owner(&self) -> Result<Slug, Error> {
        let mut hash = Sha256::new();
        hash.update((self.issuer.len() as u64).to_le_bytes());
        hash.update(&self.issuer);
        hash.update(&self.subject);
        let digest = hash.finalize();
        Slug::parse("owner", &format!("oidc-{}", Hex(digest.get(..20).unwrap_or_default())))
    }

    /// As the log names them.
    fn actor(&self) -> Result<Name, Error> {
        let whole = Name::parse("actor", &format!("{ACTOR}{} at {}", self.subject, self.issuer));
        whole.or_else(|_| Name::parse("actor", &format!("{ACTOR}{}", self.owner()?)))
    }
}

/// Everybody whom an identity provider vouches for.
#[derive(Clone, Copy, Debug)]
pub struct People<'r>(&'r Registry);

impl Registry {
    /// People whom an identity provider vouches for.
    pub fn people(&self) -> People<'_> {
        People(self)
    }
}

impl People<'_> {
    /// Makes the key of a sign-in, which ends with the longest one. None for somebody who was locked out. Keys of their sign-ins that have ended
    /// are taken away, and the oldest if there are too many.
    pub fn key(&self, person: &Person, grant: &Grant) -> Result<Option<Created>, Error> {
        let (realm, org): (Slug, Slug) = (REALM.parse()?, ORG.parse()?);
        let caller = Caller::new(person.actor()?);
        let owner = self.owner(&realm, &org, person, &caller)?;
        if owner.disabled {
            return Ok(None);
        }
        self.sweep(&realm, &caller, &owner.owner, SESSIONS_OF_KEY.saturating_sub(1))?;
        let mut salt = [0; 4];
        self.0.env.random(&mut salt)?;
        // Names are there once in an org, and one person may sign in on two machines.
        let name = Name::parse("name", &format!("{} {}", person.name, Hex(&salt)));
        let name = name.or_else(|_| Name::parse("name", &format!("Sign-in {}", Hex(&salt))))?;
        let mut key = NewKey::new(org, name);
        key.owner = Some(owner.owner);
        key.description = Description::parse("description", &format!("Signed in at {} as {}", person.issuer, person.subject))?;
        (key.roles, key.scope) = (grant.roles.clone(), grant.scope.clone());
        key.expires_at = Some(self.0.env.now()?.saturating_add(SESSION_LIFE));
        self.0.keys(&realm).create(&caller, &key, Handover::default())?.created().map(Some)
    }

    /// The owner that stands for somebody, who is here for the first time perhaps.
    fn owner(&self, realm: &Slug, org: &Slug, person: &Person, caller: &Caller) -> Result<Owner, Error> {
        let (tenants, owner) = (self.0.tenants(realm), person.owner()?);
        match tenants.owner(org, &owner) {
            Err(Error::NotFound { .. }) => {}
            found => return found,
        }
        let there = |made: Result<(), Error>| match made {
            Err(Error::Exists { .. }) => Ok(()),
            other => other,
        };
        let new = NewOrg { org: org.clone(), name: Name::parse("name", "People")?, preset: None };
        there(tenants.create_org(caller, &new).map(drop))?;
        let (kind, name) = (OwnerKind::User, person.name.clone());
        let new = NewOwner { org: org.clone(), owner: owner.clone(), kind, name, roles: Vec::new() };
        there(tenants.create_owner(caller, &new).map(drop))?;
        tenants.owner(org, &owner)
    }

    /// Takes away what sign-ins of a person have left behind: keys of those that have ended, and all but the `keep` newest.
    fn sweep(&self, realm: &Slug, caller: &Caller, owner: &Slug, keep: u64) -> Result<(), Error> {
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

    /// Somebody else may have taken it away at this moment.
    fn gone(&self, retired: Result<(), Error>) -> Result<(), Error> {
        match retired {
            Err(Error::NotFound { .. }) => Ok(()),
            other => other,
        }
    }
}
