//! Runs everything that was asked for, until it is told to stop.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;
use tracing::instrument::WithSubscriber;

use crate::api::{self, ApiOptions};
use crate::error::Error;
use crate::files;
use crate::files::stream::places::Streams;
use crate::limits::DRAIN;
use crate::net::accept::{Connections, accept};
use crate::tasks::alerts::{Webhook, deliver};
use crate::tasks::background::Background;
use crate::tasks::publisher::PublisherTask;
use crate::tasks::upkeep::Upkeep;

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
    /// How many clients there may be, and how long each may take.
    pub connections: Connections,
    /// How many streams of heads there may be beside them.
    pub streams: Streams,
}

impl Options {
    /// The published files only.
    pub fn new(addr: SocketAddr, published: PathBuf) -> Options {
        Options {
            addr,
            published,
            publisher: None,
            api: None,
            upkeep: None,
            webhook: None,
            connections: Connections::default(),
            streams: Streams::default(),
        }
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

/// Serves until `stop` resolves. `ready` is told the bound addresses; what is done and what fails goes to the log that is in force
/// where this is called.
pub async fn serve_until(
    options: Options,
    ready: impl FnOnce(Bound),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let Options { addr, published, publisher, api, upkeep, webhook, connections, streams } = options;
    let listener = listen(addr).await?;
    let mut bound = Bound { files: listener.local_addr()?, api: None };
    let (tell, told) = watch::channel(false);
    let (files, streaming) = files::routes(published, streams, told.clone());
    let mut sites = vec![(listener, files)];
    let mut writer = None;
    let publisher = publisher.map(|task| task.start(streaming.published())).transpose()?;
    if let Some(options) = &api {
        let (routes, task) = api::start(options, streaming.places(), publisher.as_ref().map(Background::waker))?;
        writer = Some(task);
        match options.addr.filter(|own| *own != addr) {
            None => {
                bound.api = Some(bound.files);
                sites = sites.into_iter().map(|(listener, files)| (listener, files.merge(routes.clone()))).collect();
            }
            Some(own) => {
                let listener = listen(own).await?;
                bound.api = Some(listener.local_addr()?);
                sites.push((listener, files::or_nothing(routes)));
            }
        }
    }
    let mut serving = JoinSet::new();
    if let (Some(webhook), Some(upkeep)) = (webhook, &upkeep) {
        serving.spawn(deliver(webhook, Arc::clone(&upkeep.registry), told.clone()).with_current_subscriber());
    }
    let upkeep = upkeep.map(Upkeep::start).transpose()?;
    serving.spawn(streaming.look_after().with_current_subscriber());
    ready(bound);
    for (listener, routes) in sites {
        serving.spawn(accept(listener, routes, connections, told.clone()).with_current_subscriber());
    }
    stop.await;
    let _ = tell.send(true);
    // An edge that never finishes reading must not keep the process alive.
    let _ = timeout(DRAIN, async { while serving.join_next().await.is_some() {} }).await;
    serving.shutdown().await;
    let _ = spawn_blocking(move || drop((publisher, upkeep))).await;
    // It ends when the last connection is gone. One that does not end is not waited for.
    if let Some(writer) = writer {
        let _ = timeout(DRAIN, writer).await;
    }
    Ok(())
}

async fn listen(addr: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(addr).await.map_err(|source| Error::Listen { addr, source })
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
