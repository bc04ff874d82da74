//! Who signs heads, and under which root.

use std::sync::{Arc, PoisonError};

use edgelatch_core::build::{Draft, HeadFields};
use edgelatch_core::root::Root;
use edgelatch_registry::{LedgerRow, RootRow, format_time};

use super::Publisher;
use crate::error::Error;
use crate::signers::{Signed, Signers, role_fields};
use crate::trust::{Life, may_publish, newest_of, newest_root};

impl Publisher {
    /// The newest root and its stage of life now, for whoever watches over it.
    pub fn root_life(&self) -> Result<(Root, Life), Error> {
        let (_, root) = newest_root(&self.registry, &self.realm)?;
        let life = Life::at(root.issued_at, root.expires_at, self.registry.env().now()?);
        Ok((root, life))
    }

    /// The newest root, if our signers may publish under it today, and these.
    pub(super) fn trusted_root(&self, roots: &[RootRow]) -> Result<(Root, Arc<Signers>), Error> {
        let (_, root) = newest_of(roots, &self.realm)?;
        let signers = self.signers_of(&root)?;
        may_publish(&root, &signers.keys())?;
        if self.registry.env().now()? >= root.expires_at {
            return Err(Error::RootExpired { version: root.version, at: format_time(root.expires_at) });
        }
        Ok((root, signers))
    }

    /// Our signers, got anew if those that we have are too few for `root`.
    fn signers_of(&self, root: &Root) -> Result<Arc<Signers>, Error> {
        let signers = Arc::clone(&self.signers.read().unwrap_or_else(PoisonError::into_inner));
        let Some(reload) = self.reload.as_ref().filter(|_| may_publish(root, &signers.keys()).is_err()) else {
            return Ok(signers);
        };
        let signers = Arc::new(reload()?);
        *self.signers.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&signers);
        Ok(signers)
    }

    pub(super) fn sign(&self, signers: &Signers, row: &LedgerRow, tree_bytes: u64, root: &Root) -> Result<Signed, Error> {
        let fields = HeadFields {
            realm: self.realm.to_string(),
            root_version: row.root_version,
            epoch: row.epoch,
            issued_at: row.issued_at,
            not_after: row.not_after,
            tree: row.tree,
            tree_bytes,
            records: row.records,
        };
        let draft = Draft::head(&fields).map_err(|e| Error::Build { detail: e.to_string() })?;
        signers.sign(draft, &[&role_fields(&root.publisher)])
    }
}
