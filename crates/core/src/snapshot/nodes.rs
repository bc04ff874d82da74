//! The inner objects of a tree in memory, each with what it holds of the ones below. Nodes are shared between trees: one that
//! changed is copied, the others stay where they are.

use crate::error::Error;
use crate::tree::chunk::Table;
use crate::tree::directory::Directory;
use crate::tree::page::Page;
use crate::tree::shard::{Shape, Shard};
use crate::tree::{Place, Slot};
use crate::wire::size;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The bytes of an object, shared by every tree that has it.
pub(super) type Object = Arc<[u8]>;

/// A shard, and what its header says: read once.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) bytes: Object,
    pub(super) shape: Shape,
}

impl Leaf {
    #[inline]
    pub(super) fn shard(&self) -> Option<Shard<'_>> {
        Shard::of_shape(&self.bytes, self.shape)
    }
}

/// An index page and its shards, as far as they are here.
#[derive(Clone)]
pub(super) struct PageNode {
    pub(super) bytes: Object,
    pub(super) leaves: Vec<Option<Leaf>>,
    /// How many of them are missing.
    pub(super) absent: usize,
    /// Records in those that are here.
    pub(super) records: u64,
    /// Bytes of all its shards, here or not.
    pub(super) shard_bytes: u64,
    /// Bytes of those that are here.
    pub(super) held: usize,
}

impl PageNode {
    /// A page that has been proven. Shards that `base`, the page at the same place of another tree, has under the same slot are shared.
    pub(super) fn new(bytes: Object, shards: usize, base: Option<&PageNode>) -> Result<Self, Error> {
        let page = Page::parse(&bytes)?;
        if page.shards.count() != shards {
            return Err(Error::BadField { object: "index page", field: "count" });
        }
        let shard_bytes = page.shards.iter().map(|slot| u64::from(slot.length)).sum();
        let mut node = PageNode { leaves: Vec::new(), absent: shards, records: 0, shard_bytes, held: 0, bytes: bytes.clone() };
        node.leaves.resize_with(shards, || None);
        let Some(base) = base else { return Ok(node) };
        for (index, slot) in page.shards.iter().enumerate() {
            if let Some(leaf) = base.leaves.get(index).and_then(Option::as_ref)
                && base.slot(index) == Some(slot)
            {
                node.put(index, leaf.clone());
            }
        }
        Ok(node)
    }

    pub(super) fn slot(&self, index: usize) -> Option<Slot> {
        Page::slots(&self.bytes)?.get(index)
    }

    /// Bytes of the shards before the one at `index`, here or not.
    pub(super) fn bytes_before(&self, index: usize) -> Option<u64> {
        Some(Page::slots(&self.bytes)?.iter().take(index).map(|slot| u64::from(slot.length)).sum())
    }

    /// Takes a shard that has been proven. One that is here already stays.
    pub(super) fn put(&mut self, index: usize, leaf: Leaf) {
        if let Some(place @ None) = self.leaves.get_mut(index) {
            self.absent = self.absent.saturating_sub(1);
            self.records = self.records.saturating_add(leaf.shape.count.into());
            self.held += leaf.bytes.len();
            *place = Some(leaf);
        }
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + self.held + self.leaves.capacity() * size_of::<Option<Leaf>>()
    }
}

/// A chunk of the directory, as far as it is here.
#[derive(Clone)]
pub(super) struct ChunkNode {
    pub(super) number: u32,
    pub(super) slot: Slot,
    /// Bytes of the chunks before it, here or not.
    pub(super) start: u64,
    pub(super) bytes: Option<Object>,
}

/// The directory and its chunks.
#[derive(Clone)]
pub(super) struct DirectoryNode {
    pub(super) bytes: Object,
    pub(super) tables: [Vec<ChunkNode>; 4],
    pub(super) absent: usize,
    /// Bytes of all chunks, here or not.
    pub(super) chunk_bytes: u64,
    pub(super) held: usize,
}

impl DirectoryNode {
    /// A directory that has been proven, and the chunks that another tree has under the same numbers and slots.
    pub(super) fn new(bytes: Object, base: Option<&DirectoryNode>) -> Result<Self, Error> {
        let directory = Directory::parse(&bytes)?;
        let mut node =
            DirectoryNode { tables: [const { Vec::new() }; 4], absent: 0, chunk_bytes: 0, held: 0, bytes: bytes.clone() };
        for (chunks, table) in node.tables.iter_mut().zip(Table::ALL) {
            for (number, slot) in directory.chunks(table) {
                let known = base.and_then(|base| base.chunk(table, number)).filter(|chunk| chunk.slot == slot);
                let bytes = known.and_then(|chunk| chunk.bytes.clone());
                node.absent += usize::from(bytes.is_none());
                node.held += bytes.as_ref().map_or(0, |bytes| bytes.len());
                chunks.push(ChunkNode { number, slot, start: node.chunk_bytes, bytes });
                node.chunk_bytes = node.chunk_bytes.saturating_add(slot.length.into());
            }
        }
        Ok(node)
    }

    pub(super) fn table(&self, table: Table) -> &[ChunkNode] {
        self.tables.get(size(table.number())).map_or(&[], Vec::as_slice)
    }

    #[inline]
    pub(super) fn chunk(&self, table: Table, number: u32) -> Option<&ChunkNode> {
        let chunks = self.table(table);
        // Numbers are dense where nothing was removed: then a chunk stands at its number.
        let guess = chunks.get(size(number)).filter(|chunk| chunk.number == number);
        guess.or_else(|| chunks.get(chunks.binary_search_by_key(&number, |chunk| chunk.number).ok()?))
    }

    /// The first missing chunk from the one with this table and number on.
    pub(super) fn missing_from(&self, first: Table, number: u32) -> Option<Place> {
        if self.absent == 0 {
            return None;
        }
        Table::ALL.into_iter().filter(|table| *table >= first).find_map(|table| {
            let chunks = self.table(table);
            let from = if table == first { chunks.partition_point(|chunk| chunk.number < number) } else { 0 };
            let missing = chunks.get(from..)?.iter().find(|chunk| chunk.bytes.is_none())?;
            Some(Place::Chunk(table, missing.number))
        })
    }

    /// Takes a chunk that has been proven. One that is here already stays.
    pub(super) fn put(&mut self, table: Table, number: u32, bytes: Object) {
        let chunks = self.tables.get_mut(size(table.number()));
        let place = chunks.and_then(|chunks| {
            let at = chunks.binary_search_by_key(&number, |chunk| chunk.number).ok()?;
            chunks.get_mut(at)
        });
        if let Some(ChunkNode { bytes: place @ None, .. }) = place {
            self.absent = self.absent.saturating_sub(1);
            self.held += bytes.len();
            *place = Some(bytes);
        }
    }

    pub(super) fn memory(&self) -> usize {
        let rows: usize = self.tables.iter().map(Vec::capacity).sum();
        self.bytes.len() + self.held + rows * size_of::<ChunkNode>()
    }

    /// Bytes that `other` has not: chunks of the same bytes are shared.
    pub(super) fn memory_beyond(&self, other: &DirectoryNode) -> usize {
        let shared = |(table, chunk): (Table, &ChunkNode)| {
            let near = other.chunk(table, chunk.number)?.bytes.as_ref()?;
            chunk.bytes.as_ref().filter(|bytes| Arc::ptr_eq(bytes, near)).map(|bytes| bytes.len())
        };
        let chunks = Table::ALL.into_iter().flat_map(|table| self.table(table).iter().map(move |chunk| (table, chunk)));
        self.memory() - chunks.filter_map(shared).sum::<usize>()
    }
}
