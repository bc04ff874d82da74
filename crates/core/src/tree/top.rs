//! The top page: what the head's digest names.
//!
//! ```text
//! top := "ELTP" u16 format, u8 shard_bits, u8 zero, u64 records, slot directory, u32 page_count, slot[page_count]
//! ```
//! `page_count` is `max(1, 2^shard_bits / 256)`.

use super::slot::SLOT;
use super::{Slot, Slots, shard_bits};
use crate::error::{Boxed, Error};
use crate::limits::{MAX_SHARD_BITS, SHARDS_PER_PAGE};
use crate::tree::page::page_len;
use crate::wire::{Reader, size};

pub(crate) const MAGIC: &[u8; 4] = b"ELTP";
const HEADER: usize = 16;

/// A view of a top page.
#[derive(Clone, Copy)]
pub struct Top<'a> {
    /// Leading digest bits that choose a shard.
    pub shard_bits: u8,
    /// Records in the tree.
    pub records: u64,
    /// The directory.
    pub directory: Slot,
    /// The index pages.
    pub pages: Slots<'a>,
}

impl<'a> Top<'a> {
    /// Reads a top page whose digest has been checked.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Ok(Self::read(bytes)?)
    }

    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Boxed> {
        let mut reader = Reader::open(bytes, MAGIC, "top page")?;
        let (bits, zero, records) = (reader.u8()?, reader.u8()?, reader.u64()?);
        if zero != 0 || bits != shard_bits(records) {
            return Err(Error::BadField { object: "top page", field: "shard_bits" }.into());
        }
        let (directory, pages) = (Slot::read(&mut reader)?, size(reader.u32()?));
        if pages != shard_count(bits).div_ceil(SHARDS_PER_PAGE) {
            return Err(Error::BadField { object: "top page", field: "page_count" }.into());
        }
        let top = Top { shard_bits: bits, records, directory, pages: Slots::read(&mut reader, pages)? };
        reader.finish()?;
        let length = page_len(top.shards_per_page());
        if top.pages.iter().any(|slot| size(slot.length) != length) {
            return Err(Error::BadField { object: "top page", field: "page length" }.into());
        }
        Ok(top)
    }

    /// The slots of the directory and of the pages, of a top page that has been parsed before.
    pub(crate) fn trusted(bytes: &'a [u8]) -> Option<(Slot, Slots<'a>)> {
        let (head, pages) = bytes.split_at_checked(HEADER + SLOT + 4)?;
        Some((Slots::trusted(head.get(HEADER..)?).get(0)?, Slots::trusted(pages)))
    }

    /// Shards of each index page.
    pub fn shards_per_page(&self) -> usize {
        shard_count(self.shard_bits).min(SHARDS_PER_PAGE)
    }
}

/// Number of shards: two to the power of `shard_bits`.
pub(crate) fn shard_count(shard_bits: u8) -> usize {
    1 << shard_bits.min(MAX_SHARD_BITS)
}
