//! Who there is: who was invited, who came, and whom an identity provider vouches for.

use std::collections::BTreeMap;

use serde::Serialize;

use super::place::Place;
use super::{ORG, People};
use crate::error::{Error, Kind};
use crate::management::REALM;
use crate::model::{Email, Name, Slug, rfc3339, words};
use crate::store::{Statements, args, columns};
use crate::transaction::Transaction;

words! {
    /// How it stands with somebody.
    MemberState {
        /// They were invited, and have not come yet.
        Invited = "invited",
        /// They have not come in time: the invitation counts no more.
        Over = "over",
        /// They may do what stands there.
        Active = "active",
        /// They are locked out, or their key has ended.
        Disabled = "disabled",
    }
}

/// Somebody who was invited, or whom an identity provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Member {
    /// Their identifier: that of the owner who stands for them in the management realm's org `people`.
    pub person: Slug,
    /// What they are called.
    pub name: Name,
    /// The address that was invited, if one was.
    pub email: Option<Email>,
    /// Where they may act: this realm. None for whom the server's rules for an identity provider let in, who may act where these say.
    pub realm: Option<Slug>,
    /// The realm's org; none for all of it.
    pub org: Option<Slug>,
    /// What they may do: roles of the management realm. Of whom the server's rules let in, those of their last sign-in.
    pub roles: Vec<Slug>,
    /// How it stands with them.
    pub state: MemberState,
    /// The key that says what they may do, and that they call with if they have come by a link.
    #[schema(pattern = "^key_[0-9A-Za-z]{11}$")]
    pub key_id: Option<String>,
    /// Who invited them.
    pub invited_by: Option<String>,
    /// Until when the invitation counts, while it is open.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub link_until: Option<u64>,
    /// When they came.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub accepted_at: Option<u64>,
    /// Whether they sign in at an identity provider.
    pub by_provider: bool,
    /// When they last signed in to the console.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub signed_in_at: Option<u64>,
    /// Rises with every change of what they may do; 0 for whom the server's rules let in.
    pub revision: u64,
}

impl Member {
    /// Whether they are the concern of whoever may act in a place. An org is one of its realm, whatever orgs of others are called; so whom other realms have
    /// invited is the concern of whoever may act in the whole realm of management keys, and not of who may in an org of it.
    pub fn is_within(&self, place: &Place) -> bool {
        match &place.org {
            None => place.realm.as_str() == REALM || self.realm.as_ref() == Some(&place.realm),
            Some(_) => self.realm.as_ref() == Some(&place.realm) && self.org == place.org,
        }
    }
}

/// A row, without what follows from others.
struct Row {
    owner: u64,
    member: Member,
    is_usable: bool,
    /// When the key ends that says what they may do.
    ends_at: Option<u64>,
}

columns! {
    ROW: Row = {
        owner = "w.id", person: Slug = "w.slug", name: Name = "w.name", disabled: bool = "w.disabled", email: Option<Email> = "p.email", realm: Option<Slug> = "r.slug",
        org: Option<Slug> = "q.slug", key_id: Option<String> = "p.key_id", invited_by: Option<String> = "p.invited_by",
        link_until: Option<u64> = "CASE WHEN p.link IS NOT NULL THEN p.link_until END", accepted_at: Option<u64> = "p.accepted_at",
        issuer: Option<String> = "p.issuer", signed_in_at: Option<u64> = "p.signed_in_at",
        revoked_at: Option<u64> = "k.revoked_at", expires_at: Option<u64> = "k.expires_at", found: Option<u64> = "k.id",
        revision: u64 = "coalesce(k.revision, 0)"
    } => {
        let by_provider = issuer.is_some() || key_id.is_none();
        let is_usable = !disabled && (key_id.is_none() || (found.is_some() && revoked_at.is_none()));
        let member = Member {
            person, name, email, realm, org, roles: Vec::new(), state: MemberState::Active, key_id, invited_by, link_until, accepted_at, by_provider,
            signed_in_at, revision,
        };
        Row { owner, member, is_usable, ends_at: expires_at }
    }
}

const FROM: &str = "FROM owners w JOIN orgs o ON o.id = w.org_id LEFT JOIN people p ON p.owner_id = w.id \
                    LEFT JOIN realms r ON r.id = p.realm_id LEFT JOIN orgs q ON q.id = p.org_id \
                    LEFT JOIN keys k ON k.realm_id = o.realm_id AND k.key_id = p.key_id WHERE o.realm_id = $1 AND o.slug = $2";

/// What is known of rows that no row of theirs says: roles, and when whoever a rule lets in has signed in.
fn whole(tx: &mut Transaction<'_>, rows: Vec<Row>, now: u64) -> Result<Vec<Member>, Error> {
    // Of keys in their order, the last one counts; of whoever was invited, the one of the invitation is the first.
    let sql = "SELECT k.owner_id, k.key_id, k.created_at, r.slug FROM keys k JOIN orgs o ON o.id = k.org_id \
               LEFT JOIN key_roles x ON x.key_id = k.id LEFT JOIN roles r ON r.id = x.role_id \
               WHERE o.realm_id = $1 AND o.slug = $2 ORDER BY k.id, r.slug";
    let mut of_keys: BTreeMap<u64, BTreeMap<String, (u64, Vec<Slug>)>> = BTreeMap::new();
    let mut last: BTreeMap<u64, String> = BTreeMap::new();
    let realm = tx.realm;
    tx.each(sql, args![realm, ORG], |(owner, key_id, made, role): (u64, String, u64, Option<Slug>)| {
        last.insert(owner, key_id.clone());
        of_keys.entry(owner).or_default().entry(key_id).or_insert((made, Vec::new())).1.extend(role);
        Ok(())
    })?;
    let member = |Row { owner, mut member, is_usable, ends_at }: Row| {
        let key = member.key_id.as_ref().or(last.get(&owner));
        if let Some((made, roles)) = key.and_then(|key| of_keys.get(&owner)?.get(key)) {
            member.roles.clone_from(roles);
            member.signed_in_at = member.signed_in_at.or_else(|| member.key_id.is_none().then_some(*made));
        }
        member.state = match member.link_until {
            _ if !is_usable || ends_at.is_some_and(|at| at <= now) => MemberState::Disabled,
            Some(until) if until <= now => MemberState::Over,
            Some(_) => MemberState::Invited,
            None => MemberState::Active,
        };
        member
    };
    Ok(rows.into_iter().map(member).collect())
}

impl People<'_> {
    /// Who was invited to a realm or to one org of it, by name; of the realm of management keys, everybody.
    pub fn list(&self, place: &Place) -> Result<Vec<Member>, Error> {
        self.within(|realm| {
            let now = realm.now()?;
            realm.read(|tx| {
                let mut values = args![tx.realm, ORG].to_vec();
                let mut rest = FROM.to_owned();
                if place.realm.as_str() != REALM || place.org.is_some() {
                    rest += " AND r.slug = $3";
                    values.push(place.realm.as_str().into());
                }
                if let Some(org) = &place.org {
                    rest += " AND q.slug = $4";
                    values.push(org.as_str().into());
                }
                let rows = tx.all(ROW.select(&format!("{rest} ORDER BY w.name, w.id")), &values)?;
                whole(tx, rows, now)
            })
        })
    }

    /// One of them.
    pub fn get(&self, person: &Slug) -> Result<Member, Error> {
        self.within(|realm| {
            let now = realm.now()?;
            realm.read(|tx| {
                let rows = tx.all(ROW.select(&format!("{FROM} AND w.slug = $3")), args![tx.realm, ORG, person.as_str()])?;
                whole(tx, rows, now)?.pop().ok_or_else(|| Error::missing(Kind::Person, person.as_str()))
            })
        })
    }
}
