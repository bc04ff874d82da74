//! What a POP's cache holds of a realm: which head was seen last, and when.
//!
//! ```text
//! kept  := u64 tried_at, u64 confirmed_at, piece floor, piece head, piece root*      little-endian
//! piece := u32 length, bytes[length]
//! ```
//! Nothing in it is believed but the times and the floor, which only a program of the same service can have written: the core proves the rest anew.

use edgelatch_core::edge::Floor;

/// What was seen of a realm, times in Unix seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// When the source was asked last, whatever it said.
    pub(crate) tried_at: u64,
    /// When it last said what counts.
    pub(crate) confirmed_at: u64,
    /// What this POP has seen: heads below are replays.
    pub(crate) floor: Option<Floor>,
    /// The newest head that was accepted; nothing as long as there was none.
    pub(crate) head: Vec<u8>,
    /// The roots that lead to it from the deployed one.
    pub(crate) roots: Vec<Vec<u8>>,
}

impl Kept {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.tried_at.to_le_bytes());
        bytes.extend(self.confirmed_at.to_le_bytes());
        let floor = self.floor.map_or_else(String::new, |floor| floor.to_string());
        for piece in [floor.as_bytes(), &self.head].into_iter().chain(self.roots.iter().map(Vec::as_slice)) {
            bytes.extend(u32::try_from(piece.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend(piece);
        }
        bytes
    }

    /// `None` for what this crate has not written.
    pub(crate) fn read(bytes: &[u8]) -> Option<Kept> {
        let (tried_at, rest) = bytes.split_first_chunk::<8>()?;
        let (confirmed_at, mut rest) = rest.split_first_chunk::<8>()?;
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (piece, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
            pieces.push(piece.to_vec());
            rest = after;
        }
        let mut pieces = pieces.into_iter();
        let (floor, head) = (pieces.next()?, pieces.next()?);
        let floor = if floor.is_empty() { None } else { Some(std::str::from_utf8(&floor).ok()?.parse().ok()?) };
        let (tried_at, confirmed_at) = (u64::from_le_bytes(*tried_at), u64::from_le_bytes(*confirmed_at));
        Some(Kept { tried_at, confirmed_at, floor, head, roots: pieces.collect() })
    }
}
