//! The steps by which one epoch gets to one target.
//!
//! 1. Objects that the target lacks, patches, then roots: nothing of what is shown changes.
//! 2. The head. From here on edges take the new epoch: all that it leads to is there.
//! 3. The bundle, for edges that begin. Until it follows, they find an older one beside a newer head, and fetch what it lacks.
//! 4. Objects and patches that nothing has needed for a while are removed.
//!
//! A crash between two steps leaves the old epoch, or the new one with a bundle that is behind, which the next publication mends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use edgelatch_core::build::Tree;
use edgelatch_core::tree::{ObjectId, Place, Slot};
use edgelatch_registry::RootRow;

use crate::error::Error;
use crate::held::Held;
use crate::layout::Item;
use crate::parallel;
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
    /// Every root version.
    pub roots: &'a [RootRow],
    /// The tree.
    pub tree: &'a Tree,
    /// Patches that lead to it, each with the tree where it begins.
    pub patches: &'a [(ObjectId, Vec<u8>)],
}

/// What was done at a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// Objects that it did not hold before.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that nothing has needed for a while.
    pub removed: usize,
}

impl Publication<'_> {
    /// Makes `target` show this epoch: steps 1 and 2. On an error it shows what it showed before. One that shows an epoch which is not below
    /// this one is left as it is.
    /// `shown` hears when edges can see it, which is before it is there to stay: should a power cut take it away, the ledger knows that the
    /// epoch is spent.
    pub fn put(&self, target: &dyn Target, held: &mut Held, shown: &(dyn Fn() + Sync)) -> Result<Written, Error> {
        let (found, seen) = Shown::with_version(target, self.realm, self.roots)?;
        let found = found.epoch();
        if found >= self.epoch {
            return Err(Error::TargetAhead { target: target.name(), found, epoch: self.epoch });
        }
        // Somebody else has published there meanwhile, and may have removed what was known to be there.
        if held.epoch != found {
            *held = Held::default();
        }
        held.complete = false;
        target.prepare()?;
        let slots: Vec<(Place, Slot)> = self.tree.slots().collect();
        let wanted = ids(&slots);
        held.look(
            target,
            &wanted,
            &slots.iter().map(|(_, slot)| (slot.id, slot.length)).collect::<BTreeMap<_, _>>(),
            self.now,
        )?;
        let mut written = Written::default();
        // A tree may name an object more than once.
        let missing: BTreeMap<ObjectId, Place> =
            slots.iter().filter(|(_, slot)| !held.has(slot)).map(|(place, slot)| (slot.id, *place)).collect();
        for (id, length) in self.write_all(target, &missing)? {
            held.wrote(id, length);
            written.objects += 1;
            written.bytes += length;
        }
        held.turn(self.tree.id(), self.now);
        for (from, patch) in self.patches {
            let item = Item::Patch { to: self.tree.id(), from: *from };
            target.write(item, patch)?;
            held.patched(item);
        }
        for root in self.roots {
            let item = Item::Root(root.version);
            if target.read(item)?.as_ref() != Some(&root.object) {
                target.write(item, &root.object)?;
            }
        }
        target.settle()?;
        target.replace_head(self.head, &seen)?;
        shown();
        target.settle()?;
        held.shows(self.epoch, self.roots.iter().map(|root| root.version).collect());
        Ok(written)
    }

    /// Writes objects, several at a time, until one fails. Returns them with their lengths.
    fn write_all(&self, target: &dyn Target, missing: &BTreeMap<ObjectId, Place>) -> Result<Vec<(ObjectId, u64)>, Error> {
        let failed = AtomicBool::new(false);
        let write = |(id, place): (&ObjectId, &Place)| {
            if failed.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let object = self.tree.object(*place).unwrap_or_default();
            target.write(Item::Object(*id), object).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            Ok(Some((*id, object.len() as u64)))
        };
        parallel::each(target.at_once(), missing.iter(), write).into_iter().filter_map(Result::transpose).collect()
    }

    /// Steps 3 and 4, with the bundle of this epoch. Returns how many objects were removed. Where another head is shown meanwhile, nothing is
    /// written, or its bundle would go back.
    pub fn finish(&self, target: &dyn Target, held: &mut Held, bundle: &[u8]) -> Result<usize, Error> {
        if target.read(Item::Head)?.as_deref() != Some(self.head) {
            let found = Shown::of(target, self.realm, self.roots)?.epoch();
            return Err(Error::TargetAhead { target: target.name(), found, epoch: self.epoch });
        }
        target.write(Item::Bundle, bundle)?;
        target.settle()?;
        held.complete = true;
        Ok(held.sweep(target, &ids(&self.tree.slots().collect::<Vec<_>>()), self.now))
    }
}

fn ids(slots: &[(Place, Slot)]) -> BTreeSet<ObjectId> {
    slots.iter().map(|(_, slot)| slot.id).collect()
}
