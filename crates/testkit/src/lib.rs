//! The test kit: what tests of several crates, the commands of `xtask` and the programs in `tests/` share.
//!
//! It depends on what it tests and nothing that ships depends on it: crates name it in their dev-dependencies only.

#![forbid(unsafe_code)]

pub mod cases;
pub mod demo;
pub mod fixture;
pub mod process;
pub mod shell;
pub mod snapshot;
pub mod tally;
pub mod vectors;
pub mod wire;

/// Seconds of a day.
pub const DAY: u64 = 86_400;
