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
mod fetch;
mod floor;
mod identity;
mod judge;
mod lazy;
mod outcome;
mod requirement;
mod routes;
mod staged;
mod verify;

pub use crate::snapshot::{Location, Need};
pub use config::HostConfig;
#[cfg(feature = "builder")]
pub use explain::{RequestFacts, explain_record};
pub use fetch::Fetch;
pub use floor::Floor;
pub use identity::Identity;
pub use lazy::LazyStats;
pub use outcome::{Outcome, Step};
pub use requirement::RequirementId;
pub use routes::{Fault, RouteError};
pub use staged::Staged;

use crate::error::Error;
use crate::head::Head;
use crate::limits::{
    CLOCK_TOLERANCE, MAX_BUNDLE_BYTES, MAX_PAST_TREES, MAX_ROOT_CHAIN, MIN_BUNDLE_ROOM, MIN_PAST_ROOM, PAST_SHARE,
};
use crate::root::Root;
use crate::snapshot::Snapshot;
use crate::time::Moment;
use crate::tree::{Place, Slot};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use lazy::Lazy;
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
    snapshot: Arc<Snapshot>,
    /// The era of the root under which the head was accepted: epochs of one era alone can be compared.
    era: u32,
    generation: u32,
    settings: Settings,
    answers: Arc<Answers>,
}

/// A tree that was replaced, for the identities of verdicts that were given under it.
struct Past {
    generation: u32,
    snapshot: Arc<Snapshot>,
    /// Bytes that only it holds.
    bytes: usize,
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
    /// Oldest first.
    past: VecDeque<Past>,
    /// The last head that asked for another tree, until an update comes into force. It may vouch for a bundle whose own head is an
    /// older one of the same tree.
    offered: Option<Vec<u8>>,
    requirements: Requirements,
    routes: Vec<Routes>,
    /// What a lazy edge knows of the shards and chunks that it holds, and of who asks for them.
    lazy: Option<Lazy>,
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
            lazy: config.lazy.map(|bytes| Lazy::new(bytes, config.fetches())),
            config,
            active: None,
            past: VecDeque::new(),
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

    /// A candidate for the head offered last, after the roots that lead up to it: its objects are to be supplied. The state stays as it is.
    pub fn begin(&mut self, roots: &[&[u8]], now: u64) -> Result<Staged, Error> {
        let root = advance(&self.root, roots)?;
        let head = self.admit(&root, self.offered.as_deref().ok_or(Error::Superseded)?, now)?;
        Ok(self.candidate(root, head))
    }

    /// A candidate with a whole bundle, after the roots that lead up to it: proves head and top page. The state stays as it is.
    ///
    /// The head is the one offered last if it names the bundle's tree, else the bundle's own.
    pub fn stage(&mut self, roots: &[&[u8]], bundle: Vec<u8>, now: u64) -> Result<Staged, Error> {
        let root = advance(&self.root, roots)?;
        let (tree, top_end) = crate::bundle::tree_id(&bundle)?;
        let offered = self.offered.as_deref().and_then(|bytes| self.admit(&root, bytes, now).ok());
        let head = match offered.filter(|head| head.tree == tree) {
            Some(head) => head,
            None => self.admit(&root, crate::bundle::head_bytes(&bundle)?, now)?,
        };
        let mut staged = self.candidate(root, head);
        staged.bundle(bundle);
        staged.check(top_end)?;
        Ok(staged)
    }

    fn candidate(&self, root: Root, head: Head) -> Staged {
        Staged::new(root, head, self.active.as_ref().map(|active| active.snapshot.clone()), Terms::of(&self.config))
    }

    /// Puts a staged update into force. A running edge takes only what is complete; one that serves nothing yet may start once
    /// [`Staged::is_ready`], and names what a verification lacks. How much the tree holds
    /// makes no difference to this call; a lazy edge looks once at each index page and at what it holds itself. Refuses what is not proven so far ([`Error::Unchecked`]), what a later root has overtaken
    /// ([`Error::Superseded`]), and what may no longer be served `now`.
    pub fn commit(&mut self, staged: Staged, now: u64) -> Result<(), Error> {
        let enough = if self.active.is_none() { staged.is_ready() } else { staged.is_complete() };
        if staged.root.version < self.root.version {
            return Err(Error::Superseded);
        }
        let (Staged { root, head, snapshot: Some(mut snapshot), settings: Some(settings), .. }, true) = (staged, enough) else {
            return Err(Error::Unchecked);
        };
        self.judge(&root, &head, now)?;
        let generation = self.generation().wrapping_add(1);
        let before = self.active.take();
        let same = before.as_ref().filter(|before| before.snapshot.same_directory(&snapshot));
        let answers = same.map_or_else(|| Arc::new(Answers::none()), |before| before.answers.clone());
        if let Some(lazy) = &mut self.lazy {
            lazy.follow(before.as_ref().map(|before| &*before.snapshot), &mut snapshot);
        }
        let snapshot = Arc::new(snapshot);
        if let Some(before) = before {
            self.retire(before, &snapshot);
        }
        self.active = Some(Active { head, snapshot, era: root.era, generation, settings, answers });
        self.root = root;
        self.offered = None;
        self.drop_some();
        Ok(())
    }

    /// Keeps the tree that was served for the verdicts given under it, and drops older ones as far as room demands.
    fn retire(&mut self, before: Active, now: &Snapshot) {
        let Active { snapshot, generation, .. } = before;
        let bytes = snapshot.memory_beyond(now);
        self.past.push_back(Past { generation, snapshot, bytes });
        let room = (now.memory() / PAST_SHARE).max(MIN_PAST_ROOM);
        while self.past.len() > MAX_PAST_TREES || self.past.iter().map(|past| past.bytes).sum::<usize>() > room {
            if self.past.pop_front().is_none() {
                break;
            }
        }
    }

    /// Takes an object that the tree being served lacks, one that [`Edge::need`] or [`Edge::fetch`] names. A lazy edge drops others for it: one
    /// for each forty bytes of it at the most, chosen among [`EVICTION_SAMPLE`](crate::limits::EVICTION_SAMPLE) each. A wrong one is refused and changes nothing.
    pub fn supply(&mut self, place: Place, bytes: Vec<u8>) -> Result<(), Error> {
        let active = self.active.as_mut().ok_or(Error::Superseded)?;
        let (snapshot, length) = (Arc::make_mut(&mut active.snapshot), bytes.len());
        let wanted = snapshot.wants(place);
        snapshot.supply(place, bytes, None)?;
        let whole = if snapshot.missing() == 0 { snapshot.check_records(&active.head) } else { Ok(()) };
        if let Some(lazy) = self.lazy.as_mut().filter(|_| wanted) {
            lazy.held.take(place, length);
            self.drop_some();
        }
        whole
    }

    /// Drops what a lazy edge holds beyond its budget, wherever it is held: a tree that was replaced shares it with the one that serves.
    fn drop_some(&mut self) {
        let (Some(lazy), Some(active)) = (&mut self.lazy, &mut self.active) else { return };
        while let Some(place) = lazy.held.next_to_go() {
            let Some(given) = Arc::make_mut(&mut active.snapshot).give(place) else { continue };
            for past in &mut self.past {
                Arc::make_mut(&mut past.snapshot).give_too(place, &given);
            }
        }
    }

    /// The first object from `from` on that the tree being served lacks and that is to be brought; `None` when there is none from there
    /// on. A lazy edge waits for none: what a verification needs is asked for with [`Edge::fetch`].
    pub fn need(&self, from: Place) -> Option<Need> {
        self.needs(from).next()
    }

    /// All objects from `from` on of which [`Edge::need`] says the first.
    pub fn needs(&self, from: Place) -> impl Iterator<Item = Need> + use<'_> {
        self.active.iter().filter(|_| self.lazy.is_none()).flat_map(move |active| active.snapshot.needs(from))
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
            return Err(Error::RootExpired { expires_at: Moment(root.expires_at), now: Moment(now) });
        }
        if is_before_issue(head, now) {
            return Err(Error::ClockInvalid { issued_at: Moment(head.issued_at), now: Moment(now) });
        }
        if now >= head.not_after.saturating_add(self.config.grace) {
            return Err(Error::HeadExpired { not_after: Moment(head.not_after), now: Moment(now) });
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

    /// The objects of the tree being served that are here, in the order of a bundle: to keep them for the edge's next life.
    pub fn objects(&self) -> impl Iterator<Item = (Place, &[u8])> {
        self.active.iter().flat_map(|active| active.snapshot.objects())
    }

    /// What the object at a place of the tree being served must be, as far as that is known.
    pub fn slot(&self, place: Place) -> Option<Slot> {
        self.active.as_ref()?.snapshot.slot(place)
    }

    /// The tree under which a verdict of this generation was given, as long as it is kept.
    fn snapshot_of(&self, generation: u32) -> Option<&Snapshot> {
        let active = self.active.as_ref().filter(|active| active.generation == generation).map(|active| &active.snapshot);
        let past = || self.past.iter().find(|past| past.generation == generation).map(|past| &past.snapshot);
        active.or_else(past).map(Arc::as_ref)
    }

    /// Bytes that the snapshot being served takes, with what is kept of those before; 0 for none.
    pub fn memory(&self) -> usize {
        let past: usize = self.past.iter().map(|past| past.bytes).sum();
        let lazy = self.lazy.as_ref().map_or(0, Lazy::memory);
        self.active.as_ref().map_or(0, |active| active.snapshot.memory() + Answers::memory() + past + lazy)
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
