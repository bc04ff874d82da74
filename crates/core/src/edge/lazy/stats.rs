//! What is told of a lazy edge.

/// What a lazy edge holds and has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LazyStats {
    /// Shards and chunks held.
    pub objects: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Bytes of those that have served a key and are protected from what has not.
    pub protected_bytes: usize,
    /// Objects that were dropped for others.
    pub dropped: u64,
    /// Objects that were granted to be fetched.
    pub granted: u64,
    /// Times that one was refused.
    pub refused: u64,
}
