//! How the tree that a head names comes from a source: as what changed, as single objects, or as a whole. The core proves all of it.

use edgelatch_core::edge::{Need, Staged};
use edgelatch_core::error::Error as CoreError;
use edgelatch_core::tree::Place;
use futures_util::future::try_join_all;
use tokio::task::yield_now;

use super::update::Candidate;
use crate::source::{Arriving, Source};
use edgelatch_http::Error;

/// Objects that are fetched one by one: more of them take longer than a bundle.
const MAX_OBJECTS: usize = 32;
/// They are worth the requests while they are less than this part of the bundle, if there is one.
pub(super) const OBJECTS_SHARE: u64 = 4;
/// Requests under way at once.
const PARALLEL: usize = 4;
/// Bytes that are given to the core at once.
const SLICE: usize = 1 << 15;
/// Bytes that are hashed or copied between two turns of other tasks: about a millisecond.
const TURN: usize = 8 * SLICE;

/// Counts the work that one task has done since it last let others run.
pub(crate) struct Pace(usize);

impl Pace {
    pub(crate) fn new() -> Self {
        Pace(TURN)
    }

    /// To be awaited after work on so many bytes.
    pub(crate) async fn spent(&mut self, bytes: usize) {
        match self.0.checked_sub(bytes).filter(|left| *left > 0) {
            Some(left) => self.0 = left,
            None => {
                yield_now().await;
                self.0 = TURN;
            }
        }
    }
}

/// Applies the patch that is found, if there is one. After an error another candidate has to be begun.
pub(super) async fn fetch_patch(
    candidate: &mut Candidate,
    find: impl Future<Output = Result<Option<Vec<u8>>, Error>>,
) -> Result<(), Error> {
    let Some(patch) = find.await? else { return Ok(()) };
    candidate.staged.patch(patch)?;
    let mut pace = Pace::new();
    while candidate.staged.is_working() {
        candidate.staged.check(SLICE)?;
        pace.spent(SLICE).await;
    }
    Ok(())
}

/// Fetches what a tree lacks object by object, if that is little: less than the tree divided by `share`, of which 0 stands for any number.
pub(super) async fn fetch_objects(staged: &mut Staged, source: &Source, share: u64) -> Result<(), Error> {
    let mut room = staged.head().tree_bytes.checked_div(share).unwrap_or(u64::MAX);
    let mut count = MAX_OBJECTS;
    loop {
        // What these name in turn is asked for in the next round. The length of a top page is not known before it is here: it counts as the longest.
        let needs: Vec<Need> = staged.needs(Place::Top).take(count + 1).collect();
        let bytes = needs.iter().map(|need| u64::from(need.slot.length)).sum::<u64>();
        let (Some(left), Some(rest)) = (count.checked_sub(needs.len()), room.checked_sub(bytes)) else { return Ok(()) };
        if needs.is_empty() {
            return Ok(());
        }
        (count, room) = (left, rest);
        for some in needs.chunks(PARALLEL) {
            let fetched = try_join_all(some.iter().map(|need| source.object(need.slot))).await?;
            for (need, object) in some.iter().zip(fetched) {
                staged.supply(need.place, object.ok_or_else(Error::behind)?)?;
            }
        }
    }
}

/// Feeds a bundle to a candidate as it comes. One of more bytes than its head vouches for is refused as soon as that is known. Of one for a `lazy` edge, which is
/// complete long before the end, the rest is not read.
pub(super) async fn feed(
    staged: &mut Staged,
    beginning: Vec<u8>,
    mut bundle: Arriving<'_>,
    max_bytes: u64,
    lazy: bool,
) -> Result<(), Error> {
    let (mut piece, mut came, mut pace) = (bytes::Bytes::from(beginning), 0u64, Pace::new());
    loop {
        came = came.saturating_add(piece.len() as u64);
        if came > max_bytes {
            let why = format!("the bundle has more than the {max_bytes} bytes that the head vouches for at the most");
            return Err(Error::source("too_large", why));
        }
        for slice in piece.chunks(SLICE) {
            staged.feed(slice)?;
            pace.spent(slice.len()).await;
            if lazy && staged.is_complete() {
                return Ok(());
            }
        }
        match bundle.next().await? {
            Some(next) => piece = next,
            None if staged.is_complete() => return Ok(()),
            None => return Err(CoreError::Truncated { object: "bundle" }.into()),
        }
    }
}
