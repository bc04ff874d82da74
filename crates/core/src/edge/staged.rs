//! A candidate on its way into force: an accepted head, and the objects of its tree as far as they have come.

use super::config::HostConfig;
use crate::bundle::Feed;
use crate::error::Error;
use crate::head::Head;
use crate::http::CredentialHeaders;
use crate::key::{Pepper, PepperId};
use crate::limits::{MAX_TOP_BYTES, UPDATE_SHARE};
use crate::patch::Patch;
use crate::root::Root;
use crate::say;
use crate::snapshot::{Need, Snapshot};
use crate::tree::directory::Directory;
use crate::tree::{Place, Slot};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What the directory and the host together say about credentials.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) credentials: CredentialHeaders,
    pub(super) imports: bool,
    /// The pepper that the digests are made with.
    pub(super) pepper: Option<Pepper>,
}

/// What the host's configuration says about credentials, and about memory.
pub(super) struct Terms {
    credentials: Option<CredentialHeaders>,
    /// Whether a key may stand in another place than these headers.
    elsewhere: bool,
    peppers: Vec<Pepper>,
    carries: bool,
    /// On a lazy edge, the bytes of shards and chunks that a candidate may take.
    lazy: Option<usize>,
}

impl Terms {
    pub(super) fn of(config: &HostConfig) -> Self {
        Terms {
            credentials: config.credentials,
            elsewhere: config.elsewhere(),
            peppers: config.peppers.clone(),
            carries: config.carries,
            lazy: config.lazy.map(|bytes| bytes / UPDATE_SHARE),
        }
    }

    fn settings(&self, directory: &Directory<'_>) -> Result<Settings, Error> {
        let credentials = self.credentials.map_or(directory.credentials, |s| s.intersection(directory.credentials));
        if credentials.is_empty() && !self.elsewhere {
            let reason = "the realm accepts none of the headers that the host leaves".into();
            return Err(Error::BadConfig { key: "credentials".into(), reason });
        }
        let pepper = directory.pepper.filter(|_| !self.carries).map(|needed| self.pepper(needed)).transpose()?;
        Ok(Settings { credentials, imports: directory.imports, pepper })
    }

    /// The pepper of this id. Without it every key would be unknown, so the snapshot is refused, and it is said what is missing.
    fn pepper(&self, needed: PepperId) -> Result<Pepper, Error> {
        self.peppers.iter().find(|pepper| pepper.id() == needed).cloned().ok_or_else(|| {
            let mut given = String::new();
            for (at, pepper) in self.peppers.iter().enumerate() {
                say!(&mut given, if at == 0 { "" } else { ", " }, pepper.id());
            }
            Error::WrongPepper { needed, given: if given.is_empty() { "none".into() } else { given } }
        })
    }
}

/// What is worked through by [`Staged::check`].
enum Input {
    None,
    Bundle { bytes: Vec<u8>, at: usize },
    Patch(Patch),
}

/// A candidate that is being put together, not yet in force.
///
/// Its objects come by [`Staged::feed`] (a bundle as it arrives), [`Staged::patch`] or [`Staged::supply`], one after the other or mixed.
/// Each is proven as it comes. Those that the tree being served has too are there from the beginning.
pub struct Staged {
    pub(super) root: Root,
    pub(super) head: Head,
    pub(super) snapshot: Option<Snapshot>,
    /// There once the directory is here and suits the host.
    pub(super) settings: Option<Settings>,
    base: Option<Arc<Snapshot>>,
    terms: Terms,
    /// On a lazy edge, the bytes of shards and chunks that it may take beyond what it shares.
    room: Option<usize>,
    feed: Feed,
    input: Input,
    /// Whether the size and the number of records have been compared with the head.
    sized: bool,
    failed: Option<Error>,
}

impl Staged {
    pub(super) fn new(root: Root, head: Head, base: Option<Arc<Snapshot>>, terms: Terms) -> Self {
        Staged {
            root,
            head,
            base,
            room: terms.lazy,
            terms,
            snapshot: None,
            settings: None,
            feed: Feed::new(),
            input: Input::None,
            sized: false,
            failed: None,
        }
    }

    /// Takes the next bytes of a bundle, as many as have come. A lazy edge needs no more than make it [complete](Staged::is_complete), and takes
    /// of the shards and chunks behind them what fits. After an error every further call returns that error.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.attempt(|staged| {
            let base = staged.base.as_deref();
            Ok(staged.feed.take(bytes, &staged.head, base, staged.room.unwrap_or(usize::MAX), &mut staged.snapshot)?)
        })
    }

    /// Takes a whole bundle, to be worked through by [`Staged::check`].
    pub(super) fn bundle(&mut self, bytes: Vec<u8>) {
        self.input = Input::Bundle { bytes, at: 0 };
    }

    /// Takes a patch that leads from the tree being served to this one, to be worked through by [`Staged::check`].
    pub fn patch(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        let base = self.base.as_deref().ok_or(Error::BadReference { object: "patch", field: "from" })?;
        self.input = Input::Patch(Patch::open(bytes, &self.head, base)?);
        Ok(())
    }

    /// Takes the object at `place`, one that [`Staged::need`] names. A wrong one is refused and changes nothing: another copy may be tried.
    pub fn supply(&mut self, place: Place, bytes: Vec<u8>) -> Result<(), Error> {
        let (base, room) = (self.base.as_deref(), self.room.unwrap_or(usize::MAX));
        match &mut self.snapshot {
            Some(snapshot) => snapshot.supply(place, bytes, base)?,
            None if place == Place::Top => self.snapshot = Some(Snapshot::begin(bytes, &self.head, base, room)?),
            None => return Err(Error::BadReference { object: "tree", field: "place" }),
        }
        self.attempt(|_| Ok(()))
    }

    /// Works through what was taken for about `budget` bytes. Returns how many objects are still missing, as far as is known: 0
    /// says that the tree is complete. After an error every further call returns that error.
    pub fn check(&mut self, budget: usize) -> Result<u32, Error> {
        self.attempt(|staged| staged.go_on(budget.max(1)))?;
        let missing = match &self.snapshot {
            None => 1,
            Some(snapshot) => self.lacks(snapshot).max(usize::from(self.is_working())),
        };
        Ok(u32::try_from(missing).unwrap_or(u32::MAX))
    }

    /// How many objects a tree lacks for this edge, of those that are known.
    fn lacks(&self, snapshot: &Snapshot) -> usize {
        if self.room.is_some() { snapshot.missing_above() } else { snapshot.missing() }
    }

    /// Whether the object at this place is to be brought: a lazy edge does without shards and chunks until a request needs them.
    fn awaits(&self, place: Place) -> bool {
        self.room.is_none() || !place.is_leaf()
    }

    fn go_on(&mut self, budget: usize) -> Result<(), Error> {
        let room = self.room.unwrap_or(usize::MAX);
        match &mut self.input {
            Input::None => {}
            Input::Bundle { bytes, at } => {
                let rest = bytes.get(*at..).unwrap_or(&[]);
                let part = rest.get(..budget.min(rest.len())).unwrap_or(&[]);
                self.feed.take(part, &self.head, self.base.as_deref(), room, &mut self.snapshot)?;
                *at += part.len();
                if *at == bytes.len() {
                    self.input = Input::None;
                    if !self.feed.is_done() {
                        return Err(Error::Truncated { object: "bundle" });
                    }
                }
            }
            Input::Patch(patch) => {
                if let Some(base) = self.base.as_deref()
                    && patch.go_on(budget, &self.head, base, room, &mut self.snapshot)?
                {
                    self.input = Input::None;
                }
            }
        }
        Ok(())
    }

    /// What is asked of the tree as soon as enough of it is here.
    fn settle(&mut self) -> Result<(), Error> {
        let Some(snapshot) = &self.snapshot else { return Ok(()) };
        if self.settings.is_none()
            && let Some(directory) = snapshot.directory()
        {
            self.settings = Some(self.terms.settings(&directory)?);
        }
        if !self.sized && snapshot.begun() {
            snapshot.check_size(&self.head)?;
            self.sized = true;
        }
        if self.sized && snapshot.missing() == 0 {
            snapshot.check_records(&self.head)?;
        }
        Ok(())
    }

    /// Does some work, and then asks of the tree what can be asked.
    fn attempt(&mut self, work: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        self.failed.clone().map_or(Ok(()), Err)?;
        let done = work(self);
        self.note(done)
    }

    /// Here once and not for every kind of work.
    #[inline(never)]
    fn note(&mut self, done: Result<(), Error>) -> Result<(), Error> {
        let done = done.and_then(|()| self.settle());
        self.failed = done.as_ref().err().cloned();
        done
    }

    /// Whether [`Staged::check`] has more to work through.
    pub fn is_working(&self) -> bool {
        !matches!(self.input, Input::None)
    }

    /// The first object from `from` on that is missing. The top page of a tree is always the first.
    pub fn need(&self, from: Place) -> Option<Need> {
        match &self.snapshot {
            None => Some(top_need(&self.head)),
            Some(snapshot) => snapshot.need(snapshot.missing_from(from).filter(|place| self.awaits(*place))?),
        }
    }

    /// The objects from `from` on that are missing, as far as they are known: what they name in turn is not.
    pub fn needs(&self, from: Place) -> impl Iterator<Item = Need> + use<'_> {
        // What lies below a top page that is missing is not known.
        core::iter::successors(self.need(from), |need| self.need(need.place.after()).filter(|next| next.place > need.place))
    }

    /// The head under which it would come into force.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Whether an edge that serves nothing yet may begin with it: top page, directory and index pages are here, and suit the host.
    pub fn is_ready(&self) -> bool {
        self.failed.is_none() && self.sized && self.settings.is_some()
    }

    /// Whether nothing is missing that the edge brings before it switches: of a lazy one, no more than [`Staged::is_ready`] asks for.
    pub fn is_complete(&self) -> bool {
        self.is_ready() && self.snapshot.as_ref().is_some_and(|snapshot| self.lacks(snapshot) == 0)
    }

    /// The epoch that it would bring.
    pub fn epoch(&self) -> u64 {
        self.head.epoch
    }
}

/// What is known of a top page before it is here: its digest, and the most that it can have.
fn top_need(head: &Head) -> Need {
    Need {
        place: Place::Top,
        slot: Slot { id: head.tree, length: u32::try_from(MAX_TOP_BYTES).unwrap_or(u32::MAX) },
        offset: 0,
    }
}
