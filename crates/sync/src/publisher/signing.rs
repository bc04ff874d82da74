//! Who signs heads, and under which root.

use std::sync::{Arc, PoisonError};

use edgelatch_core::build::{Draft, HeadFields};
use edgelatch_core::root::Root;
use edgelatch_registry::{LedgerRow, RootRow, format_time};

use super::Publisher;
use crate::error::Error;
use crate::signers::{Signed, Signers, role_fields, told};
use crate::trust::{Life, may_publish, newest_of, newest_root};

impl Publisher {
    /// The newest root and its stage of life now, for whoever watches over it.
    pub fn root_life(&self) -> Result<(Root, Life), Error> {
        let (_, root) = newest_root(&self.registry, &self.realm)?;
        let life = Life::at(root.issued_at, root.expires_at, self.registry.env().now()?);
        Ok((root, life))
    }

    /// Whether this machine could publish by what is known without signing anything: its signing keys under the newest root, the pepper
    /// that digests are made with, and its clock.
    pub fn fit(&self) -> Result<(), Error> {
        self.trusted_root(&self.ledger().roots()?)?;
        self.ledger().pepper()?.map_or(Ok(()), |pepper| self.peppers.find(pepper).map(drop))?;
        self.clock.check(&self.registry, self.registry.env().now()?).map(drop)
    }

    /// The newest root, if our signers may publish under it today, and these.
    pub(super) fn trusted_root(&self, roots: &[RootRow]) -> Result<(Root, Arc<Signers>), Error> {
        let (_, root) = newest_of(roots, &self.realm)?;
        let mut signers = self.signers();
        if may_publish(&root, &signers.keys()).is_err()
            && let Some(reload) = &self.reload
        {
            signers = self.take(reload()?);
        }
        may_publish(&root, &signers.keys()).map_err(|error| match error {
            Error::NotPublisher { version, held, threshold, .. } => {
                Error::NotPublisher { version, held, threshold, detail: told(signers.missing()) }
            }
            error => error,
        })?;
        if self.registry.env().now()? >= root.expires_at {
            return Err(Error::RootExpired { version: root.version, at: format_time(root.expires_at) });
        }
        Ok((root, signers))
    }

    fn signers(&self) -> Arc<Signers> {
        Arc::clone(&self.signers.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self, signers: Signers) -> Arc<Signers> {
        let signers = Arc::new(signers);
        *self.signers.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&signers);
        signers
    }

    /// Signs a head. Where too few of our signers do, they are got anew, once: a key may have been put into place since, of which nobody knew that
    /// it would be needed. Returns the signers that were asked last.
    pub(super) fn sign(
        &self,
        signers: Arc<Signers>,
        row: &LedgerRow,
        tree_bytes: u64,
        root: &Root,
    ) -> Result<(Signed, Arc<Signers>), Error> {
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
        let role = role_fields(&root.publisher);
        match (signers.sign(draft.clone(), &[&role]), &self.reload) {
            (Err(Error::TooFewSignatures { .. }), Some(reload)) => {
                let signers = self.take(reload()?);
                Ok((signers.sign(draft, &[&role])?, signers))
            }
            (signed, _) => Ok((signed?, signers)),
        }
    }
}
