//! Head and whole tree in one file, read as it arrives. SPEC.md section 6.1.
//!
//! ```text
//! bundle := "ELBN" u16 format, u16 zero, u32 head_len, u32 top_len, head, objects in the order of their places
//! ```
//! Each object is as long as its slot says, and nothing follows.

use crate::error::{Boxed, Error};
use crate::head::Head;
use crate::limits::{MAX_BUNDLE_BYTES, MAX_HEAD_BYTES, MAX_TOP_BYTES};
use crate::snapshot::Snapshot;
use crate::tree::{ObjectId, Place};
use crate::wire::{Reader, bound, size};
use alloc::vec::Vec;
use sha2::{Digest, Sha256};

pub(crate) const MAGIC: &[u8; 4] = b"ELBN";
const HEADER: usize = 16;
const OBJECT: &str = "bundle";
const CUT: Error = Error::Truncated { object: OBJECT };

/// The lengths of head and top page, and what follows them.
fn header(bytes: &[u8]) -> Result<(Reader<'_>, usize, usize), Boxed> {
    let mut reader = Reader::open(bytes, MAGIC, OBJECT)?;
    if reader.u16()? != 0 {
        return Err(Error::BadField { object: OBJECT, field: "zero" }.into());
    }
    let (head_len, top_len) = (size(reader.u32()?), size(reader.u32()?));
    bound("head", head_len, MAX_HEAD_BYTES)?;
    bound("top page", top_len, MAX_TOP_BYTES)?;
    Ok((reader, head_len, top_len))
}

/// The head in what is offered: a head alone, or the beginning of a bundle. Unproven.
pub fn offered_head(bytes: &[u8]) -> Result<&[u8], Error> {
    if bytes.starts_with(MAGIC) {
        return head_bytes(bytes);
    }
    bound("head", bytes.len(), MAX_HEAD_BYTES)?;
    Ok(bytes)
}

/// The head inside a bundle, of which the beginning is enough. Unproven.
pub fn head_bytes(bundle: &[u8]) -> Result<&[u8], Error> {
    let (mut reader, head_len, _) = header(bundle)?;
    Ok(reader.bytes(head_len)?)
}

/// The name of the top page inside a bundle, and where the top page ends.
pub(crate) fn tree_id(bundle: &[u8]) -> Result<(ObjectId, usize), Error> {
    let (mut reader, head_len, top_len) = header(bundle)?;
    reader.bytes(head_len)?;
    Ok((ObjectId::of(reader.bytes(top_len)?), HEADER + head_len + top_len))
}

/// What the next bytes of a bundle belong to.
enum At {
    /// The header, as far as it has come.
    Header(Vec<u8>),
    /// So many bytes of the head.
    Head { left: usize, top_len: usize },
    /// An object that is here already, or for which there is no room.
    Passed { place: Place, left: usize },
    /// An object on its way.
    Object { place: Place, length: usize, bytes: Vec<u8>, digest: Sha256 },
    /// The end.
    End,
}

/// Reads a bundle piece by piece, of any lengths: no more than one object waits for its end, and none is kept twice. What
/// a tree has no room for is passed over.
pub(crate) struct Feed {
    at: At,
    taken: u64,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Feed { at: At::Header(Vec::new()), taken: 0 }
    }

    /// Whether the bundle has come to its end.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.at, At::End)
    }

    /// Takes what comes next. Objects go to `snapshot` as soon as they are whole and proven; the first one makes it.
    pub(crate) fn take(
        &mut self,
        mut bytes: &[u8],
        head: &Head,
        base: Option<&Snapshot>,
        room: usize,
        snapshot: &mut Option<Snapshot>,
    ) -> Result<(), Boxed> {
        self.taken = self.taken.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.taken > MAX_BUNDLE_BYTES {
            return Err(Error::TooLarge { object: OBJECT, bytes: self.taken, limit: MAX_BUNDLE_BYTES }.into());
        }
        while !bytes.is_empty() {
            let mut part = |wanted: usize| {
                let (part, rest) = bytes.split_at(bytes.len().min(wanted));
                bytes = rest;
                part
            };
            match &mut self.at {
                At::Header(read) => {
                    read.extend_from_slice(part(HEADER.saturating_sub(read.len())));
                    if read.len() == HEADER {
                        let (_, left, top_len) = header(read)?;
                        self.at = At::Head { left, top_len };
                    }
                }
                At::Head { left, .. } if *left > 0 => *left -= part(*left).len(),
                At::Head { top_len, .. } => self.at = object(Place::Top, *top_len)?,
                At::Passed { left, .. } if *left > 0 => *left -= part(*left).len(),
                At::Passed { place, .. } => self.at = after(*place, snapshot)?,
                At::Object { place, length, bytes: read, digest } => {
                    let part = part(length.saturating_sub(read.len()));
                    crate::work::done(part.len());
                    digest.update(part);
                    read.extend_from_slice(part);
                    if read.len() == *length {
                        let (place, read, id) = (*place, core::mem::take(read), ObjectId(digest.clone().finalize().into()));
                        put(place, read, id, (head, base, room), snapshot)?;
                        self.at = after(place, snapshot)?;
                    }
                }
                At::End => return Err(Error::TrailingBytes { object: OBJECT, bytes: bytes.len() }.into()),
            }
        }
        // Whatever takes no more bytes is passed now, so that the end is known when it is reached.
        while let At::Passed { place, left: 0 } = self.at {
            self.at = after(place, snapshot)?;
        }
        Ok(())
    }
}

fn object(place: Place, length: usize) -> Result<At, Boxed> {
    let mut bytes = Vec::new();
    let wide = u64::try_from(length).unwrap_or(u64::MAX);
    bytes.try_reserve_exact(length).map_err(|_| Error::TooLarge { object: place.name().0, bytes: wide, limit: 0 })?;
    Ok(At::Object { place, length, bytes, digest: Sha256::new() })
}

fn put(
    place: Place,
    bytes: Vec<u8>,
    id: ObjectId,
    (head, base, room): (&Head, Option<&Snapshot>, usize),
    snapshot: &mut Option<Snapshot>,
) -> Result<(), Boxed> {
    let Some(tree) = snapshot else {
        *snapshot = Some(Snapshot::begin(bytes, head, base, room)?);
        return Ok(());
    };
    let (name, index) = place.name();
    if tree.slot(place).map(|slot| slot.id) != Some(id) {
        return Err(Error::WrongDigest { object: name, index }.into());
    }
    // It may have come another way meanwhile. Made anew, it would lack what it has been given since.
    if tree.wants(place) { tree.take(place, bytes, base) } else { Ok(()) }
}

/// What stands after `place`.
fn after(place: Place, snapshot: &Option<Snapshot>) -> Result<At, Boxed> {
    let Some(tree) = snapshot else { return Err(CUT.into()) };
    let Some(next) = tree.next_place(place) else { return Ok(At::End) };
    let length = size(tree.slot(next).ok_or(CUT)?.length);
    if tree.wants(next) { object(next, length) } else { Ok(At::Passed { place: next, left: length }) }
}

/// An object of a bundle: where it stands and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its place.
    pub place: Place,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Takes a bundle apart, in order, without proving any signature: to show it, never to act on it.
pub fn parts(bundle: &[u8]) -> Result<Vec<Part<'_>>, Error> {
    let (mut reader, head_len, top_len) = header(bundle)?;
    let head = Head::inspect(reader.bytes(head_len)?)?;
    let mut snapshot: Option<Snapshot> = None;
    let (mut parts, mut place, mut length) = (Vec::new(), Place::Top, top_len);
    loop {
        let bytes = reader.bytes(length)?;
        put(place, bytes.to_vec(), ObjectId::of(bytes), (&head, None, usize::MAX), &mut snapshot)?;
        parts.push(Part { place, bytes });
        let tree = snapshot.as_ref().ok_or(CUT)?;
        let Some(next) = tree.next_place(place) else { break };
        (place, length) = (next, size(tree.slot(next).ok_or(CUT)?.length));
    }
    reader.finish()?;
    Ok(parts)
}
