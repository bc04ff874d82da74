//! Who signs: a set of keys, of which a root names how many must sign.

use std::collections::BTreeSet;
use std::fmt::Debug;

use edgelatch_core::build::{Draft, RoleFields};
use edgelatch_core::signed::RoleKeys;

use crate::error::Error;

/// A key that signs, wherever it lies: in a file (see [`key_file`](crate::key_file)), or at a service that keeps it to itself.
pub trait Signer: Debug + Send + Sync {
    /// Its name in messages, such as the path of its file.
    fn name(&self) -> String;

    /// The public key.
    fn public(&self) -> [u8; 32];

    /// The Ed25519 signature (RFC 8032) of `message`. It is checked before it is used.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error>;
}

/// Several signers of one role, each key once.
#[derive(Debug)]
pub struct Signers {
    all: Vec<Box<dyn Signer>>,
    missing: Vec<Error>,
}

/// What was signed.
#[derive(Debug)]
pub struct Signed {
    /// The root or head.
    pub bytes: Vec<u8>,
    /// Why others did not sign, where there were enough without them.
    pub failed: Vec<Error>,
}

impl Signers {
    /// These signers. A key that appears again is left out: edges refuse what one key signed twice.
    pub fn new(mut signers: Vec<Box<dyn Signer>>) -> Signers {
        let mut seen = BTreeSet::new();
        signers.retain(|signer| seen.insert(signer.public()));
        Signers { all: signers, missing: Vec::new() }
    }

    /// The same, knowing why others are missing, such as a damaged file.
    pub(crate) fn without(self, missing: Vec<Error>) -> Signers {
        Signers { missing, ..self }
    }

    /// Why signers are missing that should be there too.
    pub fn missing(&self) -> &[Error] {
        &self.missing
    }

    /// The public keys, as a root names them.
    pub fn role(&self, threshold: u8) -> RoleFields {
        RoleFields { threshold, keys: self.iter().map(|signer| signer.public()).collect() }
    }

    /// Each of them, in the order in which they are asked to sign.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Signer> {
        self.all.iter().map(AsRef::as_ref)
    }

    /// Their public keys.
    pub fn keys(&self) -> Vec<[u8; 32]> {
        self.iter().map(Signer::public).collect()
    }

    /// Signs with as many keys of each role as must sign: those of one role for a head or the first root, those of the root before
    /// and its own for every later root. A signer that fails is passed over if the others suffice.
    pub fn sign(&self, mut draft: Draft, roles: &[&RoleFields]) -> Result<Signed, Error> {
        let mut missing: Vec<(&RoleFields, u8)> = roles.iter().map(|role| (*role, role.threshold)).collect();
        let mut failed = Vec::new();
        for signer in &self.all {
            let public = signer.public();
            let counts = |(role, missing): &(&RoleFields, u8)| *missing > 0 && role.keys.contains(&public);
            if !missing.iter().any(counts) {
                continue;
            }
            match signer.sign(draft.message()).and_then(|signature| add(&mut draft, &**signer, signature)) {
                Ok(()) => missing.iter_mut().filter(|role| counts(role)).for_each(|(_, missing)| *missing -= 1),
                Err(error) => failed.push(error),
            }
        }
        if let Some((role, missing)) = missing.iter().find(|(_, missing)| *missing > 0) {
            let detail = told(failed.iter().chain(&self.missing));
            return Err(Error::TooFewSignatures { missing: *missing, threshold: role.threshold, detail });
        }
        let bytes = draft.finish().map_err(|e| Error::Build { detail: e.to_string() })?;
        Ok(Signed { bytes, failed })
    }
}

impl<S: Signer + 'static> From<S> for Signers {
    fn from(signer: S) -> Signers {
        Signers::new(vec![Box::new(signer)])
    }
}

/// Why signers did not sign, as it goes on behind a sentence.
pub(crate) fn told<'e>(failed: impl IntoIterator<Item = &'e Error>) -> String {
    failed.into_iter().map(|error| format!("; {error}")).collect()
}

/// A role as it stands in a root, for another root.
pub(crate) fn role_fields(role: &RoleKeys) -> RoleFields {
    RoleFields { threshold: role.threshold(), keys: role.keys().copied().collect() }
}

fn add(draft: &mut Draft, signer: &dyn Signer, signature: [u8; 64]) -> Result<(), Error> {
    draft.add(signer.public(), signature).map_err(|_| Error::BadSignature { signer: signer.name() })
}
