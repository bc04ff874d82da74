//! The inner objects of a tree in memory, each with what it holds of the ones below. Nodes are shared between trees: one that
//! changed is copied, the others stay where they are.

use super::sparse::Sparse;
use crate::error::{Boxed, Error};
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

/// A shard, and what its header says: read once. On a cache line of its own, so that a verification waits for one of them.
#[derive(Clone)]
#[repr(align(64))]
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
    pub(super) leaves: Sparse<Leaf>,
    /// How many shards it names.
    pub(super) shards: usize,
    /// Records in those that are here.
    pub(super) records: u64,
    /// Bytes of all its shards, here or not.
    pub(super) shard_bytes: u64,
    /// Bytes of those that are here.
    pub(super) held: usize,
}

impl PageNode {
    /// A page that has been proven. Shards that `base`, the page at the same place of another tree, has under the same slot are shared.
    pub(super) fn new(bytes: Object, shards: usize, base: Option<&PageNode>) -> Result<Self, Boxed> {
        let page = Page::read(&bytes)?;
        if page.shards.count() != shards {
            return Err(Error::BadField { object: "index page", field: "count" }.into());
        }
        let shard_bytes = page.shards.iter().map(|slot| u64::from(slot.length)).sum();
        let mut node = PageNode { leaves: Sparse::new(), shards, records: 0, shard_bytes, held: 0, bytes: bytes.clone() };
        if let Some(base) = base
            && let Some(before) = Page::slots(&base.bytes)
        {
            for (index, leaf) in base.leaves.iter().filter(|(index, _)| page.shards.agrees(before, *index)) {
                node.put(index, leaf.clone());
            }
        }
        Ok(node)
    }

    pub(super) fn slot(&self, index: usize) -> Option<Slot> {
        Page::slots(&self.bytes)?.get(index)
    }

    /// How many shards are missing.
    pub(super) fn absent(&self) -> usize {
        self.shards - self.leaves.len()
    }

    /// Bytes of the shards before the one at `index`, here or not.
    pub(super) fn bytes_before(&self, index: usize) -> Option<u64> {
        Some(Page::slots(&self.bytes)?.iter().take(index).map(|slot| u64::from(slot.length)).sum())
    }

    /// Takes a shard that has been proven. One that is here already stays.
    pub(super) fn put(&mut self, index: usize, leaf: Leaf) {
        let (records, bytes) = (leaf.shape.count, leaf.bytes.len());
        if self.leaves.put(index, self.shards, leaf) {
            self.records = self.records.saturating_add(records.into());
            self.held += bytes;
        }
    }

    /// Gives a shard away.
    pub(super) fn take(&mut self, index: usize) -> Option<Object> {
        let leaf = self.leaves.take(index, self.shards)?;
        self.records = self.records.saturating_sub(leaf.shape.count.into());
        self.held = self.held.saturating_sub(leaf.bytes.len());
        Some(leaf.bytes)
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + self.held + self.leaves.memory()
    }
}

/// What the directory says of a chunk.
pub(super) struct ChunkRow {
    number: u32,
    pub(super) slot: Slot,
    /// Bytes of the chunks before it, here or not.
    pub(super) start: u64,
}

/// The chunks as the directory names them, table by table.
struct Rows {
    all: Vec<ChunkRow>,
    /// Where those of each table begin, and where the last one's end.
    begins: [usize; Table::ALL.len() + 1],
}

/// The directory and its chunks.
#[derive(Clone)]
pub(super) struct DirectoryNode {
    pub(super) bytes: Object,
    rows: Arc<Rows>,
    /// Those that are here, each at the place of its row.
    chunks: Sparse<Object>,
    /// Bytes of all chunks, here or not.
    pub(super) chunk_bytes: u64,
    held: usize,
}

impl Rows {
    fn read(directory: &Directory<'_>) -> Self {
        let mut rows = Rows { all: Vec::new(), begins: [0; Table::ALL.len() + 1] };
        let (_, ends) = rows.begins.split_at_mut(1);
        let mut start = 0u64;
        for (table, end) in Table::ALL.into_iter().zip(ends) {
            for (number, slot) in directory.chunks(table) {
                rows.all.push(ChunkRow { number, slot, start });
                start = start.saturating_add(slot.length.into());
            }
            *end = rows.all.len();
        }
        rows
    }

    /// Where those of a table begin, and they.
    #[inline]
    fn of(&self, table: Table) -> (usize, &[ChunkRow]) {
        let begin = |number: u32| self.begins.get(size(number)).copied().unwrap_or(0);
        let (begin, end) = (begin(table.number()), begin(table.number() + 1));
        (begin, self.all.get(begin..end).unwrap_or_default())
    }

    /// The first from the one with this table and number on.
    fn from(&self, table: Table, number: u32) -> usize {
        let (begin, rows) = self.of(table);
        begin + rows.partition_point(|row| row.number < number)
    }

    fn place(&self, index: usize) -> Option<(Table, u32)> {
        let begins = |table: &Table| self.of(*table).0 <= index;
        Some((Table::ALL.into_iter().rev().find(begins)?, self.all.get(index)?.number))
    }
}

impl DirectoryNode {
    /// A directory that has been proven, and the chunks that another tree has under the same numbers and slots.
    pub(super) fn new(bytes: Object, base: Option<&DirectoryNode>) -> Result<Self, Boxed> {
        let rows = Arc::new(Rows::read(&Directory::read(&bytes)?));
        let chunk_bytes = rows.all.last().map_or(0, |last| last.start.saturating_add(last.slot.length.into()));
        let mut node = DirectoryNode { bytes, rows, chunks: Sparse::new(), chunk_bytes, held: 0 };
        for (table, number, chunk) in base.iter().flat_map(|base| base.chunks()) {
            if let Some(row) = node.row(table, number)
                && base.and_then(|base| base.row(table, number)).is_some_and(|before| before.slot == row.slot)
            {
                node.put(table, number, chunk.clone());
            }
        }
        Ok(node)
    }

    /// Where a chunk stands.
    #[inline]
    fn index(&self, table: Table, number: u32) -> Option<usize> {
        let (begin, rows) = self.rows.of(table);
        // Where none was removed, a chunk stands at its number, and its row need not be looked at.
        if rows.last().is_some_and(|last| size(last.number) + 1 == rows.len()) {
            return Some(size(number)).filter(|index| *index < rows.len()).map(|index| begin + index);
        }
        rows.binary_search_by_key(&number, |row| row.number).ok().map(|index| begin + index)
    }

    /// What the directory says of a chunk; `None` if there is no such chunk.
    pub(super) fn row(&self, table: Table, number: u32) -> Option<&ChunkRow> {
        self.rows.all.get(self.index(table, number)?)
    }

    /// A chunk: `None` if there is no such chunk, `Some(None)` if it is missing.
    #[inline]
    pub(super) fn chunk(&self, table: Table, number: u32) -> Option<Option<&Object>> {
        Some(self.chunks.get(self.index(table, number)?))
    }

    /// The chunks that are here, in their order.
    pub(super) fn chunks(&self) -> impl Iterator<Item = (Table, u32, &Object)> {
        self.chunks.iter().filter_map(|(index, bytes)| {
            let (table, number) = self.rows.place(index)?;
            Some((table, number, bytes))
        })
    }

    /// How many are missing.
    #[inline]
    pub(super) fn absent(&self) -> usize {
        self.rows.all.len() - self.chunks.len()
    }

    /// The first chunk from the one with this table and number on, here or not.
    pub(super) fn first_from(&self, table: Table, number: u32) -> Option<Place> {
        self.place(self.rows.from(table, number))
    }

    /// The first of them that is missing.
    pub(super) fn missing_from(&self, table: Table, number: u32) -> Option<Place> {
        self.place(self.chunks.gap(self.rows.from(table, number), self.rows.all.len())?)
    }

    fn place(&self, index: usize) -> Option<Place> {
        self.rows.place(index).map(|(table, number)| Place::Chunk(table, number))
    }

    /// Takes a chunk that has been proven. One that is here already stays.
    pub(super) fn put(&mut self, table: Table, number: u32, bytes: Object) {
        let length = bytes.len();
        if self.index(table, number).is_some_and(|index| self.chunks.put(index, self.rows.all.len(), bytes)) {
            self.held += length;
        }
    }

    /// Gives a chunk away.
    pub(super) fn take(&mut self, table: Table, number: u32) -> Option<Object> {
        let bytes = self.chunks.take(self.index(table, number)?, self.rows.all.len())?;
        self.held = self.held.saturating_sub(bytes.len());
        Some(bytes)
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + self.held + self.rows.all.capacity() * size_of::<ChunkRow>() + self.chunks.memory()
    }

    /// Bytes that `other` has not: chunks of the same bytes are shared, and so is what the directory says if it is the same one.
    pub(super) fn memory_beyond(&self, other: &DirectoryNode) -> usize {
        let shared = |(table, number, bytes): (Table, u32, &Object)| {
            let near = other.chunk(table, number)??;
            Arc::ptr_eq(bytes, near).then_some(bytes.len())
        };
        let said = if Arc::ptr_eq(&self.rows, &other.rows) { self.memory() - self.held } else { 0 };
        self.memory() - said - self.chunks().filter_map(shared).sum::<usize>()
    }
}
