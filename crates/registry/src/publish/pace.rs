//! What makes a publisher's next epoch due.

/// What makes a publisher's next epoch due, cheap to ask often: one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often the realm's publishable state has changed.
    pub changes: u64,
    /// Seconds that a head lives.
    pub head_lifetime: u64,
    /// The newest root's version; 0 before there is one.
    pub root_version: u32,
}
