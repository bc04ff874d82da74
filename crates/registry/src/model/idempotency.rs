//! What tells a request that comes twice.

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::limits::MAX_IDEMPOTENCY_BYTES;

/// What tells a repeated request from another one.
#[derive(Clone, Debug)]
pub struct Idempotency {
    pub(crate) token: String,
    pub(crate) request: [u8; 32],
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
        Ok(Idempotency { token: token.into(), request: Sha256::digest(request).into() })
    }
}
