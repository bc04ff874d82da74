//! Somebody is invited, and comes: by the invitation's link, or by signing in with the address that was invited.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_core::hex::Hex;
use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{ACTOR, Member, ORG, People, Person, Place, salted};
use crate::audit::Target;
use crate::error::{Error, Kind};
use crate::grants::Grant;
use crate::held::Held;
use crate::keys::{Loaded, make, renew};
use crate::limits::{LINK_LIFE, MAX_LINK_LIFE, MAX_PEOPLE};
use crate::management::REALM;
use crate::model::{
    Caller, Created, Description, Email, Key, Name, NewKey, NewOwner, Owner, OwnerKind, Slug, State, format_time, future,
};
use crate::registry::Registry;
use crate::store::{Statements, args, columns, fields};
use crate::tenants::{find_owner, make_owner};
use crate::transaction::{Change, Transaction};

/// Random bytes of a link: nobody guesses one.
const LINK_BYTES: usize = 32;

/// Whom to invite, and to what.
#[derive(Clone, Debug)]
pub struct Invite {
    /// What they are called.
    pub name: Name,
    /// Their address: whoever signs in at an identity provider that vouches for it is the one who was invited.
    pub email: Option<Email>,
    /// What they may do: roles of the management realm.
    pub roles: Vec<Slug>,
    /// Until when the invitation counts, in Unix seconds; a week unless said.
    pub until: Option<u64>,
}

/// An invitation that was made.
#[derive(derive_more::Debug)]
pub struct Invitation {
    /// Who was invited.
    pub person: Member,
    /// What the link ends with. It is kept nowhere else.
    #[debug(skip)]
    pub link: Zeroizing<String>,
}

/// What a new link ends with.
pub(super) fn drawn(registry: &Registry) -> Result<Zeroizing<String>, Error> {
    let mut link = Zeroizing::new([0; LINK_BYTES]);
    registry.env.random(&mut *link)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*link)))
}

/// Until when a new link counts.
pub(super) fn link_end(given: Option<u64>, now: u64) -> Result<u64, Error> {
    let until = given.unwrap_or(now + LINK_LIFE);
    future("expires_at", until, now)?;
    if until > now + MAX_LINK_LIFE {
        let days = MAX_LINK_LIFE / 86_400;
        let reason = format!("is more than {days} days away: a link lies where others may find it");
        return Err(Error::invalid("expires_at", reason));
    }
    Ok(until)
}

/// What the registry knows a link by.
pub(super) fn digest(link: &str) -> [u8; 32] {
    Sha256::digest(link.as_bytes()).into()
}

/// An address as it is compared.
pub(super) fn same(email: &Email) -> String {
    email.as_str().to_ascii_lowercase()
}

/// An invitation that is open.
struct Open {
    owner: Slug,
    key_id: KeyId,
    by_key: Option<KeyId>,
    by_owner: Option<u64>,
}

columns! {
    OPEN: Open = { owner = "w.slug", key_id = "p.key_id", by_key: Option<KeyId> = "p.by_key", by_owner: Option<u64> = "p.by_owner" }
        => Open { owner, key_id, by_key, by_owner }
}

const FROM: &str = "FROM people p JOIN owners w ON w.id = p.owner_id WHERE";

impl People<'_> {
    /// Invites somebody to a place that the caller has been admitted to, with roles that are the caller's to give. The link is in the answer.
    pub fn invite(&self, caller: &Caller, place: &Place, new: &Invite) -> Result<Invitation, Error> {
        match &place.org {
            Some(org) if place.realm.as_str() != REALM => caller.check(org, Kind::Org, org.as_str())?,
            _ => caller.check_realm()?,
        }
        self.0.realm(&place.realm)?;
        place.org.as_ref().map_or(Ok(()), |org| self.0.tenants(&place.realm).org(org).map(drop))?;
        let (caller, org): (_, Slug) = (caller.elsewhere(), ORG.parse()?);
        self.establish(&caller)?;
        let (mut id, link) = ([0; 8], drawn(self.0)?);
        self.0.env.random(&mut id)?;
        let owner = NewOwner {
            org: org.clone(),
            owner: Slug::parse("owner", &format!("person-{}", Hex(&id)))?,
            kind: OwnerKind::User,
            name: new.name.clone(),
            roles: Vec::new(),
        };
        let mut key = NewKey::new(org, salted(self.0, &new.name, "Invitation")?);
        key.owner = Some(owner.owner.clone());
        key.description = Description::parse("description", &format!("Invited by {}", caller.actor()))?;
        (key.roles, key.scope) = (new.roles.clone(), place.scope()?);
        self.within(|realm| {
            realm.change(&caller, |change| {
                let until = link_end(new.until, change.now)?;
                let sql = "SELECT count(*) FROM people WHERE realm = $1 AND coalesce(org, '') = $2";
                let org = place.org.as_ref().map_or("", Slug::as_str);
                if change.count(sql, args![place.realm.as_str(), org])? >= MAX_PEOPLE {
                    let mend = "remove people who do not come any more";
                    return Err(Error::LimitReached {
                        field: "name".into(),
                        limit: MAX_PEOPLE,
                        what: "people of one place",
                        mend,
                    });
                }
                let (row, made_owner) = make_owner(change, &owner)?;
                // Nobody gets to see this secret: the one that the link gives is another one.
                let made = make(change, &key)?;
                let (by_key, by_owner) = bound_of(change)?;
                let invited = fields! {
                    owner_id: row, key_id: made.key.key_id.to_string(), realm: place.realm.as_str(),
                    org: place.org.as_ref().map(Slug::as_str), email: new.email.as_ref().map(same),
                    invited_by: change.caller.actor().as_str(), by_key: by_key.map(|id| id.to_string()), by_owner: by_owner,
                    invited_at: change.now, link: &digest(&link)[..], link_until: until,
                };
                change.add("people", invited)?;
                let said = json!({
                    "name": new.name, "email": new.email, "realm": place.realm, "org": place.org, "roles": new.roles,
                    "key_id": made.key.key_id.to_string(), "link_until": format_time(until),
                });
                change.log("person.invite", &Target::person(&made_owner), None, Some(said))
            })
        })?;
        Ok(Invitation { person: self.get(&owner.owner)?, link })
    }

    /// Gives whoever has the link of an invitation the secret of the key that it made. Once: a link that was used counts no more.
    pub fn accept(&self, link: &str, address: Option<Ip>) -> Result<Created, Error> {
        let caller = |owner: &Slug| {
            let caller = Caller::new(Name::parse("actor", &format!("invitation:{owner}"))?);
            Ok::<_, Error>(address.map_or(caller.clone(), |address| caller.from_address(address)))
        };
        let found = self.within(|realm| {
            let now = realm.now()?;
            realm.read(|tx| linked(tx, link, now))
        })?;
        let caller = caller(&found.ok_or(Error::LinkEnded)?.owner)?;
        self.within(|realm| {
            realm.change(&caller, |change| {
                let now = change.now;
                let found = linked(&mut change.tx, link, now)?.ok_or(Error::LinkEnded)?;
                let (owner, Loaded { row, key, .. }, settings) = come(change, &found)?;
                let made = renew(change, (row, key.key_id), &settings, 0)?;
                let sql = "UPDATE people SET link = NULL, accepted_at = $2 WHERE key_id = $1";
                change.run(sql, args![key.key_id.to_string(), now])?;
                let said = json!({ "key_id": key.key_id.to_string() });
                change.log("person.accept", &Target::person(&owner), None, Some(said))?;
                Ok(made)
            })
        })
    }

    /// Who somebody was invited as, and the key that says what they may do: whom the provider's name for them is known of, or else whose address
    /// was invited and is theirs, who is known by that name from then on.
    pub(super) fn invited(&self, person: &Person, caller: &Caller) -> Result<Option<(Owner, Key)>, Error> {
        let known = "p.issuer = $1 AND p.subject = $2";
        let (issuer, subject) = (person.issuer.as_str(), person.subject.as_str());
        let found =
            self.within(|realm| realm.read(|tx| tx.one(OPEN.select(&format!("{FROM} {known}")), args![issuer, subject])))?;
        if let Some(Open { owner, key_id, .. }) = found {
            return self.within(|realm| {
                let (owner, key) =
                    (self.0.tenants(realm.realm).owner(&ORG.parse()?, &owner)?, self.0.keys(realm.realm).get(key_id)?);
                Ok(Some((owner, key)).filter(|(_, key)| key.state == State::Active))
            });
        }
        let Some(email) = person.email.as_ref().map(same) else { return Ok(None) };
        let rest =
            format!("{FROM} p.email = $1 AND p.link IS NOT NULL AND p.link_until > $2 ORDER BY p.invited_at, w.id LIMIT 1");
        let invited = self.within(|realm| {
            let now = realm.now()?;
            realm.read(|tx| Ok(tx.one(OPEN.select(&rest), args![email.as_str(), now])?.is_some()))
        })?;
        if !invited {
            return Ok(None);
        }
        let came = self.within(|realm| {
            realm.change(caller, |change| {
                let found = change.one(OPEN.select(&rest), args![email.as_str(), change.now])?;
                let Some(found) = found else { return Ok(None) };
                let (owner, Loaded { row, key, .. }, _) = come(change, &found)?;
                change.check_grant(Grant::Key(row))?;
                let sql = "UPDATE people SET link = NULL, accepted_at = $2, issuer = $3, subject = $4 WHERE key_id = $1";
                change.run(sql, args![key.key_id.to_string(), change.now, issuer, subject])?;
                let said = json!({ "issuer": issuer, "subject": subject });
                change.log("person.accept", &Target::person(&owner), None, Some(said))?;
                Ok(Some((owner, key)))
            })
        });
        match came {
            // What the inviter may not give any more is nobody's.
            Err(Error::LinkEnded | Error::Exceeds { .. }) => Ok(None),
            came => came,
        }
    }
}

/// What bounds an invitation while it is open: the caller's key or, where that is a sign-in's and gone with it, who they are and what they were
/// invited with themselves.
pub(super) fn bound_of(change: &mut Change<'_>) -> Result<(Option<KeyId>, Option<u64>), Error> {
    let Some(key_id) = change.caller.key() else { return Ok((None, None)) };
    let sql = "SELECT owner_id, created_by FROM keys WHERE realm_id = $1 AND key_id = $2";
    let found: Option<(u64, String)> = change.one(sql, args![change.tx.realm, key_id.to_string()])?;
    match found {
        Some((owner, by)) if by.starts_with(ACTOR) => {
            Ok((change.one("SELECT key_id FROM people WHERE owner_id = $1", args![owner])?, Some(owner)))
        }
        _ => Ok((Some(key_id), None)),
    }
}

/// The invitation that a link is for which counts now.
fn linked(tx: &mut Transaction<'_>, link: &str, now: u64) -> Result<Option<Open>, Error> {
    tx.one(OPEN.select(&format!("{FROM} p.link = $1 AND p.link_until > $2")), args![&digest(link)[..], now])
}

/// The key of an invitation that is open, as whoever comes by it may have it: from here on the change may grant what the inviter may grant now.
fn come(change: &mut Change<'_>, open: &Open) -> Result<(Owner, Loaded, crate::model::Settings), Error> {
    let (realm, now) = (change.tx.realm.0, change.now);
    if let Some(inviter) = open.by_owner {
        let sql = "SELECT count(*) FROM owners WHERE id = $1 AND disabled = 0";
        if change.count(sql, args![inviter])? == 0 {
            return Err(Error::LinkEnded);
        }
    }
    if let Some(key_id) = open.by_key {
        change.held = Some(Held::by_caller(change, realm, key_id, now)?);
    }
    let (_, owner) = find_owner(&mut change.tx, &ORG.parse()?, &open.owner)?;
    let (loaded, org) = change.key(open.key_id, None)?;
    if owner.disabled || loaded.key.state != State::Active {
        return Err(Error::LinkEnded);
    }
    Ok((owner, loaded, org.settings))
}
