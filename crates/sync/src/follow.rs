//! A node that does not publish a realm: it copies what another one has published from the database into its own directory, in the order in which it
//! was written there. A head is written once all that it names lies here: a database that went back, as after a failover or a restore, gives numbers of
//! files anew, so that what lies there may be beyond a number that was seen, or below it and never copied.

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
use crate::whole::Whole;

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
    /// The epoch that the directory showed then.
    shows: u64,
    /// What lies here with all that it names.
    whole: Whole,
    /// The head whose bundle is still to be made.
    unbundled: Option<Vec<u8>>,
    bundled: Option<Instant>,
    swept: Option<Instant>,
}

impl Follower {
    /// Copies into the realm's directory of a control plane's files.
    pub fn new(registry: Arc<Registry>, realm: Slug, dir: &DataDir) -> Follower {
        let (directory, lock) = (Directory::new(dir.realm(&realm)), dir.lock(&realm));
        let (known, whole, unbundled, bundled, swept) = (None, Whole::default(), None, None, None);
        Follower { registry, realm, directory, lock, known, shows: 0, whole, unbundled, bundled, swept }
    }

    fn ledger(&self) -> Ledger<'_> {
        self.registry.ledger(&self.realm)
    }

    /// The epoch that the directory shows, if its head verifies under the newest root; 0 for none.
    fn shown(&self) -> Result<u64, Error> {
        Ok(Shown::of(&self.directory, self.realm.as_str(), &self.ledger().roots()?)?.epoch())
    }

    /// The directory was written by somebody else, or lacks something: it is compared with the database as a whole next time.
    pub fn forget(&mut self) {
        (self.known, self.whole) = (None, Whole::default());
    }

    /// Whether there is something to copy, where the last file in the database has this number, and its files show this epoch. A database that went back
    /// may have come to the same number by another way.
    pub fn is_behind(&self, last_file: u64, shown_epoch: u64) -> bool {
        last_file > 0 && (self.known != Some(last_file) || self.shows != shown_epoch)
    }

    /// Copies what is there beyond what was copied before, and everything where the database has gone back. Returns the epoch that the directory
    /// shows then, and whether that is another one.
    pub fn copy(&mut self) -> Result<(u64, bool), Error> {
        let _lock = files::lock(&self.lock, LOCK_WAIT)?;
        let before = self.shown()?;
        // Whatever goes wrong from here on, the next attempt compares everything.
        let known = self.known.take();
        let mut copied = known.map_or(Ok(None), |known| self.copy_after(known))?;
        if copied.is_some() && self.ledger().file(&Item::Head.to_string())? != self.directory.read(Item::Head)? {
            copied = None;
        }
        if copied.is_none() {
            // Known before everything is compared, which costs more than to ask again and again.
            self.ledger().file(&Item::Head.to_string())?.map_or(Ok(()), |head| self.may_follow(&head))?;
            self.forget();
            self.directory.prepare()?;
            copied = self.copy_after(0)?;
        }
        self.directory.settle()?;
        self.known =
            Some(copied.ok_or_else(|| incomplete("the head that lies in the database names what does not lie there"))?);
        self.shows = self.shown()?;
        Ok((self.shows, self.shows != before))
    }

    /// Copies the files above a number. Returns the number of the last one; none where the database has gone back meanwhile.
    fn copy_after(&mut self, mut known: u64) -> Result<Option<u64>, Error> {
        loop {
            let files = self.ledger().files_after(known)?;
            let Some(last) = files.last() else { break };
            known = last.seq;
            for file in files {
                // Another version of this program may have put there what this one does not know.
                let Some(item) = Item::published(&file.name) else { continue };
                if !self.take(item, &file.bytes)? {
                    return Ok(None);
                }
            }
        }
        Ok((known <= self.ledger().last_file()?).then_some(known))
    }

    /// Writes a file; but no head that names what is not here.
    fn take(&mut self, item: Item, bytes: &[u8]) -> Result<bool, Error> {
        if item == Item::Head && !self.has_all_of(bytes)? {
            return Ok(false);
        }
        // What was there before this process began need not be written again.
        if self.directory.read(item)?.as_deref() == Some(bytes) {
            return Ok(true);
        }
        if item == Item::Head {
            self.may_follow(bytes)?;
            // Whatever it names, before it.
            self.directory.settle()?;
            self.unbundled = Some(bytes.into());
        }
        self.directory.write(item, bytes)?;
        Ok(true)
    }

    /// Refuses a head that is older than the one here.
    fn may_follow(&self, head: &[u8]) -> Result<(), Error> {
        let (found, epoch) = (self.shown()?, Head::inspect(head).map_or(0, |head| head.epoch));
        if found > epoch {
            return Err(Error::TargetAhead { target: self.directory.name(), found, epoch });
        }
        Ok(())
    }

    /// Whether a head's tree lies here, and the roots that lead up to it.
    fn has_all_of(&mut self, head: &[u8]) -> Result<bool, Error> {
        let head = Head::inspect(head).map_err(|error| incomplete(&error.to_string()))?;
        for root in self.ledger().roots()?.into_iter().filter(|root| root.version <= head.root_version) {
            if self.directory.read(Item::Root(root.version))?.as_ref() != Some(&root.object) {
                return Ok(false);
            }
        }
        Ok(self.whole.lacks(&self.directory, head.tree)?.is_none())
    }

    /// What edges that serve do not wait for: makes the bundle of the head that was copied last, and removes files that are gone from the database. Each
    /// now and then.
    pub fn tidy(&mut self) -> Result<(), Error> {
        if let Some(head) = &self.unbundled {
            let bytes = Head::inspect(head).map_or(0, |head| head.tree_bytes);
            let pause = if bytes <= SMALL_BUNDLE { BUNDLE_PAUSE } else { LARGE_PAUSE };
            if self.bundled.is_none_or(|at| at.elapsed() >= pause) {
                let _lock = files::lock(&self.lock, LOCK_WAIT)?;
                // One that fails is tried again, and told of until it was made.
                self.bundle(&head.clone())?;
                (self.unbundled, self.bundled) = (None, Some(Instant::now()));
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
    fn bundle(&mut self, head: &[u8]) -> Result<(), Error> {
        let (roots, now) = (self.ledger().roots()?, self.registry.env().now()?);
        let root = roots.last().ok_or_else(|| Error::NoRoot { realm: self.realm.to_string() })?;
        let wrong = |error: edgelatch_core::error::Error| incomplete(&error.to_string());
        let mut edge = Edge::new(&root.object, HostConfig::carrier()).map_err(wrong)?;
        edge.offer(&[], head, now).map_err(wrong)?;
        let mut staged = edge.begin(&[], now).map_err(wrong)?;
        while let Some(need) = staged.need(Place::Top) {
            // What is not there, or is damaged, is copied again.
            let object = self.directory.read(Item::Object(need.slot.id))?.unwrap_or_default();
            staged.supply(need.place, object).map_err(wrong).inspect_err(|_| self.forget())?;
        }
        edge.commit(staged, now).map_err(wrong)?;
        let bundle =
            join_bundle(head, edge.objects().map(|(_, object)| object)).map_err(|error| incomplete(&error.to_string()))?;
        self.directory.write(Item::Bundle, &bundle)?;
        self.directory.settle()
    }

    fn sweep(&mut self) -> Result<(), Error> {
        let there: BTreeSet<Item> = self.ledger().files()?.iter().filter_map(|(name, _)| Item::published(name)).collect();
        let here = self.directory.list()?;
        // Something that the head does not name may have been passed over: patches, and objects of epochs before it. What was written since the last
        // copy is no such thing: it is still to come.
        if self.known == Some(self.ledger().last_file()?) {
            let listed: BTreeSet<Item> = here.iter().map(|(item, _)| *item).collect();
            // Heads, roots and bundles are not listed, and are few.
            let lacks = |item: &&Item| !listed.contains(item) && matches!(self.directory.has(**item), Ok(false));
            if there.iter().find(lacks).is_some() {
                self.forget();
            }
        }
        // Nothing is published there yet, or not any more.
        if !there.contains(&Item::Head) {
            return Ok(());
        }
        for (item, _) in here.into_iter().filter(|(item, _)| !there.contains(item)) {
            if let Item::Object(id) = item {
                self.whole.remove(id);
            }
            self.directory.remove(item)?;
        }
        Ok(())
    }
}

fn incomplete(detail: &str) -> Error {
    Error::Build { detail: detail.into() }
}
