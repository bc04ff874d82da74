//! Verifies API keys on Fastly Compute, in front of a program's handler.
//!
//! ```no_run
//! use edgelatch_fastly::{Guard, Requirement, Source};
//! use fastly::{Error, Request, Response};
//!
//! #[fastly::main]
//! fn main(request: Request) -> Result<Response, Error> {
//!     let source = Source::backend("keys", "https://keys.example.com/r/acme")?;
//!     let mut guard = Guard::builder("ROOT", source).requirement(Requirement::permission("zone.view")).build()?;
//!     guard.handle(request, |_, verdict| {
//!         let name = verdict.identity().map_or("", |who| who.name.as_str());
//!         Ok(Response::from_body(format!("hello {name}\n")))
//!     })
//! }
//! ```
//!
//! An instance there serves one request, or a few, and keeps nothing. So each one takes from the POP's cache the signed head, the index of its tree and
//! the few objects that the request's key needs, and proves them all again; what is not there is fetched.
//!
//! | read | for |
//! |---|---|
//! | [`Guard`], [`GuardBuilder`] | the check, and its options |
//! | [`Source`] | where snapshots are fetched: a backend, or a KV store |
//! | [`Verdict`], [`Identity`] | what handlers are told |
//! | [`Requirement`], [`Routes`], [`Need`] | what is demanded of a key |
//! | [`Error`] | what may go wrong, by its code |
//!
//! Every rule is the core's (`edgelatch-core`): this crate fetches bytes, keeps them, and hands them on. Code: `load`, then `guard`.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod builder;
mod guard;
mod kept;
#[doc(hidden)]
pub mod load;
mod platform;
mod source;

pub use builder::GuardBuilder;
pub use edgelatch_core::key::KeyId;
pub use edgelatch_core::verdict::Code;
pub use edgelatch_http::{Error, Identity, RequestInfo, Requirement, Routes, Rule, Scope, Verdict};
pub use guard::{Decision, Guard};
pub use source::Source;

/// What a guard requires: the same of all requests, by method and path, or chosen by a function that gets the request.
pub type Need = edgelatch_http::Need<fastly::Request>;
