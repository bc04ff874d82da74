//! The next root while it gathers its signatures: a file that travels to those who hold root keys.
//!
//! ```text
//! edgelatch root draft 1
//! # what the bytes below say, in words
//! before <base64url of the newest root>
//! root <base64url of the next one, without signatures>
//! signature <public key> <base64url of the signature>
//! ```
//! The words are made of the bytes, and a file whose words are others is refused: nobody signs what he was not shown. Signatures ascend by
//! their keys, and each is proven when it is read.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_core::build::{Draft, RootFields};
use edgelatch_core::root::Root;
use edgelatch_core::signed::RoleKeys;
use edgelatch_core::tree::ObjectId;

use super::words;
use crate::error::Error;
use crate::key_file::{public_text, read_public};
use crate::signers::{Signer, role_fields};

/// What every draft begins with; the number is the format's.
const FIRST_LINE: &str = "edgelatch root draft 1";
/// Bytes of a draft: two roots with two full roles and all their signatures, in base64 and in words, have some 30,000.
pub const MAX_DRAFT_BYTES: u64 = 64 * 1024;

/// A root that is to follow `before`, and its signatures so far.
#[derive(Clone, Debug)]
pub struct RootDraft {
    bytes: Vec<u8>,
    before: Root,
    unsigned: Vec<u8>,
    next: Root,
    draft: Draft,
    signatures: Vec<([u8; 32], [u8; 64])>,
}

/// Signatures that a root gathers for one of two roles.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Gathered {
    /// Version of the root whose root role it is.
    pub root_version: u32,
    /// How many must sign.
    pub threshold: u8,
    /// How many have.
    pub signed: usize,
}

impl Gathered {
    /// Whether they are enough.
    pub fn enough(&self) -> bool {
        self.signed >= usize::from(self.threshold)
    }
}

fn unsound(reason: impl Into<String>) -> Error {
    Error::RootDraft { reason: reason.into() }
}

fn core(error: edgelatch_core::error::Error) -> Error {
    unsound(error.to_string())
}

impl RootDraft {
    /// A root that is to follow `before`.
    pub fn new(before: &[u8], fields: &RootFields) -> Result<RootDraft, Error> {
        let old = Root::open(before).map_err(core)?;
        let draft = Draft::root(fields).map_err(core)?;
        let unsigned = draft.clone().finish().map_err(core)?;
        let next = Root::inspect(&unsigned).map_err(core)?;
        old.precedes(&next).map_err(core)?;
        Ok(RootDraft { bytes: before.into(), before: old, unsigned, next, draft, signatures: Vec::new() })
    }

    /// Reads a draft's file. One that is altered anywhere is refused.
    pub fn parse(text: &str) -> Result<RootDraft, Error> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(unsound("its first line is another"));
        }
        let mut lines = lines.skip_while(|line| line.starts_with('#'));
        let mut field = |name: &str| {
            let value =
                lines.next().and_then(|line| line.strip_prefix(name)).ok_or_else(|| unsound("a line is missing or another"))?;
            URL_SAFE_NO_PAD
                .decode(value)
                .map_err(|_| unsound(format!("what stands behind `{}` is no base64url", name.trim_end())))
        };
        let (before, unsigned) = (field("before ")?, field("root ")?);
        let mut made = RootDraft::new(&before, &fields_of(&Root::inspect(&unsigned).map_err(core)?))?;
        if made.unsigned != unsigned {
            return Err(unsound("its root is not written as a root is"));
        }
        for line in lines {
            let (key, signature) = line
                .strip_prefix("signature ")
                .and_then(|rest| rest.split_once(' '))
                .and_then(|(key, signature)| {
                    Some((read_public(key)?, URL_SAFE_NO_PAD.decode(signature).ok()?.try_into().ok()?))
                })
                .ok_or_else(|| unsound("a line behind its root is no signature"))?;
            made.take(key, signature)
                .map_err(|_| unsound(format!("the signature of {} is of something else", public_text(&key))))?;
        }
        if made.to_string() == text {
            Ok(made)
        } else {
            Err(unsound("its words and its bytes do not say the same, or it was altered"))
        }
    }

    /// The root that it follows.
    pub fn before(&self) -> &Root {
        &self.before
    }

    /// Bytes of the root that it follows.
    pub fn before_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The SHA-256 of the root that it follows. All that its words say of changes counts against that root: whoever signs compares it with the root
    /// that edges have.
    pub fn before_fingerprint(&self) -> ObjectId {
        ObjectId::of(&self.bytes)
    }

    /// The root that it will be.
    pub fn next(&self) -> &Root {
        &self.next
    }

    /// What those who sign compare, over the phone: the SHA-256 of what is signed.
    pub fn fingerprint(&self) -> String {
        ObjectId::of(self.draft.message()).to_string()
    }

    /// What it says, line by line, and what it means.
    pub fn words(&self) -> Vec<String> {
        words::of(&self.before, &self.bytes, &self.next, &self.fingerprint())
    }

    /// The roles whose signatures it needs: the root role of the root before, and its own.
    pub fn gathered(&self) -> [Gathered; 2] {
        [&self.before, &self.next].map(|root| Gathered {
            root_version: root.version,
            threshold: root.root.threshold(),
            signed: self.signatures.iter().filter(|(key, _)| holds(&root.root, key)).count(),
        })
    }

    /// Whether it has all signatures that it needs.
    pub fn complete(&self) -> bool {
        self.gathered().iter().all(Gathered::enough)
    }

    /// Whether it would have them once those who hold `keys` have signed too.
    pub fn completed_by(&self, keys: &[[u8; 32]]) -> bool {
        let signs = |key: &[u8; 32]| keys.contains(key) || self.signatures.iter().any(|(signed, _)| signed == key);
        let enough = |root: &Root| root.root.keys().filter(|key| signs(key)).count() >= usize::from(root.root.threshold());
        enough(&self.before) && enough(&self.next)
    }

    /// Whether a key's signature counts for one of these roles and is not there yet.
    pub fn wants(&self, key: &[u8; 32]) -> bool {
        let counts = holds(&self.before.root, key) || holds(&self.next.root, key);
        counts && !self.signatures.iter().any(|(signed, _)| signed == key)
    }

    /// Has a key sign it. One whose signature would not count, or is there already, is refused.
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<(), Error> {
        let key = signer.public();
        if !self.wants(&key) {
            let (name, versions) = (signer.name(), format!("{} or {}", self.before.version, self.next.version));
            let reason = format!("{name} is no root key of root {versions} that has not signed: its signature would not count");
            return Err(Error::RootChange { reason });
        }
        let signature = signer.sign(self.draft.message())?;
        self.take(key, signature).map_err(|_| Error::BadSignature { signer: signer.name() })
    }

    /// Takes the signatures of another copy of the same draft.
    pub fn merge(&mut self, other: &RootDraft) -> Result<(), Error> {
        if (&other.bytes, &other.unsigned) != (&self.bytes, &self.unsigned) {
            return Err(unsound("two files are drafts of different roots: sign copies of one and the same"));
        }
        for (key, signature) in &other.signatures {
            if self.wants(key) {
                self.take(*key, *signature)?;
            }
        }
        Ok(())
    }

    /// Takes a signature that counts, once it is proven.
    fn take(&mut self, key: [u8; 32], signature: [u8; 64]) -> Result<(), Error> {
        if !self.wants(&key) {
            return Err(unsound("a signature does not count, or stands there twice"));
        }
        self.draft.clone().add(key, signature).map_err(core)?;
        self.signatures.push((key, signature));
        self.signatures.sort_unstable();
        Ok(())
    }

    /// The root, signed: proven to follow the one before.
    pub fn finish(&self) -> Result<Vec<u8>, Error> {
        if let Some(few) = self.gathered().iter().find(|gathered| !gathered.enough()) {
            let missing = few.threshold.saturating_sub(u8::try_from(few.signed).unwrap_or(u8::MAX));
            let detail = format!(" (root keys of root {})", few.root_version);
            return Err(Error::TooFewSignatures { missing, threshold: few.threshold, detail });
        }
        let mut draft = self.draft.clone();
        self.signatures.iter().try_for_each(|(key, signature)| draft.add(*key, *signature)).map_err(core)?;
        let bytes = draft.finish().map_err(core)?;
        self.before.follow(&bytes).map_err(core)?;
        Ok(bytes)
    }
}

/// The file.
impl std::fmt::Display for RootDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = format!("{FIRST_LINE}\n");
        for line in self.words() {
            writeln!(text, "# {line}")?;
        }
        let [before, next] = [&self.bytes, &self.unsigned].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        write!(text, "before {before}\nroot {next}\n")?;
        for (key, signature) in &self.signatures {
            writeln!(text, "signature {} {}", public_text(key), URL_SAFE_NO_PAD.encode(signature))?;
        }
        f.write_str(&text)
    }
}

fn holds(role: &RoleKeys, key: &[u8; 32]) -> bool {
    role.keys().any(|known| known == key)
}

fn fields_of(root: &Root) -> RootFields {
    RootFields {
        realm: root.realm.clone(),
        version: root.version,
        issued_at: root.issued_at,
        expires_at: root.expires_at,
        era: root.era,
        min_epoch: root.min_epoch,
        root: role_fields(&root.root),
        publisher: role_fields(&root.publisher),
    }
}
