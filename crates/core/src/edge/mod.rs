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
mod history;
mod holding;
mod identity;
mod judge;
mod lazy;
#[cfg(test)]
mod lines;
mod outcome;
mod requirement;
mod routes;
mod staged;
mod verify;

pub use crate::snapshot::{Group, Location, Mark, Need};
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
pub use verify::Note;

use crate::error::Error;
use crate::head::Head;
use crate::limits::{CLOCK_TOLERANCE, MAX_BUNDLE_BYTES, MAX_ROOT_CHAIN, MIN_BUNDLE_ROOM};
use crate::root::Root;
use crate::snapshot::Snapshot;
use crate::time::Moment;
use crate::tree::Place;
use alloc::sync::Arc;
use alloc::vec::Vec;
use history::History;
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

/// The last head that asked for another tree.
struct Offered {
    bytes: Vec<u8>,
    /// The root under which it was proven: under the same one, its signatures need not be verified again.
    root: Root,
    head: Head,
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
    past: History,
    /// Until an update comes into force. It may vouch for a bundle whose own head is an older one of the same tree.
    offered: Option<Offered>,
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
            past: History::default(),
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
                let needed = Offer::TreeNeeded { bundle_bytes: bundle_room(head.tree_bytes) };
                self.offered = Some(Offered { bytes: bytes.into(), root, head });
                return Ok(needed);
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
        let head = self.admit_offered(&root, now)?;
        Ok(self.candidate(root, head))
    }

    /// A candidate with a whole bundle, after the roots that lead up to it: proves head and top page. The state stays as it is.
    ///
    /// The head is the one offered last if it names the bundle's tree, else the bundle's own.
    pub fn stage(&mut self, roots: &[&[u8]], bundle: Vec<u8>, now: u64) -> Result<Staged, Error> {
        let root = advance(&self.root, roots)?;
        let (tree, top_end) = crate::bundle::tree_id(&bundle)?;
        let head = match self.admit_offered(&root, now).ok().filter(|head| head.tree == tree) {
            Some(head) => head,
            None => self.admit(&root, crate::bundle::head_bytes(&bundle)?, now)?,
        };
        let mut staged = self.candidate(root, head);
        staged.bundle(bundle);
        staged.check(top_end)?;
        Ok(staged)
    }

    /// Makes room for it: of the trees before the one being served it leaves those that take little.
    fn candidate(&mut self, root: Root, head: Head) -> Staged {
        if let Some(active) = &self.active {
            self.past.fit(&active.snapshot);
        }
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
        if let Some(Active { generation, snapshot: replaced, .. }) = before {
            // A lazy edge has a budget, and its tree may lose any part anyway.
            self.past.keep(generation, replaced, &snapshot, self.lazy.is_none());
        }
        self.active = Some(Active { head, snapshot, era: root.era, generation, settings, answers });
        self.root = root;
        self.offered = None;
        self.drop_some();
        Ok(())
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
        Ok(whole?)
    }

    /// Drops what a lazy edge holds beyond its budget, wherever it is held: a tree that was replaced shares it with the one that serves.
    fn drop_some(&mut self) {
        let (Some(lazy), Some(active)) = (&mut self.lazy, &mut self.active) else { return };
        while let Some(place) = lazy.held.next_to_go() {
            let Some(given) = Arc::make_mut(&mut active.snapshot).give(place) else { continue };
            for past in self.past.snapshots() {
                Arc::make_mut(past).give_too(place, &given);
            }
        }
    }

    /// The first object from `from` on that the tree being served lacks and that is to be brought; `None` when there is none from there
    /// on. A lazy edge waits for none: what a verification needs is asked for with [`Edge::fetch`].
    pub fn need(&self, from: Place) -> Option<Need> {
        let active = self.active.as_ref().filter(|_| self.lazy.is_none())?;
        active.snapshot.need(active.snapshot.missing_from(from)?)
    }

    /// All objects from `from` on of which [`Edge::need`] says the first.
    pub fn needs(&self, from: Place) -> impl Iterator<Item = Need> + use<'_> {
        core::iter::successors(self.need(from), |need| self.need(need.place.after()))
    }

    /// A head that is proven under `root` and may be served now.
    fn admit(&self, root: &Root, bytes: &[u8], now: u64) -> Result<Head, Error> {
        let head = Head::open(bytes, root)?;
        self.judge(root, &head, now)?;
        Ok(head)
    }

    /// The head offered last, if it may be served now.
    fn admit_offered(&self, root: &Root, now: u64) -> Result<Head, Error> {
        let offered = self.offered.as_ref().ok_or(Error::Superseded)?;
        if offered.root != *root {
            return self.admit(root, &offered.bytes, now);
        }
        self.judge(root, &offered.head, now)?;
        Ok(offered.head.clone())
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

    /// The tree under which a verdict of this generation was given, as long as it is kept.
    fn snapshot_of(&self, generation: u32) -> Option<&Snapshot> {
        let active = self.active.as_ref().filter(|active| active.generation == generation).map(|active| &*active.snapshot);
        active.or_else(|| self.past.find(generation))
    }

    /// Lets the tree of a generation go, if it has been replaced: whoever was given verdicts under it will not ask for an identity.
    pub fn release(&mut self, generation: u32) {
        if let Some(active) = &self.active {
            self.past.release(generation, &active.snapshot);
        }
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
