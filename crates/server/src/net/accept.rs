//! Connections: accepted as long as there is room, and closed when the other end stops talking.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use edgelatch_core::ip::Ip;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;
use tracing::instrument::WithSubscriber;

use crate::limits::{HEADER_TIMEOUT, MAX_CONNECTIONS, MAX_HEAD_BYTES, WRITE_TIMEOUT};

/// Pause after a connection could not be accepted, as when too many files are open.
const PAUSE: Duration = Duration::from_millis(100);

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Peer {
    fn of(addr: SocketAddr) -> Peer {
        Peer(addr.ip().to_canonical())
    }

    /// As the core writes addresses.
    pub(crate) fn ip(&self) -> Ip {
        self.0.into()
    }
}

/// The place that a connection takes among all of them.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionPlace(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl ConnectionPlace {
    fn new(permit: OwnedSemaphorePermit) -> ConnectionPlace {
        ConnectionPlace(Arc::new(Mutex::new(Some(permit))))
    }

    /// Gives the place to another connection. Whoever does so counts this one elsewhere, and ends it after its response.
    pub(crate) fn leave(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// How many connections there may be, and their timeouts.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// At a time, without those that became streams; further ones wait to be accepted.
    pub max: usize,
    /// Time for a request's head, and between two requests.
    pub head_timeout: Duration,
    /// Time in which a client must take something of an answer.
    pub write_timeout: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Connections { max: MAX_CONNECTIONS, head_timeout: HEADER_TIMEOUT, write_timeout: WRITE_TIMEOUT }
    }
}

/// Serves until `stop` changes, then lets what is in flight finish.
pub(crate) async fn accept(listener: TcpListener, routes: Router, limits: Connections, mut stop: watch::Receiver<bool>) {
    let (room, graceful) = (Arc::new(Semaphore::new(limits.max)), GracefulShutdown::new());
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head_timeout).max_buf_size(MAX_HEAD_BYTES);
    loop {
        let taken = tokio::select! {
            taken = next(&listener, &room) => taken,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Some((stream, addr, place)) = taken else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (peer, place) = (Peer::of(addr), ConnectionPlace::new(place));
        let its = place.clone();
        let service = routes.clone().map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(its.clone());
            request
        });
        let _ = until_acknowledged(&stream, limits.write_timeout);
        // A client that takes nothing for too long holds no place: its connection fails.
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.write_timeout));
        let io = TokioIo::new(Box::pin(stream));
        let connection = graceful.watch(http.serve_connection(io, TowerToHyperService::new(service)));
        let serve = async move {
            // It is the client's business why its connection broke.
            let _ = connection.await;
            drop(place);
        };
        tokio::spawn(serve.with_current_subscriber());
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Ends a connection whose other end has not acknowledged for so long what was sent to it. What is small enough for the buffers of
/// this machine is written at once, so that the write timeout alone would keep a stream of small events to a client that has vanished
/// for the quarter of an hour after which the system gives it up.
#[cfg(target_os = "linux")]
fn until_acknowledged(stream: &TcpStream, timeout: Duration) -> std::io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(timeout))
}

#[cfg(not(target_os = "linux"))]
fn until_acknowledged(_: &TcpStream, _: Duration) -> std::io::Result<()> {
    Ok(())
}

/// A connection, once there is room for one; none when it could not be taken.
async fn next(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.ok()?;
    let (stream, addr) = listener.accept().await.ok()?;
    // Answers are small and written at once.
    let _ = stream.set_nodelay(true);
    Some((stream, addr, place))
}
