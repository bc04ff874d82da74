//! The versioned trust document. SPEC.md section 4.1.
//!
//! ```text
//! root      := signed("ELRT", statement)
//! statement := text8 realm, u16 min_reader, u32 version, u64 issued_at, u64 expires_at, role_keys root, role_keys publisher
//! ```

use crate::error::Error;
use crate::signed::{Role, RoleKeys, Signed, read_preamble};
use crate::wire::Reader;
use alloc::string::String;

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
    /// Who signs the next root.
    pub root: RoleKeys,
    /// Who signs heads.
    pub publisher: RoleKeys,
}

impl Root {
    /// Reads a root whose trust comes from outside (an edge is deployed with it). It must still be signed by its own root
    /// role, so that a damaged one is found at once.
    pub fn open(bytes: &[u8]) -> Result<Self, Error> {
        let signed = Signed::read(bytes, MAGIC, "root")?;
        let root = Self::parse(signed.unproven())?;
        signed.verify(Role::Root, &root.root)?;
        Ok(root)
    }

    /// Reads the root that follows this one: version one higher, same realm, signed by the old *and* the new root role.
    pub fn follow(&self, bytes: &[u8]) -> Result<Self, Error> {
        let signed = Signed::read(bytes, MAGIC, "root")?;
        let next = Self::parse(signed.verify(Role::Root, &self.root)?)?;
        signed.verify(Role::Root, &next.root)?;
        if next.realm != self.realm {
            return Err(Error::WrongRealm { expected: self.realm.clone(), found: next.realm });
        }
        if self.version.checked_add(1) != Some(next.version) {
            return Err(Error::RootOutOfOrder { current: self.version, found: next.version });
        }
        Ok(next)
    }

    fn parse(statement: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::inside(statement, "root");
        let root = Root {
            realm: read_preamble(&mut reader)?,
            version: reader.u32()?,
            issued_at: reader.u64()?,
            expires_at: reader.u64()?,
            root: RoleKeys::read(&mut reader, Role::Root)?,
            publisher: RoleKeys::read(&mut reader, Role::Publisher)?,
        };
        reader.finish()?;
        if root.version == 0 {
            return Err(Error::BadField { object: "root", field: "version" });
        }
        if root.expires_at <= root.issued_at {
            return Err(Error::BadField { object: "root", field: "expires_at" });
        }
        if root.root.keys().any(|key| root.publisher.keys().any(|other| key == other)) {
            return Err(Error::KeyInBothRoles);
        }
        Ok(root)
    }
}
