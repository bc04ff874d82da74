//! From the registry's state to a signed epoch on every target.
//!
//! | read | for |
//! |---|---|
//! | this file | the order of steps |
//! | `memory` | what is remembered between two epochs |
//! | `due` | whether an epoch is due |
//! | `signing` | who signs, under which root |

mod due;
pub(crate) mod memory;
mod signing;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use edgelatch_core::build::encode_bundle;
use edgelatch_core::limits::{CLOCK_TOLERANCE, MAX_EPOCH};
use edgelatch_registry::limits::HEAD_LIFETIME;
use edgelatch_registry::{Caller, EpochRequest, Ledger, Registry, Slug, format_time};

use crate::clock::Witness;
use crate::data_dir::DataDir;
use crate::error::Error;
use crate::files;
use crate::forest::Grown;
use crate::held::{Held, side_by_side};
use crate::pepper::PepperSource;
use crate::private::Readers;
use crate::publication::Publication;
use crate::published::{Aged, FailedTarget, Published, Reason, Stage};
use crate::restore;
use crate::shared::Shared;
use crate::signers::{Signed, Signers};
use crate::target::{Shown, Target};
use crate::trust::Life;

use memory::{BUNDLE_PAUSE, Memory, Out, SMALL_BUNDLE};

/// A head's lifetime unless told otherwise, in seconds: a day without the control plane before edges refuse.
pub const DEFAULT_LIFETIME: u64 = 24 * 3600;
/// How long to wait for another publisher of this machine.
const LOCK_WAIT: Duration = Duration::from_secs(60);
/// How often a tree is built for one epoch, where others publish in between: more than two publishers at once take, and each may read all keys.
const ATTEMPTS: usize = 4;

/// Builds, signs and publishes one realm.
pub struct Publisher {
    registry: Arc<Registry>,
    realm: Slug,
    signers: RwLock<Arc<Signers>>,
    reload: Option<Reload>,
    peppers: PepperSource,
    lifetime: Option<u64>,
    lock: PathBuf,
    clock: Witness,
    /// The database, where nodes copy from it what is published: a target before all others.
    shared: Option<Shared>,
    /// The last tree, and what is known of each target, by name.
    memory: Mutex<Memory>,
    watch: Box<dyn Fn(Stage) + Send + Sync>,
}

/// Gets the signers anew.
type Reload = Box<dyn Fn() -> Result<Signers, Error> + Send + Sync>;

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("realm", &self.realm).field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

impl Publisher {
    /// A publisher. Its heads live for `lifetime` seconds, or for as long as the realm says. Of all publishers of the realm that are given the same
    /// data directory, one is at work at a time. Where the registry lies in a database that several machines share, it is published there too.
    pub fn new(
        registry: Arc<Registry>,
        realm: Slug,
        signers: impl Into<Signers>,
        lifetime: impl Into<Option<u64>>,
        dir: &DataDir,
    ) -> Result<Self, Error> {
        let lifetime = lifetime.into();
        if let Some(seconds) = lifetime.filter(|seconds| !HEAD_LIFETIME.contains(seconds)) {
            return Err(Error::Lifetime { seconds, limit: *HEAD_LIFETIME.end() });
        }
        Ok(Publisher {
            peppers: PepperSource::new(dir, &realm, Readers::Owner),
            lock: dir.lock(&realm),
            clock: Witness::new(dir.clock()),
            shared: registry.carries_files().then(|| Shared::new(Arc::clone(&registry), realm.clone())),
            registry,
            realm,
            signers: RwLock::new(Arc::new(signers.into())),
            reload: None,
            lifetime,
            memory: Mutex::default(),
            watch: Box::new(|_| {}),
        })
    }

    /// The same, telling `watch` what it is at.
    pub fn watched(self, watch: impl Fn(Stage) + Send + Sync + 'static) -> Self {
        Publisher { watch: Box::new(watch), ..self }
    }

    /// The same, for a clock that is right whatever it is compared with: the first publication takes it as it is.
    pub fn accepting_clock(self) -> Self {
        Publisher { clock: self.clock.accepting(), ..self }
    }

    /// The same, getting its signers anew by `load` when a root names others than it has: so a server goes on under a new root.
    pub fn reloading(self, load: impl Fn() -> Result<Signers, Error> + Send + Sync + 'static) -> Self {
        Publisher { reload: Some(Box::new(load)), ..self }
    }

    /// The same, finding peppers there.
    pub fn peppered_from(self, peppers: PepperSource) -> Self {
        Publisher { peppers, ..self }
    }

    /// The realm that it publishes.
    pub fn realm(&self) -> &Slug {
        &self.realm
    }

    /// The registry that it publishes from.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    fn ledger(&self) -> Ledger<'_> {
        self.registry.ledger(&self.realm)
    }

    /// The targets that it publishes to where these are given: the database before them, where nodes copy from it.
    pub fn all<'t>(&'t self, targets: &[&'t dyn Target]) -> Vec<&'t dyn Target> {
        self.shared.iter().map(|shared| shared as &dyn Target).chain(targets.iter().copied()).collect()
    }

    /// Lets the next epoch be signed with the present time, where the last one was signed by a clock that was ahead. Returns the time that counted
    /// until now; none where it is not in the future.
    pub fn repair_clock(&self, caller: &Caller) -> Result<Option<u64>, Error> {
        self.clock.check(&self.registry, self.registry.env().now()?)?;
        Ok(self.ledger().repair_clock(caller)?)
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        // A panic halfway leaves nothing that the next publication would not find out anew.
        self.memory.lock().unwrap_or_else(|broken| {
            let mut memory = PoisonError::into_inner(broken);
            *memory = Memory::default();
            self.memory.clear_poison();
            memory
        })
    }

    /// Publishes an epoch if one is due.
    pub fn publish_if_due(&self, targets: &[&dyn Target]) -> Result<Option<Published>, Error> {
        if self.due(targets)?.is_none() {
            self.bundle_if_due(&self.all(targets))?;
            return Ok(None);
        }
        let _lock = files::lock(&self.lock, LOCK_WAIT)?;
        // Asked again under the lock: another publisher may just have done it.
        match self.due(targets)? {
            Some(reason) => self.run(&self.all(targets), reason).map(Some),
            None => Ok(None),
        }
    }

    /// Writes bundles that were left for later, once it is later. One that fails makes its target due for repair, which says why.
    fn bundle_if_due(&self, targets: &[&dyn Target]) -> Result<(), Error> {
        let due = |memory: &Memory| memory.unbundled.is_some() && memory.bundled.is_none_or(|at| at.elapsed() >= BUNDLE_PAUSE);
        if due(&self.memory()) {
            // As whoever publishes: a bundle must not be written over that of an epoch which another process shows just now.
            let _lock = files::lock(&self.lock, LOCK_WAIT)?;
            self.bundle(targets, &mut self.memory())?;
        }
        Ok(())
    }

    /// Publishes an epoch. Each target is published to on its own: one that fails is named in the answer and stops no other;
    /// only when none holds the epoch is that an error.
    pub fn publish(&self, targets: &[&dyn Target]) -> Result<Published, Error> {
        let _lock = files::lock(&self.lock, LOCK_WAIT)?;
        self.run(&self.all(targets), Reason::Asked)
    }

    /// Publishes an epoch. Where the ledger gives none, since others have published meanwhile or the root was replaced, all is read anew.
    fn run(&self, targets: &[&dyn Target], reason: Reason) -> Result<Published, Error> {
        for _ in 1..ATTEMPTS {
            match self.attempt(targets, reason) {
                Err(Error::Registry(edgelatch_registry::Error::Outrun { .. })) => {}
                done => return done,
            }
        }
        self.attempt(targets, reason)
    }

    fn attempt(&self, targets: &[&dyn Target], reason: Reason) -> Result<Published, Error> {
        let roots = self.ledger().roots()?;
        let (root, signers) = self.trusted_root(&roots)?;
        let lifetime = self.lifetime.map_or_else(|| self.ledger().pace().map(|pace| pace.head_lifetime), Ok)?;
        let now = self.registry.env().now()?;
        self.clock.check(&self.registry, now)?;
        let mut memory = self.memory();
        let Memory { forest, held, aged, lacking, .. } = &mut *memory;
        let life = Life::at(root.issued_at, root.expires_at, now);
        let age = Some(Aged { root_version: root.version, expires_at: root.expires_at, life });
        let root_aged = age.filter(|_| life > Life::Fresh && *aged != age);
        let Grown { changes, diverged } =
            forest.grow(&self.ledger(), &self.peppers, reason == Reason::Asked, now, &self.watch)?;
        let (tree, patches) = (forest.tree()?, forest.patches()?);
        (self.watch)(Stage::Writing(tree.bytes()));
        // The root may have raised the least epoch that counts.
        let mut above = root.min_epoch.saturating_sub(1);
        let (mut unproven, mut broken) = (Vec::new(), Vec::new());
        for target in targets {
            match restore::shown(*target, &self.ledger(), self.realm.as_str(), &roots) {
                Ok(Shown::Unproven) => unproven.push(target.name()),
                Ok(shown) => above = above.max(shown.epoch()),
                Err(error @ Error::RegistryOlder { .. }) => {
                    // It is our roots that are older, where one has come since they were read.
                    let outrun = self.ledger().pace()?.root_version != root.version;
                    let outrun = outrun.then_some(edgelatch_registry::Error::Outrun { changes, root_version: root.version });
                    return Err(outrun.map_or(error, Error::from));
                }
                Err(error) => broken.push(error),
            }
        }
        let all = broken.len() == targets.len();
        if let Some(error) = broken.into_iter().next() {
            // An epoch would be spent for nothing.
            if all {
                return Err(error);
            }
            // What cannot be read may show epochs that the registry never took. Once one is taken, that is known for all.
            if self.ledger().is_restored()? {
                return Err(Error::RestoredUnseen { detail: error.to_string() });
            }
        }
        let request =
            EpochRequest { above, tree: tree.id(), records: tree.records, changes, root_version: root.version, now, lifetime };
        self.check_ledger(now, above)?;
        // Committed before the signature exists: whatever happens from here on, this epoch is spent.
        let row = self.ledger().reserve(&request)?;
        let (Signed { bytes: head, failed: unsigned }, signers) = self.sign(signers, &row, tree.bytes(), &root)?;
        self.clock.note(&self.registry, now);
        let (realm, epoch) = (self.realm.as_str(), row.epoch);
        let publication = Publication { realm, epoch, now: row.issued_at, head: &head, roots: &roots, tree, patches: &patches };
        let (mut written, mut failed, mut first) = (Vec::new(), Vec::new(), None);
        // Side by side: none waits for another one, which may be far away.
        let put = |target: &dyn Target, known: &mut Held| publication.put(target, known, &|| (self.watch)(Stage::Shown(epoch)));
        for (target, done) in side_by_side(targets, held, put) {
            match done {
                Ok(done) => written.push(done),
                Err(error) => {
                    // Looked through again next time, whatever is there now.
                    held.remove(&target.name());
                    failed.push(FailedTarget::of(target, &error));
                    first = first.or(Some(error));
                }
            }
        }
        // Signers that are missing are told of once, however long the others suffice.
        let missing =
            if lacking.as_ref().is_some_and(|told| Arc::ptr_eq(told, &signers)) { &[][..] } else { signers.missing() };
        let unsigned = unsigned.iter().chain(missing).map(ToString::to_string).collect();
        (*aged, *lacking) = (age, Some(Arc::clone(&signers)));
        let (records, tree_bytes) = (tree.records, tree.bytes());
        if !written.is_empty() {
            // Every target shows the epoch before any gets its bundle, which is long and which no edge waits for that serves already.
            memory.unbundled = Some(Out { epoch, signed_at: row.issued_at, head, roots });
            let cheap = reason == Reason::Asked || tree_bytes <= SMALL_BUNDLE;
            if cheap || memory.bundled.is_none_or(|at| at.elapsed() >= BUNDLE_PAUSE) {
                for (written, bundled) in written.iter_mut().zip(self.bundle(targets, &mut memory)?) {
                    match bundled {
                        Ok(removed) => written.removed = removed,
                        Err(error) => failed.push(error),
                    }
                }
            }
        }
        match first {
            None => self.ledger().mark_published(epoch)?,
            Some(error) if written.is_empty() => return Err(error),
            Some(_) => {}
        }
        Ok(Published {
            epoch,
            changes,
            reason,
            tree: row.tree.to_string(),
            records,
            tree_bytes,
            not_after: row.not_after,
            written,
            failed,
            unproven,
            unsigned,
            root_aged,
            diverged,
        })
    }

    /// Writes the bundle of the epoch that is out to each target that shows it, and removes what nothing needs any more. Returns for
    /// each of these, in order, how many objects went, or why it has no bundle.
    fn bundle(&self, targets: &[&dyn Target], memory: &mut Memory) -> Result<Vec<Result<usize, FailedTarget>>, Error> {
        let Some(Out { epoch, signed_at, head, roots }) = memory.unbundled.take() else { return Ok(Vec::new()) };
        memory.bundled = Some(Instant::now());
        let tree = memory.forest.tree()?;
        let bundle = encode_bundle(&head, tree).map_err(|error| Error::Build { detail: error.to_string() })?;
        let realm = self.realm.as_str();
        let publication = Publication { realm, epoch, now: signed_at, head: &head, roots: &roots, tree, patches: &[] };
        let finish = |target: &dyn Target, held: &mut Held| {
            let finished = (held.epoch == epoch).then(|| publication.finish(target, held, &bundle));
            finished.map(|finished| finished.map_err(|error| FailedTarget::of(target, &error)))
        };
        Ok(side_by_side(targets, &mut memory.held, finish).into_iter().filter_map(|(_, finished)| finished).collect())
    }

    /// The ledger never signs with an earlier time than before. That evens out small steps back of the clock; after a large one,
    /// edges would refuse a head from what is their future. And there must be an epoch left to take.
    fn check_ledger(&self, now: u64, above: u64) -> Result<(), Error> {
        let ledger = self.ledger().newest(1)?;
        let epoch = ledger.first().map_or(0, |last| last.epoch).max(above);
        if epoch >= MAX_EPOCH {
            return Err(Error::EpochLimit { epoch, limit: MAX_EPOCH });
        }
        match self.ledger().last_issued_at()? {
            last if last > now + CLOCK_TOLERANCE => Err(Error::ClockBack { last: format_time(last), now: format_time(now) }),
            _ => Ok(()),
        }
    }
}
