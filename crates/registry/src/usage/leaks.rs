//! Reports that a secret stands where everybody can read it: noted, told by an alert, and the key revoked where its org says so.
//!
//! A report may come again, whether its sender repeats it or somebody who overheard it. What it says stays true, so it asks for nothing that it has
//! not asked for before: the alert is raised once, and a key that is revoked stays so.

use serde_json::json;

use crate::audit::Target;
use crate::error::Error;
use crate::keys::{FoundSecret, SecretKind, revoke_found};
use crate::model::{Caller, Digest, Slug};
use crate::outbox::{EventKind, News, raise};
use crate::registry::Registry;
use crate::store::{Statements, args};
use crate::transaction::InRealm;

/// A report. What it holds beside the digest is what its sender says, and is kept as such.
#[derive(Debug)]
pub struct Leak {
    /// Of the text that was found.
    pub digest: Digest,
    /// In what kind of place.
    pub source: Option<String>,
    /// Where.
    pub url: Option<String>,
}

impl Registry {
    /// Takes a report. Returns whether the text is, or was, the secret of a key of any realm.
    pub fn leaked(&self, caller: &Caller, leak: &Leak) -> Result<bool, Error> {
        let sql = "SELECT r.slug FROM realms r JOIN secrets s ON s.realm_id = r.id \
                   WHERE r.deleted_at IS NULL AND substr(s.digest, 1, 16) = $1 AND s.digest = $2 ORDER BY r.id";
        let realms: Vec<Slug> =
            self.store.reading(|session| session.all(sql, args![leak.digest.beginning(), &leak.digest.bytes()[..]]))?;
        realms.iter().try_fold(false, |any, realm| Ok(InRealm { registry: self, realm }.leaked(caller, leak)? || any))
    }
}

impl InRealm<'_> {
    fn leaked(&self, caller: &Caller, leak: &Leak) -> Result<bool, Error> {
        self.change(caller, |change| {
            let now = change.now;
            let Some(found) = FoundSecret::find(&mut change.tx, &leak.digest)? else { return Ok(false) };
            if found.kind(now) == SecretKind::Ended {
                return Ok(true);
            }
            let key = found.load(&mut change.tx, now)?;
            let org = change.org(&key.org)?;
            let first = found.leaked_at.is_none();
            let revokes = org.settings.revoke_leaked && key.revoked_at.is_none();
            if !first && !revokes {
                return Ok(true);
            }
            change.run("UPDATE secrets SET leaked_at = $2 WHERE id = $1 AND leaked_at IS NULL", args![found.id, now])?;
            let (source, url) = (&leak.source, &leak.url);
            change.log("key.leak", &Target::key(&key), None, Some(json!({ "source": source, "url": url })))?;
            if revokes {
                revoke_found(change, &found, &key, &org)?;
            }
            let more = json!({ "source": source, "url": url, "revoked": revokes || key.revoked_at.is_some() });
            raise(&mut change.tx, change.env, now, News::of(EventKind::SecretLeaked, &key, more))?;
            Ok(true)
        })
    }
}
