//! Who acts, and from where: passed to every operation that changes something, and kept with it in the audit log. Also what tells a
//! request that comes twice.

use std::sync::{Arc, Mutex, PoisonError};

use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use sha2::{Digest, Sha256};

use super::text::{Name, Slug};
use crate::error::{Error, Kind};
use crate::limits::MAX_IDEMPOTENCY_BYTES;

/// Who acts, and from where.
#[derive(Clone, Debug)]
pub struct Caller {
    actor: Name,
    key: Option<KeyId>,
    address: Option<Ip>,
    org: Option<Slug>,
    committed: Committed,
}

/// The change that acts were committed as. Copies share it.
#[derive(Clone, Debug, Default)]
pub struct Committed(Arc<Mutex<Option<u64>>>);

impl Committed {
    /// Where the realm's change counter stood after the last act: whatever shows that state or a later one shows the act. None
    /// before the first act.
    pub fn change(&self) -> Option<u64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, change: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(change);
    }
}

impl Caller {
    /// Somebody with authority over everything, such as a user of this machine, written `cli:` and the name.
    pub fn new(actor: Name) -> Caller {
        Caller { actor, key: None, address: None, org: None, committed: Committed::default() }
    }

    /// The holder of a management key: in the management realm they grant nothing that the key does not hold itself.
    pub fn holding(key_id: KeyId) -> Result<Caller, Error> {
        Ok(Caller { key: Some(key_id), ..Caller::new(Name::parse("actor", &key_id.to_string())?) })
    }

    /// The same, calling from `address`.
    pub fn from_address(self, address: Ip) -> Caller {
        Caller { address: Some(address), ..self }
    }

    /// The same, confined to one org: to it, the others do not exist, and realms, settings and limits are not theirs to change.
    pub fn within(self, org: Slug) -> Caller {
        Caller { org: Some(org), ..self }
    }

    /// The same, whose acts tell `committed` which change they are.
    pub fn telling(self, committed: Committed) -> Caller {
        Caller { committed, ..self }
    }

    /// The same, confined to no org, and telling nobody which change its acts are: for what somebody may do in another realm than the one they
    /// act in, where what bounds them there was decided before.
    pub(crate) fn elsewhere(&self) -> Caller {
        Caller { org: None, committed: Committed::default(), ..self.clone() }
    }

    /// Which change the acts of this caller and of its copies are.
    pub fn committed(&self) -> &Committed {
        &self.committed
    }

    /// Who.
    pub fn actor(&self) -> &Name {
        &self.actor
    }

    /// The management key that they act by; none for whoever needs none.
    pub(crate) fn key(&self) -> Option<KeyId> {
        self.key
    }

    /// From where.
    pub fn address(&self) -> Option<Ip> {
        self.address
    }

    /// The org to which they are confined.
    pub fn org(&self) -> Option<&Slug> {
        self.org.as_ref()
    }

    /// Refuses what lies outside the caller's org as if it did not exist.
    pub(crate) fn check(&self, org: &Slug, kind: Kind, id: &str) -> Result<(), Error> {
        if self.org.as_ref().is_none_or(|own| own == org) { Ok(()) } else { Err(Error::missing(kind, id)) }
    }

    /// Refuses what only somebody with authority over the realm may do.
    pub(crate) fn check_realm(&self) -> Result<(), Error> {
        match &self.org {
            None => Ok(()),
            Some(org) => Err(Error::Forbidden { org: org.to_string() }),
        }
    }
}

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
