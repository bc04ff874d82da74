//! Secrets that go into a file: they lie there before the change is committed, so that none is made that nobody has.

use edgelatch_core::key::KeyId;

use super::once::Idempotency;
use crate::caller::Caller;
use crate::error::Error;
use crate::model::{NewKey, Once, Rotate};
use crate::registry::Registry;
use crate::text::Slug;

/// Puts a new secret where it is to stay. It comes last in the transaction: an error undoes everything. It may be called again
/// with another secret, which takes the place of the first, when the transaction has to be tried again.
pub type Keep<'k> = &'k mut dyn FnMut(&str) -> Result<(), Error>;

impl Registry {
    /// As [`Registry::create_key_once`], with the secret handed to `keep` before the key is committed.
    pub fn create_key_kept(
        &self,
        caller: &Caller,
        realm: &Slug,
        new: &NewKey,
        once: Option<&Idempotency>,
        keep: Keep<'_>,
    ) -> Result<Once, Error> {
        self.make(caller, realm, new, once, keep)
    }

    /// As [`Registry::rotate_key_once`], with the secret handed to `keep` before the old one ends.
    pub fn rotate_key_kept(
        &self,
        caller: &Caller,
        realm: &Slug,
        key_id: KeyId,
        rotate: &Rotate,
        once: Option<&Idempotency>,
        keep: Keep<'_>,
    ) -> Result<Once, Error> {
        self.rotate(caller, realm, key_id, rotate, once, keep)
    }
}
