//! Builds, signs and publishes snapshots. Read in this order:
//!
//! | file | what it does |
//! |---|---|
//! | `publisher`, `published` | registry state → tree → epoch → signed head → every target, and what is told of it: [`Publisher`] |
//! | `publication` | the steps by which one epoch gets to one target, and why a crash between them is harmless |
//! | `target`, `layout` | what a target must offer; what lies there under which name: [`Target`], [`Item`] |
//! | `directory` | the target that static web servers and `edgelatch serve` hand out: [`Directory`] |
//! | `forest`, `history` | the tree, kept up to date change by change, and what stood where before: patches |
//! | `held` | what a target holds, and what stays there for edges that are still fetching it |
//! | `signers`, `key_file` | a set of signers, of which so many must sign; those that lie in files: [`Signers`] |
//! | `init` | a new control plane or realm: keys, first root, first epoch |
//! | `data_dir` | where a control plane keeps its files |
#![forbid(unsafe_code)]

mod data_dir;
mod directory;
mod error;
mod files;
mod forest;
mod held;
mod history;
mod init;
pub mod key_file;
mod layout;
mod publication;
mod published;
mod publisher;
mod signers;
mod target;

pub use data_dir::DataDir;
pub use directory::Directory;
pub use error::Error;
pub use held::Held;
pub use init::{Begun, DEFAULT_ROOT_LIFETIME, Init, Outcome, init, init_in, init_managed};
pub use layout::Item;
pub use publication::{Publication, Written};
pub use published::{FailedTarget, Published, Reason, Stage};
pub use publisher::{DEFAULT_LIFETIME, Publisher};
pub use signers::{Signed, Signer, Signers};
pub use target::{Shown, Target};
