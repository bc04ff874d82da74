//! What it takes to publish.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use edgelatch_registry::{Registry, Slug};
use edgelatch_sync::{DataDir, Error, Publisher, Target};

use crate::tasks::watch::peppers::Peppers;

/// Which realms are published here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Realms {
    /// All of the registry, those that are made later too; but not that of the management keys, which no edge follows.
    All,
    /// These.
    Only(Vec<Slug>),
    /// None: another process publishes.
    None,
}

impl Realms {
    /// Whether this realm is one of them.
    pub fn includes(&self, realm: &Slug) -> bool {
        match self {
            Realms::All => true,
            Realms::Only(some) => some.contains(realm),
            Realms::None => false,
        }
    }
}

/// A realm that is to be published: its publisher, and where to beside the database.
pub type Begun = (Publisher, Vec<Box<dyn Target>>);

/// Makes ready to publish a realm.
pub type Begin = dyn Fn(&Slug) -> Result<Begun, Error> + Send + Sync;

/// What it takes to publish in the background, and to serve what others publish.
pub struct Publishing {
    /// Whose realms.
    pub registry: Arc<Registry>,
    /// Where this node keeps its files.
    pub dir: DataDir,
    /// This node's name: the same over a restart.
    pub node: Slug,
    /// What is published here.
    pub realms: Realms,
    /// Finds a realm's signing keys and its targets.
    pub begin: Box<Begin>,
    /// Where the peppers are of the realms that are published here.
    pub peppers: Arc<Peppers>,
    /// How long to wait before looking again for changes that were not made over this server's API.
    pub interval: Duration,
}

impl fmt::Debug for Publishing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publishing").field("node", &self.node).field("realms", &self.realms).finish_non_exhaustive()
    }
}
