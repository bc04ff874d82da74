//! Encoders and signing: what a publisher needs. Feature `builder`.
//!
//! The same records under the same numbers give the same bytes, whatever their order and whether built at once or step by step:
//! everything is sorted, merged and of least width.

mod entries;
mod numbering;
mod patch;
mod records;
mod shards;
mod sign;
mod tree;

pub use crate::tree::Table;
pub use numbering::{KeyRecord, RealmRecord, build_tree};
pub use patch::{encode_bundle, encode_patch, join_bundle};
pub use records::{Change, Entry, Record, RoleRecord, Settings, State};
pub use sign::{Draft, HeadFields, RoleFields, RootFields, SigningKey, sign_head, sign_root};
pub use tree::{Replaced, Tree};
