//! Where snapshots go.

use edgelatch_core::build::Tree;
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

    /// The epoch that it shows; 0 when it shows none, or none that can be read.
    fn epoch(&self, realm: &str) -> Result<u64, Error>;

    /// Shows `publication`. On an error the target shows what it showed before.
    fn publish(&mut self, publication: &Publication<'_>) -> Result<Written, Error>;
}

/// The check that every target makes first.
pub(crate) fn check_epoch(target: &dyn Target, publication: &Publication<'_>) -> Result<(), Error> {
    let found = target.epoch(publication.realm)?;
    if found >= publication.epoch {
        return Err(Error::TargetAhead { target: target.name(), found, epoch: publication.epoch });
    }
    Ok(())
}
