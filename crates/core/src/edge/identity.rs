//! Who stands behind a record that was found.

use super::judge::role_names;
use super::verify::row;
use super::{Edge, Location};
use crate::key::KeyId;
use crate::tree::directory::{Directory, ScopeView};
use crate::tree::shard::{Labels, Validity};
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
    role_set: u32,
    scope: u32,
    directory: Directory<'a>,
}

impl<'a> Identity<'a> {
    /// Names of its roles.
    pub fn roles(&self) -> impl Iterator<Item = &'a str> + '_ {
        role_names(&self.directory, self.role_set)
    }

    /// The services it may be used for; `None` for all, present and future.
    pub fn services(&self) -> Option<Vec<&'a str>> {
        match self.directory.scope(self.scope)? {
            ScopeView::All => None,
            ScopeView::List(list) => Some(list.iter().filter_map(|s| self.directory.service(s)).collect()),
        }
    }
}

impl Edge {
    /// The identity behind a record found under `generation` ([`Edge::generation`]); `None` once that snapshot is gone.
    pub fn identity(&self, generation: u32, at: Location) -> Option<Identity<'_>> {
        let active = self.active.as_ref().filter(|active| active.generation == generation)?;
        let shard = active.snapshot.shard(at.shard).ok()?;
        let (row, directory) = (row(at), active.snapshot.directory().ok()?);
        Some(Identity {
            key_id: KeyId(shard.key_id(row)?),
            labels: shard.labels(row)?,
            validity: shard.validity(row)?,
            role_set: shard.role_set(row),
            scope: shard.scope(row),
            directory,
        })
    }
}
