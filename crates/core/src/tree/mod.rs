//! The content-addressed objects of one epoch. SPEC.md section 5.
//!
//! ```text
//! head ── digest ──> top page ── slots ──> index pages ── slots ──> shards of records
//!                        └────── slot ───> directory ──── slots ──> chunks: roles, role sets, scopes, policies
//! ```
//! A record's shard is given by the leading `shard_bits` bits of its digest. The number of bits follows from the number of
//! records alone, so the same records give the same bytes on every machine.

pub mod chunk;
pub mod directory;
mod id;
pub mod page;
mod place;
pub mod shard;
mod slot;
pub mod top;

use crate::limits::{MAX_SHARD_BITS, RECORDS_PER_SHARD};

pub use chunk::Table;
pub use id::{BadObjectId, ObjectId};
pub use place::Place;
pub use slot::{Slot, Slots};

/// The number of leading digest bits that choose a shard: the least with at most 256 records a shard on average.
pub fn shard_bits(records: u64) -> u8 {
    (0..MAX_SHARD_BITS).find(|bits| records <= RECORDS_PER_SHARD << bits).unwrap_or(MAX_SHARD_BITS)
}

#[cfg(test)]
mod tests {
    use super::shard_bits;

    #[test]
    fn bits_follow_from_the_count() {
        let cases = [(0, 0), (256, 0), (257, 1), (512, 1), (513, 2), (1_000_000, 12), (10_000_000, 16), (u64::MAX, 20)];
        assert!(cases.iter().all(|(records, bits)| shard_bits(*records) == *bits));
    }
}
