//! What leads from one tree to the next. SPEC.md section 6.2.
//!
//! ```text
//! patch := "ELPT" u16 format, u16 zero, from[32], to[32], u32 top_len, step*
//! step  := varint place, varint length, delta[length]
//! ```
//! Nothing of it is signed and nothing needs to be: what a step makes is proven like any object, whoever made the patch.

use crate::delta;
use crate::error::{Boxed, Error};
use crate::head::Head;
use crate::limits::{MAX_PATCH_BYTES, MAX_TOP_BYTES};
use crate::snapshot::Snapshot;
use crate::tree::{ObjectId, Place};
use crate::wire::{Reader, bound, size};
use alloc::vec::Vec;

pub(crate) const MAGIC: &[u8; 4] = b"ELPT";
const OBJECT: &str = "patch";

/// What a patch says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The tree that it starts from.
    pub from: ObjectId,
    /// The tree that it leads to.
    pub to: ObjectId,
    /// The places for which it makes objects, and how many bytes each takes in the patch.
    pub steps: Vec<(Place, usize)>,
}

/// Reads where the steps of a patch belong, and makes nothing: to show it, never to act on it.
pub fn outline(patch: &[u8]) -> Result<Outline, Error> {
    let (mut reader, from, to, _) = header(patch)?;
    let mut steps = Vec::new();
    while !reader.rest().is_empty() {
        let (place, delta) = read_step(&mut reader)?;
        steps.push((place, delta.len()));
    }
    Ok(Outline { from, to, steps })
}

/// The names of both trees and the length of the new top page, and what follows them.
fn header(bytes: &[u8]) -> Result<(Reader<'_>, ObjectId, ObjectId, usize), Boxed> {
    bound(OBJECT, bytes.len(), MAX_PATCH_BYTES)?;
    let mut reader = Reader::open(bytes, MAGIC, OBJECT)?;
    if reader.u16()? != 0 {
        return Err(Error::BadField { object: OBJECT, field: "zero" }.into());
    }
    let (from, to) = (ObjectId(*reader.array()?), ObjectId(*reader.array()?));
    let top_len = size(reader.u32()?);
    bound("top page", top_len, MAX_TOP_BYTES)?;
    Ok((reader, from, to, top_len))
}

fn read_step<'a>(reader: &mut Reader<'a>) -> Result<(Place, &'a [u8]), Boxed> {
    let place = Place::of_number(reader.varint()?).ok_or(Error::BadReference { object: OBJECT, field: "place" })?;
    let length = size(reader.varint()?);
    Ok((place, reader.bytes(length)?))
}

/// A patch that is being applied.
pub(crate) struct Patch {
    bytes: Vec<u8>,
    /// Where the next step begins.
    at: usize,
    top_len: usize,
    last: Option<Place>,
}

impl Patch {
    /// Reads its header: it must lead from `base` to the tree that `head` names.
    pub(crate) fn open(bytes: Vec<u8>, head: &Head, base: &Snapshot) -> Result<Self, Boxed> {
        let (reader, from, to, top_len) = header(&bytes)?;
        for (field, found, wanted) in [("from", from, base.id()), ("to", to, head.tree)] {
            if found != wanted {
                return Err(Error::BadReference { object: OBJECT, field }.into());
            }
        }
        let at = bytes.len() - reader.rest().len();
        Ok(Patch { top_len, at, last: None, bytes })
    }

    /// Applies steps until about `budget` bytes were made. Returns whether that was the last one.
    pub(crate) fn go_on(
        &mut self,
        mut budget: usize,
        head: &Head,
        base: &Snapshot,
        room: usize,
        snapshot: &mut Option<Snapshot>,
    ) -> Result<bool, Boxed> {
        while budget > 0 {
            let Some(rest) = self.bytes.get(self.at..).filter(|rest| !rest.is_empty()) else { return Ok(true) };
            let mut reader = Reader::inside(rest, OBJECT);
            let outside = Error::BadReference { object: OBJECT, field: "place" };
            let (place, delta) = read_step(&mut reader)?;
            if self.last.is_some_and(|last| last >= place) {
                return Err(outside.into());
            }
            let made = match snapshot {
                None if place != Place::Top => return Err(outside.into()),
                None => {
                    let top = delta::apply(base.object(Place::Top).unwrap_or(&[]), delta, self.top_len)?;
                    *snapshot = Some(Snapshot::begin(top, head, Some(base), room)?);
                    self.top_len
                }
                Some(tree) => step(tree, place, delta, base)?.ok_or(outside)?,
            };
            budget = budget.saturating_sub(made.max(1));
            self.last = Some(place);
            self.at += rest.len() - reader.rest().len();
        }
        Ok(self.at == self.bytes.len())
    }
}

/// Makes the object at `place`. Returns its length, `None` if the tree has no such place.
fn step(tree: &mut Snapshot, place: Place, delta: &[u8], base: &Snapshot) -> Result<Option<usize>, Boxed> {
    let Some(slot) = tree.slot(place) else { return Ok(None) };
    let length = size(slot.length);
    // A lazy edge may lack the old object. Then it fetches the new one when it needs it.
    let old = match base.object(place) {
        Some(old) => old,
        None if base.slot(place).is_none() => &[],
        None => return Ok(Some(0)),
    };
    if tree.wants(place) {
        tree.supply(place, delta::apply(old, delta, length)?, Some(base))?;
    }
    Ok(Some(length))
}
