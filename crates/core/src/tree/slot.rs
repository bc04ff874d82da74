//! How an object names those below it: by digest and length.

use super::ObjectId;
use crate::error::{Boxed, Error};
use crate::limits::MAX_OBJECT_BYTES;
use crate::wire::{Reader, size};

/// What an object must be: it has exactly `length` bytes, and their digest is `id`. SPEC.md section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its digest.
    pub id: ObjectId,
    /// Its length in bytes, 1 to [`MAX_OBJECT_BYTES`].
    pub length: u32,
}

/// Bytes of a slot.
pub(crate) const SLOT: usize = 36;

impl Slot {
    /// The slot of an object.
    pub fn of(bytes: &[u8]) -> Slot {
        Slot { id: ObjectId::of(bytes), length: u32::try_from(bytes.len()).unwrap_or(u32::MAX) }
    }

    /// Takes a slot off `reader`.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Slot, Boxed> {
        let slot = Slot { id: ObjectId(*reader.array()?), length: reader.u32()? };
        if slot.length == 0 {
            return Err(Error::BadField { object: reader.object(), field: "length" }.into());
        }
        if slot.length > MAX_OBJECT_BYTES {
            let (bytes, limit) = (slot.length.into(), MAX_OBJECT_BYTES.into());
            return Err(Error::TooLarge { object: "object", bytes, limit }.into());
        }
        Ok(slot)
    }

    /// That `bytes` are the object of this slot. `object` and `index` say in the error which one it was to be.
    pub fn prove(&self, bytes: &[u8], object: &'static str, index: u32) -> Result<(), Boxed> {
        if bytes.len() == size(self.length) && ObjectId::of(bytes) == self.id {
            return Ok(());
        }
        Err(Error::WrongDigest { object, index }.into())
    }
}

/// Slots one after another.
#[derive(Clone, Copy)]
pub struct Slots<'a>(&'a [[u8; SLOT]]);

impl<'a> Slots<'a> {
    /// Takes `count` slots off `reader`, each of which is well formed.
    pub(crate) fn read(reader: &mut Reader<'a>, count: usize) -> Result<Self, Boxed> {
        let slots = Slots(reader.items(count, SLOT)?.as_chunks().0);
        for index in 0..count {
            let mut one = Reader::inside(slots.raw(index).unwrap_or(&[]), reader.object());
            Slot::read(&mut one)?;
        }
        Ok(slots)
    }

    /// Slots that have been read before.
    pub(crate) fn trusted(bytes: &'a [u8]) -> Self {
        Slots(bytes.as_chunks().0)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Slot `index`.
    pub fn get(&self, index: usize) -> Option<Slot> {
        Slot::read(&mut Reader::inside(self.raw(index)?, "slot")).ok()
    }

    /// Whether the slot at `index` is there, and the same in others.
    pub(crate) fn agrees(&self, others: Slots<'_>, index: usize) -> bool {
        self.0.get(index).is_some_and(|slot| others.0.get(index) == Some(slot))
    }

    fn raw(&self, index: usize) -> Option<&'a [u8]> {
        self.0.get(index).map(<[u8; SLOT]>::as_slice)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Slot> + use<'a> {
        let slots = *self;
        (0..slots.count()).map_while(move |index| slots.get(index))
    }
}

#[cfg(feature = "builder")]
impl Slot {
    pub(crate) fn put(&self, out: &mut alloc::vec::Vec<u8>) {
        out.extend_from_slice(&self.id.0);
        out.extend_from_slice(&self.length.to_le_bytes());
    }
}
