//! What a lazy edge knows beyond its tree: which shards and chunks it holds and which go first ([`held`]), whose keys it has found
//! before ([`seen`]), and how many objects may be fetched ([`rate`]). All of it is the edge's own business: no verdict depends on it, only
//! whether one is there yet.
//!
//! What it is for: whoever makes up keys names shards at will. So what such keys fetch can push out only what has served nobody either, and
//! half of the fetches in hand is for keys that were found before.

mod held;
mod rate;
mod seen;
mod stats;

use super::Location;
use crate::snapshot::Snapshot;
use crate::tree::Place;
use crate::tree::chunk::{Table, chunk_of};
use crate::tree::shard::Terms;
use held::Held;
use rate::Rate;
use seen::Seen;

pub use stats::LazyStats;

pub(super) struct Lazy {
    pub(super) held: Held,
    pub(super) seen: Seen,
    pub(super) rate: Rate,
}

impl Lazy {
    pub(super) fn new(bytes: usize, fetches: u32) -> Self {
        Lazy { held: Held::new(bytes), seen: Seen::none(), rate: Rate::new(fetches) }
    }

    /// A record was found: whoever presents its key is known from now on, and the shard and what the record refers to have served.
    #[inline(never)]
    pub(super) fn found(&self, digest: (u64, u64), at: Location, terms: &Terms, tree: &Snapshot) {
        self.seen.note(digest);
        let now = self.held.tick();
        self.held.served(Place::Shard(at.shard), now);
        let entries = [(Table::Policies, terms.policy), (Table::Scopes, terms.scope), (Table::RoleSets, terms.role_set)];
        for (table, number) in entries.into_iter().filter(|(_, number)| *number != 0) {
            self.held.served(Place::Chunk(table, chunk_of(number).0), now);
        }
        for role in tree.role_numbers(terms.role_set) {
            self.held.served(Place::Chunk(Table::Roles, chunk_of(role).0), now);
        }
    }

    /// A tree takes the place of another. What both name under the same slot is shared, also what was fetched since the new one was begun.
    pub(super) fn follow(&mut self, before: Option<&Snapshot>, tree: &mut Snapshot) {
        tree.unbound();
        if let Some(before) = before {
            before.leaves().into_iter().for_each(|(place, _)| tree.share(place, before));
        }
        self.held.follow(tree);
    }

    pub(super) fn stats(&self) -> LazyStats {
        LazyStats { granted: self.rate.granted, refused: self.rate.refused, ..self.held.stats() }
    }

    /// Bytes that it takes itself.
    pub(super) fn memory(&self) -> usize {
        self.held.memory() + Seen::memory()
    }
}
