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
//! | `build` | encoders and signing, with feature `builder` |
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
pub mod edge;
pub mod error;
pub mod head;
pub mod hex;
pub mod http;
pub mod ip;
pub mod key;
pub mod limits;
mod objects;
pub mod permission;
pub mod policy;
pub mod root;
pub mod signed;
mod snapshot;
pub mod tree;
pub mod verdict;
mod wire;
mod work;

/// The Rust example of the repository's README.
#[cfg(all(doctest, feature = "builder"))]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
