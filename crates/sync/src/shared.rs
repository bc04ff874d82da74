//! The database as target, where several nodes share one: each copies from there what another one has published.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edgelatch_core::head::Head;
use edgelatch_registry::{Ledger, NewHead, Registry, Slug};

use crate::error::Error;
use crate::layout::Item;
use crate::target::{Target, Version};

/// Bytes of files that are written in one transaction: nobody waits for long, and a change takes one.
const AT_ONCE: usize = 4 << 20;

/// One realm's published files in the database.
#[derive(Debug)]
pub(crate) struct Shared {
    registry: Arc<Registry>,
    realm: Slug,
    pending: Mutex<Pending>,
}

/// What is still to be written.
#[derive(Debug, Default)]
struct Pending {
    files: Vec<(String, Vec<u8>)>,
    bytes: usize,
    /// What nothing needs any more under the head that we wrote last: it goes with the one that takes that head's place.
    gone: Vec<String>,
    /// That head.
    head: Option<Vec<u8>>,
}

impl Shared {
    pub(crate) fn new(registry: Arc<Registry>, realm: Slug) -> Shared {
        Shared { registry, realm, pending: Mutex::default() }
    }

    fn ledger(&self) -> Ledger<'_> {
        self.registry.ledger(&self.realm)
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is pending, with a head that takes the place of the one seen.
    fn flush(&self, pending: &mut Pending, head: Option<(&[u8], &Version)>) -> Result<(), Error> {
        let epoch_of = |head: &[u8]| Head::inspect(head).map_or(0, |head| head.epoch);
        if pending.files.is_empty() && head.is_none() {
            return Ok(());
        }
        let new = head.map(|(bytes, seen)| NewHead { before: seen.bytes.as_deref(), bytes, epoch: epoch_of(bytes) });
        let gone = if head.is_some() { &pending.gone[..] } else { &[] };
        if !self.ledger().put_files(&pending.files, gone, new)? {
            let found = self.ledger().file(&Item::Head.to_string())?;
            let (found, epoch) = (epoch_of(&found.unwrap_or_default()), head.map_or(0, |(bytes, _)| epoch_of(bytes)));
            return Err(Error::TargetAhead { target: self.name(), found, epoch });
        }
        (pending.files, pending.bytes) = (Vec::new(), 0);
        if let Some((bytes, _)) = head {
            (pending.gone, pending.head) = (Vec::new(), Some(bytes.into()));
        }
        Ok(())
    }
}

impl Target for Shared {
    fn name(&self) -> String {
        "the database".into()
    }

    fn read(&self, item: Item) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.ledger().file(&item.to_string())?)
    }

    fn has(&self, item: Item) -> Result<bool, Error> {
        // Nodes make it of what they have copied.
        Ok(item == Item::Bundle || self.read(item)?.is_some())
    }

    fn head(&self) -> Result<(Option<Vec<u8>>, Version), Error> {
        let found = self.read(Item::Head)?;
        let mut pending = self.pending();
        if pending.head != found {
            // Somebody else has published meanwhile, and may need what we did not.
            pending.gone.clear();
        }
        Ok((found.clone(), Version { bytes: found, ..Version::default() }))
    }

    fn prepare(&self) -> Result<(), Error> {
        let mut pending = self.pending();
        (pending.files, pending.bytes) = (Vec::new(), 0);
        Ok(())
    }

    fn write(&self, item: Item, bytes: &[u8]) -> Result<(), Error> {
        match item {
            // It would hold all keys once more.
            Item::Bundle => Ok(()),
            Item::Head => self.replace_head(bytes, &self.head()?.1),
            item => {
                let (name, mut pending) = (item.to_string(), self.pending());
                pending.gone.retain(|gone| *gone != name);
                pending.files.push((name, bytes.into()));
                pending.bytes += bytes.len();
                if pending.bytes < AT_ONCE { Ok(()) } else { self.flush(&mut pending, None) }
            }
        }
    }

    fn replace_head(&self, bytes: &[u8], seen: &Version) -> Result<(), Error> {
        self.flush(&mut self.pending(), Some((bytes, seen)))
    }

    fn settle(&self) -> Result<(), Error> {
        self.flush(&mut self.pending(), None)
    }

    /// Without what is to go: where that is needed again, it is written again.
    fn list(&self) -> Result<Vec<(Item, u64)>, Error> {
        let (all, pending) = (self.ledger().files()?, self.pending());
        let files = all.into_iter().filter(|(name, _)| !pending.gone.contains(name));
        let items = files.filter_map(|(name, length)| Some((Item::published(&name)?, length)));
        Ok(items.filter(|(item, _)| matches!(item, Item::Object(_) | Item::Patch { .. })).collect())
    }

    /// With the next head: nobody waits for it.
    fn remove(&self, item: Item) -> Result<(), Error> {
        self.pending().gone.push(item.to_string());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use edgelatch_core::tree::ObjectId;
    use edgelatch_testkit::registry::Fixture;

    use super::*;

    const OBJECT: Item = Item::Object(ObjectId([7; 32]));

    /// Two publishers' views of one database.
    fn two() -> (Fixture, Shared, Shared) {
        let f = Fixture::sqlite();
        let [one, other] = [(); 2].map(|()| Shared::new(Arc::new(f.open()), f.realm.clone()));
        one.write(OBJECT, b"object").unwrap();
        show(&one, b"first").unwrap();
        (f, one, other)
    }

    fn show(target: &Shared, head: &[u8]) -> Result<(), Error> {
        let (_, seen) = target.head()?;
        target.replace_head(head, &seen)
    }

    fn is_listed(target: &Shared) -> bool {
        target.list().unwrap().iter().any(|(item, _)| *item == OBJECT)
    }

    fn is_there(target: &Shared) -> bool {
        target.read(OBJECT).unwrap().is_some()
    }

    #[test]
    fn what_nothing_needs_goes_with_the_next_head_and_not_before() {
        let (_f, one, _) = two();
        one.remove(OBJECT).unwrap();
        one.write(Item::Root(1), b"root").unwrap();
        one.settle().unwrap();
        assert!(is_there(&one));
        show(&one, b"second").unwrap();
        assert!(!is_there(&one) && !is_listed(&one));
    }

    /// What counts as there when a target is looked through anew must be there under the head that follows.
    #[test]
    fn what_is_needed_again_after_a_failure_is_there() {
        let (_f, one, _) = two();
        one.remove(OBJECT).unwrap();
        // A head that was not the one there: as any failure of that step.
        assert_eq!(one.replace_head(b"second", &Version::default()).unwrap_err().code(), "target_ahead");
        one.prepare().unwrap();
        if !is_listed(&one) {
            one.write(OBJECT, b"object").unwrap();
        }
        show(&one, b"second").unwrap();
        assert!(is_there(&one));
    }

    /// Another one's head leads to what we no longer needed: edges that have read it are fetching.
    #[test]
    fn what_another_publisher_needs_does_not_go() {
        let (_f, one, other) = two();
        one.remove(OBJECT).unwrap();
        show(&other, b"other").unwrap();
        let (_, seen) = one.head().unwrap();
        one.prepare().unwrap();
        assert!(is_listed(&one));
        one.replace_head(b"second", &seen).unwrap();
        assert!(is_there(&one));
    }
}
