//! Trees that were replaced: kept for the identities of verdicts that were given under them.

use crate::limits::{MAX_PAST_TREES, MIN_PAST_ROOM, PAST_SHARE};
use crate::snapshot::Snapshot;
use alloc::sync::Arc;
use alloc::vec::Vec;

struct Past {
    generation: u32,
    snapshot: Arc<Snapshot>,
    /// Bytes that it held alone when it was replaced.
    bytes: usize,
}

/// Oldest first.
#[derive(Default)]
pub(super) struct History(Vec<Past>);

impl History {
    /// Keeps a tree that `now` replaces, and drops older ones as far as room demands.
    /// One that is `spared` stays whatever it takes, until [`History::fit`].
    pub(super) fn keep(&mut self, generation: u32, snapshot: Arc<Snapshot>, now: &Snapshot, spared: bool) {
        let bytes = snapshot.memory_beyond(now);
        self.0.push(Past { generation, snapshot, bytes });
        self.shrink(now, usize::from(spared));
    }

    /// Drops what is beyond the room that is left beside the tree being served.
    pub(super) fn fit(&mut self, now: &Snapshot) {
        self.shrink(now, 0);
    }

    fn shrink(&mut self, now: &Snapshot, spared: usize) {
        let room = room(now);
        while self.0.len() > MAX_PAST_TREES || (self.0.len() > spared && self.bytes() > room) {
            self.0.remove(0);
        }
    }

    /// Drops the tree of a generation, which no verdict asks for any more. What it shared with the one before it, only that one holds from then on.
    pub(super) fn release(&mut self, generation: u32, now: &Snapshot) {
        let Some(at) = self.0.iter().position(|past| past.generation == generation) else { return };
        self.0.remove(at);
        let next = self.0.get(at).map(|past| Arc::clone(&past.snapshot));
        if let Some(before) = at.checked_sub(1).and_then(|at| self.0.get_mut(at)) {
            before.bytes = before.snapshot.memory_beyond(next.as_deref().unwrap_or(now));
        }
        self.shrink(now, 1);
    }

    pub(super) fn find(&self, generation: u32) -> Option<&Snapshot> {
        self.0.iter().find(|past| past.generation == generation).map(|past| &*past.snapshot)
    }

    pub(super) fn snapshots(&mut self) -> impl Iterator<Item = &mut Arc<Snapshot>> {
        self.0.iter_mut().map(|past| &mut past.snapshot)
    }

    /// Bytes that only these trees hold.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|past| past.bytes).sum()
    }
}

/// Bytes that trees that were replaced may take beside this one.
pub(super) fn room(now: &Snapshot) -> usize {
    (now.memory() / PAST_SHARE).max(MIN_PAST_ROOM)
}
