//! Builds, signs and publishes snapshots.
//!
//! [`Publisher`] takes the registry's state, builds the tree, takes an epoch from the ledger, signs a head and hands both to
//! each [`Target`]. The epoch is committed before the signature exists, so none is ever signed twice. [`Directory`] is the
//! target that static web servers and `edgelatch serve` hand out; [`init_managed`] begins a control plane and [`init_in`] adds to one; [`key_file`] guards the
//! signing keys.
#![forbid(unsafe_code)]

mod data_dir;
mod directory;
mod error;
mod files;
mod hex;
mod init;
pub mod key_file;
mod publisher;
mod target;

pub use data_dir::DataDir;
pub use directory::Directory;
pub use error::Error;
pub use hex::hex;
pub use init::{Begun, DEFAULT_ROOT_LIFETIME, Init, Outcome, init, init_in, init_managed};
pub use publisher::{DEFAULT_LIFETIME, FailedTarget, Published, Publisher, Reason, Stage};
pub use target::{Publication, Shown, Target, Written};
