//! Requests that may come twice: a client that lost the answer asks again with the same idempotency key, and is told what
//! was made, without the secret.

use edgelatch_core::key::KeyId;

use crate::error::Error;
use crate::limits::IDEMPOTENCY_SECONDS;
use crate::model::Idempotency;
use crate::store::{Statements, args, fields};
use crate::transaction::Change;

impl Change<'_> {
    /// The key that this request made or rotated before.
    pub(super) fn repeated(&mut self, once: Option<&Idempotency>) -> Result<Option<KeyId>, Error> {
        let Some(once) = once else { return Ok(None) };
        let oldest = self.now.saturating_sub(IDEMPOTENCY_SECONDS);
        self.run("DELETE FROM idempotency WHERE created_at < $1", args![oldest])?;
        let sql = "SELECT request, key_id FROM idempotency WHERE realm_id = $1 AND actor = $2 AND token = $3";
        let values = args![self.tx.realm, self.caller.actor().as_str(), &*once.token];
        match self.one::<([u8; 32], KeyId)>(sql, values)? {
            Some((request, _)) if request != once.request => Err(Error::Repeated),
            found => Ok(found.map(|(_, key)| key)),
        }
    }

    /// Notes what this request made or rotated.
    pub(super) fn remember(&mut self, once: Option<&Idempotency>, key: KeyId) -> Result<(), Error> {
        let Some(once) = once else { return Ok(()) };
        let row = fields! {
            realm_id: self.tx.realm, actor: self.caller.actor().as_str(), token: &*once.token, request: &once.request[..],
            key_id: key.to_string(), created_at: self.now,
        };
        self.add("idempotency", row)
    }
}
