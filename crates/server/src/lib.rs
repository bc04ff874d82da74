//! Serves published snapshots over HTTP and keeps them fresh.
//!
//! | path | answer |
//! |---|---|
//! | `/r/<realm>/head`, `/r/<realm>/bundle` | the current epoch; strong `ETag`, `Cache-Control: no-cache` |
//! | `/r/<realm>/root/<n>`, `/r/<realm>/objects/<hex>` | immutable objects |
//! | `/healthz` | 200 while every published head is alive, 503 otherwise |
//!
//! [`serve`] runs until it is told to stop. With a [`Pilot`] it also publishes: after changes in the registry, and a third of
//! the way through a head's life.
#![forbid(unsafe_code)]

mod health;
mod pilot;
mod problem;
mod site;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::routing::get;

pub use pilot::{Event, Pilot};
pub use problem::Problem;
use site::Site;

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
    pub pilot: Option<Pilot>,
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
    /// The process cannot run threads or take connections.
    #[error("the server failed ({0}): check the limits on threads and open files")]
    Failed(#[from] std::io::Error),
}

impl Error {
    /// Stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Error::Listen { .. } => "listen",
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
    Router::new()
        .route("/r/{realm}/{*path}", get(file))
        .route("/healthz", get(health::answer))
        .fallback(|_: Uri| async { Problem::NOT_FOUND })
        .method_not_allowed_fallback(|| async { Problem::METHOD_NOT_ALLOWED })
        .with_state(site)
}

/// Serves until `stop` resolves. `ready` is told the bound address, `report` what the publisher does.
pub async fn serve_until(
    options: Options,
    ready: impl FnOnce(SocketAddr),
    report: impl Fn(Event) + Send + 'static,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let listen = |source| Error::Listen { addr: options.addr, source };
    let listener = tokio::net::TcpListener::bind(options.addr).await.map_err(listen)?;
    let addr = listener.local_addr()?;
    let pilot = options.pilot.map(|pilot| pilot.start(report)).transpose()?;
    ready(addr);
    let (told, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = axum::serve(listener, routes(options.published)).with_graceful_shutdown(async move {
        stop.await;
        let _ = told.send(());
    });
    // An edge that never finishes reading must not keep the process alive.
    let overdue = async {
        let _ = stopped.await;
        tokio::time::sleep(DRAIN).await;
    };
    let served = tokio::select! {
        served = std::future::IntoFuture::into_future(serving) => served,
        () = overdue => Ok(()),
    };
    if let Some(pilot) = pilot {
        let _ = tokio::task::spawn_blocking(move || drop(pilot)).await;
    }
    served.map_err(Error::from)
}

/// Serves until the process is asked to end (SIGINT or SIGTERM).
pub fn serve(options: Options, ready: impl FnOnce(SocketAddr), report: impl Fn(Event) + Send + 'static) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = asked_to_end()?;
        serve_until(options, ready, report, stop).await
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
