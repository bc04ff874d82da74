//! Verifies API keys in front of axum, hyper and tonic services, inside the process that serves them: a [`tower`](https://docs.rs/tower) layer, and a
//! verifier that follows a realm's published snapshots on tokio. Nothing is asked over the network on the way of a request.
//!
//! ```no_run
//! # #[cfg(feature = "axum")]
//! # async fn run(root: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//! use edgelatch_tower::{EdgelatchLayer, HttpSource, Identity, Requirement, Verifier};
//!
//! let source = HttpSource::new("https://keys.example.com/r/acme")?;
//! let verifier = Verifier::builder(root).cache("/var/cache/edge").follow(source).await?;
//! let check = EdgelatchLayer::builder(verifier).requirement(Requirement::permission("zone.view")).build()?;
//! let app: Router = Router::new()
//!     .route("/zones", get(|who: Identity| async move { format!("hello {}\n", who.name) }))
//!     .layer(check);
//! # Ok(())
//! # }
//! ```
//!
//! | read | for |
//! |---|---|
//! | [`EdgelatchLayer`] | the check in front of a service, and its options |
//! | [`Verifier`] | verdicts, and what they rest on |
//! | [`Verdict`], [`Identity`] | what handlers are told |
//! | [`Requirement`], [`Routes`], [`Need`] | what is demanded of a key |
//! | [`HttpSource`], [`Refresh`] | where snapshots come from, and when |
//! | [`Usage`], [`UsageEvent`] | what is reported of requests, and where |
//! | [`Error`] | what may go wrong, by its code |
//!
//! Every rule is the core's (`edgelatch-core`): this crate translates requests, fetches bytes and hands them on. What other hosts' checks have in common with
//! this one is `edgelatch-http`.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod builder;
mod cache;
mod follow;
mod grpc;
mod guard;
mod layer;
mod lookups;
mod request;
mod source;
mod stats;
mod usage;
mod verifier;

pub use builder::{Refresh, Update, VerifierBuilder};
pub use edgelatch_core::edge::{HostConfig, LazyStats};
pub use edgelatch_core::key::{KeyId, Pepper};
pub use edgelatch_core::verdict::Code;
#[cfg(feature = "axum")]
pub use edgelatch_http::Unchecked;
pub use edgelatch_http::{Error, Identity, RequestInfo, Requirement, Routes, Rule, Scope, Verdict};
pub use grpc::grpc;
pub use guard::LayerBuilder;
pub use layer::{Edgelatch, EdgelatchLayer};
pub use request::Peer;
pub use source::HttpSource;
pub use stats::{LastError, Stats};
pub use usage::{Usage, UsageEvent, UsageStats};
pub use verifier::Verifier;

/// What a layer requires: the same of all requests, by method and path, or chosen by a function that gets the request.
pub type Need = edgelatch_http::Need<http::request::Parts>;
