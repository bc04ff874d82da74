//! Statements under signatures. SPEC.md section 4.
//!
//! What is signed is `"edgelatch signature" 0x00, u8 role, u16 format, statement`, and every statement begins with the realm:
//! so no signature made for one role, format version or realm is one for another.

use crate::error::{Boxed, Error};
use crate::limits::{MAX_REALM_BYTES, MAX_ROLE_KEYS, MAX_SIGNATURES};
use crate::wire::{FORMAT, Reader, size};
use alloc::{string::String, vec::Vec};
use ed25519_dalek::{Signature, VerifyingKey};

const DOMAIN: &[u8] = b"edgelatch signature\0";

/// Who may sign what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Signs roots; its keys are kept offline.
    Root = 1,
    /// Signs heads; its keys are online.
    Publisher = 2,
}

impl Role {
    /// `root` or `publisher`.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Root => "root",
            Role::Publisher => "publisher",
        }
    }

    const fn number(self) -> u8 {
        match self {
            Role::Root => 1,
            Role::Publisher => 2,
        }
    }
}

/// The keys of a role and how many of them must sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleKeys {
    threshold: u8,
    keys: Vec<VerifyingKey>,
}

impl RoleKeys {
    /// How many distinct keys must sign: 1 to the number of keys.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// The public keys, ascending.
    pub fn keys(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.keys.iter().map(VerifyingKey::as_bytes)
    }

    /// `role_keys := u8 threshold, u8 count, key[32]*count`
    pub(crate) fn read(reader: &mut Reader<'_>, role: Role) -> Result<Self, Boxed> {
        let (threshold, count) = (reader.u8()?, reader.u8()?);
        if threshold == 0 || threshold > count || count > MAX_ROLE_KEYS {
            return Err(Error::BadThreshold { role: role.name(), threshold, keys: count }.into());
        }
        let mut keys: Vec<VerifyingKey> = Vec::with_capacity(usize::from(count));
        for index in 0..count {
            let bytes = reader.array::<32>()?;
            let key = VerifyingKey::from_bytes(bytes)
                .ok()
                // Decoding lets encodings of y >= p through; only the canonical one re-encodes to itself.
                .filter(|key| !key.is_weak() && key.to_edwards().compress().as_bytes() == bytes)
                .ok_or(Error::WeakKey { role: role.name(), index })?;
            if keys.last().is_some_and(|last| last.as_bytes() >= bytes) {
                return Err(Error::Unsorted { object: "root" }.into());
            }
            keys.push(key);
        }
        Ok(RoleKeys { threshold, keys })
    }
}

/// A framed statement with its signatures, of which nothing is believed yet.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    statement: &'a [u8],
    signatures: &'a [u8],
}

impl<'a> Signed<'a> {
    pub(crate) fn read(bytes: &'a [u8], magic: &[u8; 4], object: &'static str) -> Result<Self, Boxed> {
        let mut reader = Reader::open(bytes, magic, object)?;
        let length = reader.u32()?;
        let statement = reader.bytes(size(length))?;
        let count = reader.u8()?;
        if count > MAX_SIGNATURES {
            let (bytes, limit) = (usize::from(count), usize::from(MAX_SIGNATURES));
            return Err(Error::TooLong { what: "signatures", bytes, limit }.into());
        }
        let signatures = reader.items(usize::from(count), 96)?;
        reader.finish()?;
        let signed = Signed { statement, signatures };
        let ascending = signed.pairs().zip(signed.pairs().skip(1)).all(|((a, _), (b, _))| a < b);
        if ascending { Ok(signed) } else { Err(Error::DuplicateSignature.into()) }
    }

    fn pairs(&self) -> impl Iterator<Item = (&'a [u8; 32], &'a [u8; 64])> + use<'a> {
        self.signatures.chunks_exact(96).filter_map(|pair| {
            let (key, signature) = pair.split_first_chunk::<32>()?;
            Some((key, signature.first_chunk::<64>()?))
        })
    }

    /// The keys whose signatures stand on it, ascending.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'a [u8; 32]> + use<'a> {
        self.pairs().map(|(key, _)| key)
    }

    /// The statement, once `threshold` distinct keys of the role have signed it. Signatures of keys that the role does not
    /// hold are passed over (a root carries those of two generations); a bad one of a key that it holds is an error.
    pub(crate) fn verify(&self, role: Role, by: &RoleKeys) -> Result<&'a [u8], Error> {
        let message = message(role, self.statement);
        let mut valid = 0;
        for (key, signature) in self.pairs() {
            let Some(key) = by.keys.iter().find(|known| known.as_bytes() == key) else { continue };
            crate::work::done(1);
            if key.verify_strict(&message, &Signature::from_bytes(signature)).is_err() {
                return Err(Error::BadSignature { role: role.name() });
            }
            valid += 1;
        }
        if valid >= by.threshold {
            Ok(self.statement)
        } else {
            Err(Error::TooFewSignatures { role: role.name(), threshold: by.threshold, valid })
        }
    }

    /// The statement unproven: to read a hint from, or a root whose trust comes from elsewhere.
    pub(crate) fn unproven(&self) -> &'a [u8] {
        self.statement
    }
}

pub(crate) fn message(role: Role, statement: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(DOMAIN.len() + 3 + statement.len());
    out.extend_from_slice(DOMAIN);
    out.push(role.number());
    out.extend_from_slice(&FORMAT.to_le_bytes());
    out.extend_from_slice(statement);
    out
}

/// What begins every statement: `text8 realm, u16 min_reader`.
pub(crate) fn read_preamble(reader: &mut Reader<'_>) -> Result<String, Boxed> {
    let realm = reader.text8()?;
    if !is_realm(realm) {
        return Err(Error::BadRealm.into());
    }
    match reader.u16()? {
        0 => Err(Error::BadField { object: "statement", field: "min_reader" }.into()),
        needed if needed <= FORMAT => Ok(realm.into()),
        needed => Err(Error::ReaderTooOld { needed }.into()),
    }
}

/// Whether `text` can name a realm: it appears in URLs and in the challenge.
pub fn is_realm(text: &str) -> bool {
    (1..=MAX_REALM_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
}
