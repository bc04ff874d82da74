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
    gone: Vec<String>,
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
        if !self.ledger().put_files(&pending.files, &pending.gone, new)? {
            let found = self.ledger().file(&Item::Head.to_string())?;
            let (found, epoch) = (epoch_of(&found.unwrap_or_default()), head.map_or(0, |(bytes, _)| epoch_of(bytes)));
            return Err(Error::TargetAhead { target: self.name(), found, epoch });
        }
        *pending = Pending::default();
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

    fn list(&self) -> Result<Vec<(Item, u64)>, Error> {
        let files = self.ledger().files()?.into_iter();
        let items = files.filter_map(|(name, length)| Some((Item::published(&name)?, length)));
        Ok(items.filter(|(item, _)| matches!(item, Item::Object(_) | Item::Patch { .. })).collect())
    }

    /// With the files of the next epoch: nobody waits for it.
    fn remove(&self, item: Item) -> Result<(), Error> {
        self.pending().gone.push(item.to_string());
        Ok(())
    }
}
