//! What a tree holds of its chunks and shards, what it shares with others, and giving some away.

use super::nodes::{Leaf, Object, PageNode};
use super::{Snapshot, place_of};
use crate::limits::SHARDS_PER_PAGE;
use crate::tree::Place;
use alloc::sync::Arc;
use alloc::vec::Vec;

impl Snapshot {
    /// Gives away the chunk or shard at `place`; `None` if it is not here. What is returned keeps it alive, for [`Snapshot::give_too`].
    pub(crate) fn give(&mut self, place: Place) -> Option<Object> {
        match place {
            Place::Chunk(table, number) => Arc::make_mut(self.directory.as_mut()?).take(table, number),
            Place::Shard(number) => {
                let (page, index) = place_of(number);
                Arc::make_mut(self.pages.get_mut(page)?.as_mut()?).take(index)
            }
            _ => None,
        }
    }

    /// Gives away the object at `place` if it is this one.
    pub(crate) fn give_too(&mut self, place: Place, given: &Object) {
        if self.object(place).is_some_and(|bytes| core::ptr::eq(bytes, &**given)) {
            self.give(place);
        }
    }

    /// Shares the chunk or shard at `place` that another tree has under the same slot.
    pub(crate) fn share(&mut self, place: Place, other: &Snapshot) {
        // Asked first: what is shared as it is need not be copied to be changed.
        if self.object(place).is_some() || self.slot(place).is_none() || self.slot(place) != other.slot(place) {
            return;
        }
        match place {
            Place::Chunk(table, number) => {
                let chunk = other.directory.as_ref().and_then(|directory| directory.chunk(table, number).flatten());
                if let (Some(chunk), Some(directory)) = (chunk, &mut self.directory) {
                    Arc::make_mut(directory).put(table, number, chunk.clone());
                }
            }
            // A shard is read for the digests that belong to it, which depends on how many there are.
            Place::Shard(number) if self.shard_bits == other.shard_bits => {
                let (page, index) = place_of(number);
                let leaf = other.pages.get(page).and_then(Option::as_ref).and_then(|page| page.leaves.get(index));
                if let (Some(leaf), Some(Some(page))) = (leaf, self.pages.get_mut(page)) {
                    Arc::make_mut(page).put(index, leaf.clone());
                }
            }
            _ => {}
        }
    }

    /// The chunks and shards that are here, in the order of a bundle. Pages without shards are passed over at once.
    pub(crate) fn leaves(&self) -> Vec<(Place, &[u8])> {
        let mut leaves = self.chunks();
        (0..self.pages.len()).for_each(|page| self.shards(page, &mut leaves));
        leaves
    }

    fn chunks(&self) -> Vec<(Place, &[u8])> {
        let chunks = self.directory.iter().flat_map(|directory| directory.chunks());
        chunks.map(|(table, number, bytes)| (Place::Chunk(table, number), &**bytes)).collect()
    }

    /// Adds the shards of an index page.
    pub(super) fn shards<'a>(&'a self, page: usize, to: &mut Vec<(Place, &'a [u8])>) {
        let Some(Some(node)) = self.pages.get(page) else { return };
        for (index, leaf) in node.leaves.iter() {
            let number = u32::try_from(page * SHARDS_PER_PAGE + index).unwrap_or(u32::MAX);
            to.push((Place::Shard(number), &leaf.bytes));
        }
    }

    /// All objects that are here, in the order of a bundle.
    pub(crate) fn objects(&self) -> Vec<(Place, &[u8])> {
        let mut objects = self.above();
        (0..self.pages.len()).for_each(|page| self.shards(page, &mut objects));
        objects
    }

    /// Those of them that are no shards.
    pub(super) fn above(&self) -> Vec<(Place, &[u8])> {
        let mut above = Vec::new();
        let pages = (0..self.pages.len()).filter_map(|page| Some(Place::Page(u32::try_from(page).ok()?)));
        for place in [Place::Top, Place::Directory].into_iter().chain(pages) {
            above.extend(self.object(place).map(|bytes| (place, bytes)));
        }
        above.append(&mut self.chunks());
        above
    }

    /// Takes chunks and shards without bound from now on: whoever serves it drops others for them.
    pub(crate) fn unbound(&mut self) {
        self.room = usize::MAX;
    }

    /// Bytes held.
    pub(crate) fn memory(&self) -> usize {
        let pages: usize = self.pages.iter().flatten().map(|page| page.memory()).sum();
        self.top.len() + pages + self.directory.as_ref().map_or(0, |directory| directory.memory())
    }

    /// Bytes of this tree's objects that `other` has not.
    pub(crate) fn memory_beyond(&self, other: &Snapshot) -> usize {
        let directory = match (&self.directory, &other.directory) {
            (Some(directory), Some(same)) if Arc::ptr_eq(directory, same) => 0,
            (Some(directory), Some(near)) => directory.memory_beyond(near),
            (directory, _) => directory.as_ref().map_or(0, |directory| directory.memory()),
        };
        let shared = |(index, page): (usize, &Option<Arc<PageNode>>)| {
            let Some(page) = page else { return 0 };
            match other.pages.get(index).and_then(Option::as_ref) {
                Some(same) if Arc::ptr_eq(page, same) => 0,
                Some(near) => {
                    let near = |index, leaf: &Leaf| near.leaves.get(index).is_some_and(|b| Arc::ptr_eq(&leaf.bytes, &b.bytes));
                    let shared = page.leaves.iter().filter(|(index, leaf)| near(*index, leaf));
                    page.memory() - shared.map(|(_, leaf)| leaf.bytes.len()).sum::<usize>()
                }
                None => page.memory(),
            }
        };
        self.top.len() + directory + self.pages.iter().enumerate().map(shared).sum::<usize>()
    }
}
