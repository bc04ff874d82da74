//! An index page: the digests and places of up to 256 shards.
//!
//! ```text
//! page := "ELPG" u16 format, u16 count, digest[32]*count, u32 end[count]
//! ```
//! `end[i]` counts the bytes of the page's shards up to and with shard `i`.

use crate::error::Error;
use crate::limits::SHARDS_PER_PAGE;
use crate::tree::{ObjectId, id_at};
use crate::wire::{Reader, size, u32_at};
use core::ops::Range;

pub(crate) const MAGIC: &[u8; 4] = b"ELPG";
const HEADER: usize = 8;

/// Bytes of a page of `count` shards.
pub(crate) const fn page_len(count: usize) -> usize {
    HEADER + 36 * count
}

/// A view of an index page.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    digests: &'a [u8],
    ends: &'a [u8],
}

impl<'a> Page<'a> {
    /// Reads a page whose digest has been checked.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::open(bytes, MAGIC, "index page")?;
        let count = usize::from(reader.u16()?);
        if !(1..=SHARDS_PER_PAGE).contains(&count) {
            return Err(Error::BadField { object: "index page", field: "count" });
        }
        let page = Page { digests: reader.items(count, 32)?, ends: reader.items(count, 4)? };
        reader.finish()?;
        let mut before = 0;
        for index in 0..count {
            let end = u32_at(page.ends, index).filter(|end| *end > before).ok_or(Error::BadTable { object: "index page" })?;
            before = end;
        }
        Ok(page)
    }

    /// A page that has been parsed before: the same view without the checks, for the verification path.
    #[inline]
    pub(crate) fn trusted(bytes: &'a [u8], count: usize) -> Option<Self> {
        let (digests, ends) = bytes.get(HEADER..)?.split_at_checked(count.checked_mul(32)?)?;
        Some(Page { digests, ends })
    }

    /// Number of shards.
    pub fn count(&self) -> usize {
        self.ends.len() / 4
    }

    /// Name of shard `index` of this page.
    pub fn shard_id(&self, index: usize) -> Option<ObjectId> {
        id_at(self.digests, index)
    }

    /// Place of shard `index`, in bytes from the first shard of this page.
    #[inline]
    pub fn shard_range(&self, index: usize) -> Option<Range<usize>> {
        let start = match index.checked_sub(1) {
            None => 0,
            Some(before) => u32_at(self.ends, before)?,
        };
        Some(size(start)..size(u32_at(self.ends, index)?))
    }

    /// Bytes of all shards of this page.
    pub fn shard_bytes(&self) -> usize {
        self.count().checked_sub(1).and_then(|last| u32_at(self.ends, last)).map_or(0, size)
    }
}
