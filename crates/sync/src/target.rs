//! Where snapshots go.

use edgelatch_core::build::Tree;
use edgelatch_core::head::Head;
use edgelatch_core::root::Root;
use edgelatch_registry::RootRow;

use crate::error::Error;

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

/// What a target did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// Objects that it did not hold before.
    pub objects: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that no recent epoch needs any more.
    pub removed: usize,
}

/// A place that edges read from. It shows the old epoch or the new one, never a mixture, and never goes back.
pub trait Target {
    /// Its name in messages.
    fn name(&self) -> String;

    /// The head that it shows, as it is: [`Shown`] proves it.
    fn head(&self) -> Result<Option<Vec<u8>>, Error>;

    /// Shows `publication`. On an error the target shows what it showed before.
    fn publish(&mut self, publication: &Publication<'_>) -> Result<Written, Error>;
}

/// What a target shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// No head.
    Nothing,
    /// A head that does not verify under the newest root. Anyone who may write there can make one, so it bounds nothing.
    /// Nor does one by a retired publisher, or of an earlier era: its epochs count for no edge either.
    Unproven,
    /// This epoch.
    Epoch(u64),
}

impl Shown {
    /// Reads and proves `target`'s head.
    pub fn of(target: &dyn Target, realm: &str, roots: &[RootRow]) -> Result<Shown, Error> {
        let Some(bytes) = target.head()? else { return Ok(Shown::Nothing) };
        match Head::inspect(&bytes) {
            Ok(head) if head.realm != realm => {
                return Err(Error::TargetForeign { target: target.name(), found: head.realm, realm: realm.into() });
            }
            Ok(_) => {}
            // A damaged head is of no use to anyone: the next one replaces it.
            Err(_) => return Ok(Shown::Unproven),
        }
        let root = roots.last().and_then(|newest| Root::open(&newest.object).ok());
        let head = root.and_then(|root| Head::open(&bytes, &root).ok().filter(|head| head.root_version >= root.era));
        Ok(head.map_or(Shown::Unproven, |head| Shown::Epoch(head.epoch)))
    }

    /// The epoch that the next one must exceed; 0 for none.
    pub fn epoch(self) -> u64 {
        match self {
            Shown::Nothing | Shown::Unproven => 0,
            Shown::Epoch(epoch) => epoch,
        }
    }
}

/// The check that every target makes first.
pub(crate) fn check_epoch(target: &dyn Target, publication: &Publication<'_>) -> Result<(), Error> {
    let found = Shown::of(target, publication.realm, publication.roots)?.epoch();
    if found >= publication.epoch {
        return Err(Error::TargetAhead { target: target.name(), found, epoch: publication.epoch });
    }
    Ok(())
}
