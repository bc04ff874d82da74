//! Somebody is invited, and comes by the invitation's link.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_core::hex::Hex;
use edgelatch_core::ip::Ip;
use serde_json::json;
use zeroize::Zeroizing;

use super::open::{bound_of, check_only, come, digest, linked};
use super::{Member, ORG, People, Place, salted};
use crate::audit::Target;
use crate::error::{Error, Kind};
use crate::keys::{Loaded, make, renew, tidy};
use crate::limits::{LINK_LIFE, MAX_LINK_LIFE, MAX_PEOPLE};
use crate::management::REALM;
use crate::model::{Caller, Created, Description, Email, Name, NewKey, NewOwner, OwnerKind, Slug, format_time, future};
use crate::registry::Registry;
use crate::store::{Statements, args, fields};
use crate::tenants::make_owner;

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

/// An address as it is compared.
pub(super) fn same(email: &Email) -> String {
    email.as_str().to_ascii_lowercase()
}

impl People<'_> {
    /// Invites somebody to a place that the caller has been admitted to, with roles that are the caller's to give. The link is in the answer. An address
    /// has one open invitation to a place.
    pub fn invite(&self, caller: &Caller, place: &Place, new: &Invite) -> Result<Invitation, Error> {
        match &place.org {
            Some(org) if place.realm.as_str() != REALM => caller.check(org, Kind::Org, org.as_str())?,
            _ => caller.check_realm()?,
        }
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
        let key = tidy(&key)?;
        self.within(|realm| {
            realm.change(&caller, |change| {
                let until = link_end(new.until, change.now)?;
                let (of_realm, of_org) = place.rows(change)?;
                let sql = "SELECT count(*) FROM people WHERE realm_id = $1 AND coalesce(org_id, 0) = $2";
                if change.count(sql, args![of_realm, of_org.unwrap_or(0)])? >= MAX_PEOPLE {
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
                    owner_id: row, key_id: made.key.key_id.to_string(), realm_id: of_realm, org_id: of_org, email: new.email.as_ref().map(same),
                    invited_by: change.caller.actor().as_str(), by_key: by_key.map(|id| id.to_string()), by_owner: by_owner,
                    invited_at: change.now, link: &digest(&link)[..], link_until: until,
                };
                change.add("people", invited)?;
                check_only(change, row)?;
                let said = json!({
                    "name": new.name, "email": new.email, "realm": place.realm, "org": place.org, "roles": key.roles,
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
}
