//! Where snapshots go: what a target must offer, and what it shows.

use std::fmt::Debug;

use edgelatch_core::head::Head;
use edgelatch_core::root::Root;
use edgelatch_registry::RootRow;

use crate::error::Error;
use crate::layout::Item;

/// A place that edges read from: a directory, or a bucket of an object store. Or the database, from which other nodes copy.
///
/// A target only stores. What is written in which order, which epoch is refused and what is kept for how long is the same for
/// all and stands in [`Publication::put`](crate::Publication::put). `tests/it/targets.rs` holds each to its promises.
pub trait Target: Debug + Send + Sync {
    /// Its name in messages. No credentials are part of it.
    fn name(&self) -> String;

    /// The bytes of `item`, as they are; `None` where there is none. Of one that is longer than [`Item::limit`] none are read, and it is empty: it is
    /// no such item.
    fn read(&self, item: Item) -> Result<Option<Vec<u8>>, Error>;

    /// Whether `item` is there.
    fn has(&self, item: Item) -> Result<bool, Error> {
        Ok(self.read(item)?.is_some())
    }

    /// The head, and what tells it from every other one, for [`replace_head`](Self::replace_head).
    fn head(&self) -> Result<(Option<Vec<u8>>, Version), Error> {
        Ok((self.read(Item::Head)?, Version::default()))
    }

    /// Called before the first write of an epoch, of which one at a time is under way: clears what interrupted ones left.
    fn prepare(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Writes `item`, or replaces it. Whoever reads it meanwhile gets the old bytes or the new ones, whole; so does everyone
    /// after an error. A patch may be lost in a power cut, and then be short.
    fn write(&self, item: Item, bytes: &[u8]) -> Result<(), Error>;

    /// Writes the head, unless it is another one by now than the one of this version, where the target can tell: then whoever wrote it has
    /// published meanwhile, and nothing is changed. Otherwise as [`write`](Self::write).
    fn replace_head(&self, bytes: &[u8], _seen: &Version) -> Result<(), Error> {
        self.write(Item::Head, bytes)
    }

    /// Returns when everything written so far is there to stay, also after a power cut.
    fn settle(&self) -> Result<(), Error>;

    /// Every [`Item::Object`] and [`Item::Patch`], with its length. What others put there is left out.
    fn list(&self) -> Result<Vec<(Item, u64)>, Error>;

    /// Removes `item`.
    fn remove(&self, item: Item) -> Result<(), Error>;

    /// How many reads, writes or removals it is worth having under way at a time.
    fn at_once(&self) -> usize {
        4
    }

    /// What it cannot promise, and what that means; found out with the first write.
    fn weakness(&self) -> Option<&'static str> {
        None
    }
}

/// What tells one head at a target from another: what its store says of it. Nothing where there is no head, or one publisher at a time is at
/// work by other means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    pub(crate) e_tag: Option<String>,
    pub(crate) number: Option<String>,
    /// The head itself, where that is what is compared.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// What a target shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// No head.
    Nothing,
    /// A head that counts for no edge with the newest root: it is signed by no publisher or a retired one, of an earlier era, or
    /// below the root's least epoch. Anyone who may write there can make one, so it says nothing about the epochs that were signed.
    Unproven,
    /// This epoch.
    Epoch(u64),
}

impl Shown {
    /// Reads and proves `target`'s head. One of another realm is an error: publishing would take that realm's edges away.
    pub fn of(target: &dyn Target, realm: &str, roots: &[RootRow]) -> Result<Shown, Error> {
        Shown::with_version(target, realm, roots).map(|(shown, _)| shown)
    }

    /// The same, and the version of that head.
    pub(crate) fn with_version(target: &dyn Target, realm: &str, roots: &[RootRow]) -> Result<(Shown, Version), Error> {
        let (head, version) = target.head()?;
        Ok((Shown::of_head(head.as_deref(), &target.name(), realm, roots)?, version))
    }

    /// The same by the bytes of its head.
    pub(crate) fn of_head(bytes: Option<&[u8]>, target: &str, realm: &str, roots: &[RootRow]) -> Result<Shown, Error> {
        let Some(bytes) = bytes else { return Ok(Shown::Nothing) };
        match Head::inspect(bytes) {
            Ok(head) if head.realm != realm => {
                return Err(Error::TargetForeign { target: target.into(), found: head.realm, realm: realm.into() });
            }
            Ok(_) => {}
            Err(_) => return Ok(Shown::Unproven),
        }
        let Some(root) = roots.last().and_then(|newest| Root::open(&newest.object).ok()) else { return Ok(Shown::Unproven) };
        let counts = |head: &Head| head.root_version >= root.era && head.epoch >= root.min_epoch;
        Ok(Head::open(bytes, &root).ok().filter(counts).map_or(Shown::Unproven, |head| Shown::Epoch(head.epoch)))
    }

    /// The epoch that the next one must exceed; 0 for none.
    pub fn epoch(self) -> u64 {
        match self {
            Shown::Nothing | Shown::Unproven => 0,
            Shown::Epoch(epoch) => epoch,
        }
    }
}
