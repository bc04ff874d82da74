//! Bundles and patches out of trees.

use super::tree::Tree;
use crate::delta;
use crate::error::Error;
use crate::limits::MAX_PATCH_BYTES;
use crate::tree::{ObjectId, Place};
use crate::wire::put;
use alloc::vec::Vec;

/// Puts a head and its tree into one file (SPEC.md section 6.1).
pub fn encode_bundle(head: &[u8], tree: &Tree) -> Result<Vec<u8>, Error> {
    join_bundle(head, tree.objects())
}

/// The same of all objects of a tree in their order, the top page first: whoever has copied them need not build the tree.
pub fn join_bundle<'a>(head: &[u8], objects: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, Error> {
    let mut objects = objects.into_iter().peekable();
    let mut out = put::open(crate::bundle::MAGIC);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&put::count(head.len(), "head")?);
    out.extend_from_slice(&put::count(objects.peek().map_or(0, |top| top.len()), "top page")?);
    out.extend_from_slice(head);
    objects.for_each(|object| out.extend_from_slice(object));
    Ok(out)
}

/// The patch that leads from the tree named `from` to `tree` (SPEC.md section 6.2). `replaced` are the places at which they differ, ascending, and what stood
/// there in the old tree. `None` if it would have more than 64 MiB.
pub fn encode_patch<'a>(
    from: ObjectId,
    replaced: impl IntoIterator<Item = (Place, Option<&'a [u8]>)>,
    tree: &Tree,
) -> Result<Option<Vec<u8>>, Error> {
    let mut out = put::open(crate::patch::MAGIC);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&from.0);
    out.extend_from_slice(&tree.id().0);
    out.extend_from_slice(&put::count(tree.top.len(), "top page")?);
    for (place, before) in replaced {
        // What is gone needs no step: nothing in the new tree names it.
        let Some(object) = tree.object(place) else { continue };
        let delta = delta::make(before.unwrap_or(&[]), object);
        put::varint(&mut out, usize::try_from(place.number()).unwrap_or(usize::MAX));
        put::varint(&mut out, delta.len());
        out.extend_from_slice(&delta);
        if out.len() > MAX_PATCH_BYTES {
            return Ok(None);
        }
    }
    Ok(Some(out))
}
