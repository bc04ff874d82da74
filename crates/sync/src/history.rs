//! What stood where in the last trees, so that edges that have one of them get the difference.

use std::collections::{BTreeMap, VecDeque};

use edgelatch_core::build::{Replaced, Tree, encode_patch};
use edgelatch_core::tree::{ObjectId, Place};

use crate::error::Error;

/// Trees from which patches lead to the present one: an edge that looks every ten seconds has one of them unless there were more changes
/// than these meanwhile; then it fetches the few objects that it lacks, which takes two or three round trips more.
const TREES: usize = 16;
/// Old objects kept for patches take at most this part of the tree's bytes: one quarter. Beyond it patches save little.
const SHARE: u64 = 4;
/// What is small in any case, old objects together or a patch: it spares edges requests, if no bytes. A change replaces most of a small tree.
const SMALL: u64 = 64 * 1024;

/// An earlier tree: its objects that the present one has replaced.
#[derive(Debug)]
struct Past {
    tree: ObjectId,
    replaced: BTreeMap<Place, Option<Vec<u8>>>,
}

/// The last trees, oldest first.
#[derive(Debug, Default)]
pub(crate) struct History(VecDeque<Past>);

impl History {
    /// Notes that the tree `from` became `tree`, and what that replaced.
    pub(crate) fn note(&mut self, from: ObjectId, replaced: &[Replaced], tree: &Tree) {
        if replaced.is_empty() {
            return;
        }
        self.0.push_back(Past { tree: from, replaced: BTreeMap::new() });
        for past in &mut self.0 {
            for Replaced { place, before } in replaced {
                // What stood there when that tree was the present one: the first that was replaced since.
                past.replaced.entry(*place).or_insert_with(|| before.clone());
            }
        }
        while self.0.len() > TREES || self.bytes() > (tree.bytes() / SHARE).max(SMALL) {
            self.0.pop_front();
        }
    }

    fn bytes(&self) -> u64 {
        let objects = self.0.iter().flat_map(|past| past.replaced.values().flatten());
        objects.map(|object| object.len() as u64).sum()
    }

    /// The patches that lead to `tree`, the present one, and where each begins. One that saves nothing is left out.
    pub(crate) fn patches(&self, tree: &Tree) -> Result<Vec<(ObjectId, Vec<u8>)>, Error> {
        let (to, limit) = (tree.id(), tree.bytes().max(SMALL));
        let mut patches = Vec::new();
        for past in self.0.iter().filter(|past| past.tree != to) {
            let differs = |(place, before): &(Place, Option<&[u8]>)| *place == Place::Top || tree.object(*place) != *before;
            let replaced = past.replaced.iter().map(|(place, before)| (*place, before.as_deref())).filter(differs);
            let patch = encode_patch(past.tree, replaced, tree).map_err(|error| Error::Build { detail: error.to_string() })?;
            patches.extend(patch.filter(|patch| (patch.len() as u64) < limit).map(|patch| (past.tree, patch)));
        }
        Ok(patches)
    }
}
