//! A key that is found by its secret: what whoever found a text wants to know, which may be one. Whoever asks has hashed it; a text never comes here.

use serde::Serialize;

use super::Keys;
use super::load::load_rows;
use super::revoke::revoke;
use super::rows::Secret;
use crate::error::{Error, Kind};
use crate::model::{Caller, Changed, Digest, Key, Revocation, format_time, words};
use crate::store::{Statements, args, columns};
use crate::tenants::OrgRow;
use crate::transaction::{Change, Transaction};

words! {
    /// Which of a key's secrets was found.
    SecretKind {
        /// The one that it has.
        Current = "current",
        /// The one before, which lives beside the new one for a time.
        Overlapping = "overlapping",
        /// The one before, whose time is over.
        Ended = "ended",
    }
}

/// A key, and which of its secrets was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FoundKey {
    /// The key.
    pub key: Key,
    /// Which of its secrets that is.
    pub secret_kind: SecretKind,
}

/// A secret, by its row.
pub(crate) struct FoundSecret {
    pub(crate) id: u64,
    pub(crate) key: u64,
    ends: Option<u64>,
    /// When it was reported to be public.
    pub(crate) leaked_at: Option<u64>,
}

columns! {
    SECRET: FoundSecret = { id = "s.id", key = "s.key_id", ends = "s.expires_at", leaked_at = "s.leaked_at" }
        => FoundSecret { id, key, ends, leaked_at }
}

impl FoundSecret {
    /// The secret of this digest.
    pub(crate) fn find(tx: &mut Transaction<'_>, digest: &Digest) -> Result<Option<FoundSecret>, Error> {
        // The first half of the test is the index's.
        let rest = "FROM secrets s JOIN keys k ON k.id = s.key_id \
                    WHERE s.realm_id = $1 AND substr(s.digest, 1, 16) = $2 AND s.digest IN ($3, $4)";
        // Of a secret that was taken over from a published tree, its beginning is all that is known.
        let known = Secret::published(digest.beginning());
        let values = args![tx.realm, digest.beginning(), &digest.bytes()[..], &known.digest()[..]];
        tx.one(SECRET.select(rest), values)
    }

    pub(crate) fn kind(&self, now: u64) -> SecretKind {
        match self.ends {
            None => SecretKind::Current,
            Some(at) if now < at => SecretKind::Overlapping,
            Some(_) => SecretKind::Ended,
        }
    }

    /// Its key.
    pub(crate) fn load(&self, tx: &mut Transaction<'_>, now: u64) -> Result<Key, Error> {
        let found = load_rows(tx, &[self.key], now)?.into_iter().next();
        found.map(|loaded| loaded.key).ok_or(Error::SecretUnknown)
    }
}

/// Revokes the key of a secret in the way of its org; returns whether it is gone.
pub(crate) fn revoke_found(change: &mut Change<'_>, found: &FoundSecret, key: &Key, org: &OrgRow) -> Result<bool, Error> {
    revoke(change, found.key, key, org)?;
    Ok(org.settings.revocation == Revocation::Delete)
}

impl Keys<'_> {
    /// The key that has a secret, if it is `visible` to whoever asks: to others it is as unknown as one that does not exist.
    pub fn find_by_secret(&self, digest: &Digest, visible: impl Fn(&Key) -> bool) -> Result<FoundKey, Error> {
        let now = self.0.now()?;
        self.0.read(|tx| {
            let found = FoundSecret::find(tx, digest)?.ok_or(Error::SecretUnknown)?;
            let key = found.load(tx, now)?;
            if visible(&key) { Ok(FoundKey { secret_kind: found.kind(now), key }) } else { Err(Error::SecretUnknown) }
        })
    }

    /// Revokes the key that has a secret, in the way of its org. One whose key has got another since, and whose time is over, is no reason to.
    pub fn revoke_by_secret(&self, caller: &Caller, digest: &Digest) -> Result<Changed, Error> {
        self.0.change(caller, |change| {
            let now = change.now;
            let found = FoundSecret::find(&mut change.tx, digest)?.ok_or(Error::SecretUnknown)?;
            let key = found.load(&mut change.tx, now)?;
            if change.caller.org().is_some_and(|own| *own != key.org) {
                return Err(Error::SecretUnknown);
            }
            if let (SecretKind::Ended, Some(at)) = (found.kind(now), found.ends) {
                let reason = format!("this secret of it ended {}, and nothing is left of it to revoke", format_time(at));
                return Err(Error::WrongState { kind: Kind::Key, id: key.key_id.to_string(), reason });
            }
            if key.revoked_at.is_some() {
                return Ok(Changed { key, changed: false, deleted: false, warnings: Vec::new() });
            }
            let org = change.org(&key.org)?;
            let deleted = revoke_found(change, &found, &key, &org)?;
            let key = if deleted { key } else { change.reload(key.key_id)? };
            Ok(Changed { key, changed: true, deleted, warnings: Vec::new() })
        })
    }
}
