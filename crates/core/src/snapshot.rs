//! A whole tree in memory. Head and top page are proven when it is opened, the directory in slices thereafter; index pages and
//! shards when they are first touched, or all of them before a running edge is switched to it.

use crate::bundle::{Layout, layout, outline};
use crate::error::Error;
use crate::head::Head;
use crate::limits::SHARDS_PER_PAGE;
use crate::tree::directory::{Directory, Proof};
use crate::tree::object_digest;
use crate::tree::page::Page;
use crate::tree::shard::{Shard, shard_of};
use crate::tree::top::Top;
use crate::wire::size;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};

/// What the checks rule out: an index page that points outside.
const BROKEN: Error = Error::BadTable { object: "index page" };

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Number of its shard.
    pub shard: u32,
    /// Its place in the shard.
    pub index: u32,
}

/// A tree and how much of it has been proven.
pub(crate) struct Snapshot {
    bytes: Vec<u8>,
    top: Range<usize>,
    layout: Layout,
    /// The proof of the directory, until it is done.
    proof: Option<Proof>,
    shard_bits: u8,
    shards_per_page: usize,
    /// Where the shards of each page begin, from the start of `bytes`.
    page_starts: Vec<usize>,
    pages_proven: Bits,
    shards_proven: Bits,
}

impl Snapshot {
    /// Takes a bundle whose head has been proven, and proves its top page.
    pub(crate) fn open(bytes: Vec<u8>, head: &Head) -> Result<Self, Error> {
        let outline = outline(&bytes)?;
        let top_bytes = part(&bytes, outline.top.clone())?;
        prove(top_bytes, &head.tree, "top page", 0)?;
        let top = Top::parse(top_bytes)?;
        let layout = layout(bytes.len(), &outline, &top, head)?;
        let start =
            |page| top.page_start(page).and_then(|s| usize::try_from(s).ok()).and_then(|s| layout.shards.checked_add(s));
        let page_starts = (0..top.page_count()).map_while(start).collect();
        let (shard_bits, shards_per_page) = (top.shard_bits, top.shards_per_page());
        let (pages_proven, shards_proven) = (Bits::new(top.page_count()), Bits::new(top.shard_count()));
        let (proof, top) = (Some(Proof::new(*top.directory)), outline.top);
        Ok(Snapshot { top, layout, proof, shard_bits, shards_per_page, page_starts, pages_proven, shards_proven, bytes })
    }

    pub(crate) fn top(&self) -> Result<Top<'_>, Error> {
        Top::parse(part(&self.bytes, self.top.clone())?)
    }

    /// Goes on with the proof of the directory for about `budget` bytes. Returns what is left of the budget once it is proven,
    /// `None` before.
    pub(crate) fn prove_directory(&mut self, budget: usize) -> Result<Option<usize>, Error> {
        let Some(proof) = &mut self.proof else { return Ok(Some(budget)) };
        let left = proof.go_on(part(&self.bytes, self.layout.directory.clone())?, budget)?;
        if left.is_some() {
            self.proof = None;
        }
        Ok(left)
    }

    /// The directory, once it is proven.
    pub(crate) fn directory(&self) -> Result<Directory<'_>, Error> {
        if self.proof.is_some() {
            return Err(Error::Unchecked);
        }
        Directory::read(part(&self.bytes, self.layout.directory.clone())?)
    }

    pub(crate) fn shard_count(&self) -> u32 {
        1 << self.shard_bits
    }

    /// Bytes held.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity()
            + self.page_starts.capacity() * size_of::<usize>()
            + self.pages_proven.bytes()
            + self.shards_proven.bytes()
    }

    /// The record with this truncated digest. An error means that its part of the tree is not what was signed.
    #[inline]
    pub(crate) fn find(&self, high: u64, low: u64) -> Result<Option<(Location, Shard<'_>)>, Error> {
        let number = shard_of(high, self.shard_bits);
        let shard = self.shard(number)?;
        let found = shard.find(self.shard_bits, high, low);
        Ok(found.and_then(|index| Some((Location { shard: number, index: u32::try_from(index).ok()? }, shard))))
    }

    /// Shard `number`, proven and checked on first touch.
    #[inline]
    pub(crate) fn shard(&self, number: u32) -> Result<Shard<'_>, Error> {
        if self.shards_proven.get(number) {
            return self.shard_bytes(number).and_then(Shard::trusted).ok_or(BROKEN);
        }
        self.first_touch(number)
    }

    #[cold]
    fn first_touch(&self, number: u32) -> Result<Shard<'_>, Error> {
        let (page_number, slot) = (size(number) / SHARDS_PER_PAGE, size(number) % SHARDS_PER_PAGE);
        let page = self.prove_page(page_number)?;
        let digest = page.shard_digest(slot).ok_or(Error::BadTable { object: "index page" })?;
        let bytes = self.shard_bytes(number).ok_or(BROKEN)?;
        prove(bytes, digest, "shard", number)?;
        let shard = Shard::parse(bytes, self.shard_bits, number, &self.directory()?)?;
        self.shards_proven.set(number);
        Ok(shard)
    }

    fn prove_page(&self, number: usize) -> Result<Page<'_>, Error> {
        let bytes = self.page_bytes(number).ok_or(BROKEN)?;
        let index = u32::try_from(number).map_err(|_| Error::BadTable { object: "top page" })?;
        if self.pages_proven.get(index) {
            return Page::trusted(bytes, self.shards_per_page).ok_or(Error::Truncated { object: "index page" });
        }
        let top = self.top()?;
        prove(bytes, top.page_digest(number).ok_or(Error::BadTable { object: "top page" })?, "index page", index)?;
        let page = Page::parse(bytes)?;
        if page.count() != self.shards_per_page {
            return Err(Error::BadField { object: "index page", field: "count" });
        }
        let spans = top.page_start(number).zip(top.page_end(number)).and_then(|(start, end)| end.checked_sub(start));
        if spans != u64::try_from(page.shard_bytes()).ok() {
            return Err(Error::BadTable { object: "index page" });
        }
        self.pages_proven.set(index);
        Ok(page)
    }

    #[inline]
    fn page_bytes(&self, number: usize) -> Option<&[u8]> {
        let start = self.layout.pages.checked_add(number.checked_mul(self.layout.page_len)?)?;
        self.bytes.get(start..start.checked_add(self.layout.page_len)?)
    }

    /// The bytes of a shard whose page has been proven.
    #[inline]
    fn shard_bytes(&self, number: u32) -> Option<&[u8]> {
        let (page, slot) = (size(number) / SHARDS_PER_PAGE, size(number) % SHARDS_PER_PAGE);
        let range = Page::trusted(self.page_bytes(page)?, self.shards_per_page)?.shard_range(slot)?;
        let start = *self.page_starts.get(page)?;
        self.bytes.get(start.checked_add(range.start)?..start.checked_add(range.end)?)
    }

    /// Proves a shard. Returns its bytes and its records.
    pub(crate) fn prove_shard(&self, number: u32) -> Result<(usize, u64), Error> {
        let records = self.shard(number)?.count();
        let bytes = self.shard_bytes(number).ok_or(BROKEN)?.len();
        Ok((bytes, u64::try_from(records).unwrap_or(u64::MAX)))
    }
}

fn part(bytes: &[u8], range: Range<usize>) -> Result<&[u8], Error> {
    bytes.get(range).ok_or(Error::Truncated { object: "bundle" })
}

fn prove(bytes: &[u8], digest: &[u8; 32], object: &'static str, index: u32) -> Result<(), Error> {
    if object_digest(bytes) == *digest { Ok(()) } else { Err(Error::WrongDigest { object, index }) }
}

/// A set of numbers that only grows. Relaxed: a bit says that immutable bytes were found sound, it guards nothing else.
struct Bits(Vec<AtomicU32>);

impl Bits {
    fn new(count: usize) -> Self {
        Bits((0..count.div_ceil(32)).map(|_| AtomicU32::new(0)).collect())
    }

    #[inline]
    fn get(&self, index: u32) -> bool {
        self.0.get(size(index / 32)).is_some_and(|word| word.load(Ordering::Relaxed) >> (index % 32) & 1 == 1)
    }

    fn set(&self, index: u32) {
        if let Some(word) = self.0.get(size(index / 32)) {
            word.fetch_or(1 << (index % 32), Ordering::Relaxed);
        }
    }

    fn bytes(&self) -> usize {
        self.0.capacity() * 4
    }
}
