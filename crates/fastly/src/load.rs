//! From what the POP's cache holds, and what the source says, to an edge that may judge. What a piece is worth is the core's to say: each is proven, whoever
//! brought it.

use std::time::Duration;

use edgelatch_core::edge::{Edge, Fetch, Floor, HostConfig, Need, Offer, Outcome, Staged};
use edgelatch_core::error::Error as CoreError;
use edgelatch_core::limits::{MAX_HEAD_BYTES, MAX_ROOT_BYTES, MAX_ROOT_CHAIN};
use edgelatch_core::tree::{ObjectId, Place, Slot};
use edgelatch_core::verdict::Code;
use edgelatch_http::{Error, MAX_NEEDED};

use crate::kept::Kept;

/// Bytes of shards and chunks that one instance holds: what a request needs of them, a shard and a few chunks, fits many times, and an instance has 128 MB.
const LAZY_BYTES: usize = 32 << 20;
/// Objects that one instance may fetch a second: what it asks for is bounded by [`MAX_NEEDED`] a request.
const FETCHES: u32 = 10_000;
/// Bytes of an index that are read: those of the largest tree.
const MAX_INDEX: usize = 48 << 20;
/// How long a source that failed is left alone.
const PAUSE: Duration = Duration::from_secs(5);
/// An instance may find that another one is asking the source. Where that has taken so many times as long as heads are good for, it asks by itself.
const PATIENCE: u64 = 3;

/// What the platform is to the loading: a source of files, and a cache that all instances of a POP share, and that may forget anything at any time.
pub trait Ground {
    /// The file at a path below the realm's address; `None` where there is none. One of more than `limit` bytes is `too_large`.
    fn fetch(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Error>;
    /// Reads a file piece by piece, until `take` says that it has enough. Whether there is one.
    fn stream(&self, path: &str, take: &mut dyn FnMut(&[u8]) -> Result<bool, Error>) -> Result<bool, Error>;
    /// What the cache holds under a name that says what it is, of no more than `limit` bytes.
    fn kept(&self, name: &str, limit: usize) -> Option<Vec<u8>>;
    /// Has the cache hold it, for as long as it likes.
    fn keep(&self, name: &str, bytes: &[u8]);
    /// What the cache holds of the realm, and whether this instance is the one to look for something newer.
    fn state(&self) -> (Option<Vec<u8>>, bool);
    /// Ends that look: the state is good for so long.
    fn settle(&self, state: &[u8], fresh: Duration);
    /// Tells of trouble.
    fn report(&self, error: &Error);
}

/// What does not change from one load to the next.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The deployed root.
    pub root: Vec<u8>,
    /// Lines of the core's configuration, without `lazy`, `fetches` and `floor`.
    pub config: String,
    /// How long a head is good for before the source is asked again, in seconds.
    pub ttl: u64,
}

/// An edge, and what it rests on. Times are Unix seconds.
pub struct Loaded {
    /// It may serve nothing.
    pub edge: Edge,
    /// When it was made.
    pub made_at: u64,
    /// When the source was asked last.
    pub tried_at: u64,
    /// When it last said that this is what counts.
    pub confirmed_at: u64,
}

/// Makes an edge by what is known at the POP, after a look at the source where one is due. Fails only if the configuration is wrong: an edge that serves
/// nothing refuses everything. `floor` is what this instance has seen before.
pub fn load(ground: &dyn Ground, terms: &Terms, floor: Option<Floor>, now: u64) -> Result<Loaded, Error> {
    let (state, due) = ground.state();
    let mut kept = state.and_then(|bytes| Kept::read(&bytes)).unwrap_or_default();
    kept.floor = kept.floor.into_iter().chain(floor).max_by_key(|floor| (floor.root_version, floor.epoch));
    let mut edge = Edge::new(&terms.root, config(&terms.config, kept.floor)?)?;
    let loader = Loader { ground, deployed: edge.root_version(), now };
    if !kept.head.is_empty()
        && let Err(error) = loader.resume(&mut edge, &kept)
    {
        ground.report(&error);
        // Else it would stand in the way of every look to come. A source that is away says nothing about it.
        if !matches!(error, Error::Source { .. }) {
            (kept.head, kept.roots) = (Vec::new(), Vec::new());
        }
    }
    if due || now.saturating_sub(kept.tried_at) > terms.ttl.saturating_mul(PATIENCE) {
        let looked = loader.refresh(&mut edge, &mut kept);
        kept.tried_at = now;
        kept.floor = edge.floor();
        let mut fresh = Duration::from_secs(terms.ttl);
        match looked {
            Ok(()) => kept.confirmed_at = now,
            Err(error) => {
                ground.report(&error);
                fresh = fresh.min(PAUSE);
            }
        }
        if due {
            ground.settle(&kept.write(), fresh);
        }
    }
    Ok(Loaded { edge, made_at: now, tried_at: kept.tried_at, confirmed_at: kept.confirmed_at })
}

fn config(lines: &str, floor: Option<Floor>) -> Result<HostConfig, CoreError> {
    if lines.lines().any(|line| line.starts_with("floor=")) {
        let reason = "the guard keeps its own in the cache; `min_epoch` is the host's".into();
        return Err(CoreError::BadConfig { key: "floor".into(), reason });
    }
    let floor = floor.map_or_else(String::new, |floor| format!("\nfloor={floor}"));
    HostConfig::parse(&format!("lazy={LAZY_BYTES}\nfetches={FETCHES}{floor}\n{lines}"))
}

/// Asks until there is an answer, and fetches what it takes. What cannot be had is `shard_unavailable`.
pub fn answer(ground: &dyn Ground, edge: &mut Edge, now: u64, ask: impl Fn(&Edge) -> Outcome) -> Outcome {
    let unavailable = Outcome { code: Code::ShardUnavailable, flags: 0, at: None, needs: None };
    for _ in 0..=MAX_NEEDED {
        let outcome = ask(edge);
        let Some(place) = outcome.needs else { return outcome };
        let need = match edge.fetch(place, true, now) {
            Fetch::Granted(need) => need,
            Fetch::Settled => continue,
            Fetch::Refused => return unavailable,
        };
        if let Err(error) = object(ground, need.slot, |bytes| edge.supply(place, bytes)) {
            ground.report(&error);
            return unavailable;
        }
    }
    unavailable
}

/// Brings an object: out of the cache, or from the source, after which the cache has it. `supply` proves it.
fn object(ground: &dyn Ground, slot: Slot, mut supply: impl FnMut(Vec<u8>) -> Result<(), CoreError>) -> Result<(), Error> {
    let (name, length) = (object_name(&slot), usize::try_from(slot.length).unwrap_or(usize::MAX));
    if let Some(bytes) = ground.kept(&name, length) {
        match supply(bytes) {
            Ok(()) => return Ok(()),
            Err(error) => ground.report(&useless(&error)),
        }
    }
    let bytes = ground.fetch(&format!("objects/{}", slot.id), length)?.ok_or_else(Error::behind)?;
    supply(bytes.clone())?;
    ground.keep(&name, &bytes);
    Ok(())
}

fn object_name(slot: &Slot) -> String {
    format!("object/{}", slot.id)
}

fn useless(error: &CoreError) -> Error {
    Error::Cache { code: "refused", detail: format!("what was kept is of no use: {error}") }
}

struct Loader<'a> {
    ground: &'a dyn Ground,
    /// Version of the deployed root, behind which the kept ones come.
    deployed: u32,
    now: u64,
}

impl Loader<'_> {
    /// Serves what was kept.
    fn resume(&self, edge: &mut Edge, kept: &Kept) -> Result<(), Error> {
        let roots: Vec<&[u8]> = kept.roots.iter().map(Vec::as_slice).collect();
        match edge.offer(&roots, &kept.head, self.now)? {
            Offer::TreeNeeded { .. } => self.bring(edge, &roots),
            _ => Err(Error::Cache { code: "content", detail: "the head that was kept needs a root that was not".into() }),
        }
    }

    /// Looks at the source, and takes what it has. What is kept is changed only if that is accepted.
    fn refresh(&self, edge: &mut Edge, kept: &mut Kept) -> Result<(), Error> {
        let head = self
            .ground
            .fetch("head", MAX_HEAD_BYTES)?
            .ok_or_else(|| Error::source("http_status", "GET head: there is none"))?;
        let mut roots = kept.roots.clone();
        let offer = loop {
            let ahead = self.ahead(edge, &roots);
            let offer = edge.offer(&ahead, &head, self.now)?;
            if offer != Offer::RootNeeded {
                break offer;
            }
            let current = edge.root_version().saturating_add(u32::try_from(ahead.len()).unwrap_or(u32::MAX));
            let needed = current.saturating_add(1);
            let missing = CoreError::RootNeeded { current, needed };
            if ahead.len() >= MAX_ROOT_CHAIN {
                return Err(missing.into());
            }
            let root = self.ground.fetch(&format!("root/{needed}"), MAX_ROOT_BYTES)?.ok_or(missing)?;
            let chain: Vec<&[u8]> = ahead.into_iter().chain([root.as_slice()]).collect();
            edge.check_roots(&chain)?;
            roots.push(root);
        };
        if let Offer::TreeNeeded { .. } = offer {
            let ahead = self.ahead(edge, &roots);
            self.bring(edge, &ahead)?;
        }
        let reached = edge.root_version().saturating_sub(self.deployed);
        roots.truncate(usize::try_from(reached).unwrap_or(usize::MAX));
        (kept.head, kept.roots) = (head, roots);
        Ok(())
    }

    /// The roots behind the one in force.
    fn ahead<'r>(&self, edge: &Edge, roots: &'r [Vec<u8>]) -> Vec<&'r [u8]> {
        let reached = usize::try_from(edge.root_version().saturating_sub(self.deployed)).unwrap_or(usize::MAX);
        roots.iter().skip(reached).map(Vec::as_slice).collect()
    }

    /// Brings the index of the tree that was offered last, and has it serve: in one piece out of the cache, or the beginning of the bundle, or by its objects.
    fn bring(&self, edge: &mut Edge, roots: &[&[u8]]) -> Result<(), Error> {
        let cold = edge.head().is_none();
        let mut staged = edge.begin(roots, self.now)?;
        let name = format!("index/{}", staged.head().tree);
        if let Some(index) = self.ground.kept(&name, MAX_INDEX) {
            match unpack(&mut staged, &index) {
                Ok(()) => return Ok(edge.commit(staged, self.now)?),
                Err(error) => {
                    self.ground.report(&useless(&error));
                    staged = edge.begin(roots, self.now)?;
                }
            }
        }
        // An edge that serves shares all pages but those that changed. For one that does not, a bundle begins with what it needs; it may be of another tree.
        if cold && !self.by_bundle(&mut staged) {
            staged = edge.begin(roots, self.now)?;
        }
        while let needs @ [_, ..] = &staged.needs(Place::Top).collect::<Vec<Need>>()[..] {
            for need in needs {
                object(self.ground, need.slot, |bytes| staged.supply(need.place, bytes))?;
            }
        }
        edge.commit(staged, self.now)?;
        self.ground.keep(&name, &pack(edge));
        // The first ones of a bundle may have come with its beginning.
        for (place, bytes) in edge.objects().filter(|(place, _)| cold && place.is_leaf()) {
            let slot = edge.slot(place);
            slot.iter().for_each(|slot| self.ground.keep(&object_name(slot), bytes));
        }
        Ok(())
    }

    fn by_bundle(&self, staged: &mut Staged) -> bool {
        let taken = self.ground.stream("bundle", &mut |bytes| {
            staged.feed(bytes)?;
            Ok(staged.is_complete())
        });
        taken.is_ok() && staged.is_complete()
    }
}

/// Top page, directory and index pages, one behind the other, and the length of the first in front.
fn pack(edge: &Edge) -> Vec<u8> {
    let top = edge.slot(Place::Top).map_or(0, |slot| slot.length);
    let above = edge.objects().filter(|(place, _)| !place.is_leaf());
    above.fold(top.to_le_bytes().to_vec(), |mut all, (_, bytes)| {
        all.extend(bytes);
        all
    })
}

fn unpack(staged: &mut Staged, index: &[u8]) -> Result<(), CoreError> {
    let cut = || CoreError::Truncated { object: "index" };
    let (top, mut rest) = index.split_first_chunk::<4>().ok_or_else(cut)?;
    let mut next = |length: u32| {
        let (object, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        rest = after;
        Some(object.to_vec())
    };
    staged.supply(Place::Top, next(u32::from_le_bytes(*top)).ok_or_else(cut)?)?;
    for need in staged.needs(Place::Top).collect::<Vec<Need>>() {
        staged.supply(need.place, next(need.slot.length).ok_or_else(cut)?)?;
    }
    if staged.is_complete() { Ok(()) } else { Err(cut()) }
}

/// What a deployed root is called among names of the cache.
pub(crate) fn name_of(root: &[u8]) -> ObjectId {
    ObjectId::of(root)
}
