//! Requests that may come twice: a client that lost the answer asks again with the same idempotency key, and is told what
//! was made, without the secret.

use edgelatch_core::key::KeyId;
use edgelatch_core::tree::object_digest;

use crate::error::Error;
use crate::limits::{IDEMPOTENCY_SECONDS, MAX_IDEMPOTENCY_BYTES};
use crate::store::args;
use crate::transaction::Act;

/// What tells a repeated request from another one.
#[derive(Clone, Debug)]
pub struct Idempotency {
    token: String,
    request: [u8; 32],
}

impl Idempotency {
    /// An idempotency key, as the client chose it, and what it asked for: method, path and body as they came. Only a hash of
    /// the latter is kept.
    pub fn new(token: &str, request: &[u8]) -> Result<Idempotency, Error> {
        let sound = (1..=MAX_IDEMPOTENCY_BYTES).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic());
        if !sound {
            let reason = format!("must be 1 to {MAX_IDEMPOTENCY_BYTES} visible ASCII characters, such as a UUID");
            return Err(Error::invalid("idempotency_key", reason));
        }
        Ok(Idempotency { token: token.into(), request: object_digest(request) })
    }
}

impl Act<'_> {
    /// The key that this request made or rotated before.
    pub(super) fn repeated(&mut self, once: Option<&Idempotency>) -> Result<Option<KeyId>, Error> {
        let Some(once) = once else { return Ok(None) };
        let oldest = self.now.saturating_sub(IDEMPOTENCY_SECONDS);
        self.session.run("DELETE FROM idempotency WHERE created_at < $1", args![oldest])?;
        let sql = "SELECT request, key_id FROM idempotency WHERE realm_id = $1 AND actor = $2 AND token = $3";
        let values = args![self.realm.0, self.caller.actor().as_str(), &*once.token];
        let found = self.session.row(sql, values, |row| Ok((row.blob(0)? == once.request, row.parse(1)?)))?;
        match found {
            Some((false, _)) => Err(Error::Repeated),
            found => Ok(found.map(|(_, key)| key)),
        }
    }

    /// Notes what this request made or rotated.
    pub(super) fn remember(&mut self, once: Option<&Idempotency>, key: KeyId) -> Result<(), Error> {
        let Some(once) = once else { return Ok(()) };
        let sql =
            "INSERT INTO idempotency (realm_id, actor, token, request, key_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
        let actor = self.caller.actor().as_str();
        let values = args![self.realm.0, actor, &*once.token, &once.request[..], key.to_string(), self.now];
        self.session.run(sql, values).map(|_| ())
    }
}
