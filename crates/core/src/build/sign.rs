//! Roots and heads: statements, and signatures over them.

use crate::error::Error;
use crate::signed::{Role, message};
use crate::tree::ObjectId;
use crate::wire::{FORMAT, put};
use crate::{head, root};
use alloc::{string::String, vec::Vec};
use core::fmt;
use ed25519_dalek::{Signature, Signer, VerifyingKey};

/// A private Ed25519 key (RFC 8032). Wiped on drop; never shown.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// From its 32-byte seed, which must come from a CSPRNG.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        SigningKey(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs a message: that of a [`Draft`].
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// A role in a root to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleFields {
    /// How many distinct keys must sign: 1 to the number of keys.
    pub threshold: u8,
    /// The public keys (Ed25519, RFC 8032), at most 16, in any order.
    pub keys: Vec<[u8; 32]>,
}

/// A root to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootFields {
    /// The realm: 1 to 64 characters of `a-z 0-9 . _ -`.
    pub realm: String,
    /// 1 for the first, one higher for each next one.
    pub version: u32,
    /// Unix seconds.
    pub issued_at: u64,
    /// Unix seconds, after `issued_at`; no head is accepted from then on.
    pub expires_at: u64,
    /// Version of the root that began the era: that of the root before, or this one's own to count epochs anew.
    pub era: u32,
    /// The least epoch that counts in the era, from 1; within an era it does not sink.
    pub min_epoch: u64,
    /// Who signs the next root.
    pub root: RoleFields,
    /// Who signs heads.
    pub publisher: RoleFields,
}

/// A head to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadFields {
    /// The realm.
    pub realm: String,
    /// The root in force.
    pub root_version: u32,
    /// 1 to 2^53 - 1, higher than that of every head signed before.
    pub epoch: u64,
    /// Unix seconds.
    pub issued_at: u64,
    /// Unix seconds, at most 30 days after `issued_at`; the snapshot is stale from then on.
    pub not_after: u64,
    /// Name of the top page: [`Tree::id`](super::Tree::id).
    pub tree: ObjectId,
    /// Bytes of the tree.
    pub tree_bytes: u64,
    /// Records in the tree.
    pub records: u64,
}

/// A root or head that gathers its signatures, wherever their keys lie: files, or a service that gives away signatures only.
#[derive(Clone, Debug)]
pub struct Draft {
    magic: &'static [u8; 4],
    role: Role,
    statement: Vec<u8>,
    message: Vec<u8>,
    signatures: Vec<([u8; 32], [u8; 64])>,
}

impl Draft {
    /// A root, which those of its own root role sign and, from version 2 on, those of the root role before.
    pub fn root(fields: &RootFields) -> Result<Draft, Error> {
        let mut statement = preamble(&fields.realm)?;
        statement.extend_from_slice(&fields.version.to_le_bytes());
        statement.extend_from_slice(&fields.issued_at.to_le_bytes());
        statement.extend_from_slice(&fields.expires_at.to_le_bytes());
        statement.extend_from_slice(&fields.era.to_le_bytes());
        statement.extend_from_slice(&fields.min_epoch.to_le_bytes());
        for role in [&fields.root, &fields.publisher] {
            let mut public = role.keys.clone();
            public.sort_unstable();
            let count = u8::try_from(public.len()).map_err(|_| Error::TooLong {
                what: "role keys",
                bytes: public.len(),
                limit: 255,
            })?;
            statement.extend_from_slice(&[role.threshold, count]);
            public.iter().for_each(|key| statement.extend_from_slice(key));
        }
        Ok(Draft::new(root::MAGIC, Role::Root, statement))
    }

    /// A head, which those of the publisher role sign.
    pub fn head(fields: &HeadFields) -> Result<Draft, Error> {
        let mut statement = preamble(&fields.realm)?;
        statement.extend_from_slice(&fields.root_version.to_le_bytes());
        for number in [fields.epoch, fields.issued_at, fields.not_after] {
            statement.extend_from_slice(&number.to_le_bytes());
        }
        statement.extend_from_slice(&fields.tree.0);
        statement.extend_from_slice(&fields.tree_bytes.to_le_bytes());
        statement.extend_from_slice(&fields.records.to_le_bytes());
        Ok(Draft::new(head::MAGIC, Role::Publisher, statement))
    }

    fn new(magic: &'static [u8; 4], role: Role, statement: Vec<u8>) -> Draft {
        let message = message(role, &statement);
        Draft { magic, role, statement, message, signatures: Vec::new() }
    }

    /// What is to be signed.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Takes a signature of [`Draft::message`] by the key `public`, once it is proven.
    pub fn add(&mut self, public: [u8; 32], signature: [u8; 64]) -> Result<(), Error> {
        let key = VerifyingKey::from_bytes(&public);
        if !key.is_ok_and(|key| key.verify_strict(&self.message, &Signature::from_bytes(&signature)).is_ok()) {
            return Err(Error::BadSignature { role: self.role.name() });
        }
        self.signatures.push((public, signature));
        Ok(())
    }

    /// The statement with the signatures that were added.
    pub fn finish(mut self) -> Result<Vec<u8>, Error> {
        self.signatures.sort_unstable();
        let signatures = self.signatures.len();
        let count =
            u8::try_from(signatures).map_err(|_| Error::TooLong { what: "signatures", bytes: signatures, limit: 255 })?;
        let mut out = put::open(self.magic);
        out.extend_from_slice(&put::count(self.statement.len(), "statement")?);
        out.extend_from_slice(&self.statement);
        out.push(count);
        for (key, signature) in &self.signatures {
            out.extend_from_slice(key);
            out.extend_from_slice(signature);
        }
        Ok(out)
    }

    /// Signed by each of `keys`.
    fn signed(mut self, keys: &[SigningKey]) -> Result<Vec<u8>, Error> {
        self.signatures.extend(keys.iter().map(|key| (key.public(), key.sign(&self.message))));
        self.finish()
    }
}

/// A root signed with every given key.
pub fn sign_root(fields: &RootFields, keys: &[SigningKey]) -> Result<Vec<u8>, Error> {
    Draft::root(fields)?.signed(keys)
}

/// A head signed with every given key.
pub fn sign_head(fields: &HeadFields, keys: &[SigningKey]) -> Result<Vec<u8>, Error> {
    Draft::head(fields)?.signed(keys)
}

fn preamble(realm: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    put::text8(&mut out, realm, "realm")?;
    out.extend_from_slice(&FORMAT.to_le_bytes());
    Ok(out)
}
