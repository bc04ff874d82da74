//! Builds, signs and publishes snapshots. Read in this order:
//!
//! | file | what it does |
//! |---|---|
//! | `publisher`, `memory`, `published` | registry state → tree → epoch → signed head → every target, and what is told of it: [`Publisher`] |
//! | `publication` | the steps by which one epoch gets to one target, and why a crash between them is harmless |
//! | `target`, `layout` | what a target must offer; what lies there under which name: [`Target`], [`Item`] |
//! | `directory` | the target that static web servers and `edgelatch serve` hand out: [`Directory`] |
//! | `shared`, `follow`, `whole` | the database as a target, nodes that copy from it what another one has published, and that a tree is there before its head: [`Follower`] |
//! | `clock` | whether the clock can be believed |
//! | `bucket` | the target in an object store: [`Bucket`] |
//! | `parallel` | the same for many things, several at a time |
//! | `forest`, `history` | the tree, kept up to date change by change, and what stood where before: patches |
//! | `held` | what a target holds, and what stays there for edges that are still fetching it |
//! | `signers`, `key_file`, `signer_command`, `key_source` | a set of signers, of which so many must sign; in files, in programs, and where to find them: [`Signers`] |
//! | `pepper` | the secrets of peppers, in files or in a text: [`PepperSource`] |
//! | `trust` | the next root: what changes, who signs it, when it ends |
//! | `init` | a new control plane or realm: keys, first root, first epoch |
//! | [`restore`] | a registry that was restored: its signing keys, and what is published beyond it |
//! | `data_dir`, `private` | where a control plane keeps its files, and who else may have them |
#![forbid(unsafe_code)]

mod bucket;
mod clock;
mod data_dir;
mod directory;
mod error;
mod files;
mod follow;
mod forest;
mod held;
mod history;
mod init;
pub mod key_file;
mod key_source;
mod layout;
mod parallel;
mod pepper;
mod private;
mod publication;
mod published;
mod publisher;
pub mod restore;
mod shared;
mod signer_command;
mod signers;
mod target;
pub mod trust;
mod whole;

pub use bucket::{Address, Bucket};
pub use data_dir::DataDir;
pub use directory::Directory;
pub use error::Error;
pub use follow::Follower;
pub use held::Held;
pub use init::{Begun, DEFAULT_ROOT_LIFETIME, Init, Outcome, init, init_in, init_managed};
pub use key_source::KeySource;
pub use layout::Item;
pub use pepper::PepperSource;
pub use private::Readers;
pub use publication::{Publication, Written};
pub use published::{Aged, FailedTarget, Published, Reason, Stage};
pub use publisher::{DEFAULT_LIFETIME, Publisher};
pub use signer_command::{CommandSigner, SIGNER_LIMIT, SignerCommand};
pub use signers::{Signed, Signer, Signers};
pub use target::{Shown, Target, Version};
