//! The objects of a tree in groups, of which a change leaves most as they are.

use super::Snapshot;
use super::nodes::PageNode;
use crate::tree::{Place, Slot};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

/// Objects that follow each other in the order of a bundle: all but shards, or the shards of one index page.
pub struct Group<'a> {
    snapshot: &'a Snapshot,
    /// The number of the page, and the page.
    page: Option<(usize, &'a Arc<PageNode>)>,
}

/// Tells the shards of an index page from those that stand in their place later: anything that is put there or taken away makes it another one.
#[derive(Clone)]
pub struct Mark(Weak<PageNode>);

impl<'a> Group<'a> {
    /// Its objects that are here, each with its place and what it must be.
    pub fn objects(&self) -> impl Iterator<Item = (Place, Slot, &'a [u8])> + use<'a> {
        let snapshot = self.snapshot;
        let mut objects = Vec::new();
        match self.page {
            None => objects = snapshot.above(),
            Some((number, _)) => snapshot.shards(number, &mut objects),
        }
        objects.into_iter().filter_map(move |(place, bytes)| Some((place, snapshot.slot(place)?, bytes)))
    }

    /// By what it is known again; `None` for the group that is none of shards.
    pub fn mark(&self) -> Option<Mark> {
        self.page.map(|(_, page)| Mark(Arc::downgrade(page)))
    }

    /// Whether it is what was marked so, as it was.
    pub fn is(&self, mark: &Mark) -> bool {
        // What is marked is not freed, so nothing else gets its address.
        self.page.is_some_and(|(_, page)| core::ptr::eq(Arc::as_ptr(page), mark.0.as_ptr()))
    }
}

impl Snapshot {
    /// All objects that are here, in groups.
    pub(crate) fn groups(&self) -> Vec<Group<'_>> {
        let mut groups = Vec::from([Group { snapshot: self, page: None }]);
        for (number, page) in self.pages.iter().enumerate() {
            groups.extend(page.iter().map(|page| Group { snapshot: self, page: Some((number, page)) }));
        }
        groups
    }
}
