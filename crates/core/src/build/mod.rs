//! Encoders and signing: what a publisher needs. Feature `builder`.
//!
//! The same records give the same bytes whatever their order: everything is sorted, merged and of least width.

mod records;
mod shards;
mod sign;

pub use records::{KeyRecord, RealmRecord, RoleRecord};
pub use sign::{Draft, HeadFields, RoleFields, RootFields, SigningKey, sign_head, sign_root};

use crate::error::Error;
use crate::limits::{MAX_BUNDLE_BYTES, SHARDS_PER_PAGE};
use crate::tree::shard::shard_of;
use crate::tree::{ObjectId, page, shard_bits, top};
use crate::wire::put;
use alloc::vec::Vec;
use records::{DirectoryIndex, encode_directory};

/// All objects of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The top page.
    pub top: Vec<u8>,
    /// The index pages.
    pub pages: Vec<Vec<u8>>,
    /// The directory.
    pub directory: Vec<u8>,
    /// The shards.
    pub shards: Vec<Vec<u8>>,
    /// Records in the tree.
    pub records: u64,
}

impl Tree {
    /// The name that a head gives the tree: that of the top page.
    pub fn id(&self) -> ObjectId {
        ObjectId::of(&self.top)
    }

    /// Bytes of all objects together, which the head announces.
    pub fn bytes(&self) -> u64 {
        self.objects().map(|object| u64::try_from(object.len()).unwrap_or(u64::MAX)).sum()
    }

    /// Every object, in the order of a bundle.
    pub fn objects(&self) -> impl Iterator<Item = &[u8]> {
        let inner = self.pages.iter().chain(core::iter::once(&self.directory)).chain(&self.shards);
        core::iter::once(&self.top).chain(inner).map(Vec::as_slice)
    }
}

/// Builds the tree of a realm (SPEC.md section 5). Fails on a record that breaks a limit or a rule of the format
/// ([`Error::BadRecord`], [`Error::TooLong`]), on two digests that begin with the same 16 bytes ([`Error::DuplicateDigest`]), and on
/// a tree of more than 3 GiB.
pub fn build_tree(realm: &RealmRecord, mut keys: Vec<KeyRecord>) -> Result<Tree, Error> {
    keys.iter().try_for_each(|key| key.check(realm))?;
    let (directory, index) = encode_directory(realm, &keys)?;
    if let Some(pepper) = &realm.pepper {
        keys.iter_mut().for_each(|key| key.digest = pepper.apply(&key.digest));
    }
    keys.sort_unstable_by_key(KeyRecord::words);
    if keys.iter().zip(keys.iter().skip(1)).any(|(a, b)| a.words() == b.words()) {
        return Err(Error::DuplicateDigest);
    }
    let records = u64::try_from(keys.len()).unwrap_or(u64::MAX);
    let shards = encode_shards(&keys, shard_bits(records), &index)?;
    let (pages, ends) = encode_pages(&shards)?;
    let top = encode_top(records, &directory, &pages, &ends)?;
    let tree = Tree { top, pages, directory, shards, records };
    if tree.bytes() > MAX_BUNDLE_BYTES {
        return Err(Error::TooLarge { object: "tree", bytes: tree.bytes(), limit: MAX_BUNDLE_BYTES });
    }
    Ok(tree)
}

fn encode_shards(keys: &[KeyRecord], bits: u8, index: &DirectoryIndex) -> Result<Vec<Vec<u8>>, Error> {
    let mut rest = keys;
    (0..1u32 << bits)
        .map(|number| {
            let count = rest.partition_point(|key| shard_of(key.words().0, bits) <= number);
            let (here, after) = rest.split_at(count);
            rest = after;
            shards::encode(here, index)
        })
        .collect()
}

fn encode_pages(shards: &[Vec<u8>]) -> Result<(Vec<Vec<u8>>, Vec<u64>), Error> {
    let mut total = 0u64;
    let mut ends = Vec::new();
    let pages = shards.chunks(SHARDS_PER_PAGE).map(|chunk| {
        let mut out = put::open(page::MAGIC);
        out.extend_from_slice(&u16::try_from(chunk.len()).unwrap_or(u16::MAX).to_le_bytes());
        chunk.iter().for_each(|shard| out.extend_from_slice(&ObjectId::of(shard).0));
        let mut end = 0;
        for shard in chunk {
            end += shard.len();
            out.extend_from_slice(&put::count(end, "shards of one page")?);
        }
        total = total.saturating_add(u64::try_from(end).unwrap_or(u64::MAX));
        ends.push(total);
        Ok(out)
    });
    let pages = pages.collect::<Result<_, Error>>()?;
    Ok((pages, ends))
}

fn encode_top(records: u64, directory: &[u8], pages: &[Vec<u8>], ends: &[u64]) -> Result<Vec<u8>, Error> {
    let mut out = put::open(top::MAGIC);
    out.extend_from_slice(&[shard_bits(records), 0]);
    out.extend_from_slice(&records.to_le_bytes());
    out.extend_from_slice(&ObjectId::of(directory).0);
    out.extend_from_slice(&put::count(directory.len(), "directory")?);
    out.extend_from_slice(&put::count(pages.len(), "index pages")?);
    pages.iter().for_each(|page| out.extend_from_slice(&ObjectId::of(page).0));
    ends.iter().for_each(|end| out.extend_from_slice(&end.to_le_bytes()));
    Ok(out)
}

/// Puts a head and its tree into one file (SPEC.md section 6).
pub fn encode_bundle(head: &[u8], tree: &Tree) -> Result<Vec<u8>, Error> {
    let mut out = put::open(crate::bundle::MAGIC);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&put::count(head.len(), "head")?);
    out.extend_from_slice(&put::count(tree.top.len(), "top page")?);
    out.extend_from_slice(head);
    tree.objects().for_each(|object| out.extend_from_slice(object));
    Ok(out)
}
