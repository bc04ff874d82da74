//! Somebody comes by an identity provider. The key of a sign-in is made when it begins, and taken away when it ends.

use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use serde_json::json;

use super::gone::end_key;
use super::invite::same;
use super::open::{Open, come, ways};
use super::vouched::note;
use super::{ACTOR, Grant, ORG, People, Person, salted};
use crate::audit::Target;
use crate::error::Error;
use crate::keys::{Loaded, make, tidy};
use crate::limits::{SESSION_LIFE, SESSIONS_OF_KEY};
use crate::model::{Caller, Created, Description, Key, NewKey, NewOwner, Owner, OwnerKind, Scope, Slug};
use crate::store::{Statements, args};
use crate::tenants::{find_owner, make_owner};
use crate::transaction::{Change, Transaction};

/// Seconds in which a sign-in is there once its key is.
const MAKING_SECONDS: u64 = 60;

/// An invitation that somebody may come by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Who they are as whoever was invited.
    pub person: Slug,
    /// Where they may act then: this realm.
    pub realm: Slug,
    /// Its org; none for all of it.
    pub org: Option<Slug>,
    /// What they may do there.
    pub roles: Vec<Slug>,
}

/// What becomes of somebody whom a provider vouches for.
#[derive(Debug)]
pub enum Entry {
    /// They have a key for this sign-in.
    Made(Box<Created>),
    /// They were invited to several places, and must say by which invitation they come.
    Choice(Vec<Way>),
    /// They may do nothing here, or were locked out.
    Nobody,
}

impl Entry {
    /// The key.
    pub fn made(self) -> Option<Created> {
        match self {
            Entry::Made(made) => Some(*made),
            Entry::Choice(_) | Entry::Nobody => None,
        }
    }
}

/// Who somebody is for a sign-in, and what they may do during it.
struct Admitted {
    row: u64,
    owner: Slug,
    roles: Vec<Slug>,
    scope: Scope,
    until: Option<u64>,
}

/// Whoever stands for somebody, if they were here before.
fn known(tx: &mut Transaction<'_>, person: &Person) -> Result<Option<(u64, Owner)>, Error> {
    match find_owner(tx, &ORG.parse()?, &person.owner()?) {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Somebody who has come by an invitation, and is known by their provider's name for them from then on if they are here by it for the first time.
fn arrive(change: &mut Change<'_>, person: &Person, open: &Open, (owner, key): (&Owner, Key)) -> Result<Admitted, Error> {
    if open.is_open {
        let sql = "UPDATE people SET link = NULL, accepted_at = $2, issuer = $3, subject = $4 WHERE key_id = $1";
        let (issuer, subject) = (person.issuer.as_str(), person.subject.as_str());
        change.run(sql, args![key.key_id.to_string(), change.now, issuer, subject])?;
        change.log("person.accept", &Target::person(owner), None, Some(json!({ "issuer": issuer, "subject": subject })))?;
    }
    let (row, _) = find_owner(&mut change.tx, &owner.org, &owner.owner)?;
    Ok(Admitted { row, owner: owner.owner.clone(), roles: key.roles, scope: key.scope, until: key.expires_at })
}

/// What came of the invitations of somebody.
enum Found {
    One(Admitted),
    Several(Vec<Way>),
    None,
}

/// By which of their invitations somebody comes: by the one that was chosen, or the only one that counts now. One that counts no more, such as one whose
/// inviter has lost the right, stands in the way of none that does.
fn invited(change: &mut Change<'_>, person: &Person, chosen: Option<&Slug>) -> Result<Found, Error> {
    let email = person.email.as_ref().map(same);
    let (of, now) = ((person.issuer.as_str(), person.subject.as_str()), change.now);
    let mut counting = Vec::new();
    for open in ways(&mut change.tx, of, email.as_deref(), now)? {
        match come(change, &open) {
            Ok((owner, Loaded { key, .. }, _)) => counting.push((open, owner, key)),
            Err(Error::LinkEnded | Error::Exceeds { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    // What inviters may grant has been asked.
    change.held = None;
    counting.retain(|(open, ..)| chosen.is_none_or(|chosen| open.owner == *chosen));
    let several = counting
        .iter()
        .map(|(open, _, key)| Way {
            person: open.owner.clone(),
            realm: open.realm.clone(),
            org: open.org.clone(),
            roles: key.roles.clone(),
        })
        .collect();
    let mut counting = counting.into_iter();
    match (counting.next(), counting.next()) {
        (None, _) => Ok(Found::None),
        (Some((open, owner, key)), None) => arrive(change, person, &open, (&owner, key)).map(Found::One),
        (Some(_), Some(_)) => Ok(Found::Several(several)),
    }
}

/// Somebody whom a rule lets in, who is here for the first time perhaps; none who was locked out.
fn ruled(change: &mut Change<'_>, person: &Person, granted: &Grant) -> Result<Option<Admitted>, Error> {
    let (row, owner) = match known(&mut change.tx, person)? {
        Some(found) => found,
        None => {
            let new = NewOwner {
                org: ORG.parse()?,
                owner: person.owner()?,
                kind: OwnerKind::User,
                name: person.name.clone(),
                roles: Vec::new(),
            };
            make_owner(change, &new)?
        }
    };
    if owner.disabled {
        return Ok(None);
    }
    note(change, row, &person.issuer, Some(granted))?;
    let Grant { roles, scope, .. } = granted.clone();
    Ok(Some(Admitted { row, owner: owner.owner, roles, scope, until: None }))
}

/// Takes away what sign-ins of a person have left behind: keys of those that have ended, and all but the `keep` newest.
fn sweep(change: &mut Change<'_>, owner: u64, keep: u64) -> Result<(), Error> {
    // One that is being made has no sign-in yet.
    let before = change.now.saturating_sub(MAKING_SECONDS);
    let sql = "SELECT k.key_id, k.created_at, (SELECT count(*) FROM console_sessions s WHERE s.key_id = k.key_id) FROM keys k \
               WHERE k.owner_id = $1 AND k.created_by LIKE 'oidc:%' ORDER BY k.created_at DESC, k.id DESC";
    let all: Vec<(KeyId, u64, u64)> = change.all(sql, args![owner])?;
    let over =
        all.into_iter().enumerate().filter(|(at, (_, made, open))| *at as u64 >= keep || (*open == 0 && *made <= before));
    over.map(|(_, (key_id, ..))| key_id).try_for_each(|key_id| end_key(change, key_id))
}

impl People<'_> {
    /// Makes the key of a sign-in, which ends with the longest one: with what the operator grants such people or, where that is nothing, what they were
    /// invited to, by the invitation that stands for `chosen` where there are several. Nobody comes who was locked out, however they come. Keys of their
    /// sign-ins that have ended are taken away, and the oldest if there are too many. What decides is read and the key is made in one transaction: whoever
    /// is removed meanwhile has none afterwards.
    pub fn key(&self, person: &Person, granted: Option<&Grant>, chosen: Option<&Slug>) -> Result<Entry, Error> {
        let caller = Caller::new(person.actor()?);
        match granted {
            Some(_) => self.establish(&caller)?,
            // Nobody writes for whom nothing is there.
            None if !self.has_ways(person)? => return Ok(Entry::Nobody),
            None => {}
        }
        // One person may sign in on two machines.
        let mut key = NewKey::new(ORG.parse()?, salted(self.0, &person.name, "Sign-in")?);
        key.description = Description::parse("description", &format!("Signed in at {} as {}", person.issuer, person.subject))?;
        self.within(|realm| {
            realm.change(&caller, |change| {
                let admitted = match granted {
                    Some(granted) => ruled(change, person, granted)?.map_or(Found::None, Found::One),
                    None => match known(&mut change.tx, person)? {
                        Some((_, owner)) if owner.disabled => Found::None,
                        was_here => {
                            // No rule gives them anything any more.
                            was_here.map_or(Ok(()), |(row, _)| note(change, row, &person.issuer, None))?;
                            invited(change, person, chosen)?
                        }
                    },
                };
                let admitted = match admitted {
                    Found::One(admitted) => admitted,
                    Found::Several(ways) => return Ok(Entry::Choice(ways)),
                    Found::None => return Ok(Entry::Nobody),
                };
                sweep(change, admitted.row, SESSIONS_OF_KEY.saturating_sub(1))?;
                let Admitted { owner, roles, scope, until, .. } = admitted;
                let longest = change.now.saturating_add(SESSION_LIFE);
                let expires_at = Some(until.map_or(longest, |until| longest.min(until)));
                let new = tidy(&NewKey { owner: Some(owner), roles, scope, expires_at, ..key.clone() })?;
                make(change, &new).map(|made| Entry::Made(Box::new(made)))
            })
        })
    }

    /// Whether somebody may have been invited, or was let in by a rule once.
    fn has_ways(&self, person: &Person) -> Result<bool, Error> {
        let email = person.email.as_ref().map(same);
        let of = (person.issuer.as_str(), person.subject.as_str());
        self.within(|realm| {
            let now = realm.now()?;
            realm.read(|tx| Ok(known(tx, person)?.is_some() || !ways(tx, of, email.as_deref(), now)?.is_empty()))
        })
    }

    /// Ends the key of a sign-in, or those of all sign-ins of whoever it was made for; whether it was made for one at all.
    pub fn leave(&self, key_id: KeyId, everywhere: bool) -> Result<bool, Error> {
        let caller = Caller::holding(key_id)?;
        self.within(|realm| {
            realm.change(&caller, |change| {
                let key = match change.key(key_id, None) {
                    Ok((Loaded { key, .. }, _)) if key.created_by.as_str().starts_with(ACTOR) && key.org.as_str() == ORG => key,
                    Ok(_) | Err(Error::NotFound { .. }) => return Ok(false),
                    Err(error) => return Err(error),
                };
                if everywhere {
                    let (owner, _) = find_owner(&mut change.tx, &key.org, &key.owner)?;
                    sweep(change, owner, 0)?;
                } else {
                    end_key(change, key_id)?;
                }
                Ok(true)
            })
        })
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
}
