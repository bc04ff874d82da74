//! From the newest root to the draft of the next one, and from that, signed, to the newest root.

use edgelatch_core::root::Root;
use edgelatch_registry::{Caller, Registry, RootRow, Slug};

use super::change::Change;
use super::draft::RootDraft;
use crate::error::Error;

/// The newest root of a realm: its bytes, and what they say.
pub fn newest_root(registry: &Registry, realm: &Slug) -> Result<(Vec<u8>, Root), Error> {
    newest_of(&registry.ledger(realm).roots()?, realm)
}

pub(crate) fn newest_of(roots: &[RootRow], realm: &Slug) -> Result<(Vec<u8>, Root), Error> {
    let newest = roots.last().ok_or_else(|| Error::NoRoot { realm: realm.to_string() })?;
    let root = Root::open(&newest.object).map_err(|e| Error::BadRoot { version: newest.version, detail: e.to_string() })?;
    Ok((newest.object.clone(), root))
}

/// Whether those who hold `keys` can sign heads under `root`.
pub fn may_publish(root: &Root, keys: &[[u8; 32]]) -> Result<(), Error> {
    let held = root.publisher.keys().filter(|key| keys.contains(key)).count();
    let threshold = root.publisher.threshold();
    let detail = String::new();
    if held >= usize::from(threshold) {
        Ok(())
    } else {
        Err(Error::NotPublisher { version: root.version, held, threshold, detail })
    }
}

/// The draft of the root that follows the newest one and differs from it by `change`.
pub fn draft_of(registry: &Registry, realm: &Slug, change: &Change) -> Result<RootDraft, Error> {
    let (bytes, before) = newest_root(registry, realm)?;
    RootDraft::new(&bytes, &change.after(&before, registry.env().now()?)?)
}

/// Makes a draft that has its signatures the realm's newest root. It must follow what is the newest now, and those who hold `publishers` must be able to sign
/// heads under it: else no head could be published any more.
pub fn adopt(
    registry: &Registry,
    realm: &Slug,
    caller: &Caller,
    draft: &RootDraft,
    publishers: &[[u8; 32]],
) -> Result<(), Error> {
    let (newest, root) = newest_root(registry, realm)?;
    if newest != draft.before_bytes() {
        return Err(Error::RootDraftStale { version: draft.next().version, newest: root.version });
    }
    may_publish(draft.next(), publishers)?;
    let row = RootRow { version: draft.next().version, object: draft.finish()? };
    Ok(registry.ledger(realm).follow_root(caller, &row)?)
}
