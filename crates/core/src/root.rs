//! The versioned trust document. SPEC.md section 4.1.
//!
//! ```text
//! root      := signed("ELRT", statement)
//! statement := text8 realm, u16 min_reader, u32 version, u64 issued_at, u64 expires_at, u32 era, u64 min_epoch,
//!              role_keys root, role_keys publisher
//! ```

use crate::error::{Boxed, Error};
use crate::limits::{MAX_EPOCH, MAX_ROOT_BYTES};
use crate::signed::{Role, RoleKeys, Signed, read_preamble};
use crate::wire::{Reader, bound};
use alloc::{string::String, vec::Vec};

pub(crate) const MAGIC: &[u8; 4] = b"ELRT";

/// Which public keys may sign roots and heads of one realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The realm whose snapshots this root vouches for.
    pub realm: String,
    /// 1 for the first; each next one is one higher.
    pub version: u32,
    /// Unix seconds.
    pub issued_at: u64,
    /// Unix seconds; from then on no head is accepted under this root.
    pub expires_at: u64,
    /// Version of the root that began the era in which epochs are counted: from 1 to `version`. Heads that name an earlier root
    /// count no more.
    pub era: u32,
    /// The least epoch that counts in this era.
    pub min_epoch: u64,
    /// Who signs the next root.
    pub root: RoleKeys,
    /// Who signs heads.
    pub publisher: RoleKeys,
}

impl Root {
    /// Reads a root whose trust comes from outside (an edge is deployed with it). It must still be signed by its own root
    /// role, so that a damaged one is found at once.
    pub fn open(bytes: &[u8]) -> Result<Self, Error> {
        let signed = read(bytes)?;
        let root = Self::parse(signed.unproven())?;
        signed.verify(Role::Root, &root.root)?;
        Ok(root)
    }

    /// Reads the root that follows this one: version one higher, same realm, signed by the old *and* the new root role; its era
    /// is this one's, or begins with it.
    pub fn follow(&self, bytes: &[u8]) -> Result<Self, Error> {
        let signed = read(bytes)?;
        let next = Self::parse(signed.verify(Role::Root, &self.root)?)?;
        signed.verify(Role::Root, &next.root)?;
        self.precedes(&next)?;
        Ok(next)
    }

    /// The keys of its own root role that have signed a root, ascending: what [`Root::open`] asks. Whoever names others too, and signs with none of
    /// theirs, has made it without them.
    pub fn signers(bytes: &[u8]) -> Result<Vec<[u8; 32]>, Error> {
        let (signed, root) = (read(bytes)?, Self::open(bytes)?);
        Ok(signed.keys().filter(|key| root.root.keys().any(|known| known == *key)).copied().collect())
    }

    /// Whether `next`, once it is signed, can follow this root: all that [`Root::follow`] asks but the signatures.
    pub fn precedes(&self, next: &Root) -> Result<(), Error> {
        if next.realm != self.realm {
            return Err(Error::WrongRealm { expected: self.realm.clone(), found: next.realm.clone() });
        }
        if self.version.checked_add(1) != Some(next.version) {
            return Err(Error::RootOutOfOrder { current: self.version, found: next.version });
        }
        // What was counted before stays counted, unless this very root says that a new era begins.
        let goes_on = next.era == self.era && next.min_epoch >= self.min_epoch;
        if goes_on || next.era == next.version { Ok(()) } else { Err(Error::BadEra { version: next.version, era: next.era }) }
    }

    /// Reads a root of which nothing is proven but its form, such as one that gathers its signatures: to show it, never to trust it.
    pub fn inspect(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self::parse(read(bytes)?.unproven())?)
    }

    fn parse(statement: &[u8]) -> Result<Self, Boxed> {
        let mut reader = Reader::inside(statement, "root");
        let root = Root {
            realm: read_preamble(&mut reader)?,
            version: reader.u32()?,
            issued_at: reader.u64()?,
            expires_at: reader.u64()?,
            era: reader.u32()?,
            min_epoch: reader.u64()?,
            root: RoleKeys::read(&mut reader, Role::Root)?,
            publisher: RoleKeys::read(&mut reader, Role::Publisher)?,
        };
        reader.finish()?;
        if root.version == 0 {
            return Err(Error::BadField { object: "root", field: "version" }.into());
        }
        if root.expires_at <= root.issued_at || root.expires_at > MAX_EPOCH {
            return Err(Error::BadField { object: "root", field: "expires_at" }.into());
        }
        if !(1..=root.version).contains(&root.era) {
            return Err(Error::BadField { object: "root", field: "era" }.into());
        }
        if !(1..=MAX_EPOCH).contains(&root.min_epoch) {
            return Err(Error::BadField { object: "root", field: "min_epoch" }.into());
        }
        if root.root.keys().any(|key| root.publisher.keys().any(|other| key == other)) {
            return Err(Error::KeyInBothRoles.into());
        }
        Ok(root)
    }
}

fn read(bytes: &[u8]) -> Result<Signed<'_>, Boxed> {
    bound("root", bytes.len(), MAX_ROOT_BYTES)?;
    Signed::read(bytes, MAGIC, "root")
}
