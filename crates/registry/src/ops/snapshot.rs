//! tmp
/// tmp
pub struct Snapshot;
