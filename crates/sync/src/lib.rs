//! Builds, signs and publishes snapshots. Read in this order:
//!
//! | file | what it does |
//! |---|---|
//! | `publisher` | registry state → tree → epoch → signed head → every target: [`Publisher`] |
//! | `publication` | the steps by which one epoch gets to one target, and why a crash between them is harmless |
//! | `target`, `layout` | what a target must offer; what lies there under which name: [`Target`], [`Item`] |
//! | `directory` | the target that static web servers and `edgelatch serve` hand out: [`Directory`] |
//! | `retention` | which trees stay there, for edges that are still fetching them |
//! | `key_file` | signing keys in files |
//! | `init` | a new control plane or realm: keys, first root, first epoch |
//! | `data_dir` | where a control plane keeps its files |
#![forbid(unsafe_code)]

mod data_dir;
mod directory;
mod error;
mod files;
mod hex;
mod init;
pub mod key_file;
mod layout;
mod publication;
mod publisher;
mod retention;
mod target;

pub use data_dir::DataDir;
pub use directory::Directory;
pub use error::Error;
pub use hex::hex;
pub use init::{Begun, DEFAULT_ROOT_LIFETIME, Init, Outcome, init, init_in, init_managed};
pub use layout::Item;
pub use publication::{Publication, Written};
pub use publisher::{DEFAULT_LIFETIME, FailedTarget, Published, Publisher, Reason, Stage};
pub use target::{Shown, Target};
