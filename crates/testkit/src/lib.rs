//! The test kit: what tests of several crates, the commands of `xtask` and the programs in `tests/` share.
//!
//! It depends on what it tests and nothing that ships depends on it: crates name it in their dev-dependencies only.
//!
//! | modules | hold |
//! |---|---|
//! | `realm`, `random` | a realm of the core for its tests, and numbers that look like chance |
//! | `registry`, `postgres` | a registry on either store, its clock, callers that race; a PostgreSQL server that ends with the test |
//! | `vectors`, `fixture`, `codes` | files that are generated: `tests/vectors/`, the snapshots of the JS tests, the TypeScript codes |
//! | `cases`, `wire`, `snapshot` | case files and their judges, on every host; one raw HTTP request; snapshots on disk |
//! | `demo` | what `cargo xtask demo` shows |
//! | `s3` | a server that speaks S3, which ends with the test |
//! | `mmdb` | a database of countries, made for a test |
//! | `shell`, `process`, `tally`, `closing` | running programs, and adding up what their tests say |

#![forbid(unsafe_code)]

pub mod cases;
pub mod closing;
pub mod codes;
pub mod demo;
pub mod ends;
pub mod fixture;
pub mod mmdb;
#[cfg(feature = "registry")]
pub mod postgres;
pub mod process;
pub mod random;
pub mod realm;
#[cfg(feature = "registry")]
pub mod registry;
pub mod s3;
pub mod shell;
pub mod snapshot;
pub mod tally;
pub mod vectors;
pub mod wire;

/// The core that the kit makes its realms with. The core's own unit tests are compiled against another build of it, so they take
/// bytes from here and no values.
pub use edgelatch_core as core;

/// Seconds of a day.
pub const DAY: u64 = 86_400;
