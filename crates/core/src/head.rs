//! The small signed statement "realm R is at epoch E, tree digest D, valid until T". SPEC.md section 4.2.
//!
//! ```text
//! head      := signed("ELHD", statement)
//! statement := text8 realm, u16 min_reader, u32 root_version, u64 epoch, u64 issued_at, u64 not_after,
//!              digest[32] of the top page, u64 tree_bytes, u64 records
//! ```

use crate::error::{Boxed, Error};
use crate::limits::{MAX_BUNDLE_BYTES, MAX_EPOCH, MAX_HEAD_LIFETIME};
use crate::root::Root;
use crate::signed::{Role, Signed, read_preamble};
use crate::tree::ObjectId;
use crate::wire::Reader;
use alloc::{string::String, vec::Vec};

pub(crate) const MAGIC: &[u8; 4] = b"ELHD";

/// A head whose signatures and form have been checked. Its freshness and epoch are for [`crate::edge`] to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The realm.
    pub realm: String,
    /// The newest root when it was signed. An edge follows up to it before it accepts the head.
    pub root_version: u32,
    /// Counts heads, 1 to 2^53 - 1: every head that differs from the last has a higher epoch.
    pub epoch: u64,
    /// Unix seconds.
    pub issued_at: u64,
    /// Unix seconds; from then on the snapshot is stale.
    pub not_after: u64,
    /// Name of the top page.
    pub tree: ObjectId,
    /// Bytes of all objects of the tree together.
    pub tree_bytes: u64,
    /// Records in the tree.
    pub records: u64,
    /// The signed bytes, to tell an equal epoch with other content.
    pub(crate) statement: Vec<u8>,
}

impl Head {
    /// Verifies a head against the publisher role of `root` and reads it.
    pub fn open(bytes: &[u8], root: &Root) -> Result<Self, Error> {
        let signed = Signed::read(bytes, MAGIC, "head")?;
        let needed = |head: &Head| head.root_version > root.version && head.realm == root.realm;
        let head = match signed.verify(Role::Publisher, &root.publisher) {
            Ok(statement) => Self::parse(statement)?,
            // Unproven, but only a hint: the host fetches roots, and those are proven on their own.
            Err(error) => Self::parse(signed.unproven()).ok().filter(needed).ok_or(error)?,
        };
        // Also for a proven one: the later root may begin an era, in which this head's epoch counts for something else.
        if needed(&head) {
            return Err(Error::RootNeeded { current: root.version, needed: head.root_version });
        }
        if head.realm != root.realm {
            return Err(Error::WrongRealm { expected: root.realm.clone(), found: head.realm });
        }
        Ok(head)
    }

    /// Reads a head without proving anything: to show it, never to act on it.
    pub fn inspect(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self::parse(Signed::read(bytes, MAGIC, "head")?.unproven())?)
    }

    /// What a head says of a tree, and nothing else: for a tree that was built here and needs no proof.
    #[cfg(feature = "builder")]
    pub(crate) fn of_tree(tree: ObjectId, tree_bytes: u64, records: u64) -> Self {
        let (realm, statement) = (String::new(), Vec::new());
        Head { realm, root_version: 0, epoch: 0, issued_at: 0, not_after: 0, tree, tree_bytes, records, statement }
    }

    fn parse(statement: &[u8]) -> Result<Self, Boxed> {
        let mut reader = Reader::inside(statement, "head");
        let head = Head {
            realm: read_preamble(&mut reader)?,
            root_version: reader.u32()?,
            epoch: reader.u64()?,
            issued_at: reader.u64()?,
            not_after: reader.u64()?,
            tree: ObjectId(*reader.array()?),
            tree_bytes: reader.u64()?,
            records: reader.u64()?,
            statement: statement.into(),
        };
        reader.finish()?;
        if head.root_version == 0 {
            return Err(Error::BadField { object: "head", field: "root_version" }.into());
        }
        if !(1..=MAX_EPOCH).contains(&head.epoch) {
            return Err(Error::BadField { object: "head", field: "epoch" }.into());
        }
        match head.not_after.checked_sub(head.issued_at) {
            Some(1..=MAX_HEAD_LIFETIME) if head.not_after <= MAX_EPOCH => {}
            _ => return Err(Error::BadLifetime.into()),
        }
        if head.tree_bytes > MAX_BUNDLE_BYTES {
            return Err(Error::TooLarge { object: "tree", bytes: head.tree_bytes, limit: MAX_BUNDLE_BYTES }.into());
        }
        Ok(head)
    }
}
