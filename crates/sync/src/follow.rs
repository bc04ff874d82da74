//! A node that does not publish a realm: it copies what another one has published from the database into its own directory, in the order in which it
//! was written there, so that whatever a head names lies here before it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use edgelatch_core::build::join_bundle;
use edgelatch_core::edge::{Edge, HostConfig};
use edgelatch_core::head::Head;
use edgelatch_core::tree::Place;
use edgelatch_registry::{Ledger, Registry, Slug};

use crate::data_dir::DataDir;
use crate::directory::Directory;
use crate::error::Error;
use crate::files;
use crate::layout::Item;
use crate::publisher::memory::{BUNDLE_PAUSE, SMALL_BUNDLE};
use crate::target::{Shown, Target};

/// How long to wait for whoever writes into the directory just now: its publisher gave the realm up, or is about to.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Between two looks at which copied files are gone from the database.
const SWEEP_PAUSE: Duration = Duration::from_secs(60);
/// Between two bundles of a large tree, each of which is read and proven as a whole: edges that begin meanwhile find an older one.
const LARGE_PAUSE: Duration = Duration::from_secs(60);

/// Copies one realm's published files into a directory.
#[derive(Debug)]
pub struct Follower {
    registry: Arc<Registry>,
    realm: Slug,
    directory: Directory,
    lock: PathBuf,
    /// The number of the last file that was copied; none before the directory was compared with the database.
    known: Option<u64>,
    /// The head whose bundle is still to be made.
    unbundled: Option<Vec<u8>>,
    bundled: Option<Instant>,
    swept: Option<Instant>,
}

impl Follower {
    /// Copies into the realm's directory of a control plane's files.
    pub fn new(registry: Arc<Registry>, realm: Slug, dir: &DataDir) -> Follower {
        let (directory, lock) = (Directory::new(dir.realm(&realm)), dir.lock(&realm));
        Follower { registry, realm, directory, lock, known: None, unbundled: None, bundled: None, swept: None }
    }

    fn ledger(&self) -> Ledger<'_> {
        self.registry.ledger(&self.realm)
    }

    /// The epoch that the directory shows, if its head verifies under the newest root; 0 for none.
    fn shown(&self) -> Result<u64, Error> {
        Ok(Shown::of(&self.directory, self.realm.as_str(), &self.ledger().roots()?)?.epoch())
    }

    /// The directory was written by somebody else: it is compared with the database as a whole next time.
    pub fn forget(&mut self) {
        self.known = None;
    }

    /// Whether there is something to copy, where the last file in the database has this number.
    pub fn is_behind(&self, last_file: u64) -> bool {
        last_file > 0 && self.known != Some(last_file)
    }

    /// Copies what is there beyond what was copied before. Returns the epoch that the directory shows then, and whether that is another one.
    pub fn copy(&mut self) -> Result<(u64, bool), Error> {
        let _lock = files::lock(&self.lock, LOCK_WAIT)?;
        if self.known.is_none() {
            self.directory.prepare()?;
        }
        let (mut known, before) = (self.known.take().unwrap_or(0), self.shown()?);
        loop {
            let files = self.ledger().files_after(known)?;
            let Some(last) = files.last() else { break };
            known = last.seq;
            for file in files {
                // Another version of this program may have put there what this one does not know.
                let Some(item) = Item::published(&file.name) else { continue };
                self.take(item, &file.bytes)?;
            }
        }
        self.directory.settle()?;
        self.known = Some(known);
        let after = self.shown()?;
        Ok((after, after != before))
    }

    fn take(&mut self, item: Item, bytes: &[u8]) -> Result<(), Error> {
        // What was there before this process began need not be written again.
        if self.directory.read(item)?.as_deref() == Some(bytes) {
            return Ok(());
        }
        if item == Item::Head {
            let (found, epoch) = (self.shown()?, Head::inspect(bytes).map_or(0, |head| head.epoch));
            if found > epoch {
                return Err(Error::TargetAhead { target: self.directory.name(), found, epoch });
            }
            // Whatever it names, before it.
            self.directory.settle()?;
            self.unbundled = Some(bytes.into());
        }
        self.directory.write(item, bytes)
    }

    /// What edges that serve do not wait for: makes the bundle of the head that was copied last, and removes files that are gone from the database. Each
    /// now and then.
    pub fn tidy(&mut self) -> Result<(), Error> {
        if let Some(head) = &self.unbundled {
            let bytes = Head::inspect(head).map_or(0, |head| head.tree_bytes);
            let pause = if bytes <= SMALL_BUNDLE { BUNDLE_PAUSE } else { LARGE_PAUSE };
            if self.bundled.is_none_or(|at| at.elapsed() >= pause) {
                self.bundled = Some(Instant::now());
                let _lock = files::lock(&self.lock, LOCK_WAIT)?;
                self.bundle()?;
            }
        }
        if self.swept.is_none_or(|at| at.elapsed() >= SWEEP_PAUSE) {
            self.swept = Some(Instant::now());
            let _lock = files::lock(&self.lock, LOCK_WAIT)?;
            self.sweep()?;
        }
        Ok(())
    }

    /// Proves the tree as an edge does, and puts it into one file.
    fn bundle(&mut self) -> Result<(), Error> {
        let Some(head) = self.unbundled.take() else { return Ok(()) };
        let failed = |detail: String| Error::Build { detail };
        let (roots, now) = (self.ledger().roots()?, self.registry.env().now()?);
        let root = roots.last().ok_or_else(|| Error::NoRoot { realm: self.realm.to_string() })?;
        let wrong = |error: edgelatch_core::error::Error| failed(error.to_string());
        let mut edge = Edge::new(&root.object, HostConfig::default()).map_err(wrong)?;
        edge.offer(&[], &head, now).map_err(wrong)?;
        let mut staged = edge.begin(&[], now).map_err(wrong)?;
        while let Some(need) = staged.need(Place::Top) {
            let found = self.directory.read(Item::Object(need.slot.id))?;
            let object = found.ok_or_else(|| failed(format!("object {} is not here yet", need.slot.id)))?;
            staged.supply(need.place, object).map_err(wrong)?;
        }
        edge.commit(staged, now).map_err(wrong)?;
        let bundle = join_bundle(&head, edge.objects().map(|(_, object)| object)).map_err(|error| failed(error.to_string()))?;
        self.directory.write(Item::Bundle, &bundle)?;
        self.directory.settle()
    }

    fn sweep(&self) -> Result<(), Error> {
        let there: BTreeSet<Item> = self.ledger().files()?.iter().filter_map(|(name, _)| Item::published(name)).collect();
        // Nothing is published there yet, or not any more.
        if !there.contains(&Item::Head) {
            return Ok(());
        }
        let here = self.directory.list()?.into_iter().map(|(item, _)| item);
        here.filter(|item| !there.contains(item)).try_for_each(|item| self.directory.remove(item))
    }
}
