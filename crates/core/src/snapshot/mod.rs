//! A tree in memory, whole or with holes. Every object in it is proven: [`Snapshot::supply`] is the one way in, whatever brought
//! the bytes. Objects are shared between trees, so that a tree that follows another costs what changed.

mod groups;
mod leaves;
mod look;
mod nodes;
mod sparse;

use crate::error::{Boxed, Error};
use crate::head::Head;
use crate::limits::{MAX_BUNDLE_BYTES, MAX_TOP_BYTES, SHARDS_PER_PAGE, WORKING_ROOM};
use crate::tree::chunk::Chunk;
use crate::tree::directory::Directory;
use crate::tree::shard::Shard;
use crate::tree::top::{Top, shard_count};
use crate::tree::{ObjectId, Place, Slot, Table};
use crate::wire::{bound, size};
use crate::work;
use alloc::sync::Arc;
use alloc::vec::Vec;
use nodes::{DirectoryNode, Leaf, Object, PageNode};

pub use groups::{Group, Mark};
pub use look::Lack;
pub(crate) use sparse::Sparse;

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Number of its shard.
    pub shard: u32,
    /// Its place in the shard.
    pub index: u32,
}

/// An object that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Where it stands.
    pub place: Place,
    /// What it must be.
    pub slot: Slot,
    /// Where it begins in a bundle, in bytes from the top page.
    pub offset: u64,
}

/// A tree, as far as it is here.
#[derive(Clone)]
pub(crate) struct Snapshot {
    top: Object,
    id: ObjectId,
    shard_bits: u8,
    directory: Option<Arc<DirectoryNode>>,
    pages: Vec<Option<Arc<PageNode>>>,
    /// Bytes of shards and chunks that it still takes.
    room: usize,
}

impl Snapshot {
    /// Begins with the top page that `head` names. The directory and the index pages that `base` has under the same slots are shared. Of
    /// the bytes of shards and chunks that come beyond that no more than `room` are taken.
    pub(crate) fn begin(top: Vec<u8>, head: &Head, base: Option<&Snapshot>, room: usize) -> Result<Self, Boxed> {
        bound("top page", top.len(), MAX_TOP_BYTES)?;
        if ObjectId::of(&top) != head.tree {
            return Err(Error::WrongDigest { object: "top page", index: 0 }.into());
        }
        let bytes = object(top)?;
        let top = Top::read(&bytes)?;
        if top.records != head.records {
            return Err(Error::WrongCount { object: "head", announced: head.records, found: top.records }.into());
        }
        let before = base.and_then(|base| Some((base, Top::read(&base.top).ok()?)));
        let pages = top.pages.iter().enumerate().map(|(index, slot)| {
            let (base, before) = before?;
            base.pages
                .get(index)?
                .clone()
                .filter(|_| before.pages.get(index) == Some(slot) && before.shard_bits == top.shard_bits)
        });
        let pages = pages.collect();
        let same = before.filter(|(_, before)| before.directory == top.directory);
        let directory = same.and_then(|(base, _)| base.directory.clone());
        Ok(Snapshot { id: head.tree, shard_bits: top.shard_bits, directory, pages, room, top: bytes.clone() })
    }

    /// The name of the tree.
    pub(crate) fn id(&self) -> ObjectId {
        self.id
    }

    /// What the object at `place` must be; `None` if the tree has no such place, or what names it is missing.
    pub(crate) fn slot(&self, place: Place) -> Option<Slot> {
        match place {
            Place::Top => Some(Slot { id: self.id, length: u32::try_from(self.top.len()).ok()? }),
            Place::Directory => Top::trusted(&self.top).map(|(directory, _)| directory),
            Place::Page(number) => Top::trusted(&self.top)?.1.get(size(number)),
            Place::Chunk(table, number) => Some(self.directory.as_ref()?.row(table, number)?.slot),
            Place::Shard(number) => {
                let (page, index) = place_of(number);
                self.pages.get(page)?.as_ref()?.slot(index)
            }
        }
    }

    /// The bytes of the object at `place`, if it is here.
    pub(crate) fn object(&self, place: Place) -> Option<&[u8]> {
        match place {
            Place::Top => Some(&self.top),
            Place::Directory => Some(&self.directory.as_ref()?.bytes),
            Place::Page(number) => Some(&self.pages.get(size(number))?.as_ref()?.bytes),
            Place::Chunk(table, number) => self.directory.as_ref()?.chunk(table, number)?.map(|bytes| &**bytes),
            Place::Shard(number) => {
                let (page, index) = place_of(number);
                Some(&self.pages.get(page)?.as_ref()?.leaves.get(index)?.bytes)
            }
        }
    }

    /// Whether the object at `place` is to be taken: it is not here, and there is room.
    pub(crate) fn wants(&self, place: Place) -> bool {
        let fits = |slot: Slot| !place.is_leaf() || size(slot.length) <= self.room;
        self.object(place).is_none() && self.slot(place).is_some_and(fits)
    }

    /// Takes the object at `place`, once it is proven. What `base` has of the objects below it is shared. An object that is here
    /// already, or for which there is no room, is not looked at.
    pub(crate) fn supply(&mut self, place: Place, bytes: Vec<u8>, base: Option<&Snapshot>) -> Result<(), Boxed> {
        let slot = self.slot(place).ok_or(Error::BadReference { object: "tree", field: "place" })?;
        if !self.wants(place) {
            return Ok(());
        }
        let (name, index) = place.name();
        slot.prove(&bytes, name, index)?;
        self.take(place, bytes, base)
    }

    /// Takes an object of which the digest and the length have been compared; its form has not.
    pub(crate) fn take(&mut self, place: Place, bytes: Vec<u8>, base: Option<&Snapshot>) -> Result<(), Boxed> {
        let length = bytes.len();
        match place {
            Place::Top => {}
            Place::Directory => {
                let base = base.and_then(|base| base.directory.as_deref());
                self.directory = Some(Arc::new(DirectoryNode::new(object(bytes)?, base)?));
            }
            Place::Page(number) => {
                let shards = shard_count(self.shard_bits).min(SHARDS_PER_PAGE);
                // A shard is read for the digests that belong to it, which depends on how many there are.
                let base = base.filter(|base| base.shard_bits == self.shard_bits);
                let base = base.and_then(|base| base.pages.get(size(number))?.as_deref());
                let node = PageNode::new(object(bytes)?, shards, base)?;
                if let Some(page) = self.pages.get_mut(size(number)) {
                    *page = Some(Arc::new(node));
                }
            }
            Place::Chunk(table, number) => {
                Chunk::read(&bytes, table, number)?;
                if let Some(directory) = &mut self.directory {
                    Arc::make_mut(directory).put(table, number, object(bytes)?);
                }
            }
            Place::Shard(number) => {
                let shape = Shard::parse(&bytes, self.shard_bits, number)?;
                let (page, index) = place_of(number);
                if let Some(Some(page)) = self.pages.get_mut(page) {
                    Arc::make_mut(page).put(index, Leaf { bytes: object(bytes)?, shape });
                }
            }
        }
        if place.is_leaf() {
            self.room = self.room.saturating_sub(length);
        }
        Ok(())
    }

    /// The place after `place` in the order of a bundle. What names objects must be here: the others are passed over.
    pub(crate) fn next_place(&self, place: Place) -> Option<Place> {
        let shards = u32::try_from(shard_count(self.shard_bits)).ok()?;
        let pages = u32::try_from(self.pages.len()).ok()?;
        let chunk_from = |table: Table, number: u32| self.directory.as_ref()?.first_from(table, number);
        let first_shard = (shards > 0).then_some(Place::Shard(0));
        match place {
            Place::Top => Some(Place::Directory),
            Place::Directory => Some(Place::Page(0)),
            Place::Page(number) if number.saturating_add(1) < pages => Some(Place::Page(number + 1)),
            Place::Page(_) => chunk_from(Table::Roles, 0).or(first_shard),
            Place::Chunk(table, number) => chunk_from(table, number.saturating_add(1)).or(first_shard),
            Place::Shard(number) => number.checked_add(1).filter(|next| *next < shards).map(Place::Shard),
        }
    }

    /// The first missing object from `from` on whose slot is known. A directory and pages that lack nothing are passed over at once.
    pub(crate) fn missing_from(&self, from: Place) -> Option<Place> {
        let mut place = from;
        loop {
            work::done(1);
            if let Place::Chunk(table, number) = place {
                let missing = self.directory.as_ref().and_then(|directory| directory.missing_from(table, number));
                if missing.is_some() {
                    return missing;
                }
                place = Place::Shard(0);
            }
            if let Place::Shard(number) = place {
                let (page, index) = place_of(number);
                let full = |page: &Option<Arc<PageNode>>| page.as_ref().is_none_or(|page| page.absent() == 0);
                if index == 0 && self.pages.get(page).is_some_and(full) {
                    let next =
                        (page + 1..self.pages.len()).find(|page| self.pages.get(*page).is_some_and(|page| !full(page)))?;
                    place = Place::Shard(u32::try_from(next * SHARDS_PER_PAGE).ok()?);
                    continue;
                }
            }
            if self.object(place).is_none() && self.slot(place).is_some() {
                return Some(place);
            }
            place = self.next_place(place)?;
        }
    }

    /// How many objects are missing, of those that are known.
    pub(crate) fn missing(&self) -> usize {
        let pages = self.pages.iter().map(|page| page.as_ref().map_or(1, |page| page.absent())).sum::<usize>();
        pages + self.directory.as_ref().map_or(1, |directory| directory.absent())
    }

    /// How many of directory and index pages are missing.
    pub(crate) fn missing_above(&self) -> usize {
        usize::from(self.directory.is_none()) + self.pages.iter().filter(|page| page.is_none()).count()
    }

    /// What is known of a missing object, for whoever fetches it.
    pub(crate) fn need(&self, place: Place) -> Option<Need> {
        Some(Need { place, slot: self.slot(place)?, offset: self.offset(place)? })
    }

    /// Where the object at `place` begins in a bundle; `None` while something before it is of unknown length. Objects are not walked one by
    /// one: whoever asks for all that are missing would walk the whole tree for each.
    fn offset(&self, place: Place) -> Option<u64> {
        let (directory, pages) = Top::trusted(&self.top)?;
        let wide = |count: usize| u64::try_from(count).ok();
        let page_bytes = u64::from(pages.get(0)?.length);
        let (of_directory, of_pages) = (wide(self.top.len())?, wide(self.top.len())? + u64::from(directory.length));
        let of_chunks = of_pages + page_bytes * wide(pages.count())?;
        Some(match place {
            Place::Top => 0,
            Place::Directory => of_directory,
            Place::Page(number) => of_pages + page_bytes * u64::from(number),
            Place::Chunk(table, number) => of_chunks.saturating_add(self.directory.as_ref()?.row(table, number)?.start),
            Place::Shard(number) => {
                let (page, index) = place_of(number);
                let of_shards = of_chunks.saturating_add(self.directory.as_ref()?.chunk_bytes);
                let before = self.pages.get(..page)?.iter().try_fold(of_shards, |sum, page| {
                    work::done(1);
                    Some(sum.saturating_add(page.as_ref()?.shard_bytes))
                })?;
                self.pages.get(page)?.as_ref()?.bytes_before(index)?.saturating_add(before)
            }
        })
    }

    /// Whether top page, directory and all index pages are here: what an edge may begin with.
    pub(crate) fn begun(&self) -> bool {
        self.missing_above() == 0
    }

    /// That the tree is as large as its head announces. To be asked once [`Snapshot::begun`].
    pub(crate) fn check_size(&self, head: &Head) -> Result<(), Boxed> {
        let wide = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
        let pages = self.pages.iter().flatten().map(|page| wide(page.bytes.len()).saturating_add(page.shard_bytes));
        let directory = self.directory.as_ref().map_or(0, |d| wide(d.bytes.len()).saturating_add(d.chunk_bytes));
        let found = pages.fold(directory.saturating_add(wide(self.top.len())), u64::saturating_add);
        if found > MAX_BUNDLE_BYTES {
            return Err(Error::TooLarge { object: "tree", bytes: found, limit: MAX_BUNDLE_BYTES }.into());
        }
        if found != head.tree_bytes {
            return Err(Error::WrongCount { object: "tree", announced: head.tree_bytes, found }.into());
        }
        Ok(())
    }

    /// That the shards hold as many records as the head announces. To be asked once nothing is missing.
    pub(crate) fn check_records(&self, head: &Head) -> Result<(), Boxed> {
        let found = self.pages.iter().flatten().fold(0, |sum, page| page.records.saturating_add(sum));
        if found == head.records {
            Ok(())
        } else {
            Err(Error::WrongCount { object: "head", announced: head.records, found }.into())
        }
    }

    /// The directory, if it is here.
    pub(crate) fn directory(&self) -> Option<Directory<'_>> {
        Directory::read(&self.directory.as_ref()?.bytes).ok()
    }

    /// Whether two trees have the same directory: then every answer that rests on it alone is the same.
    pub(crate) fn same_directory(&self, other: &Snapshot) -> bool {
        self.slot(Place::Directory) == other.slot(Place::Directory)
    }
}

/// The index page of a shard, and its place there.
#[inline]
fn place_of(shard: u32) -> (usize, usize) {
    (size(shard) / SHARDS_PER_PAGE, size(shard) % SHARDS_PER_PAGE)
}

/// The bytes as an object, in memory that is asked for first, with some for what is noted of it: where there is none, that is a refusal and
/// no trap.
fn object(bytes: Vec<u8>) -> Result<Object, Boxed> {
    let mut room = Vec::<u8>::new();
    let wide = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let none = |_| Error::TooLarge { object: "object", bytes: wide, limit: 0 };
    room.try_reserve_exact(bytes.len().saturating_add(WORKING_ROOM)).map_err(none)?;
    drop(room);
    Ok(bytes.into())
}
