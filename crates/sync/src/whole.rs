//! Which trees lie whole in a directory: what was found there once, with all that it names, is not looked for again, so a head costs what changed.

use std::collections::BTreeSet;

use edgelatch_core::tree::directory::Directory as Entries;
use edgelatch_core::tree::page::Page;
use edgelatch_core::tree::top::Top;
use edgelatch_core::tree::{ObjectId, Place, Table};

use crate::error::Error;
use crate::layout::Item;
use crate::target::Target;

/// The objects that lie in a directory, each with all that it names.
#[derive(Debug, Default)]
pub(crate) struct Whole(BTreeSet<ObjectId>);

impl Whole {
    /// An object of the tree that is not there; none where the tree lies there whole.
    pub(crate) fn lacks(&mut self, target: &dyn Target, tree: ObjectId) -> Result<Option<ObjectId>, Error> {
        let (mut open, mut found) = (vec![(Place::Top, tree)], Vec::new());
        while let Some((place, id)) = open.pop() {
            if self.0.contains(&id) {
                continue;
            }
            if !place.is_leaf() {
                let object = target.read(Item::Object(id))?.filter(|bytes| ObjectId::of(bytes) == id);
                let Some(bytes) = object else { return Ok(Some(id)) };
                open.extend(below(place, &bytes).map_err(|error| Error::Build { detail: error.to_string() })?);
            } else if !target.has(Item::Object(id))? {
                return Ok(Some(id));
            }
            found.push(id);
        }
        self.0.extend(found);
        Ok(None)
    }

    /// Whatever was known of an object, it goes.
    pub(crate) fn remove(&mut self, id: ObjectId) {
        self.0.remove(&id);
    }
}

/// What an object names; its place says no more than what kind of an object it is.
fn below(place: Place, bytes: &[u8]) -> Result<Vec<(Place, ObjectId)>, edgelatch_core::error::Error> {
    Ok(match place {
        Place::Top => {
            let top = Top::parse(bytes)?;
            let pages = top.pages.iter().map(|slot| (Place::Page(0), slot.id));
            pages.chain([(Place::Directory, top.directory.id)]).collect()
        }
        Place::Directory => {
            let entries = Entries::parse(bytes)?;
            let chunks = |table| entries.chunks(table).map(move |(chunk, slot)| (Place::Chunk(table, chunk), slot.id));
            Table::ALL.into_iter().flat_map(chunks).collect()
        }
        Place::Page(_) => Page::parse(bytes)?.shards.iter().map(|slot| (Place::Shard(0), slot.id)).collect(),
        Place::Chunk(..) | Place::Shard(_) => Vec::new(),
    })
}
