//! Where the objects of a tree lie: all of them in one buffer, the bundle that brought them.
//!
//! [`Snapshot`](crate::snapshot::Snapshot) knows objects by what they are (shard 7, index page 0), never by a place in memory; so
//! how they are kept is decided here alone.

use crate::bundle::{Layout, layout, outline};
use crate::error::Error;
use crate::head::Head;
use crate::limits::SHARDS_PER_PAGE;
use crate::tree::page::Page;
use crate::tree::top::Top;
use crate::wire::size;
use alloc::vec::Vec;
use core::ops::Range;

/// The objects of one tree. Only the top page is proven; of every other one the caller compares the digest before it relies on it.
pub(crate) struct Objects {
    bundle: Vec<u8>,
    top: Range<usize>,
    layout: Layout,
    shards_per_page: usize,
    /// Where the shards of each page begin in `bundle`.
    page_starts: Vec<usize>,
}

impl Objects {
    /// Takes a bundle whose head has been proven, and proves its top page.
    pub(crate) fn of_bundle(bundle: Vec<u8>, head: &Head) -> Result<Self, Error> {
        let outline = outline(&bundle)?;
        let top_bytes = part(&bundle, &outline.top)?;
        head.tree.prove(top_bytes, "top page", 0)?;
        let top = Top::parse(top_bytes)?;
        let layout = layout(bundle.len(), &outline, &top, head)?;
        let start =
            |page| top.page_start(page).and_then(|s| usize::try_from(s).ok()).and_then(|s| layout.shards.checked_add(s));
        let page_starts = (0..top.page_count()).map_while(start).collect();
        let shards_per_page = top.shards_per_page();
        Ok(Objects { top: outline.top, layout, shards_per_page, page_starts, bundle })
    }

    /// The top page.
    pub(crate) fn top(&self) -> Result<Top<'_>, Error> {
        Top::parse(part(&self.bundle, &self.top)?)
    }

    /// The bytes of the directory.
    pub(crate) fn directory(&self) -> Result<&[u8], Error> {
        part(&self.bundle, &self.layout.directory)
    }

    /// The bytes of index page `number`.
    #[inline]
    pub(crate) fn page(&self, number: usize) -> Option<&[u8]> {
        let start = self.layout.pages.checked_add(number.checked_mul(self.layout.page_len)?)?;
        self.bundle.get(start..start.checked_add(self.layout.page_len)?)
    }

    /// The bytes of shard `number`, whose index page has been proven.
    #[inline]
    pub(crate) fn shard(&self, number: u32) -> Option<&[u8]> {
        let (page, slot) = place_of(number);
        let range = Page::trusted(self.page(page)?, self.shards_per_page)?.shard_range(slot)?;
        let start = *self.page_starts.get(page)?;
        self.bundle.get(start.checked_add(range.start)?..start.checked_add(range.end)?)
    }

    /// Bytes held.
    pub(crate) fn memory(&self) -> usize {
        self.bundle.capacity() + self.page_starts.capacity() * size_of::<usize>()
    }
}

/// The index page of a shard, and its place there.
#[inline]
pub(crate) fn place_of(shard: u32) -> (usize, usize) {
    (size(shard) / SHARDS_PER_PAGE, size(shard) % SHARDS_PER_PAGE)
}

fn part<'a>(bytes: &'a [u8], range: &Range<usize>) -> Result<&'a [u8], Error> {
    bytes.get(range.clone()).ok_or(Error::Truncated { object: "bundle" })
}
