//! Who is signed in to the console. A sign-in is known by the digest of what the browser's cookie holds, and is worth as much as the
//! management key that it was made with: this only says which one that is and when the sign-in ends, and decides nothing else.

use edgelatch_core::key::KeyId;

use crate::error::Error;
use crate::limits::{SESSION_IDLE, SESSION_LIFE, SESSION_NOTED, SESSIONS_OF_KEY};
use crate::registry::Registry;
use crate::store::{Statements, args, fields};

/// A sign-in that has not ended.
#[derive(Clone, PartialEq, Eq, derive_more::Debug)]
pub struct SignIn {
    /// The public id of the management key that it was made with.
    pub key_id: String,
    /// What opens that key's secret, which lies sealed in the cookie and nowhere else.
    #[debug(skip)]
    pub opener: [u8; 32],
}

/// All sign-ins of a registry.
#[derive(Clone, Copy, Debug)]
pub struct SignIns<'r>(&'r Registry);

impl Registry {
    /// Who is signed in to the console.
    pub fn sign_ins(&self) -> SignIns<'_> {
        SignIns(self)
    }
}

impl SignIns<'_> {
    /// Begins one. The oldest of the key's end if it has too many.
    pub fn begin(&self, digest: &[u8; 32], key_id: KeyId, opener: &[u8; 32]) -> Result<(), Error> {
        let (now, key_id) = (self.0.env.now()?, key_id.to_string());
        self.0.store.writing(|session| {
            let row =
                fields! { digest: &digest[..], key_id: key_id.as_str(), opener: &opener[..], begun_at: now, seen_at: now };
            session.add("console_sessions", row)?;
            let sql = "DELETE FROM console_sessions WHERE key_id = $1 AND digest NOT IN \
                       (SELECT digest FROM console_sessions WHERE key_id = $1 ORDER BY begun_at DESC, digest LIMIT $2)";
            session.run(sql, args![key_id.as_str(), SESSIONS_OF_KEY]).map(drop)
        })
    }

    /// The one of this digest, unless it has ended; that it was used is noted.
    pub fn find(&self, digest: &[u8; 32]) -> Result<Option<SignIn>, Error> {
        let now = self.0.env.now()?;
        let sql = "SELECT key_id, opener, begun_at, seen_at FROM console_sessions WHERE digest = $1";
        let found: Option<(String, [u8; 32], u64, u64)> =
            self.0.store.reading(|session| session.one(sql, args![&digest[..]]))?;
        let Some((key_id, opener, begun_at, seen_at)) = found else { return Ok(None) };
        // A clock that was set back ends it: how old it is cannot be told any more.
        let age = |since: u64| now.checked_sub(since);
        let is_open = age(begun_at).is_some_and(|age| age < SESSION_LIFE) && age(seen_at).is_some_and(|age| age < SESSION_IDLE);
        if !is_open {
            self.end(digest)?;
            return Ok(None);
        }
        if age(seen_at).is_some_and(|age| age >= SESSION_NOTED) {
            let sql = "UPDATE console_sessions SET seen_at = $1 WHERE digest = $2 AND seen_at < $1";
            self.0.store.writing(|session| session.run(sql, args![now, &digest[..]]))?;
        }
        Ok(Some(SignIn { key_id, opener }))
    }

    /// Ends one.
    pub fn end(&self, digest: &[u8; 32]) -> Result<(), Error> {
        let sql = "DELETE FROM console_sessions WHERE digest = $1";
        self.0.store.writing(|session| session.run(sql, args![&digest[..]])).map(drop)
    }

    /// Ends all that were made with a key; returns how many there were.
    pub fn end_all(&self, key_id: &str) -> Result<u64, Error> {
        let sql = "DELETE FROM console_sessions WHERE key_id = $1";
        self.0.store.writing(|session| session.run(sql, args![key_id]))
    }
}
