//! Whether an epoch is due: by what the registry says, or by what targets show.

use std::collections::BTreeMap;

use edgelatch_core::limits::CLOCK_TOLERANCE;
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::{LastEpoch, LedgerRow, Pace, RootRow};

use super::{Memory, Publisher};
use crate::error::Error;
use crate::held::Held;
use crate::published::Reason;
use crate::restore;
use crate::target::Target;

impl Publisher {
    /// Whether an epoch is due, and why. Cheap: a few rows and each target's head. One that cannot be read needs repair. Where every target
    /// shows the last epoch and the ledger does not say so yet, it does from now on.
    pub fn due(&self, targets: &[&dyn Target]) -> Result<Option<Reason>, Error> {
        match self.due_by_registry()? {
            None => self.due_by_targets(&self.all(targets)),
            reason => Ok(reason),
        }
    }

    /// Whether an epoch is due by what the registry says: two rows, whatever the targets show.
    fn due_by_registry(&self) -> Result<Option<Reason>, Error> {
        let last = self.ledger().newest(1)?.into_iter().next().map(|last| last.last());
        self.due_after(last, self.ledger().pace()?)
    }

    /// Whether an epoch is due where the last one is this, and the realm is at that pace. Asks the clock alone.
    pub fn due_after(&self, last: Option<LastEpoch>, pace: Pace) -> Result<Option<Reason>, Error> {
        let Some(last) = last else { return Ok(Some(Reason::Repair)) };
        if last.changes != pace.changes {
            return Ok(Some(Reason::Change));
        }
        if last.root_version != pace.root_version {
            return Ok(Some(Reason::Root));
        }
        let now = self.registry.env().now()?;
        // By a clock that was ahead. No edge takes it, and the next beat would come after that time only.
        if last.issued_at > now + CLOCK_TOLERANCE {
            return Ok(Some(Reason::Repair));
        }
        let lifetime = self.lifetime.unwrap_or(pace.head_lifetime);
        let beat = last.issued_at + lifetime.min(last.not_after - last.issued_at) / 3;
        Ok((now >= beat).then_some(Reason::Heartbeat))
    }

    fn due_by_targets(&self, targets: &[&dyn Target]) -> Result<Option<Reason>, Error> {
        let Some(last) = self.ledger().newest(1)?.into_iter().next() else { return Ok(Some(Reason::Repair)) };
        let roots = self.ledger().roots()?;
        let Memory { held, unbundled, .. } = &mut *self.memory();
        let mut holds = |target: &&dyn Target| {
            let known = held.get_mut(&target.name()).filter(|held| held.epoch == last.epoch);
            // One that was begun and not finished shows the epoch, but its bundle is an older one.
            let whole = |held: &mut Held| (unbundled.is_some() || held.complete) && held.is_whole(*target);
            // An epoch of this number that is another one needs whoever publishes, who says so.
            self.shows(*target, &last, &roots) && known.is_none_or(whole)
        };
        if !targets.iter().all(&mut holds) {
            return Ok(Some(Reason::Repair));
        }
        // Whoever published it may have died before it was noted.
        if last.published_at.is_none() {
            self.ledger().mark_published(last.epoch)?;
        }
        Ok(None)
    }

    /// Whether a target shows the last epoch, and not another one of its number.
    fn shows(&self, target: &dyn Target, last: &LedgerRow, roots: &[RootRow]) -> bool {
        restore::shown(target, &self.ledger(), self.realm.as_str(), roots).is_ok_and(|shown| shown.epoch() == last.epoch)
    }

    /// Looks through targets that nothing is known of yet, if they show the last epoch. What somebody has removed there makes an epoch due, which
    /// brings it back. At first, that costs as much as building a tree.
    pub fn look_through(&self, targets: &[&dyn Target]) -> Result<(), Error> {
        let (mut memory, ledger) = (self.memory(), self.ledger());
        let Memory { forest, held, .. } = &mut *memory;
        let targets = self.all(targets);
        let unknown: Vec<_> = targets.into_iter().filter(|target| !held.contains_key(&target.name())).collect();
        let (Some(last), false) = (ledger.newest(1)?.into_iter().next(), unknown.is_empty()) else { return Ok(()) };
        let (roots, now) = (ledger.roots()?, self.registry.env().now()?);
        forest.grow(&ledger, &self.peppers, false, now, &self.watch)?;
        let tree = forest.tree()?;
        // Else an epoch is due, which looks through them.
        if tree.id() != last.tree {
            return Ok(());
        }
        let wanted: BTreeMap<ObjectId, u32> = tree.slots().map(|(_, slot)| (slot.id, slot.length)).collect();
        for target in unknown {
            // What goes wrong here makes it due for repair, which says what it was.
            if self.shows(target, &last, &roots) {
                let (mut known, versions) = (Held::default(), roots.iter().map(|root| root.version).collect());
                if known.adopt(target, last.epoch, &wanted, versions, now).is_ok() {
                    held.insert(target.name(), known);
                }
            }
        }
        Ok(())
    }
}
