//! A whole tree in memory. Head and top page are proven when it is opened, the directory in slices thereafter; index pages and
//! shards when they are first touched, or all of them before a running edge is switched to it.

use crate::error::Error;
use crate::head::Head;
use crate::objects::{Objects, place_of};
use crate::tree::directory::{Directory, Proof};
use crate::tree::page::Page;
use crate::tree::shard::{Shard, shard_of};
use crate::wire::size;
use alloc::vec::Vec;
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
    objects: Objects,
    /// The proof of the directory, until it is done.
    proof: Option<Proof>,
    shard_bits: u8,
    shards_per_page: usize,
    pages_proven: Bits,
    shards_proven: Bits,
}

impl Snapshot {
    /// Takes a bundle whose head has been proven, and proves its top page.
    pub(crate) fn open(bundle: Vec<u8>, head: &Head) -> Result<Self, Error> {
        let objects = Objects::of_bundle(bundle, head)?;
        let top = objects.top()?;
        let (shard_bits, shards_per_page) = (top.shard_bits, top.shards_per_page());
        let (pages_proven, shards_proven) = (Bits::new(top.page_count()), Bits::new(top.shard_count()));
        let proof = Some(Proof::new(top.directory));
        Ok(Snapshot { proof, shard_bits, shards_per_page, pages_proven, shards_proven, objects })
    }

    /// Goes on with the proof of the directory for about `budget` bytes. Returns what is left of the budget once it is proven,
    /// `None` before.
    pub(crate) fn prove_directory(&mut self, budget: usize) -> Result<Option<usize>, Error> {
        let Some(proof) = &mut self.proof else { return Ok(Some(budget)) };
        let left = proof.go_on(self.objects.directory()?, budget)?;
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
        Directory::read(self.objects.directory()?)
    }

    pub(crate) fn shard_count(&self) -> u32 {
        1 << self.shard_bits
    }

    /// Bytes held.
    pub(crate) fn memory(&self) -> usize {
        self.objects.memory() + self.pages_proven.bytes() + self.shards_proven.bytes()
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
            return self.objects.shard(number).and_then(Shard::trusted).ok_or(BROKEN);
        }
        self.first_touch(number)
    }

    #[cold]
    fn first_touch(&self, number: u32) -> Result<Shard<'_>, Error> {
        let (page, slot) = place_of(number);
        let page = self.prove_page(page)?;
        let id = page.shard_id(slot).ok_or(BROKEN)?;
        let bytes = self.objects.shard(number).ok_or(BROKEN)?;
        id.prove(bytes, "shard", number)?;
        let shard = Shard::parse(bytes, self.shard_bits, number, &self.directory()?)?;
        self.shards_proven.set(number);
        Ok(shard)
    }

    fn prove_page(&self, number: usize) -> Result<Page<'_>, Error> {
        let bytes = self.objects.page(number).ok_or(BROKEN)?;
        let index = u32::try_from(number).map_err(|_| Error::BadTable { object: "top page" })?;
        if self.pages_proven.get(index) {
            return Page::trusted(bytes, self.shards_per_page).ok_or(Error::Truncated { object: "index page" });
        }
        let top = self.objects.top()?;
        let id = top.page_id(number).ok_or(Error::BadTable { object: "top page" })?;
        id.prove(bytes, "index page", index)?;
        let page = Page::parse(bytes)?;
        if page.count() != self.shards_per_page {
            return Err(Error::BadField { object: "index page", field: "count" });
        }
        let spans = top.page_start(number).zip(top.page_end(number)).and_then(|(start, end)| end.checked_sub(start));
        if spans != u64::try_from(page.shard_bytes()).ok() {
            return Err(BROKEN);
        }
        self.pages_proven.set(index);
        Ok(page)
    }

    /// Proves a shard. Returns its bytes and its records.
    pub(crate) fn prove_shard(&self, number: u32) -> Result<(usize, u64), Error> {
        let records = self.shard(number)?.count();
        let bytes = self.objects.shard(number).ok_or(BROKEN)?.len();
        Ok((bytes, u64::try_from(records).unwrap_or(u64::MAX)))
    }
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
