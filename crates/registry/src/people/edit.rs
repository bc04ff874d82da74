//! What somebody was invited to is changed, and whoever has not come yet gets another link.
//!
//! Who does so stands in for the inviter from then on: the invitation gives what they may still grant when somebody comes.

use edgelatch_core::key::KeyId;
use serde_json::json;

use super::invite::{Invitation, drawn, link_end};
use super::open::{bound_of, check_only, digest};
use super::place::Place;
use super::{ACTOR, Member, ORG, People};
use crate::audit::Target;
use crate::error::{Error, Kind};
use crate::grants::Grant;
use crate::held::Held;
use crate::keys::{Loaded, put};
use crate::model::{Caller, Key, Owner, Slug, State, format_time, unique_roles};
use crate::store::{Statements, args};
use crate::tenants::find_owner;
use crate::transaction::{Change, check_revision};

/// Somebody who was invited, as a change finds them.
struct Found {
    /// The row of the owner who stands for them.
    row: u64,
    owner: Owner,
    /// The key that says what they may do.
    key_id: KeyId,
    /// Whether the invitation's link was neither used nor taken back; it may have ended.
    has_link: bool,
}

fn wrong_state(person: &Slug, reason: &str) -> Error {
    Error::WrongState { kind: Kind::Person, id: person.to_string(), reason: reason.into() }
}

impl Found {
    fn of(change: &mut Change<'_>, person: &Slug) -> Result<Found, Error> {
        let (row, owner) = find_owner(&mut change.tx, &ORG.parse()?, person)?;
        let sql = "SELECT key_id, link IS NOT NULL FROM people WHERE owner_id = $1";
        let Some((key_id, has_link)) = change.one(sql, args![row])? else {
            let reason = "was invited by nobody: what they may do follows from the server's rules for the identity provider";
            return Err(wrong_state(person, reason));
        };
        Ok(Found { row, owner, key_id, has_link })
    }

    /// From here on the caller is the one who invites.
    fn bind(&self, change: &mut Change<'_>) -> Result<(), Error> {
        let (by_key, by_owner) = bound_of(change)?;
        let sql = "UPDATE people SET invited_by = $2, by_key = $3, by_owner = $4 WHERE owner_id = $1 AND link IS NOT NULL";
        let by_key = by_key.map(|id| id.to_string());
        change.run(sql, args![self.row, change.caller.actor().as_str(), by_key, by_owner]).map(drop)
    }
}

/// Gives a key these roles instead of its own, and returns it as it was if that differs.
fn give(change: &mut Change<'_>, key_id: KeyId, roles: &[Slug]) -> Result<Option<Key>, Error> {
    let (loaded, org) = change.key(key_id, None)?;
    let old = loaded.key.clone();
    if old.roles == roles {
        return Ok(None);
    }
    put(change, loaded, &org, Key { roles: roles.to_vec(), ..old.clone() })?;
    Ok(Some(old))
}

/// Takes from a key of somebody what they do not hold themselves any more by the key of their invitation, whoever made it for them.
fn bring_down(change: &mut Change<'_>, key_id: KeyId, own: KeyId) -> Result<(), Error> {
    let (own, _) = change.key(own, None)?;
    let (loaded, org) = change.key(key_id, None)?;
    let [holds, asked] = [own.row, loaded.row].map(|row| Held::by_key(change, row));
    let (Some(holds), Some(asked)) = (holds?, asked?) else { return Ok(()) };
    if holds.lacks(&asked).is_none() {
        return Ok(());
    }
    let old = loaded.key.clone();
    let keeps_scope = holds.lacks(&Held::of(Vec::new(), old.scope.clone())).is_none();
    let scope = if keeps_scope { old.scope.clone() } else { own.key.scope };
    put(change, loaded, &org, Key { roles: own.key.roles, scope, ..old })?;
    Ok(())
}

impl People<'_> {
    /// Somebody who is the caller's to change.
    pub(super) fn reached(&self, caller: &Caller, place: &Place, person: &Slug) -> Result<Member, Error> {
        let found = self.get(person)?;
        let place = Place { org: caller.org().or(place.org.as_ref()).cloned(), realm: place.realm.clone() };
        if found.is_within(&place) { Ok(found) } else { Err(Error::missing(Kind::Person, person.as_str())) }
    }

    /// Changes what somebody who was invited may do, at once also where they are signed in. Keys that others have made for them are brought down to what
    /// they hold from then on, and never gain by it. An edit that changes nothing writes nothing.
    pub fn edit(
        &self,
        caller: &Caller,
        place: &Place,
        person: &Slug,
        roles: &[Slug],
        if_revision: Option<u64>,
    ) -> Result<Member, Error> {
        self.reached(caller, place, person)?;
        let roles = unique_roles(roles)?;
        if roles.is_empty() {
            return Err(Error::invalid("roles", "is empty: remove whoever may do nothing any more"));
        }
        let caller = caller.elsewhere();
        self.within(|realm| {
            realm.change(&caller, |change| {
                let found = Found::of(change, person)?;
                let revision = change.key(found.key_id, None)?.0.key.revision;
                check_revision(if_revision, revision, Kind::Person, person.as_str())?;
                let Some(old) = give(change, found.key_id, &roles)? else { return Ok(()) };
                let sql = "SELECT key_id, created_by FROM keys WHERE owner_id = $1 ORDER BY id";
                let all: Vec<(KeyId, String)> = change.all(sql, args![found.row])?;
                for (key_id, by) in all.into_iter().filter(|(key_id, _)| *key_id != found.key_id) {
                    // Keys of sign-ins have what the invitation's key had when they were made.
                    if by.starts_with(ACTOR) {
                        give(change, key_id, &roles)?;
                    } else {
                        bring_down(change, key_id, found.key_id)?;
                    }
                }
                found.bind(change)?;
                let (before, after) = (json!({ "roles": old.roles }), json!({ "roles": roles }));
                change.log("person.edit", &Target::person(&found.owner), Some(before), Some(after))
            })
        })?;
        self.get(person)
    }

    /// Gives an invitation that is open or over another link, which counts until then: a week unless said. The one before counts no more.
    pub fn renew(&self, caller: &Caller, place: &Place, person: &Slug, ends: Option<u64>) -> Result<Invitation, Error> {
        self.reached(caller, place, person)?;
        let caller = caller.elsewhere();
        let link = drawn(self.0)?;
        self.within(|realm| {
            realm.change(&caller, |change| {
                let until = link_end(ends, change.now)?;
                let found = Found::of(change, person)?;
                let (Loaded { row, key, .. }, _) = change.key(found.key_id, None)?;
                let reason = match (found.has_link, found.owner.disabled || key.state != State::Active) {
                    (true, false) => None,
                    (true, true) => {
                        Some("is locked out, or the key of the invitation has ended: remove them and invite them anew")
                    }
                    (false, _) => Some("has come already: a key that is lost gets a new secret by rotating it"),
                };
                if let Some(reason) = reason {
                    return Err(wrong_state(person, reason));
                }
                // Whoever makes the link decides anew what it gives.
                change.check_grant(Grant::Key(row))?;
                let sql = "UPDATE people SET link = $2, link_until = $3 WHERE owner_id = $1";
                change.run(sql, args![found.row, &digest(&link)[..], until])?;
                check_only(change, found.row)?;
                found.bind(change)?;
                let said = json!({ "key_id": found.key_id.to_string(), "link_until": format_time(until) });
                change.log("person.renew", &Target::person(&found.owner), None, Some(said))
            })
        })?;
        Ok(Invitation { person: self.get(person)?, link })
    }
}
