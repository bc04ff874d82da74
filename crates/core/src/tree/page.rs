//! An index page: the slots of up to 256 shards.
//!
//! ```text
//! page := "ELPG" u16 format, u16 count, slot[count]
//! ```

use super::Slots;
use super::slot::SLOT;
use crate::error::{Boxed, Error};
use crate::limits::SHARDS_PER_PAGE;
use crate::wire::Reader;

pub(crate) const MAGIC: &[u8; 4] = b"ELPG";
const HEADER: usize = 8;

/// Bytes of a page of `count` shards.
pub(crate) const fn page_len(count: usize) -> usize {
    HEADER + SLOT * count
}

/// A view of an index page.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    /// The slots of its shards.
    pub shards: Slots<'a>,
}

impl<'a> Page<'a> {
    /// Reads a page whose digest has been checked.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Ok(Self::read(bytes)?)
    }

    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Boxed> {
        let mut reader = Reader::open(bytes, MAGIC, "index page")?;
        let count = usize::from(reader.u16()?);
        if !(1..=SHARDS_PER_PAGE).contains(&count) {
            return Err(Error::BadField { object: "index page", field: "count" }.into());
        }
        let page = Page { shards: Slots::read(&mut reader, count)? };
        reader.finish()?;
        Ok(page)
    }

    /// The slots of a page that has been parsed before.
    pub(crate) fn slots(bytes: &'a [u8]) -> Option<Slots<'a>> {
        Some(Slots::trusted(bytes.get(HEADER..)?))
    }
}
