//! The top page: what the head's digest names.
//!
//! ```text
//! top := "ELTP" u16 format, u8 shard_bits, u8 zero, u64 records, digest[32] directory, u32 directory_len,
//!        u32 page_count, digest[32]*page_count, u64 page_end[page_count]
//! ```
//! `page_count` is `max(1, 2^shard_bits / 256)`; `page_end[i]` counts the bytes of all shards up to and with page `i`.

use crate::error::Error;
use crate::limits::SHARDS_PER_PAGE;
use crate::tree::directory::check_length;
use crate::tree::{ObjectId, id_at, shard_bits};
use crate::wire::{Reader, size, u64_at};

pub(crate) const MAGIC: &[u8; 4] = b"ELTP";

/// A view of a top page.
#[derive(Clone, Copy)]
pub struct Top<'a> {
    /// Leading digest bits that choose a shard.
    pub shard_bits: u8,
    /// Records in the tree.
    pub records: u64,
    /// Name of the directory.
    pub directory: ObjectId,
    /// Bytes of the directory.
    pub directory_len: u32,
    digests: &'a [u8],
    ends: &'a [u8],
}

impl<'a> Top<'a> {
    /// Reads a top page whose digest has been checked.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::open(bytes, MAGIC, "top page")?;
        let (bits, zero, records) = (reader.u8()?, reader.u8()?, reader.u64()?);
        let (directory, directory_len) = (ObjectId(*reader.array()?), reader.u32()?);
        let pages = reader.u32()?;
        let top = Top {
            shard_bits: bits,
            records,
            directory,
            directory_len,
            digests: reader.items(size(pages), 32)?,
            ends: reader.items(size(pages), 8)?,
        };
        reader.finish()?;
        check_length(directory_len)?;
        if zero != 0 || bits != shard_bits(records) {
            return Err(Error::BadField { object: "top page", field: "shard_bits" });
        }
        if size(pages) != top.shard_count().div_ceil(SHARDS_PER_PAGE) {
            return Err(Error::BadField { object: "top page", field: "page_count" });
        }
        let mut before = 0;
        for index in 0..top.page_count() {
            let end = u64_at(top.ends, index).filter(|end| *end >= before).ok_or(Error::BadTable { object: "top page" })?;
            before = end;
        }
        Ok(top)
    }

    /// Number of index pages.
    pub fn page_count(&self) -> usize {
        self.ends.len() / 8
    }

    /// Number of shards: two to the power of `shard_bits`.
    pub fn shard_count(&self) -> usize {
        1 << self.shard_bits.min(crate::limits::MAX_SHARD_BITS)
    }

    /// Shards of each index page.
    pub fn shards_per_page(&self) -> usize {
        self.shard_count().min(SHARDS_PER_PAGE)
    }

    /// Name of index page `page`.
    pub fn page_id(&self, page: usize) -> Option<ObjectId> {
        id_at(self.digests, page)
    }

    /// Where the shards of `page` begin, in bytes from the first shard.
    pub fn page_start(&self, page: usize) -> Option<u64> {
        match page.checked_sub(1) {
            None => Some(0),
            Some(before) => u64_at(self.ends, before),
        }
    }

    /// Where the shards of `page` end, in bytes from the first shard.
    pub fn page_end(&self, page: usize) -> Option<u64> {
        u64_at(self.ends, page)
    }

    /// Bytes of all shards.
    pub fn shard_bytes(&self) -> u64 {
        self.page_count().checked_sub(1).and_then(|last| self.page_end(last)).unwrap_or(0)
    }
}
