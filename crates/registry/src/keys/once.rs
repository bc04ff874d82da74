//! Requests that may come twice: a client that lost the answer asks again with the same idempotency key, and is told what
//! was made, without the secret.

use edgelatch_core::key::KeyId;

use crate::error::Error;
use crate::limits::IDEMPOTENCY_SECONDS;
use crate::model::Idempotency;
use crate::store::args;
use crate::transaction::Change;

impl Change<'_> {
    /// The key that this request made or rotated before.
    pub(super) fn repeated(&mut self, once: Option<&Idempotency>) -> Result<Option<KeyId>, Error> {
        let Some(once) = once else { return Ok(None) };
        let oldest = self.now.saturating_sub(IDEMPOTENCY_SECONDS);
        self.tx.session.run("DELETE FROM idempotency WHERE created_at < $1", args![oldest])?;
        let sql = "SELECT request, key_id FROM idempotency WHERE realm_id = $1 AND actor = $2 AND token = $3";
        let values = args![self.tx.realm.0, self.caller.actor().as_str(), &*once.token];
        match self.tx.session.one::<([u8; 32], KeyId)>(sql, values)? {
            Some((request, _)) if request != once.request => Err(Error::Repeated),
            found => Ok(found.map(|(_, key)| key)),
        }
    }

    /// Notes what this request made or rotated.
    pub(super) fn remember(&mut self, once: Option<&Idempotency>, key: KeyId) -> Result<(), Error> {
        let Some(once) = once else { return Ok(()) };
        let sql =
            "INSERT INTO idempotency (realm_id, actor, token, request, key_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
        let actor = self.caller.actor().as_str();
        let values = args![self.tx.realm.0, actor, &*once.token, &once.request[..], key.to_string(), self.now];
        self.tx.session.run(sql, values).map(drop)
    }
}
