//! The real core over a state that was not published: a snapshot made for the occasion, signed by keys that are thrown away.

use edgelatch_core::build::{HeadFields, RoleFields, RootFields, SigningKey, Tree, encode_bundle, sign_head, sign_root};
use edgelatch_core::edge::{Edge, HostConfig};
use edgelatch_core::limits::MAX_HEAD_LIFETIME;

use super::Ledger;
use crate::error::Error;

fn failed(error: edgelatch_core::error::Error) -> Error {
    Error::Snapshot { detail: error.to_string() }
}

impl Ledger<'_> {
    /// An edge over the realm as it is now, and the change counter that goes with it. It serves for 30 days, and knows of no
    /// later change: ask [`Ledger::changes`].
    pub fn edge(&self, config: HostConfig) -> Result<(u64, Edge), Error> {
        let snapshot = self.snapshot(None)?;
        let now = self.0.now()?;
        let tree = Tree::build(&snapshot.state).map_err(failed)?;
        let mut seeds = [[0; 32]; 2];
        seeds.iter_mut().try_for_each(|seed| self.0.registry.env.random(seed))?;
        let [root_key, publisher] = seeds.map(|seed| SigningKey::from_seed(&seed));
        let only = |key: &SigningKey| RoleFields { threshold: 1, keys: vec![key.public()] };
        let (realm, end) = (self.0.realm.to_string(), now.saturating_add(MAX_HEAD_LIFETIME));
        let root = RootFields {
            realm: realm.clone(),
            version: 1,
            issued_at: now,
            expires_at: end,
            era: 1,
            min_epoch: 1,
            root: only(&root_key),
            publisher: only(&publisher),
        };
        let root = sign_root(&root, &[root_key]).map_err(failed)?;
        let head = HeadFields {
            realm,
            root_version: 1,
            epoch: 1,
            issued_at: now,
            not_after: end,
            tree: tree.id(),
            tree_bytes: tree.bytes(),
            records: tree.records,
        };
        let head = sign_head(&head, &[publisher]).map_err(failed)?;
        let bundle = encode_bundle(&head, &tree).map_err(failed)?;
        let mut edge = Edge::new(&root, config).map_err(failed)?;
        let mut staged = edge.stage(&[], bundle, now).map_err(failed)?;
        while staged.check(usize::MAX).map_err(failed)? > 0 {}
        edge.commit(staged, now).map_err(failed)?;
        Ok((snapshot.changes, edge))
    }
}
