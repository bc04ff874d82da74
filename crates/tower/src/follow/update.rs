//! One refresh: what is fetched from the source, and in which order. What it is worth is the core's to say.

use std::sync::Arc;

use edgelatch_core::edge::{Edge, Offer, Staged};
use edgelatch_core::error::Error as CoreError;
use edgelatch_core::limits::{MAX_ROOT_BYTES, MAX_ROOT_CHAIN};
use edgelatch_core::tree::ObjectId;

use super::deliver::{OBJECTS_SHARE, feed, fetch_objects, fetch_patch};
use crate::source::{Arriving, Pushed, Source};
use crate::verifier::Shared;
use edgelatch_http::Error;

/// Refreshes an edge: shows it a head, then fetches what the core asks for, each piece only after the one before it is proven. A refusal is an error, and
/// what serves goes on.
pub(crate) struct Updater {
    shared: Arc<Shared>,
    source: Source,
    /// The roots from the deployed one on that were proven, each with its version.
    roots: Vec<(u32, Vec<u8>)>,
    /// The head that serves, as it was signed.
    head: Vec<u8>,
}

/// A tree that is being put together, and the head that names it.
pub(crate) struct Candidate {
    pub(crate) staged: Staged,
    head: Vec<u8>,
}

impl Candidate {
    fn tree(&self) -> ObjectId {
        self.staged.head().tree
    }
}

impl Updater {
    pub(crate) fn new(shared: Arc<Shared>, source: Source) -> Self {
        Updater { shared, source, roots: Vec::new(), head: Vec::new() }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// What it takes beside its objects to serve once more what serves: the head, and the roots that lead to it with the version of the first.
    pub(crate) fn signed(&self) -> (&[u8], u32, Vec<&[u8]>) {
        let reached = self.shared.read().map_or(0, |edge| edge.root_version());
        let roots: Vec<_> = self.roots.iter().filter(|(version, _)| *version <= reached).collect();
        let first = roots.first().map_or(0, |(version, _)| *version);
        (&self.head, first, roots.into_iter().map(|(_, root)| root.as_slice()).collect())
    }

    /// Refreshes once; by a head that was pushed in place of the source's current one. Whether anything changed.
    pub(crate) async fn refresh(&mut self, pushed: Option<Pushed>) -> Result<bool, Error> {
        let (head, patch) = match pushed {
            Some(Pushed { head, patch }) => (head, patch),
            None => (self.source.head().await?, None),
        };
        let bundle_bytes = match self.offered(&head).await? {
            Offer::TreeNeeded { bundle_bytes } => bundle_bytes,
            Offer::Renewed => return Ok(true),
            _ => return Ok(false),
        };
        let running = self.shared.read()?.head().is_some();
        if running && self.by_difference(&head, bundle_bytes, OBJECTS_SHARE, patch).await? {
            return Ok(true);
        }
        let whole = match self.whole_bundle(&head, bundle_bytes).await {
            Err(error) if running && error.code() == "behind" => false,
            other => other?,
        };
        // Until the bundle has come after, objects are worth any number of bytes.
        if !whole && !self.follow_up(&head, if running { 0 } else { OBJECTS_SHARE }).await && running {
            return Err(Error::behind());
        }
        Ok(true)
    }

    /// Brings what differs from the tree that serves: by the patch that was pushed, else by one that is asked for, and by single objects. Whether that was
    /// all. What the source does not have, or is refused, is no error here: the bundle is left.
    async fn by_difference(
        &mut self,
        head: &[u8],
        bundle_bytes: u64,
        share: u64,
        patch: Option<Vec<u8>>,
    ) -> Result<bool, Error> {
        if let Some(patch) = patch {
            let mut candidate = self.begin(head)?;
            if fetch_patch(&mut candidate, async { Ok(Some(patch)) }).await.is_ok() && candidate.staged.is_complete() {
                return self.commit(candidate).map(|()| true);
            }
        }
        let mut candidate = self.begin(head)?;
        let from = self.shared.read()?.slot(edgelatch_core::tree::Place::Top).map(|slot| slot.id);
        if let Some(from) = from {
            let asked = self.source.patch(from, candidate.tree(), bundle_bytes);
            if fetch_patch(&mut candidate, asked).await.is_err() {
                candidate = self.begin(head)?;
            }
        }
        let fetched = fetch_objects(&mut candidate.staged, &self.source, share).await;
        if fetched.is_err() || !candidate.staged.is_complete() {
            return Ok(false);
        }
        self.commit(candidate).map(|()| true)
    }

    /// The bundle held another tree than the head names. A publisher shows the head first, so that tree is often the one before, from which it is a small
    /// step; if that cannot be made now, the next refresh will try. Whether what serves is as new as the head.
    async fn follow_up(&mut self, head: &[u8], share: u64) -> bool {
        match self.offered(head).await {
            Ok(Offer::TreeNeeded { bundle_bytes }) => {
                self.by_difference(head, bundle_bytes, share, None).await.unwrap_or(false)
            }
            Ok(offer) => offer != Offer::RootNeeded,
            // The bundle was ahead of the head.
            Err(error) => error.code() == "rollback",
        }
    }

    /// Takes the bundle. Whether it held the tree that the head names, and not another one that is acceptable too.
    async fn whole_bundle(&mut self, head: &[u8], bundle_bytes: u64) -> Result<bool, Error> {
        // The updater is lent to what follows.
        let source = self.source.clone();
        let mut bundle = source.bundle().await?.ok_or_else(Error::behind)?;
        let beginning = beginning_of(&mut bundle).await?;
        let (mut candidate, wanted, refused) = self.candidate_for(&beginning, head).await?;
        if let Err(error) = feed(&mut candidate.staged, beginning, bundle, bundle_bytes, self.shared.is_lazy()).await {
            return Err(refused.filter(|_| error.code() == "wrong_digest").unwrap_or(error));
        }
        let whole = candidate.tree() == wanted;
        self.commit(candidate)?;
        Ok(whole)
    }

    /// A bundle is taken under its own head if that names another tree than the one that was offered, and is acceptable. Else its own head does not matter,
    /// and is told only if the bundle turns out not to hold the tree that is wanted: it may be an older head of that tree.
    async fn candidate_for(&mut self, beginning: &[u8], head: &[u8]) -> Result<(Candidate, ObjectId, Option<Error>), Error> {
        let asked = self.begin(head)?;
        let wanted = asked.tree();
        match self.offered(beginning).await {
            Err(error @ Error::Update(_)) => return Ok((asked, wanted, Some(error))),
            Err(error) => return Err(error),
            Ok(Offer::TreeNeeded { .. }) => {}
            Ok(_) => return Err(Error::behind()),
        }
        let own = edgelatch_core::bundle::offered_head(beginning).map_err(Error::Update)?;
        let other = self.begin(own)?;
        if other.tree() != wanted {
            return Ok((other, wanted, None));
        }
        self.offer(head)?;
        Ok((self.begin(head)?, wanted, None))
    }

    /// The core's answer to a head, or a bundle's beginning, after the roots it needed were fetched: each proven before the next.
    async fn offered(&mut self, bytes: &[u8]) -> Result<Offer, Error> {
        loop {
            let offer = self.offer(bytes)?;
            if offer != Offer::RootNeeded {
                return Ok(offer);
            }
            let (ahead, next) = {
                let edge = self.shared.read()?;
                let ahead = self.ahead(&edge).len();
                (ahead, edge.root_version().saturating_add(u32::try_from(ahead).unwrap_or(u32::MAX)).saturating_add(1))
            };
            let root = if ahead < MAX_ROOT_CHAIN { self.source.root(next).await? } else { None };
            let Some(root) = root else {
                return Err(Error::Update(CoreError::RootNeeded { current: next.saturating_sub(1), needed: next }));
            };
            self.add_root(next, root)?;
        }
    }

    /// Takes a root that follows those that are here.
    pub(crate) fn add_root(&mut self, version: u32, root: Vec<u8>) -> Result<(), Error> {
        {
            let edge = self.shared.read()?;
            let mut roots = self.ahead(&edge);
            roots.push(&root);
            edge.check_roots(&roots)?;
        }
        self.roots.push((version, root));
        Ok(())
    }

    /// Shows a head to the core.
    pub(crate) fn offer(&mut self, bytes: &[u8]) -> Result<Offer, Error> {
        let now = self.shared.now();
        let mut edge = self.shared.write()?;
        let roots = self.ahead(&edge);
        let (previous, offer) = (edge.head().map_or(0, |head| head.epoch), edge.offer(&roots, bytes, now)?);
        drop(edge);
        if offer == Offer::Renewed {
            self.head = edgelatch_core::bundle::offered_head(bytes)?.into();
            self.shared.updated(previous);
        }
        Ok(offer)
    }

    /// A candidate for the head that was offered last.
    pub(crate) fn begin(&self, head: &[u8]) -> Result<Candidate, Error> {
        let now = self.shared.now();
        let mut edge = self.shared.write()?;
        let roots = self.ahead(&edge);
        Ok(Candidate { staged: edge.begin(&roots, now)?, head: head.into() })
    }

    /// Puts a candidate into force.
    pub(crate) fn commit(&mut self, candidate: Candidate) -> Result<(), Error> {
        let now = self.shared.now();
        let mut edge = self.shared.write()?;
        let previous = edge.head().map_or(0, |head| head.epoch);
        edge.commit(candidate.staged, now)?;
        drop(edge);
        self.head = candidate.head;
        self.shared.updated(previous);
        Ok(())
    }

    /// The roots after the one in force.
    fn ahead(&self, edge: &Edge) -> Vec<&[u8]> {
        let later = self.roots.iter().filter(|(version, _)| *version > edge.root_version());
        later.map(|(_, root)| root.as_slice()).collect()
    }
}

/// Enough of a bundle to judge it by its head, or all of it.
async fn beginning_of(bundle: &mut Arriving<'_>) -> Result<Vec<u8>, Error> {
    let mut beginning = Vec::new();
    while beginning.len() < MAX_ROOT_BYTES {
        match bundle.next().await? {
            Some(piece) => beginning.extend_from_slice(&piece),
            None => break,
        }
    }
    Ok(beginning)
}
