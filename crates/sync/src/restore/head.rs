//! Whether a published head is one that the registry knows.

use edgelatch_core::head::Head;
use edgelatch_core::limits::MAX_EPOCH;
use edgelatch_core::root::Root;
use edgelatch_registry::{Ledger, RootRow};

use super::seen::Read;
use crate::error::Error;
use crate::layout::Item;
use crate::target::{Shown, Target};

/// Roots that are followed beyond those of the registry: more than are signed between two backups.
const MAX_ROOTS: usize = 64;

/// A published head that counts for edges, and the roots by which it does that the registry lacks.
#[derive(Clone, Debug)]
pub struct PublishedHead {
    /// The head.
    pub head: Head,
    /// Roots after the registry's newest one.
    pub roots: Vec<RootRow>,
}

/// Proves a published head, if need be by roots that lie beside it; none where nothing is shown that counts for edges.
pub(super) fn prove(bytes: &[u8], realm: &str, roots: &[RootRow], read: &Read<'_>) -> Result<Option<PublishedHead>, Error> {
    let Some(mut root) = roots.last().and_then(|newest| Root::open(&newest.object).ok()) else { return Ok(None) };
    let Some(hint) = Head::inspect(bytes).ok().filter(|head| head.realm == realm) else { return Ok(None) };
    let mut new = Vec::new();
    // Unproven, so it says no more than that there may be others; each of these is proven by the one before it.
    while hint.root_version > root.version && new.len() < MAX_ROOTS {
        let version = root.version.saturating_add(1);
        let Some(object) = read(Item::Root(version))? else { break };
        let Ok(next) = root.follow(&object) else { break };
        root = next;
        new.push(RootRow { version, object });
    }
    let counts = |head: &Head| head.root_version >= root.era && head.epoch >= root.min_epoch;
    Ok(Head::open(bytes, &root).ok().filter(counts).map(|head| PublishedHead { head, roots: new }))
}

/// What a target shows. Where that is an epoch which the ledger has not taken, or has taken for another tree, or one under a root that is not in
/// the registry, the registry is older than what is published: [`Error::RegistryOlder`].
pub(crate) fn shown(target: &dyn Target, ledger: &Ledger<'_>, realm: &str, roots: &[RootRow]) -> Result<Shown, Error> {
    let bytes = target.read(Item::Head)?;
    if let Some(bytes) = &bytes
        && let Some(PublishedHead { head, roots }) = prove(bytes, realm, roots, &|item| target.read(item))?
        // No epoch is left beyond it, which is told by whoever would take one.
        && head.epoch < MAX_EPOCH
        && (!roots.is_empty() || !ledger.knows(&head)?)
    {
        return Err(Error::RegistryOlder { target: target.name(), epoch: head.epoch });
    }
    Shown::of_head(bytes.as_deref(), &target.name(), realm, roots)
}
