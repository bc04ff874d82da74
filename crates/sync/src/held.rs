//! What a publisher remembers of a target: which objects are there, and since when nothing needs them any more.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use edgelatch_core::tree::{ObjectId, Slot};

use crate::error::Error;
use crate::layout::Item;
use crate::target::Target;

/// Objects and patches stay for so many seconds after the present tree does without them: longer than an edge takes that read the
/// head before, slow networks and its retries included.
pub(crate) const KEEP_SECONDS: u64 = 600;

/// What is known of a target. Empty at first: then the target is looked through.
#[derive(Debug, Default)]
pub struct Held {
    /// The objects that were found whole, or written.
    objects: HashSet<ObjectId>,
    /// The patches that lead to the present tree.
    patches: BTreeSet<Item>,
    /// What the present tree does without, and since when, in Unix seconds.
    unneeded: BTreeMap<Item, u64>,
    /// Whether the target was looked through.
    known: bool,
    /// The epoch that was put there last; 0 for none.
    pub(crate) epoch: u64,
    /// Whether its bundle is that of this epoch.
    pub(crate) complete: bool,
}

impl Held {
    /// Looks through a target that nothing is known of: which of `wanted` it holds whole, and what else lies there.
    pub(crate) fn look(
        &mut self,
        target: &dyn Target,
        wanted: &BTreeSet<ObjectId>,
        lengths: &BTreeMap<ObjectId, u32>,
        now: u64,
    ) -> Result<(), Error> {
        if self.known {
            return Ok(());
        }
        for (item, length) in target.list()? {
            match item {
                // Read, not trusted: an earlier publisher may have died while the disk had only half of it.
                Item::Object(id) if wanted.contains(&id) => {
                    let right = lengths.get(&id).is_some_and(|wanted| u64::from(*wanted) == length);
                    if right && target.read(item)?.is_some_and(|bytes| ObjectId::of(&bytes) == id) {
                        self.objects.insert(id);
                    }
                }
                item => drop(self.unneeded.insert(item, now)),
            }
        }
        self.known = true;
        Ok(())
    }

    pub(crate) fn has(&self, slot: &Slot) -> bool {
        self.objects.contains(&slot.id)
    }

    pub(crate) fn wrote(&mut self, id: ObjectId) {
        self.objects.insert(id);
    }

    /// A patch to the present tree is there.
    pub(crate) fn patched(&mut self, patch: Item) {
        self.unneeded.remove(&patch);
        self.patches.insert(patch);
    }

    /// Another tree, `tree`, is the present one from now on: nobody needs the patches to the one before who has not read its head yet.
    pub(crate) fn turn(&mut self, tree: ObjectId, now: u64) {
        let leads = |patch: &Item| matches!(patch, Item::Patch { to, .. } if *to == tree);
        let old: Vec<Item> = self.patches.iter().filter(|patch| !leads(patch)).copied().collect();
        for patch in old {
            self.patches.remove(&patch);
            self.unneeded.insert(patch, now);
        }
    }

    /// Removes what the present tree, which has `wanted`, has done without for long enough. Returns how many objects went. One that cannot be
    /// removed costs room and nothing else; the next publication tries again.
    pub(crate) fn sweep(&mut self, target: &dyn Target, wanted: &BTreeSet<ObjectId>, now: u64) -> usize {
        for id in self.objects.iter().filter(|id| !wanted.contains(id)) {
            self.unneeded.entry(Item::Object(*id)).or_insert(now);
        }
        let mut removed = 0;
        let objects = &mut self.objects;
        self.unneeded.retain(|item, since| {
            let object = match item {
                // Needed once more.
                Item::Object(id) if wanted.contains(id) => return false,
                Item::Object(id) => Some(id),
                _ => None,
            };
            if since.saturating_add(KEEP_SECONDS) > now || target.remove(*item).is_err() {
                return true;
            }
            if let Some(id) = object {
                objects.remove(id);
                removed += 1;
            }
            false
        });
        removed
    }
}
