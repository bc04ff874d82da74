//! Serves published snapshots over HTTP and keeps them fresh.
//!
//! | path | answer |
//! |---|---|
//! | `/r/<realm>/head`, `/r/<realm>/bundle` | the current epoch; strong `ETag`, `Cache-Control: no-cache` |
//! | `/r/<realm>/stream` | the current head and each later one as server-sent events, with patches where they are small |
//! | `/r/<realm>/root/<n>`, `/r/<realm>/objects/<hex>` | immutable objects |
//! | all of these, with [`Options::readers`] | the same, to whoever has a management key that may read the realm |
//! | `/healthz`, `/readyz`, `/livez` | what is wrong; whether traffic should come here; whether the process answers |
//! | `/api/v1/…` | the management API, for holders of management keys; `/api/v1/openapi.json` describes it |
//! | `/console/…` | the same for people, in a browser |
//!
//! | read | for |
//! |---|---|
//! | `serve` | running everything that was asked for, until it is told to stop |
//! | `net` | connections and what limits them |
//! | `files` | published files |
//! | `health`, `measures` | what is wrong, and since when; what was counted and timed |
//! | [`Traces`] | what whoever keeps traces is told |
//! | `api` | the management API: who may call, and its endpoints |
//! | `console` | pages over the management API |
//! | `oidc` | signing in to it at an identity provider |
//! | `tasks` | publishing, upkeep, delivery of events |
//! | [`Remote`] | what is published at an address, for whoever compares |
//! | `problem` | the one form in which anything is refused |
//! | [`limits`], `log` | every bound, with its reason; what is logged under which name |
//!
//! [`serve()`] runs until it is told to stop. With [`Publishing`] it also publishes: after changes in the registry, and a third of
//! the way through a head's life; or it copies what another node publishes.
#![forbid(unsafe_code)]

mod api;
mod console;
mod error;
mod files;
mod health;
pub mod limits;
mod log;
mod measures;
mod net;
mod oidc;
mod problem;
mod remote;
mod serve;
mod tasks;
mod traces;

pub use api::{ApiOptions, FailureRate, ROUTES as API_ROUTES, document as api_document};
pub use console::ConsoleOptions;
pub use error::Error;
pub use files::readers::Readers;
pub use files::stream::places::Streams;
pub use health::{Health, Severity, Trouble};
pub use net::accept::Connections;
pub use net::tls::TlsFiles;
pub use oidc::{Oidc, OidcRule};
pub use remote::Remote;
pub use serve::{Bound, Options, serve, serve_until};
pub use tasks::geoip::GeoIp;
pub use tasks::publishing::options::{Begin, Begun, Publishing, Realms};
pub use tasks::upkeep::Upkeep;
pub use tasks::watch::examine;
pub use tasks::watch::peppers::Peppers;
pub use tasks::webhook::Webhook;
pub use traces::{CallTrace, PublicationTrace, Traces};
