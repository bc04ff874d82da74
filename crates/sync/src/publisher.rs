//! From the registry's state to a signed epoch on every target.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use edgelatch_core::build::{Draft, HeadFields, RoleFields, encode_bundle};
use edgelatch_core::limits::{CLOCK_TOLERANCE, MAX_EPOCH, MAX_HEAD_LIFETIME};
use edgelatch_core::root::Root;
use edgelatch_registry::{EpochRequest, Ledger, LedgerRow, Registry, RootRow, Slug, format_time};

use crate::error::Error;
use crate::files;
use crate::forest::{Forest, Grown};
use crate::held::Held;
use crate::publication::Publication;
use crate::published::{FailedTarget, Published, Reason, Stage};
use crate::signers::{Signed, Signers};
use crate::target::{Shown, Target};

/// A head's lifetime unless told otherwise, in seconds: a day without the control plane before edges refuse.
pub const DEFAULT_LIFETIME: u64 = 24 * 3600;
/// A shorter life would end while an edge is fetching.
const MIN_LIFETIME: u64 = 60;
/// The bundle, which has all keys, is written again after so long at the earliest, however many epochs there were: edges that begin
/// meanwhile find an older one, and fetch what it lacks.
const BUNDLE_PAUSE: Duration = Duration::from_secs(2);
/// A bundle of at most so many bytes, 160,000 keys, is written with each epoch.
const SMALL_BUNDLE: u64 = 4 << 20;
/// How long to wait for another publisher of this machine.
const LOCK_WAIT: Duration = Duration::from_secs(60);

/// Builds, signs and publishes one realm.
pub struct Publisher {
    registry: Arc<Registry>,
    realm: Slug,
    signers: Signers,
    lifetime: u64,
    lock: PathBuf,
    /// The last tree, and what is known of each target, by name.
    memory: Mutex<Memory>,
    watch: Box<dyn Fn(Stage) + Send + Sync>,
}

/// What a publisher remembers. All of it can be found out anew.
#[derive(Debug, Default)]
struct Memory {
    forest: Forest,
    held: BTreeMap<String, Held>,
    /// When bundles were written last.
    bundled: Option<Instant>,
    /// The epoch that targets show whose bundle is still to be written.
    unbundled: Option<Out>,
}

/// An epoch that is out.
#[derive(Debug)]
struct Out {
    epoch: u64,
    signed_at: u64,
    head: Vec<u8>,
    roots: Vec<RootRow>,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("realm", &self.realm).field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

impl Publisher {
    /// A publisher whose heads live for `lifetime` seconds. `lock` is a file; of all publishers that are given the same one, one is
    /// at work at a time.
    pub fn new(
        registry: Arc<Registry>,
        realm: Slug,
        signers: impl Into<Signers>,
        lifetime: u64,
        lock: PathBuf,
    ) -> Result<Self, Error> {
        if !(MIN_LIFETIME..=MAX_HEAD_LIFETIME).contains(&lifetime) {
            return Err(Error::Lifetime { seconds: lifetime, limit: MAX_HEAD_LIFETIME });
        }
        Ok(Publisher {
            registry,
            realm,
            signers: signers.into(),
            lifetime,
            lock,
            memory: Mutex::default(),
            watch: Box::new(|_| {}),
        })
    }

    /// The same, telling `watch` what it is at.
    pub fn watched(self, watch: impl Fn(Stage) + Send + Sync + 'static) -> Self {
        Publisher { watch: Box::new(watch), ..self }
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

    /// Whether an epoch is due, and why. Cheap: a few rows and each target's head. One that cannot be read needs repair.
    pub fn due(&self, targets: &[&dyn Target]) -> Result<Option<Reason>, Error> {
        match self.due_by_registry()? {
            None => self.due_by_targets(targets),
            reason => Ok(reason),
        }
    }

    /// Whether an epoch is due by what the registry says: two rows, whatever the targets show.
    pub fn due_by_registry(&self) -> Result<Option<Reason>, Error> {
        let Some(last) = self.ledger().newest(1)?.into_iter().next() else { return Ok(Some(Reason::Repair)) };
        if last.changes != self.ledger().changes()? {
            return Ok(Some(Reason::Change));
        }
        let beat = last.issued_at + self.lifetime.min(last.not_after - last.issued_at) / 3;
        Ok((self.registry.env().now()? >= beat).then_some(Reason::Heartbeat))
    }

    fn due_by_targets(&self, targets: &[&dyn Target]) -> Result<Option<Reason>, Error> {
        let Some(last) = self.ledger().newest(1)?.into_iter().next() else { return Ok(Some(Reason::Repair)) };
        let roots = self.ledger().roots()?;
        let memory = self.memory();
        let holds = |target: &&dyn Target| {
            // One that was begun and not finished shows the epoch, but its bundle is an older one.
            let finished = |held: &Held| held.complete || held.epoch != last.epoch;
            (memory.unbundled.is_some() || memory.held.get(&target.name()).is_none_or(finished))
                && Shown::of(*target, self.realm.as_str(), &roots).is_ok_and(|shown| shown.epoch() == last.epoch)
        };
        Ok((!targets.iter().all(holds)).then_some(Reason::Repair))
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
            self.bundle_if_due(targets)?;
            return Ok(None);
        }
        let _lock = files::lock(&self.lock, LOCK_WAIT)?;
        // Asked again under the lock: another publisher may just have done it.
        match self.due(targets)? {
            Some(reason) => self.run(targets, reason).map(Some),
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
        self.run(targets, Reason::Asked)
    }

    fn run(&self, targets: &[&dyn Target], reason: Reason) -> Result<Published, Error> {
        let roots = self.ledger().roots()?;
        let root = self.trusted_root(&roots)?;
        let now = self.registry.env().now()?;
        let mut memory = self.memory();
        let Memory { forest, held, .. } = &mut *memory;
        let Grown { changes, diverged } = forest.grow(&self.ledger(), reason == Reason::Asked, now, &self.watch)?;
        let (tree, patches) = (forest.tree()?, forest.patches()?);
        (self.watch)(Stage::Writing(tree.bytes()));
        // The root may have raised the least epoch that counts.
        let mut above = root.min_epoch.saturating_sub(1);
        let (mut unproven, mut broken) = (Vec::new(), Vec::new());
        for target in targets {
            match Shown::of(*target, self.realm.as_str(), &roots) {
                Ok(Shown::Unproven) => unproven.push(target.name()),
                Ok(shown) => above = above.max(shown.epoch()),
                Err(error) => broken.push(error),
            }
        }
        // An epoch would be spent for nothing.
        if broken.len() == targets.len()
            && let Some(error) = broken.into_iter().next()
        {
            return Err(error);
        }
        let request = EpochRequest {
            above,
            tree: tree.id(),
            records: tree.records,
            changes,
            root_version: root.version,
            now,
            lifetime: self.lifetime,
        };
        self.check_ledger(now, above)?;
        // Committed before the signature exists: whatever happens from here on, this epoch is spent.
        let row = self.ledger().reserve(&request)?;
        let Signed { bytes: head, failed: unsigned } = self.sign(&row, tree.bytes(), &root)?;
        let (realm, epoch) = (self.realm.as_str(), row.epoch);
        let publication = Publication { realm, epoch, now: row.issued_at, head: &head, roots: &roots, tree, patches: &patches };
        let (mut written, mut failed, mut first) = (Vec::new(), Vec::new(), None);
        for target in targets {
            let known = held.entry(target.name()).or_default();
            match publication.put(*target, known, &|| (self.watch)(Stage::Shown(epoch))) {
                Ok(done) => written.push(done),
                Err(error) => {
                    // Looked through again next time, whatever is there now.
                    *known = Held::default();
                    failed.push(FailedTarget::of(*target, &error));
                    first = first.or(Some(error));
                }
            }
        }
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
            reason,
            tree: row.tree.to_string(),
            records,
            tree_bytes,
            not_after: row.not_after,
            written,
            failed,
            unproven,
            unsigned: unsigned.iter().map(ToString::to_string).collect(),
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
        let mut results = Vec::new();
        for target in targets {
            let Some(held) = memory.held.get_mut(&target.name()).filter(|held| held.epoch == epoch) else { continue };
            results.push(publication.finish(*target, held, &bundle).map_err(|error| FailedTarget::of(*target, &error)));
        }
        Ok(results)
    }

    /// The newest root, if our signers may publish under it today.
    fn trusted_root(&self, roots: &[RootRow]) -> Result<Root, Error> {
        let newest = roots.last().ok_or_else(|| Error::NoRoot { realm: self.realm.to_string() })?;
        let root = Root::open(&newest.object).map_err(|e| Error::BadRoot { version: newest.version, detail: e.to_string() })?;
        let (held, threshold) = (self.signers.held(&publisher_role(&root)), root.publisher.threshold());
        if held < usize::from(threshold) {
            return Err(Error::NotPublisher { version: root.version, held, threshold });
        }
        if self.registry.env().now()? >= root.expires_at {
            return Err(Error::RootExpired { version: root.version, at: format_time(root.expires_at) });
        }
        Ok(root)
    }

    /// The ledger never signs with an earlier time than before. That evens out small steps back of the clock; after a large one,
    /// edges would refuse a head from what is their future. And there must be an epoch left to take.
    fn check_ledger(&self, now: u64, above: u64) -> Result<(), Error> {
        let ledger = self.ledger().newest(1)?;
        let epoch = ledger.first().map_or(0, |last| last.epoch).max(above);
        if epoch >= MAX_EPOCH {
            return Err(Error::EpochLimit { epoch, limit: MAX_EPOCH });
        }
        match ledger.first() {
            Some(last) if last.issued_at > now + CLOCK_TOLERANCE => {
                Err(Error::ClockBack { last: format_time(last.issued_at), now: format_time(now) })
            }
            _ => Ok(()),
        }
    }

    fn sign(&self, row: &LedgerRow, tree_bytes: u64, root: &Root) -> Result<Signed, Error> {
        let fields = HeadFields {
            realm: self.realm.to_string(),
            root_version: row.root_version,
            epoch: row.epoch,
            issued_at: row.issued_at,
            not_after: row.not_after,
            tree: row.tree,
            tree_bytes,
            records: row.records,
        };
        let draft = Draft::head(&fields).map_err(|e| Error::Build { detail: e.to_string() })?;
        self.signers.sign(draft, &[&publisher_role(root)])
    }
}

fn publisher_role(root: &Root) -> RoleFields {
    RoleFields { threshold: root.publisher.threshold(), keys: root.publisher.keys().copied().collect() }
}
