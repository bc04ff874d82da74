//! Invitations that are open, and what bounds them until somebody comes.

use edgelatch_core::key::KeyId;
use sha2::{Digest, Sha256};

use super::{ACTOR, ORG, vouched};
use crate::error::{Error, Kind};
use crate::grants::Grant;
use crate::held::Held;
use crate::keys::Loaded;
use crate::model::{Owner, Settings, Slug, State};
use crate::store::{Statements, args, columns};
use crate::tenants::find_owner;
use crate::transaction::{Change, Transaction};

/// An invitation, as whoever comes finds it.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) owner: Slug,
    pub(super) key_id: KeyId,
    /// Where it is for.
    pub(super) realm: Slug,
    pub(super) org: Option<Slug>,
    /// Whether nobody has come by it yet.
    pub(super) is_open: bool,
    by_key: Option<KeyId>,
    by_owner: Option<u64>,
}

columns! {
    OPEN: Open = {
        owner = "w.slug", key_id = "p.key_id", realm = "r.slug", org: Option<Slug> = "q.slug", is_open = "p.link IS NOT NULL",
        by_key: Option<KeyId> = "p.by_key", by_owner: Option<u64> = "p.by_owner"
    } => Open { owner, key_id, realm, org, is_open, by_key, by_owner }
}

/// Only to what is there: a realm that was deleted keeps its row.
const FROM: &str = "FROM people p JOIN owners w ON w.id = p.owner_id JOIN realms r ON r.id = p.realm_id AND r.deleted_at IS NULL \
                    LEFT JOIN orgs q ON q.id = p.org_id WHERE";

/// What the registry knows a link by.
pub(super) fn digest(link: &str) -> [u8; 32] {
    Sha256::digest(link.as_bytes()).into()
}

/// The invitation that a link is for which counts now.
pub(super) fn linked(tx: &mut Transaction<'_>, link: &str, now: u64) -> Result<Option<Open>, Error> {
    tx.one(OPEN.select(&format!("{FROM} p.link = $1 AND p.link_until > $2")), args![&digest(link)[..], now])
}

/// What somebody may come by whom a provider knows by this name and, if it vouches for one, by this address: invitations that they came by before, and
/// those that are open, in the order in which they were made.
pub(super) fn ways(
    tx: &mut Transaction<'_>,
    (issuer, subject): (&str, &str),
    email: Option<&str>,
    now: u64,
) -> Result<Vec<Open>, Error> {
    let test = "((p.issuer = $1 AND p.subject = $2) OR (p.email = $3 AND p.link IS NOT NULL AND p.link_until > $4))";
    tx.all(OPEN.select(&format!("{FROM} {test} ORDER BY p.invited_at, w.id")), args![issuer, subject, email, now])
}

/// The key of an invitation, as whoever comes by it may have it. Of one that is open, the change may grant from here on what the inviter may grant now.
pub(super) fn come(change: &mut Change<'_>, open: &Open) -> Result<(Owner, Loaded, Settings), Error> {
    change.held = if open.is_open { bound(change, open)? } else { None };
    let (_, owner) = find_owner(&mut change.tx, &ORG.parse()?, &open.owner)?;
    let (loaded, org) = change.key(open.key_id, None)?;
    if owner.disabled || loaded.key.state != State::Active {
        return Err(Error::LinkEnded);
    }
    if open.is_open {
        change.check_grant(Grant::Key(loaded.row))?;
    }
    Ok((owner, loaded, org.settings))
}

/// What the inviter may grant at this moment; none for whoever acted on the machine itself.
fn bound(change: &mut Change<'_>, open: &Open) -> Result<Option<Held>, Error> {
    let (realm, now) = (change.tx.realm.0, change.now);
    if let Some(inviter) = open.by_owner {
        let sql = "SELECT count(*) FROM owners WHERE id = $1 AND disabled = 0";
        if change.count(sql, args![inviter])? == 0 {
            return Err(Error::LinkEnded);
        }
    }
    Ok(match (open.by_key, open.by_owner) {
        (Some(key_id), _) => Some(Held::by_caller(change, realm, key_id, now)?),
        (None, Some(inviter)) => Some(vouched::held(&mut change.tx, inviter, now)?),
        (None, None) => None,
    })
}

/// Refuses a second open invitation of one address to one place: whoever comes by it would have to be asked between two that look alike, and whoever may
/// invite there could make their sign-in as long as they like.
pub(super) fn check_only(change: &mut Change<'_>, owner: u64) -> Result<(), Error> {
    let sql = "SELECT w.slug FROM people own JOIN people p ON p.email = own.email AND p.realm_id = own.realm_id \
               AND coalesce(p.org_id, 0) = coalesce(own.org_id, 0) AND p.owner_id <> own.owner_id \
               JOIN owners w ON w.id = p.owner_id WHERE own.owner_id = $1 AND p.link IS NOT NULL AND p.link_until > $2 LIMIT 1";
    let Some(other) = change.one::<String>(sql, args![owner, change.now])? else { return Ok(()) };
    let reason = "was invited here with this address, and has not come yet: give them another link, or remove them first";
    Err(Error::WrongState { kind: Kind::Person, id: other, reason: reason.into() })
}

/// What bounds an invitation while it is open: the caller's key or, where that is a sign-in's and gone with it, who they are and what they were
/// invited with themselves, if it was not a rule that let them in.
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
