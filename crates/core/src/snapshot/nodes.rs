//! The inner objects of a tree in memory, each with what it holds of the ones below. Nodes are shared between trees: one that
//! changed is copied, the others stay where they are.

use super::sparse::Sparse;
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
    pub(super) fn new(bytes: Object, shards: usize, base: Option<&PageNode>) -> Result<Self, Error> {
        let page = Page::parse(&bytes)?;
        if page.shards.count() != shards {
            return Err(Error::BadField { object: "index page", field: "count" });
        }
        let shard_bytes = page.shards.iter().map(|slot| u64::from(slot.length)).sum();
        let mut node = PageNode { leaves: Sparse::new(), shards, records: 0, shard_bytes, held: 0, bytes: bytes.clone() };
        for (index, leaf) in base.iter().flat_map(|base| base.leaves.iter()) {
            let slot = page.shards.get(index);
            if slot.is_some() && slot == base.and_then(|base| base.slot(index)) {
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
    pub(super) number: u32,
    pub(super) slot: Slot,
    /// Bytes of the chunks before it, here or not.
    pub(super) start: u64,
}

/// The chunks of a table as the directory names them.
type Rows = Vec<ChunkRow>;

/// The directory and its chunks.
#[derive(Clone)]
pub(super) struct DirectoryNode {
    pub(super) bytes: Object,
    rows: Arc<[Rows; 4]>,
    /// Those that are here.
    chunks: [Sparse<Object>; 4],
    /// How many are missing.
    pub(super) absent: usize,
    /// Bytes of all chunks, here or not.
    pub(super) chunk_bytes: u64,
    pub(super) held: usize,
}

impl DirectoryNode {
    /// A directory that has been proven, and the chunks that another tree has under the same numbers and slots.
    pub(super) fn new(bytes: Object, base: Option<&DirectoryNode>) -> Result<Self, Error> {
        let directory = Directory::parse(&bytes)?;
        let mut start = 0u64;
        let rows = Table::ALL.map(|table| {
            let row = |(number, slot): (u32, Slot)| {
                let row = ChunkRow { number, slot, start };
                start = start.saturating_add(slot.length.into());
                row
            };
            directory.chunks(table).map(row).collect::<Rows>()
        });
        let (chunks, absent) = ([const { Sparse::new() }; 4], rows.iter().map(Vec::len).sum());
        let rows = Arc::new(rows);
        let mut node = DirectoryNode { bytes: bytes.clone(), rows, chunks, absent, chunk_bytes: start, held: 0 };
        for (table, number, chunk) in base.iter().flat_map(|base| base.chunks()) {
            if let Some(row) = node.row(table, number)
                && base.and_then(|base| base.row(table, number)).is_some_and(|before| before.slot == row.slot)
            {
                node.put(table, number, chunk.clone());
            }
        }
        Ok(node)
    }

    pub(super) fn rows(&self, table: Table) -> &[ChunkRow] {
        self.rows.get(size(table.number())).map_or(&[], Vec::as_slice)
    }

    /// Where a chunk stands among those of its table.
    #[inline]
    fn index(&self, table: Table, number: u32) -> Option<usize> {
        let rows = self.rows(table);
        // Where none was removed, a chunk stands at its number, and its row need not be looked at.
        if rows.last().is_some_and(|last| size(last.number) + 1 == rows.len()) {
            return Some(size(number)).filter(|index| *index < rows.len());
        }
        rows.binary_search_by_key(&number, |row| row.number).ok()
    }

    /// What the directory says of a chunk; `None` if there is no such chunk.
    pub(super) fn row(&self, table: Table, number: u32) -> Option<&ChunkRow> {
        self.rows(table).get(self.index(table, number)?)
    }

    /// A chunk: `None` if there is no such chunk, `Some(None)` if it is missing.
    #[inline]
    pub(super) fn chunk(&self, table: Table, number: u32) -> Option<Option<&Object>> {
        let index = self.index(table, number)?;
        Some(self.chunks.get(size(table.number()))?.get(index))
    }

    /// The chunks that are here, in their order.
    pub(super) fn chunks(&self) -> impl Iterator<Item = (Table, u32, &Object)> {
        Table::ALL.into_iter().zip(&self.chunks).flat_map(|(table, chunks)| {
            let rows = self.rows(table);
            chunks.iter().filter_map(move |(index, bytes)| Some((table, rows.get(index)?.number, bytes)))
        })
    }

    /// The first missing chunk from the one with this table and number on.
    pub(super) fn missing_from(&self, first: Table, number: u32) -> Option<Place> {
        Table::ALL.into_iter().zip(&self.chunks).filter(|(table, _)| *table >= first).find_map(|(table, chunks)| {
            let rows = self.rows(table);
            let from = if table == first { rows.partition_point(|row| row.number < number) } else { 0 };
            Some(Place::Chunk(table, rows.get(chunks.gap(from, rows.len())?)?.number))
        })
    }

    /// Takes a chunk that has been proven. One that is here already stays.
    pub(super) fn put(&mut self, table: Table, number: u32, bytes: Object) {
        let all = self.rows(table).len();
        let (length, index) = (bytes.len(), self.index(table, number));
        let chunks = self.chunks.get_mut(size(table.number()));
        if index.zip(chunks).is_some_and(|(index, chunks)| chunks.put(index, all, bytes)) {
            self.absent = self.absent.saturating_sub(1);
            self.held += length;
        }
    }

    /// Gives a chunk away.
    pub(super) fn take(&mut self, table: Table, number: u32) -> Option<Object> {
        let (all, index) = (self.rows(table).len(), self.index(table, number)?);
        let bytes = self.chunks.get_mut(size(table.number()))?.take(index, all)?;
        self.absent += 1;
        self.held = self.held.saturating_sub(bytes.len());
        Some(bytes)
    }

    pub(super) fn memory(&self) -> usize {
        let rows: usize = self.rows.iter().map(|rows| rows.capacity() * size_of::<ChunkRow>()).sum();
        self.bytes.len() + self.held + rows + self.chunks.iter().map(Sparse::memory).sum::<usize>()
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
