//! The core of Edgelatch: what decides whether a presented API key is accepted, and the format that the decision rests on.
//!
//! It does no I/O and reads no clock, randomness or environment: time and bytes are arguments. `SPEC.md` beside this crate
//! is the normative description of the key text, the snapshot and trust format, and the rules.
//!
//! | read | for |
//! |---|---|
//! | [`edge`] | the state of one edge: trust, update, verification |
//! | [`verdict`] | the table of codes and replies |
//! | [`key`] | key text, digests, key ids |
//! | [`root`], [`head`], [`tree`] | the signed and the content-addressed objects |
//! | [`ip`], [`cidr`], [`policy`], [`client_ip`] | addresses and who may use a key from where |
//! | [`http`] | credentials out of header lines |
//! | [`permission`] | permissions and the patterns that grant them |
//! | [`error`] | why bytes were not believed |
//! | [`text`] | what is said, without `core::fmt` |
//! | [`limits`] | every bound, with its reason |
//! | `build` | encoders and signing, with feature `builder` |
//!
//! What a publisher and an edge do, from a record to a verdict:
//!
//! ```
//! # #[cfg(feature = "builder")] {
//! use edgelatch_core::{build::*, edge::{Edge, HostConfig}, http::CredentialHeaders, key, verdict::Code};
//!
//! // What a publisher does: one record, signed.
//! let (root_key, publisher) = ([SigningKey::from_seed(&[1; 32])], [SigningKey::from_seed(&[2; 32])]);
//! let role = |key: &SigningKey| RoleFields { threshold: 1, keys: vec![key.public()] };
//! let root = sign_root(&RootFields {
//!     realm: "acme".into(), version: 1, issued_at: 1_000, expires_at: 9_000_000, era: 1, min_epoch: 1,
//!     root: role(&root_key[0]), publisher: role(&publisher[0]),
//! }, &root_key)?;
//! let realm = RealmRecord {
//!     credentials: CredentialHeaders::all(), imports: true, pepper: None,
//!     roles: vec![RoleRecord { name: "reader".into(), patterns: vec!["*.view".into()] }],
//! };
//! let text = b"a-key-imported-by-its-digest";
//! let record = KeyRecord {
//!     digest: key::digest(text), key_id: key::KeyId(1), org: "main".into(), owner: "admin".into(), owner_disabled: false,
//!     name: "ci".into(), metadata: String::new(), revoked: false, not_before: None, expires_at: Some(5_000),
//!     roles: vec![0], services: None, ip_policy: None,
//! };
//! let tree = build_tree(&realm, vec![record])?;
//! let head = sign_head(&HeadFields {
//!     realm: "acme".into(), root_version: 1, epoch: 1, issued_at: 2_000, not_after: 8_000,
//!     tree: tree.id(), tree_bytes: tree.bytes(), records: tree.records,
//! }, &publisher)?;
//!
//! // What an edge does.
//! let mut edge = Edge::new(&root, HostConfig::parse("mask_ip=on")?)?;
//! let mut staged = edge.stage(&[], encode_bundle(&head, &tree)?, 3_000)?;
//! while staged.check(64 * 1024)? > 0 {}
//! edge.commit(staged, 3_000)?;
//! let view = edge.compile(None, Some("zone.view"));
//! assert_eq!(edge.verify_key(text, None, view, 3_000).code, Code::Valid);
//! assert_eq!(edge.verify_key(text, None, view, 5_000).code, Code::Expired);
//! assert_eq!(edge.verify_key(b"a-key-that-was-never-issued", None, view, 3_000).code, Code::Unknown);
//! # }
//! # Ok::<(), edgelatch_core::error::Error>(())
//! ```
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)
)]

extern crate alloc;

#[cfg(feature = "builder")]
pub mod build;
pub mod bundle;
pub mod cidr;
pub mod client_ip;
mod delta;
pub mod edge;
pub mod error;
pub mod head;
pub mod hex;
pub mod http;
pub mod ip;
pub mod key;
pub mod limits;
pub mod patch;
pub mod permission;
pub mod policy;
pub mod root;
pub mod signed;
mod snapshot;
pub mod text;
pub mod time;
pub mod tree;
pub mod verdict;
mod wire;
mod work;
