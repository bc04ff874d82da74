//! The state of one edge: which root it trusts, which snapshot it serves, and how either changes. SPEC.md sections 7 and 8.
//!
//! Invariants: within an era an epoch never goes back; another head for the same epoch is reported, not taken; a refused update leaves the
//! state as it was; a verification sees one epoch only, for every change is one assignment.

#[cfg(test)]
mod bounds;
mod config;
mod demands;
#[cfg(feature = "builder")]
mod explain;
mod floor;
mod identity;
mod judge;
mod outcome;
mod requirement;
mod routes;
mod staged;
mod verify;

pub use crate::snapshot::Location;
pub use config::HostConfig;
#[cfg(feature = "builder")]
pub use explain::{RequestFacts, explain_record};
pub use floor::Floor;
pub use identity::Identity;
pub use outcome::{Outcome, Step};
pub use requirement::RequirementId;
pub use routes::{Fault, RouteError};
pub use staged::Staged;

use crate::error::Error;
use crate::head::Head;
use crate::limits::{CLOCK_TOLERANCE, MAX_BUNDLE_BYTES, MAX_ROOT_CHAIN, MIN_BUNDLE_ROOM};
use crate::root::Root;
use crate::snapshot::Snapshot;
use alloc::vec::Vec;
use requirement::{Answers, Requirements};
use routes::Routes;
use staged::{Settings, Terms};

/// The newest root that the roots handed in lead to, from the one in force on.
fn advance(from: &Root, roots: &[&[u8]]) -> Result<Root, Error> {
    if roots.len() > MAX_ROOT_CHAIN {
        return Err(Error::TooLong { what: "root chain", bytes: roots.len(), limit: MAX_ROOT_CHAIN });
    }
    roots.iter().try_fold(from.clone(), |root, bytes| root.follow(bytes))
}

/// What is being served.
struct Active {
    head: Head,
    snapshot: Snapshot,
    /// The era of the root under which the head was accepted: epochs of one era alone can be compared.
    era: u32,
    generation: u32,
    settings: Settings,
    answers: Answers,
}

/// One edge. Reads no clock: every call that depends on time takes `now` in Unix seconds. What is refused changes nothing, and
/// [`Error::code`] names why, as listed in SPEC.md section 7.1.
pub struct Edge {
    /// The root in force.
    root: Root,
    config: HostConfig,
    /// What the host knows of earlier: its durable floor, and its least epoch, which was set with the deployed root in mind.
    floors: [Option<Floor>; 2],
    active: Option<Active>,
    /// The last head that asked for another tree, until an update comes into force. It may vouch for a bundle whose own head is an
    /// older one of the same tree.
    offered: Option<Vec<u8>>,
    requirements: Requirements,
    routes: Vec<Routes>,
}

/// What an offered head means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It is the current one.
    Unchanged,
    /// It vouches for the tree that is being served: taken over.
    Renewed,
    /// It names another tree: stage the bundle.
    TreeNeeded {
        /// What a bundle of that tree can have, head included: nothing longer needs to be fetched.
        bundle_bytes: u64,
    },
    /// It was signed under a later root, or a later root was seen before: offer it again with the roots in between.
    RootNeeded,
}

impl Edge {
    /// An edge that trusts `root` (SPEC.md section 4.1), with nothing to serve yet. Refuses what is no root, or is not signed by its
    /// own root role; whether it has expired is asked when a head is judged.
    pub fn new(root: &[u8], config: HostConfig) -> Result<Self, Error> {
        let root = Root::open(root)?;
        let least = Floor { root_version: root.version, epoch: config.min_epoch };
        Ok(Edge {
            floors: [config.floor, (least.epoch > 0).then_some(least)],
            root,
            config,
            active: None,
            offered: None,
            requirements: Requirements::default(),
            routes: Vec::new(),
        })
    }

    /// Proves a chain of at most [`MAX_ROOT_CHAIN`] roots that begins after the one in force. Returns the version that it leads to.
    /// Changes nothing: a root comes into force only together with a head.
    pub fn check_roots(&self, roots: &[&[u8]]) -> Result<u32, Error> {
        advance(&self.root, roots).map(|root| root.version)
    }

    /// Judges a head by SPEC.md section 7, after the roots that lead up to it; of a bundle, its beginning is enough. Takes over a
    /// renewed head; changes nothing that is served otherwise.
    pub fn offer(&mut self, roots: &[&[u8]], bytes: &[u8], now: u64) -> Result<Offer, Error> {
        let root = advance(&self.root, roots)?;
        let bytes = crate::bundle::offered_head(bytes)?;
        let head = match self.admit(&root, bytes, now) {
            Err(Error::RootNeeded { .. }) => return Ok(Offer::RootNeeded),
            other => other?,
        };
        let offer = match &mut self.active {
            Some(active) if active.head.statement == head.statement => Offer::Unchanged,
            Some(active) if active.head.tree == head.tree => {
                active.head = head;
                Offer::Renewed
            }
            _ => {
                self.offered = Some(bytes.into());
                return Ok(Offer::TreeNeeded { bundle_bytes: bundle_room(head.tree_bytes) });
            }
        };
        if let Some(active) = &mut self.active {
            active.era = root.era;
        }
        self.root = root;
        Ok(offer)
    }

    /// Proves head and top page of a bundle, after the roots that lead up to it. The state stays as it is.
    ///
    /// The head is the one offered last if it names the bundle's tree, else the bundle's own.
    pub fn stage(&mut self, roots: &[&[u8]], bundle: Vec<u8>, now: u64) -> Result<Staged, Error> {
        let root = advance(&self.root, roots)?;
        let head = match self.vouching(&root, &bundle, now)? {
            Some(head) => head,
            None => self.admit(&root, crate::bundle::head_bytes(&bundle)?, now)?,
        };
        self.open(root, head, bundle)
    }

    /// The same for a bundle whose own head counts for nothing: the one offered last must name its tree.
    pub fn stage_offered(&mut self, roots: &[&[u8]], bundle: Vec<u8>, now: u64) -> Result<Staged, Error> {
        let root = advance(&self.root, roots)?;
        let head = self.vouching(&root, &bundle, now)?.ok_or(Error::WrongDigest { object: "top page", index: 0 })?;
        self.open(root, head, bundle)
    }

    /// The head offered last, if it names the bundle's tree and may be served now.
    fn vouching(&self, root: &Root, bundle: &[u8], now: u64) -> Result<Option<Head>, Error> {
        let tree = crate::bundle::tree_id(bundle)?;
        let offered = self.offered.as_deref().and_then(|bytes| self.admit(root, bytes, now).ok());
        Ok(offered.filter(|head| head.tree == tree))
    }

    fn open(&self, root: Root, head: Head, bundle: Vec<u8>) -> Result<Staged, Error> {
        let snapshot = Snapshot::open(bundle, &head)?;
        Ok(Staged::new(root, head, snapshot, Terms::of(&self.config)))
    }

    /// Puts a staged update into force. A running edge takes only what was checked to the end; one that serves nothing yet may
    /// start once the directory is proven, and proves each other part before it first relies on it. How much the tree holds
    /// makes no difference to this call. Refuses what is not proven so far ([`Error::Unchecked`]), what a later root has overtaken
    /// ([`Error::Superseded`]), and what may no longer be served `now`.
    pub fn commit(&mut self, staged: Staged, now: u64) -> Result<(), Error> {
        let Some(settings) = staged.settings.filter(|_| staged.complete || self.active.is_none()) else {
            return Err(Error::Unchecked);
        };
        if staged.root.version < self.root.version {
            return Err(Error::Superseded);
        }
        self.judge(&staged.root, &staged.head, now)?;
        let generation = self.generation().wrapping_add(1);
        let Staged { root, head, snapshot, .. } = staged;
        self.active = Some(Active { head, snapshot, era: root.era, generation, settings, answers: Answers::none() });
        self.root = root;
        self.offered = None;
        Ok(())
    }

    /// A head that is proven under `root` and may be served now.
    fn admit(&self, root: &Root, bytes: &[u8], now: u64) -> Result<Head, Error> {
        let head = Head::open(bytes, root)?;
        self.judge(root, &head, now)?;
        Ok(head)
    }

    /// The rules for a head whose signatures are good: fresh, of the present era, and not behind what was seen before.
    fn judge(&self, root: &Root, head: &Head, now: u64) -> Result<(), Error> {
        if now >= root.expires_at {
            return Err(Error::RootExpired { expires_at: root.expires_at, now });
        }
        if is_before_issue(head, now) {
            return Err(Error::ClockInvalid { issued_at: head.issued_at, now });
        }
        if now >= head.not_after.saturating_add(self.config.grace) {
            return Err(Error::HeadExpired { not_after: head.not_after, now });
        }
        if head.root_version < root.era {
            return Err(Error::EarlierEra { era: root.era, found: head.root_version });
        }
        self.judge_floors(root, head)?;
        match &self.active {
            Some(active) if active.era == root.era => {
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

    /// Neither roots nor epochs go back behind what was seen; only a root that began a later era makes older epochs count no more.
    fn judge_floors(&self, root: &Root, head: &Head) -> Result<(), Error> {
        let mut least = root.min_epoch;
        for floor in self.floors.iter().flatten() {
            if root.version < floor.root_version {
                return Err(Error::RootNeeded { current: root.version, needed: floor.root_version });
            }
            if floor.root_version >= root.era {
                least = least.max(floor.epoch);
            }
        }
        if head.epoch < least { Err(Error::BelowFloor { floor: least, found: head.epoch }) } else { Ok(()) }
    }

    /// The handle of a requirement: a service and a permission (SPEC.md section 3), `None` for no demand. The same pair has the same
    /// handle for the life of the edge. Never fails: one that is not well formed, or is more than [`MAX_REQUIREMENTS`](crate::limits::MAX_REQUIREMENTS) allow, is
    /// [`RequirementId::BAD`].
    pub fn compile(&mut self, service: Option<&str>, permission: Option<&str>) -> RequirementId {
        self.requirements.compile(service, permission)
    }

    /// The realm of the root.
    pub fn realm(&self) -> &str {
        &self.root.realm
    }

    /// Version of the root in force.
    pub fn root_version(&self) -> u32 {
        self.root.version
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

    /// What this edge has seen: its next life, or another edge of the realm, is to be given it as `floor`. `None` as long as nothing
    /// was seen. It never goes back.
    pub fn floor(&self) -> Option<Floor> {
        let seen = self.active.as_ref().map(|active| Floor { root_version: self.root.version, epoch: active.head.epoch });
        seen.or(self.config.floor)
    }

    /// Bytes that the snapshot being served takes, the bundle included; 0 for none.
    pub fn memory(&self) -> usize {
        self.active.as_ref().map_or(0, |active| active.snapshot.memory() + Answers::memory())
    }
}

/// The most that a bundle can have whose tree has `tree_bytes`; the publisher may replace it by a later one while it is fetched.
fn bundle_room(tree_bytes: u64) -> u64 {
    tree_bytes.saturating_add(tree_bytes / 8).saturating_add(MIN_BUNDLE_ROOM).min(MAX_BUNDLE_BYTES)
}

/// Whether the clock is so far before the time of issue that it cannot be right.
fn is_before_issue(head: &Head, now: u64) -> bool {
    now.saturating_add(CLOCK_TOLERANCE) < head.issued_at
}
