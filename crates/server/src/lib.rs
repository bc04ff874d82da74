//! Serves published snapshots over HTTP and keeps them fresh.
//!
//! | path | answer |
//! |---|---|
//! | `/r/<realm>/head`, `/r/<realm>/bundle` | the current epoch; strong `ETag`, `Cache-Control: no-cache` |
//! | `/r/<realm>/stream` | the current head and each later one as server-sent events, with patches where they are small |
//! | `/r/<realm>/root/<n>`, `/r/<realm>/objects/<hex>` | immutable objects |
//! | `/healthz` | 200 while every published head is alive, 503 otherwise |
//! | `/api/v1/…` | the management API, for holders of management keys; `/api/v1/openapi.json` describes it |
//!
//! | read | for |
//! |---|---|
//! | `serve` | running everything that was asked for, until it is told to stop |
//! | `net` | connections and what limits them |
//! | `files` | published files, health |
//! | `api` | the management API: who may call, and its endpoints |
//! | `tasks` | publishing, upkeep, delivery of alerts |
//! | `problem` | the one form in which anything is refused |
//! | [`limits`], `log` | every bound, with its reason; what is logged under which name |
//!
//! [`serve()`] runs until it is told to stop. With a [`PublisherTask`] it also publishes: after changes in the registry, and a third of
//! the way through a head's life.
#![forbid(unsafe_code)]

mod api;
mod error;
mod files;
pub mod limits;
mod log;
mod net;
mod problem;
mod serve;
mod tasks;

pub use api::{ApiOptions, FailureRate, ROUTES as API_ROUTES, document as api_document};
pub use error::Error;
pub use files::stream::places::Streams;
pub use net::accept::Connections;
pub use serve::{Bound, Options, serve, serve_until};
pub use tasks::alerts::Webhook;
pub use tasks::publisher::PublisherTask;
pub use tasks::upkeep::Upkeep;
