//! What checks in front of Rust handlers have in common, whatever serves them: the adapters `edgelatch-tower` and `edgelatch-fastly` are made of it, and
//! one for another host would be.
//!
//! | read | for |
//! |---|---|
//! | [`Judge`], [`Judged`] | requests to what the core reads, and its outcome to a verdict |
//! | [`Verdict`], [`Identity`] | what handlers are told |
//! | [`Requirement`], [`Routes`], [`Need`] | what is demanded of a key |
//! | [`Error`] | what may go wrong, by its code |
//! | [`realm_address`], [`read_key`] | where a realm is published, and what opens it |
//! | [`refusal`], [`caching`], [`is_identity`] | what is answered, what caches are told, what is taken off a request |
//!
//! Every rule is the core's (`edgelatch-core`): this crate translates.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod address;
#[cfg(feature = "axum")]
mod axum;
mod error;
mod judge;
mod reply;
mod requirement;
mod root;
mod verdict;

pub use address::{bearer, keeps_secrets, read_key, realm_address};
#[cfg(feature = "axum")]
pub use axum::Unchecked;
pub use error::Error;
pub use judge::{Judge, MAX_NEEDED, RequestLine};
pub use reply::{caching, is_identity, refusal};
pub use requirement::{Choose, Need, RequestInfo, Required, Requirement, Routes, Rule};
pub use root::root_bytes;
pub use verdict::{Identity, Judged, Scope, Verdict};
