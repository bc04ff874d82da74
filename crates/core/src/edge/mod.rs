//! The state of one edge: which root it trusts, which snapshot it serves, and how either changes. SPEC.md sections 7 and 8.
//!
//! Invariants: an epoch never goes back; another head for the same epoch is reported, not taken; a refused update leaves the
//! state as it was; a verification sees one epoch only, for every change is one assignment.

mod config;
mod requirement;
mod verify;

pub use crate::snapshot::Location;
pub use config::HostConfig;
pub use requirement::RequirementId;
pub use verify::{Identity, Outcome, Step};

use crate::error::Error;
use crate::head::Head;
use crate::http::Sources;
use crate::limits::{CLOCK_TOLERANCE, MAX_ROOT_CHAIN};
use crate::root::Root;
use crate::snapshot::Snapshot;
use alloc::vec::Vec;
use requirement::Requirements;

/// The root in force, and since which version its publisher role has been as it is.
#[derive(Clone)]
struct Trust {
    root: Root,
    /// Epochs and floors from before this root version count no more: rotating the publisher is how a realm recovers from a
    /// thief who signed a far epoch.
    publisher_since: u32,
}

impl Trust {
    fn advance(&self, roots: &[&[u8]]) -> Result<Trust, Error> {
        if roots.len() > MAX_ROOT_CHAIN {
            return Err(Error::TooLong { what: "root chain", bytes: roots.len(), limit: MAX_ROOT_CHAIN });
        }
        roots.iter().try_fold(self.clone(), |trust, bytes| {
            let root = trust.root.follow(bytes)?;
            let kept = root.publisher == trust.root.publisher;
            let publisher_since = if kept { trust.publisher_since } else { root.version };
            Ok(Trust { root, publisher_since })
        })
    }
}

/// What is being served.
struct Active {
    head: Head,
    snapshot: Snapshot,
    /// `publisher_since` of the trust under which the head was accepted.
    publisher_since: u32,
    generation: u32,
    settings: Settings,
}

/// What the directory and the host together say about credentials.
#[derive(Clone, Copy)]
struct Settings {
    sources: Sources,
    imports: bool,
    peppered: bool,
}

/// One edge. Reads no clock: every call that depends on time takes `now` in Unix seconds.
pub struct Edge {
    trust: Trust,
    /// Version of the root that the edge was given at first: `min_epoch` was set with its publisher role in mind.
    deployed: u32,
    config: HostConfig,
    active: Option<Active>,
    /// Kept until the next update is staged, so that identities of verdicts in flight stay readable.
    previous: Option<Active>,
    requirements: Requirements,
}

/// What an offered head means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It is the current one.
    Unchanged,
    /// It vouches for the tree that is being served: taken over.
    Renewed,
    /// It names another tree: stage the bundle.
    TreeNeeded,
    /// It was signed under a later root: offer it again with the roots in between.
    RootNeeded,
}

/// A checked candidate, not yet in force.
pub struct Staged {
    trust: Trust,
    head: Head,
    snapshot: Snapshot,
    settings: Settings,
    next: u32,
    complete: bool,
}

impl Staged {
    /// Proves about `budget` bytes more of the tree. Returns how many shards are left; 0 says that all is proven.
    pub fn check(&mut self, budget: usize) -> Result<u32, Error> {
        self.next = self.snapshot.prove_some(self.next, budget)?;
        let left = self.snapshot.shard_count() - self.next;
        if left == 0 && !self.complete {
            let found = self.snapshot.count_records()?;
            if found != self.head.records {
                return Err(Error::WrongCount { object: "head", announced: self.head.records, found });
            }
            self.complete = true;
        }
        Ok(left)
    }

    /// The epoch it would bring.
    pub fn epoch(&self) -> u64 {
        self.head.epoch
    }
}

impl Edge {
    /// An edge that trusts `root`, with nothing to serve yet.
    pub fn new(root: &[u8], config: HostConfig) -> Result<Self, Error> {
        let root = Root::open(root)?;
        let trust = Trust { publisher_since: root.version, root };
        Ok(Edge {
            deployed: trust.publisher_since,
            trust,
            config,
            active: None,
            previous: None,
            requirements: Requirements::default(),
        })
    }

    /// Judges a head, after the roots that lead up to it. Takes over a renewed one; changes nothing otherwise.
    pub fn offer(&mut self, roots: &[&[u8]], head: &[u8], now: u64) -> Result<Offer, Error> {
        let trust = self.trust.advance(roots)?;
        let head = match Head::open(head, &trust.root) {
            Err(Error::RootNeeded { .. }) => return Ok(Offer::RootNeeded),
            other => other?,
        };
        self.judge(&trust, &head, now)?;
        let offer = match &mut self.active {
            Some(active) if active.head.statement == head.statement => Offer::Unchanged,
            Some(active) if active.head.tree == head.tree => {
                active.head = head;
                Offer::Renewed
            }
            _ => return Ok(Offer::TreeNeeded),
        };
        if let Some(active) = &mut self.active {
            active.publisher_since = trust.publisher_since;
        }
        self.trust = trust;
        Ok(offer)
    }

    /// Proves head, top page and directory of a bundle, after the roots that lead up to it. The state stays as it is.
    pub fn stage(&mut self, roots: &[&[u8]], bundle: Vec<u8>, now: u64) -> Result<Staged, Error> {
        self.previous = None;
        let trust = self.trust.advance(roots)?;
        let head = Head::open(crate::bundle::head_bytes(&bundle)?, &trust.root)?;
        self.judge(&trust, &head, now)?;
        let snapshot = Snapshot::open(bundle, &head)?;
        let settings = self.settings(&snapshot)?;
        Ok(Staged { trust, head, snapshot, settings, next: 0, complete: false })
    }

    /// Puts a staged update into force. A running edge takes only what was checked to the end; one that serves nothing yet may
    /// start at once, and proves each part before it first relies on it.
    pub fn commit(&mut self, staged: Staged, now: u64) -> Result<(), Error> {
        if self.active.is_some() && !staged.complete {
            return Err(Error::Unchecked);
        }
        if staged.trust.root.version < self.trust.root.version {
            return Err(Error::Superseded);
        }
        self.judge(&staged.trust, &staged.head, now)?;
        let generation = self.generation().wrapping_add(1);
        self.requirements.resolve_all(&staged.snapshot.directory()?);
        let Staged { trust, head, snapshot, settings, .. } = staged;
        let publisher_since = trust.publisher_since;
        self.trust = trust;
        self.previous = self.active.replace(Active { head, snapshot, publisher_since, generation, settings });
        Ok(())
    }

    /// The rules for a head whose signatures are good: fresh, and not behind what was seen before.
    fn judge(&self, trust: &Trust, head: &Head, now: u64) -> Result<(), Error> {
        if now >= trust.root.expires_at {
            return Err(Error::RootExpired { expires_at: trust.root.expires_at, now });
        }
        if is_before_issue(head, now) {
            return Err(Error::ClockInvalid { issued_at: head.issued_at, now });
        }
        if now >= head.not_after.saturating_add(self.config.grace) {
            return Err(Error::HeadExpired { not_after: head.not_after, now });
        }
        let floor = self.floor(trust);
        if head.epoch < floor {
            return Err(Error::BelowFloor { floor, found: head.epoch });
        }
        match &self.active {
            Some(active) if active.publisher_since >= trust.publisher_since => {
                if head.epoch < active.head.epoch {
                    return Err(Error::Rollback { current: active.head.epoch, found: head.epoch });
                }
                if head.epoch == active.head.epoch && head.statement != active.head.statement {
                    return Err(Error::Equivocation { epoch: head.epoch });
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The least epoch acceptable. Both floors count only while the publisher role is the one under which they were set.
    fn floor(&self, trust: &Trust) -> u64 {
        let rotated = trust.publisher_since > self.deployed;
        let configured = if rotated { 0 } else { self.config.min_epoch };
        let durable = self.config.floor.filter(|(version, _)| *version >= trust.publisher_since).map_or(0, |(_, epoch)| epoch);
        configured.max(durable)
    }

    fn settings(&self, snapshot: &Snapshot) -> Result<Settings, Error> {
        let directory = snapshot.directory()?;
        let sources = self.config.sources.map_or(directory.sources, |s| s.intersection(directory.sources));
        if sources.is_empty() && self.config.query.is_none() {
            let reason = "the realm accepts none of the headers that the host leaves".into();
            return Err(Error::BadConfig { key: "sources".into(), reason });
        }
        let peppered = directory.pepper_id != 0;
        if peppered && self.config.pepper.as_ref().map(crate::key::Pepper::id) != Some(directory.pepper_id) {
            return Err(Error::WrongPepper { needed: directory.pepper_id });
        }
        Ok(Settings { sources, imports: directory.imports, peppered })
    }

    /// The handle of a requirement. Never fails: one that is not well formed is [`RequirementId::BAD`].
    pub fn compile(&mut self, service: Option<&str>, permission: Option<&str>) -> RequirementId {
        let directory = self.active.as_ref().and_then(|active| active.snapshot.directory().ok());
        self.requirements.compile(service, permission, directory.as_ref())
    }

    /// The realm of the root.
    pub fn realm(&self) -> &str {
        &self.trust.root.realm
    }

    /// Version of the root in force.
    pub fn root_version(&self) -> u32 {
        self.trust.root.version
    }

    /// The host's configuration.
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// The head being served under.
    pub fn head(&self) -> Option<&Head> {
        self.active.as_ref().map(|active| &active.head)
    }

    /// Counts the trees that were put into force; identities are asked for with it.
    pub fn generation(&self) -> u32 {
        self.active.as_ref().map_or(0, |active| active.generation)
    }

    /// Bytes that the snapshot being served takes.
    pub fn memory(&self) -> usize {
        self.active.as_ref().map_or(0, |active| active.snapshot.memory())
    }
}

/// Whether the clock is so far before the time of issue that it cannot be right.
fn is_before_issue(head: &Head, now: u64) -> bool {
    now.saturating_add(CLOCK_TOLERANCE) < head.issued_at
}
