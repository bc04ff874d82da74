//! Runs everything that was asked for, until it is told to stop.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use edgelatch_registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::instrument::WithSubscriber;

use crate::api::{self, ApiOptions};
use crate::console::{self, ConsoleOptions};
use crate::error::Error;
use crate::files;
use crate::files::readers::{Guard, Readers};
use crate::files::stream::places::Streams;
use crate::health::{Health, endpoints};
use crate::limits::{DRAIN, END, WRITE_DOWN};
use crate::net::accept::{Connections, accept};
use crate::net::tls::{Tls, TlsFiles};
use crate::oidc;
use crate::tasks::background::{Background, Waker};
use crate::tasks::publishing::Running;
use crate::tasks::publishing::known::Known;
use crate::tasks::publishing::options::Publishing;
use crate::tasks::upkeep::Upkeep;
use crate::tasks::watch::{Watch, Watched};
use crate::tasks::webhook::{Webhook, deliver};
use crate::traces::Traces;

/// What to serve, and where.
#[derive(Debug)]
pub struct Options {
    /// The address to listen on; port 0 takes a free one.
    pub addr: SocketAddr,
    /// The published directory, above `r/`.
    pub published: PathBuf,
    /// Who may read it, where not everybody may.
    pub readers: Option<Readers>,
    /// The publishing to do beside it, and the copying of what others publish.
    pub publishing: Option<Publishing>,
    /// The management API to serve.
    pub api: Option<ApiOptions>,
    /// The console to serve beside it.
    pub console: Option<ConsoleOptions>,
    /// The registry to look after.
    pub upkeep: Option<Upkeep>,
    /// Where the registry's events go: the one that is looked after.
    pub webhook: Option<Webhook>,
    /// How many clients there may be, and how long each may take.
    pub connections: Connections,
    /// How many streams of heads there may be beside them.
    pub streams: Streams,
    /// The certificate that clients are shown; without one, nothing is encrypted.
    pub tls: Option<TlsFiles>,
    /// What is wrong, for the endpoints and for whoever finds more.
    pub health: Health,
    /// Who keeps traces, if anybody does.
    pub traces: Option<Arc<dyn Traces>>,
}

impl Options {
    /// The published files only.
    pub fn new(addr: SocketAddr, published: PathBuf) -> Options {
        Options {
            addr,
            published,
            readers: None,
            publishing: None,
            api: None,
            console: None,
            upkeep: None,
            webhook: None,
            connections: Connections::default(),
            streams: Streams::default(),
            tls: None,
            health: Health::default(),
            traces: None,
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
    let Options {
        addr,
        published,
        readers,
        publishing,
        api,
        console,
        upkeep,
        webhook,
        connections,
        streams,
        tls,
        health,
        traces,
    } = options;
    let tls = tls.map(|files| Tls::open(&files)).transpose().map_err(|detail| Error::Tls { detail })?.map(Arc::new);
    let guard = readers.map(Guard::new).transpose()?;
    // Both addresses first, and whatever else may be refused: whoever cannot serve publishes nothing either, and another node goes on.
    let listener = listen(addr).await?;
    let own = match api.as_ref().and_then(|api| api.addr).filter(|own| *own != addr) {
        Some(own) => Some(listen(own).await?),
        None => None,
    };
    let mut bound = Bound { files: listener.local_addr()?, api: None };
    let (tell, told) = watch::channel(false);
    let known = Known::of(publishing.as_ref());
    let watched = Watched { health, traces, ..Watched::default() };
    let watch = Watch {
        published: published.clone(),
        registry: registry_of(publishing.as_ref(), api.as_ref(), upkeep.as_ref()),
        publishes: publishing.is_some(),
        peppers: publishing.as_ref().map(|publishing| Arc::clone(&publishing.peppers)),
        delivers: webhook.is_some(),
        tls: tls.clone(),
        fresh: Arc::clone(&known.fresh),
        watched: watched.clone(),
    };
    let (files, streaming) = files::routes(published, guard, watched.clone(), streams, told.clone(), &known);
    let (waker, woken) = Waker::new();
    let mut writer = None;
    let mut sites = Vec::new();
    match (&api, own) {
        (None, _) => sites.push((listener, files)),
        (Some(options), own) => {
            let wakes = publishing.is_some().then(|| waker.clone());
            let (routes, task) = api::start(options, streaming.places(), watched.clone(), wakes, &known, told.clone())?;
            let routes = match console {
                Some(console) => {
                    if let Some(oidc) = &console.oidc {
                        oidc::begin(&options.registry, oidc).await?;
                    }
                    let (registry, watched) = (Arc::clone(&options.registry), watched.clone());
                    let console = console::routes(console, registry, routes.clone(), watched, webhook.is_some());
                    console.map_err(|source| Error::Provider { source })?.merge(routes)
                }
                None => routes,
            };
            writer = Some(task);
            bound.api = Some(own.as_ref().map_or(Ok(bound.files), TcpListener::local_addr)?);
            match own {
                None => sites.push((listener, files.merge(routes))),
                Some(own) => sites.extend([
                    (listener, files),
                    (own, files::or_nothing(routes.merge(endpoints::routes(watched.clone(), told.clone())))),
                ]),
            }
        }
    }
    let publishing =
        publishing.map(|publishing| publishing.start((waker, woken), streaming.published(), known, watched)).transpose()?;
    let mut serving = JoinSet::new();
    if let (Some(webhook), Some(upkeep)) = (webhook, &upkeep) {
        serving.spawn(deliver(webhook, Arc::clone(&upkeep.registry), told.clone()).with_current_subscriber());
    }
    let upkeep = upkeep.map(Upkeep::start).transpose()?;
    serving.spawn(streaming.look_after().with_current_subscriber());
    // So that nobody is told that all is well before it was looked at.
    watch.start(&mut serving, &told).await;
    ready(bound);
    for (listener, routes) in sites {
        serving.spawn(accept(listener, routes, connections, tls.clone(), told.clone()).with_current_subscriber());
    }
    stop.await;
    let until = Instant::now() + END;
    let _ = tell.send(true);
    // Leases first, so that another node goes on while clients are still answered.
    publishing.iter().for_each(Running::stop);
    upkeep.iter().for_each(Background::stop);
    let ended = spawn_blocking(move || drop((publishing, upkeep)));
    // An edge that never finishes reading must not keep the process alive.
    let _ = timeout(DRAIN, async { while serving.join_next().await.is_some() {} }).await;
    serving.shutdown().await;
    let _ = timeout_at(until, ended).await;
    // It ends when the last connection is gone. One that does not end is not waited for.
    if let Some(writer) = writer {
        let _ = timeout(WRITE_DOWN, writer).await;
    }
    Ok(())
}

/// The registry that this server works on, if it does.
fn registry_of(publishing: Option<&Publishing>, api: Option<&ApiOptions>, upkeep: Option<&Upkeep>) -> Option<Arc<Registry>> {
    let all = [
        api.map(|api| &api.registry),
        upkeep.map(|upkeep| &upkeep.registry),
        publishing.map(|publishing| &publishing.registry),
    ];
    all.into_iter().flatten().next().map(Arc::clone)
}

async fn listen(addr: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(addr).await.map_err(|source| Error::Listen { addr, source })
}

/// Serves until the process is asked to end (SIGINT or SIGTERM).
pub fn serve(options: Options, ready: impl FnOnce(Bound)) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let stop = asked_to_end()?;
        serve_until(options, ready, stop).await
    });
    // What still waits for a disk or a database would be waited for else.
    runtime.shutdown_background();
    served
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
