//! What a publisher remembers of a target: which objects are there, and since when nothing needs them any more.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use edgelatch_core::tree::{ObjectId, Slot};

use crate::error::Error;
use crate::layout::Item;
use crate::parallel;
use crate::target::Target;

/// Objects and patches stay for so many seconds after the present tree does without them: longer than an edge takes that read the
/// head before, slow networks and its retries included.
pub(crate) const KEEP_SECONDS: u64 = 600;

/// Time between two checks that nothing is gone from a target that it needs: a bucket's list has thousands of names a page, and costs little.
const CHECK: Duration = Duration::from_secs(3600);
/// The same after a target was looked through, or a check could not be made: another publisher that was relieved just now may have removed what
/// it no longer needed, and we do.
const FIRST_CHECK: Duration = Duration::from_secs(60);

/// What is known of a target. Empty at first: then the target is looked through.
#[derive(Debug, Default)]
pub struct Held {
    /// The objects that were found whole, or written, with their lengths.
    objects: HashMap<ObjectId, u64>,
    /// The patches that lead to the present tree.
    patches: BTreeSet<Item>,
    /// What the present tree does without, and since when, in Unix seconds.
    unneeded: BTreeMap<Item, u64>,
    /// The versions of the root that are there.
    roots: Vec<u32>,
    /// Whether the target was looked through.
    known: bool,
    /// Whether something is missing there.
    lacking: bool,
    /// When to check that nothing is.
    check_at: Option<Instant>,
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
        let mut found = Vec::new();
        for (item, length) in target.list()? {
            match item {
                Item::Object(id) if wanted.contains(&id) => {
                    found.extend(lengths.get(&id).is_some_and(|wanted| u64::from(*wanted) == length).then_some((id, length)));
                }
                item => drop(self.unneeded.insert(item, now)),
            }
        }
        // Read, not trusted: an earlier publisher may have died while the disk had only half of it.
        let whole = |(id, length)| -> Result<Option<(ObjectId, u64)>, Error> {
            let bytes = target.read(Item::Object(id))?;
            Ok(bytes.is_some_and(|bytes| ObjectId::of(&bytes) == id).then_some((id, length)))
        };
        for object in parallel::each(target.at_once(), found.into_iter(), whole) {
            self.objects.extend(object?);
        }
        self.known = true;
        self.check_at = Some(Instant::now() + FIRST_CHECK);
        Ok(())
    }

    /// Takes over a target that shows `epoch`, whose tree has `wanted`, where nothing was known of it: then it is known what is missing there.
    pub(crate) fn adopt(
        &mut self,
        target: &dyn Target,
        epoch: u64,
        wanted: &BTreeMap<ObjectId, u32>,
        roots: Vec<u32>,
        now: u64,
    ) -> Result<(), Error> {
        self.look(target, &wanted.keys().copied().collect(), wanted, now)?;
        (self.epoch, self.complete, self.roots) = (epoch, true, roots);
        self.lacking = self.objects.len() < wanted.len() || !self.has_others(target)?;
        Ok(())
    }

    /// Whether bundle and roots are there.
    fn has_others(&self, target: &dyn Target) -> Result<bool, Error> {
        let roots = self.roots.iter().copied().map(Item::Root);
        for item in roots.chain(self.complete.then_some(Item::Bundle)) {
            if !target.has(item)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether all that was put here, and is still needed, is there as far as is known. Checks that now and then: somebody may have removed
    /// it. What is missing is written with the next publication.
    pub(crate) fn is_whole(&mut self, target: &dyn Target) -> bool {
        let now = Instant::now();
        if !self.lacking && self.check_at.is_some_and(|at| at <= now) {
            // A target that cannot be read is noticed by its head.
            let checked = self.check(target);
            self.check_at = Some(now + if checked.is_ok() { CHECK } else { FIRST_CHECK });
        }
        !self.lacking
    }

    fn check(&mut self, target: &dyn Target) -> Result<(), Error> {
        let there: HashMap<Item, u64> = target.list()?.into_iter().collect();
        let others = self.has_others(target)?;
        let before = self.objects.len();
        let unneeded = &self.unneeded;
        self.objects.retain(|id, length| {
            let item = Item::Object(*id);
            unneeded.contains_key(&item) || there.get(&item) == Some(length)
        });
        self.lacking = !others || self.objects.len() < before;
        Ok(())
    }

    pub(crate) fn has(&self, slot: &Slot) -> bool {
        self.objects.contains_key(&slot.id)
    }

    pub(crate) fn wrote(&mut self, id: ObjectId, length: u64) {
        self.objects.insert(id, length);
    }

    /// The target shows `epoch`, and all that it needs is there.
    pub(crate) fn shows(&mut self, epoch: u64, roots: Vec<u32>) {
        (self.epoch, self.roots, self.lacking) = (epoch, roots, false);
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
        for id in self.objects.keys().filter(|id| !wanted.contains(id)) {
            self.unneeded.entry(Item::Object(*id)).or_insert(now);
        }
        // What is needed once more.
        self.unneeded.retain(|item, _| !matches!(item, Item::Object(id) if wanted.contains(id)));
        let over = |since: &u64| since.saturating_add(KEEP_SECONDS) <= now;
        let due: Vec<Item> = self.unneeded.iter().filter(|(_, since)| over(since)).map(|(item, _)| *item).collect();
        let remove = |item| target.remove(item).is_ok().then_some(item);
        let mut removed = 0;
        for item in parallel::each(target.at_once(), due.into_iter(), remove).into_iter().flatten() {
            self.unneeded.remove(&item);
            if let Item::Object(id) = item {
                self.objects.remove(&id);
                removed += 1;
            }
        }
        removed
    }
}

/// Does something at all targets at the same time, with what is known of each. What came of it is in their order.
pub(crate) fn side_by_side<'t, R: Send>(
    targets: &[&'t dyn Target],
    held: &mut BTreeMap<String, Held>,
    work: impl Fn(&dyn Target, &mut Held) -> R + Sync,
) -> Vec<(&'t dyn Target, R)> {
    let known: Vec<_> = targets.iter().map(|target| (*target, held.remove(&target.name()).unwrap_or_default())).collect();
    let work = |(number, (target, mut known)): (usize, (&'t dyn Target, Held))| {
        let done = work(target, &mut known);
        (number, target, known, done)
    };
    let mut all = parallel::each(targets.len(), known.into_iter().enumerate(), work);
    all.sort_unstable_by_key(|(number, ..)| *number);
    let keep = |(_, target, known, done): (usize, &'t dyn Target, Held, R)| {
        held.insert(target.name(), known);
        (target, done)
    };
    all.into_iter().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Directory;

    /// A target that holds three objects, a root and a bundle, and what is known of it.
    fn held() -> (tempfile::TempDir, Directory, Held, Vec<ObjectId>) {
        let temp = tempfile::tempdir().unwrap();
        let target = Directory::new(temp.path());
        target.prepare().unwrap();
        let objects = [&b"one"[..], b"two", b"three"];
        let ids: Vec<ObjectId> = objects.iter().map(|object| ObjectId::of(object)).collect();
        for (id, object) in ids.iter().zip(objects) {
            target.write(Item::Object(*id), object).unwrap();
        }
        for item in [Item::Root(1), Item::Bundle] {
            target.write(item, b"some").unwrap();
        }
        let wanted = ids.iter().zip(objects).map(|(id, object)| (*id, u32::try_from(object.len()).unwrap())).collect();
        let mut held = Held::default();
        held.adopt(&target, 7, &wanted, vec![1], 1_000).unwrap();
        assert!(!held.lacking);
        (temp, target, held, ids)
    }

    /// What somebody took away is noticed with the next check, whatever it is, and not before one is due.
    #[test]
    fn what_is_gone_is_noticed_when_it_is_checked() {
        let (_, _, _, ids) = held();
        for gone in [Item::Object(ids[1]), Item::Root(1), Item::Bundle] {
            let (_temp, target, mut held, _) = held();
            held.check_at = Some(Instant::now());
            assert!(held.is_whole(&target));
            target.remove(gone).unwrap();
            assert!(held.is_whole(&target), "the next check is in an hour");
            held.check_at = Some(Instant::now());
            assert!(!held.is_whole(&target), "{gone}");
            held.shows(8, vec![1]);
            assert!(held.is_whole(&target), "it was put again");
        }
    }

    #[test]
    fn what_is_cut_short_is_as_good_as_gone_and_what_nothing_needs_may_be() {
        let (_temp, target, mut held, ids) = held();
        held.unneeded.insert(Item::Object(ids[0]), 1_000);
        target.remove(Item::Object(ids[0])).unwrap();
        held.check_at = Some(Instant::now());
        assert!(held.is_whole(&target));
        target.write(Item::Object(ids[1]), b"t").unwrap();
        held.check_at = Some(Instant::now());
        assert!(!held.is_whole(&target));
        assert!(!held.objects.contains_key(&ids[1]) && held.objects.contains_key(&ids[2]));
    }

    /// A publisher that was just started knows at once.
    #[test]
    fn what_is_missing_is_known_once_a_target_was_taken_over() {
        let (_temp, target, held, ids) = held();
        target.remove(Item::Object(ids[2])).unwrap();
        let wanted = held.objects.iter().map(|(id, length)| (*id, u32::try_from(*length).unwrap())).collect();
        let mut anew = Held::default();
        anew.adopt(&target, 7, &wanted, vec![1], 1_000).unwrap();
        assert!(!anew.is_whole(&target));
    }
}
