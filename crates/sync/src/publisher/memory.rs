//! What a publisher keeps in memory between two epochs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use edgelatch_registry::RootRow;

use crate::forest::Forest;
use crate::held::Held;
use crate::published::Aged;
use crate::signers::Signers;

/// The bundle, which has all keys, is written again after so long at the earliest, however many epochs there were: edges that begin
/// meanwhile find an older one, and fetch what it lacks.
pub(crate) const BUNDLE_PAUSE: Duration = Duration::from_secs(2);
/// A bundle of at most so many bytes, 160,000 keys, is written with each epoch.
pub(crate) const SMALL_BUNDLE: u64 = 4 << 20;

/// What a publisher remembers. All of it can be found out anew.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) forest: Forest,
    pub(crate) held: BTreeMap<String, Held>,
    /// When bundles were written last.
    pub(crate) bundled: Option<Instant>,
    /// The root, and the stage of its life, that was told of last.
    pub(crate) aged: Option<Aged>,
    /// The signers of which it was told why others are missing.
    pub(crate) lacking: Option<Arc<Signers>>,
    /// The epoch that targets show whose bundle is still to be written.
    pub(crate) unbundled: Option<Out>,
}

/// An epoch that is out.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) epoch: u64,
    pub(crate) signed_at: u64,
    pub(crate) head: Vec<u8>,
    pub(crate) roots: Vec<RootRow>,
}
