//! Who stands behind a record that was found.

use super::verify::row;
use super::{Edge, Location};
use crate::key::KeyId;
use crate::snapshot::Snapshot;
use crate::tree::shard::{Labels, Terms, Validity};
use alloc::vec::Vec;

/// Who a key belongs to and what it may do.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The key's public id.
    pub key_id: KeyId,
    /// Org, owner, name, metadata.
    pub labels: Labels<'a>,
    /// Status and bounds in time.
    pub validity: Validity,
    terms: Terms,
    snapshot: &'a Snapshot,
}

impl<'a> Identity<'a> {
    /// Names of its roles, in the order of their numbers.
    pub fn roles(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let roles = self.snapshot.roles(self.terms.role_set);
        roles.into_iter().flatten().flatten().map(|role| role.name)
    }

    /// The patterns that its roles grant, role by role; `None` if one of them is not here any more, as may be on a lazy edge.
    pub fn patterns(&self) -> Option<Vec<&'a str>> {
        let mut all = Vec::new();
        for role in self.snapshot.roles(self.terms.role_set).ok()? {
            all.extend(role.ok()?.patterns());
        }
        Some(all)
    }

    /// The services it may be used for; `None` for all, present and future.
    pub fn services(&self) -> Option<Vec<&'a str>> {
        match self.snapshot.scope(self.terms.scope) {
            Ok(None) => None,
            Ok(Some(scope)) => Some(scope.services().collect()),
            Err(_) => Some(Vec::new()),
        }
    }
}

impl Edge {
    /// The identity behind a record found under `generation` ([`Edge::generation`]); `None` once that tree is gone. Kept are, unless they were
    /// [released](Edge::release), the last [`MAX_PAST_TREES`](crate::limits::MAX_PAST_TREES), as far as they hold little beyond what they share, and, but
    /// for a lazy edge, the one before the tree being served, whatever it holds, until another is begun.
    pub fn identity(&self, generation: u32, at: Location) -> Option<Identity<'_>> {
        let snapshot = self.snapshot_of(generation)?;
        let (shard, row) = (snapshot.shard(at.shard).ok()?, row(at));
        let terms = shard.terms(row)?;
        Some(Identity {
            key_id: KeyId(shard.key_id(row)?),
            labels: shard.labels(row)?,
            validity: terms.validity,
            terms,
            snapshot,
        })
    }
}
