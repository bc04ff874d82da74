//! How one epoch is put to a target: the same steps for every kind of target.
//!
//! Objects are written before anything names them, the head last. So a failure at any moment leaves the old epoch in place, and
//! at most some objects that the next publication writes again or removes.

use std::collections::{BTreeMap, BTreeSet};

use edgelatch_core::build::Tree;
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::RootRow;

use crate::error::Error;
use crate::layout::Item;
use crate::retention::{self, Recent};
use crate::target::{Shown, Target};

/// One epoch, signed and complete.
#[derive(Debug)]
pub struct Publication<'a> {
    /// The realm.
    pub realm: &'a str,
    /// The epoch.
    pub epoch: u64,
    /// When it was signed.
    pub now: u64,
    /// The signed head.
    pub head: &'a [u8],
    /// Head and tree in one.
    pub bundle: &'a [u8],
    /// Every root version.
    pub roots: &'a [RootRow],
    /// The tree.
    pub tree: &'a Tree,
}

/// What was done at a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// Objects that it did not hold before.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that no recent epoch needs any more.
    pub removed: usize,
}

impl Publication<'_> {
    /// Makes `target` show this epoch. On an error it shows what it showed before. One that shows an epoch which is not below
    /// this one is left as it is.
    pub fn put(&self, target: &dyn Target) -> Result<Written, Error> {
        let found = Shown::of(target, self.realm, self.roots)?.epoch();
        if found >= self.epoch {
            return Err(Error::TargetAhead { target: target.name(), found, epoch: self.epoch });
        }
        target.prepare()?;
        let listed = target.list()?;
        let before = retention::parse(&target.read(Item::Recent)?.unwrap_or_default());
        let mut trees = manifests(target, &before)?;
        let (objects, mut written) = self.write_objects(target, &listed, &trees)?;
        for root in self.roots {
            let item = Item::Root(root.version);
            if target.read(item)?.as_ref() != Some(&root.object) {
                target.write(item, &root.object)?;
            }
        }
        target.settle()?;

        let tree = self.tree.id();
        let manifest: Vec<u8> = objects.iter().flat_map(|id| id.0).collect();
        target.write(Item::Manifest(tree), &manifest)?;
        target.write(Item::Bundle, self.bundle)?;
        // Known before it is shown: after a crash in between, the next publication must not remove its objects.
        let recent = retention::keep(before, Recent { epoch: self.epoch, tree, at: self.now });
        target.write(Item::Recent, retention::render(&recent).as_bytes())?;
        target.settle()?;

        target.write(Item::Head, self.head)?;
        target.settle()?;

        trees.insert(tree, objects);
        let needed = needed(&trees, &recent);
        for (item, _) in listed.iter().filter(|(item, _)| !needed.contains(item)) {
            // One that cannot be removed costs room and nothing else, and the next publication tries again.
            let removed = target.remove(*item).is_ok() && matches!(item, Item::Object(_));
            written.removed += usize::from(removed);
        }
        Ok(written)
    }

    /// Writes the objects that are not there yet, and returns the names of all. Only those of a tree that was written in full
    /// count as there: others may be torn by a crash.
    fn write_objects(
        &self,
        target: &dyn Target,
        listed: &[(Item, u64)],
        trees: &Trees,
    ) -> Result<(Vec<ObjectId>, Written), Error> {
        let mut lengths: BTreeMap<Item, u64> = listed.iter().copied().collect();
        let mut whole: BTreeSet<ObjectId> = trees.values().flatten().copied().collect();
        let (mut objects, mut written) = (Vec::new(), Written::default());
        for object in self.tree.objects() {
            let (id, bytes) = (ObjectId::of(object), u64::try_from(object.len()).unwrap_or(u64::MAX));
            let item = Item::Object(id);
            objects.push(id);
            if whole.contains(&id) && lengths.get(&item) == Some(&bytes) {
                continue;
            }
            target.write(item, object)?;
            // A tree may name an object more than once.
            whole.insert(id);
            lengths.insert(item, bytes);
            written.objects += 1;
            written.bytes += bytes;
        }
        Ok((objects, written))
    }
}

/// The names of all objects of each tree.
type Trees = BTreeMap<ObjectId, Vec<ObjectId>>;

/// The trees of these epochs that were written in full.
fn manifests(target: &dyn Target, recent: &[Recent]) -> Result<Trees, Error> {
    let trees: BTreeSet<ObjectId> = recent.iter().map(|r| r.tree).collect();
    let read = |tree| {
        let bytes = target.read(Item::Manifest(tree))?.unwrap_or_default();
        Ok((tree, bytes.as_chunks::<32>().0.iter().copied().map(ObjectId).collect()))
    };
    trees.into_iter().map(read).collect()
}

/// What these epochs need.
fn needed(trees: &Trees, recent: &[Recent]) -> BTreeSet<Item> {
    let of = |r: &Recent| {
        let objects = trees.get(&r.tree).into_iter().flatten().map(|id| Item::Object(*id));
        objects.chain([Item::Manifest(r.tree)])
    };
    recent.iter().flat_map(of).collect()
}
