//! Serves published snapshots over HTTP and keeps them fresh.
//!
//! | path | answer |
//! |---|---|
//! | `/r/<realm>/head`, `/r/<realm>/bundle` | the current epoch; strong `ETag`, `Cache-Control: no-cache` |
//! | `/r/<realm>/root/<n>`, `/r/<realm>/objects/<hex>` | immutable objects |
//! | `/healthz` | 200 while every published head is alive, 503 otherwise |
//! | `/api/v1/…` | the management API, for holders of management keys; `/api/v1/openapi.json` describes it |
//!
//! [`serve`] runs until it is told to stop. With a [`PublisherTask`] it also publishes: after changes in the registry, and a third of
//! the way through a head's life.
#![forbid(unsafe_code)]

mod api;
mod files;
pub mod limits;
mod log;
mod net;
mod problem;
mod tasks;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::routing::get;

use api::Api;
pub use api::{ApiOptions, FailureRate, ROUTES as API_ROUTES, document as api_document};
use files::site::{self, Site};
pub use net::accept::Patience;
use net::accept::accept;
pub use problem::Problem;
pub use tasks::alerts::Webhook;
pub use tasks::publisher::PublisherTask;
pub use tasks::upkeep::Upkeep;
use tracing::instrument::WithSubscriber;

/// Requests in flight may take this long after the signal to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// What to serve, and where.
#[derive(Debug)]
pub struct Options {
    /// The address to listen on; port 0 takes a free one.
    pub addr: SocketAddr,
    /// The published directory, above `r/`.
    pub published: PathBuf,
    /// The publisher to run beside it.
    pub publisher: Option<PublisherTask>,
    /// The management API to serve.
    pub api: Option<ApiOptions>,
    /// The registry to look after.
    pub upkeep: Option<Upkeep>,
    /// Where the registry's alerts go: the one that is looked after.
    pub webhook: Option<Webhook>,
    /// How long clients may take, and how many there may be.
    pub patience: Patience,
}

impl Options {
    /// The published files only.
    pub fn new(addr: SocketAddr, published: PathBuf) -> Options {
        Options { addr, published, publisher: None, api: None, upkeep: None, webhook: None, patience: Patience::default() }
    }
}

/// Where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// For the published files.
    pub files: SocketAddr,
    /// For the management API.
    pub api: Option<SocketAddr>,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, not ours, or a privileged port.
    #[error("{addr}: cannot listen ({source}): choose another --addr, or end the process that holds it")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The rule for the client's address is not one.
    #[error("the rule for the client's address: {detail}")]
    ClientIp {
        /// What is wrong with it.
        detail: String,
    },
    /// The process cannot run threads or take connections.
    #[error("the server failed ({0}): check the limits on threads and open files")]
    Failed(#[from] std::io::Error),
}

impl Error {
    /// Stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Error::Listen { .. } => "listen",
            Error::ClientIp { .. } => "bad_config",
            Error::Failed(_) => "server",
        }
    }
}

/// The routes over a published directory.
pub fn routes(published: PathBuf) -> Router {
    let site = Arc::new(Site::new(published));
    let file = |State(site): State<Arc<Site>>, Path((realm, path)): Path<(String, String)>, headers: HeaderMap| {
        site::answer(site, realm, path, headers)
    };
    let routes = Router::new()
        .route("/r/{realm}/{*path}", get(file))
        .route("/healthz", get(files::health::answer))
        .method_not_allowed_fallback(|| async { Problem::METHOD_NOT_ALLOWED })
        .with_state(site);
    elsewhere(routes)
}

/// Serves until `stop` resolves. `ready` is told the bound addresses; what is done and what fails goes to the log that is in force
/// where this is called.
pub async fn serve_until(
    options: Options,
    ready: impl FnOnce(Bound),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let Options { addr, published, publisher, api, upkeep, webhook, patience } = options;
    let listener = listen(addr).await?;
    let mut bound = Bound { files: listener.local_addr()?, api: None };
    let mut sites = vec![(listener, routes(published))];
    let mut writer = None;
    if let Some(options) = &api {
        let (api, thread) = Api::start(options)?;
        writer = Some(thread);
        match options.addr.filter(|own| *own != addr) {
            None => {
                bound.api = Some(bound.files);
                sites = sites.into_iter().map(|(listener, routes)| (listener, routes.merge(api.routes()))).collect();
            }
            Some(own) => {
                let listener = listen(own).await?;
                bound.api = Some(listener.local_addr()?);
                sites.push((listener, elsewhere(api.routes())));
            }
        }
    }
    let (tell, told) = tokio::sync::watch::channel(false);
    let mut serving = tokio::task::JoinSet::new();
    if let (Some(webhook), Some(upkeep)) = (webhook, &upkeep) {
        serving.spawn(tasks::alerts::deliver(webhook, Arc::clone(&upkeep.registry), told.clone()).with_current_subscriber());
    }
    let upkeep = upkeep.map(Upkeep::start).transpose()?;
    let publisher = publisher.map(PublisherTask::start).transpose()?;
    ready(bound);
    for (listener, routes) in sites {
        serving.spawn(accept(listener, routes, patience, told.clone()).with_current_subscriber());
    }
    stop.await;
    let _ = tell.send(true);
    // An edge that never finishes reading must not keep the process alive.
    let _ = tokio::time::timeout(DRAIN, async { while serving.join_next().await.is_some() {} }).await;
    serving.shutdown().await;
    let _ = tokio::task::spawn_blocking(move || {
        drop((publisher, upkeep));
        // It ends when the last connection is gone; one that hangs on does not hold it up.
        if let Some(writer) = writer {
            let end = std::time::Instant::now() + DRAIN;
            while !writer.is_finished() && std::time::Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    })
    .await;
    Ok(())
}

async fn listen(addr: SocketAddr) -> Result<tokio::net::TcpListener, Error> {
    tokio::net::TcpListener::bind(addr).await.map_err(|source| Error::Listen { addr, source })
}

/// What stands where nothing is.
fn elsewhere(routes: Router) -> Router {
    routes.fallback(|_: Uri| async { Problem::NOT_FOUND })
}

/// Serves until the process is asked to end (SIGINT or SIGTERM).
pub fn serve(options: Options, ready: impl FnOnce(Bound)) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = asked_to_end()?;
        serve_until(options, ready, stop).await
    })
}

#[cfg(unix)]
fn asked_to_end() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    })
}

#[cfg(not(unix))]
fn asked_to_end() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
