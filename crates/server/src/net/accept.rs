//! Connections: taken as long as there is room, and ended when the other end stops talking.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use edgelatch_core::ip::Ip;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;
use tracing::instrument::WithSubscriber;

use super::stall::Stalling;
use crate::limits::{HEADER_TIMEOUT, MAX_CONNECTIONS, MAX_HEAD_BYTES, WRITE_TIMEOUT};

/// After a failure to take a connection, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Peer {
    fn of(addr: SocketAddr) -> Peer {
        Peer(addr.ip().to_canonical())
    }

    /// As the core has it.
    pub(crate) fn ip(&self) -> Ip {
        self.0.into()
    }
}

/// How long clients may take, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a request's head, and between two requests.
    pub head: Duration,
    /// Until something of an answer is taken.
    pub write: Duration,
    /// Connections at a time; further ones wait.
    pub connections: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { head: HEADER_TIMEOUT, write: WRITE_TIMEOUT, connections: MAX_CONNECTIONS }
    }
}

/// Serves until `stop` changes, then lets what is in flight finish.
pub(crate) async fn accept(listener: TcpListener, routes: Router, patience: Patience, mut stop: watch::Receiver<bool>) {
    let (room, graceful) = (Arc::new(Semaphore::new(patience.connections)), GracefulShutdown::new());
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience.head).max_buf_size(MAX_HEAD_BYTES);
    loop {
        let taken = tokio::select! {
            taken = next(&listener, &room) => taken,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Some((stream, addr, place)) = taken else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let peer = Peer::of(addr);
        let service = routes.clone().map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer);
            request
        });
        let io = TokioIo::new(Stalling::new(stream, patience.write));
        let connection = graceful.watch(http.serve_connection(io, TowerToHyperService::new(service)));
        let serve = async move {
            // A connection that breaks is the client's business.
            let _ = connection.await;
            drop(place);
        };
        tokio::spawn(serve.with_current_subscriber());
    }
    drop(listener);
    graceful.shutdown().await;
}

/// A connection, once there is room for one; none when it could not be taken.
async fn next(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.ok()?;
    let (stream, addr) = listener.accept().await.ok()?;
    // Answers are small and written at once.
    let _ = stream.set_nodelay(true);
    Some((stream, addr, place))
}
