//! Connections: accepted as long as there is room, and closed when the other end stops talking.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use edgelatch_core::ip::Ip;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tower::{ServiceExt, service_fn};
use tracing::instrument::WithSubscriber;

use super::seats::{Answer, Full, Seat, Seated, Seats};
use super::tls::Tls;
use crate::limits::{CONNECTIONS_OF_ADDRESS, HEADER_TIMEOUT, MAX_CONNECTIONS, MAX_HEAD_BYTES, WRITE_TIMEOUT};

/// Pause after a connection could not be accepted, as when too many files are open, and while all are at work.
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

/// How many connections there may be, and their timeouts.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// At a time, without those that became streams. For a further one, one makes room that is not at work; if all are, it waits.
    pub max: u32,
    /// The same for one client address, or one IPv6 network of 64 bits; if all of its connections are at work, a further one is closed.
    pub max_per_address: u32,
    /// Time for a request's head, and between two requests.
    pub head_timeout: Duration,
    /// Time in which a client must take something of an answer.
    pub write_timeout: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Connections {
            max: MAX_CONNECTIONS,
            max_per_address: CONNECTIONS_OF_ADDRESS,
            head_timeout: HEADER_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
        }
    }
}

/// Serves until `stop` changes, then lets what is in flight finish; when this is dropped, that is broken off. With `tls`, nothing is said before the
/// handshake.
pub(crate) async fn accept(
    listener: TcpListener,
    routes: Router,
    limits: Connections,
    tls: Option<Arc<Tls>>,
    mut stop: watch::Receiver<bool>,
) {
    let (seats, graceful) = (Seats::new(limits.max, limits.max_per_address), GracefulShutdown::new());
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head_timeout).max_buf_size(MAX_HEAD_BYTES);
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        let taken = tokio::select! {
            taken = next(&listener, &seats) => taken,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Some((stream, peer, seat)) = taken else { continue };
        let (routes, its) = (routes.clone(), seat.clone());
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            let work = its.work();
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(its.clone());
            let answer = routes.clone().oneshot(request);
            async move { Ok::<_, Infallible>(answer.await?.map(|body| Body::new(Answer::new(body, work)))) }
        });
        let _ = until_acknowledged(&stream, limits.write_timeout);
        // A client that takes nothing for too long holds no seat: its connection fails.
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.write_timeout));
        let (stream, service, watcher) = (Box::pin(stream), TowerToHyperService::new(service), graceful.watcher());
        let (http, tls, mut stop) = (http.clone(), tls.as_ref().map(|tls| tls.acceptor()), stop.clone());
        let serve = async move {
            // It is the client's business why its connection broke.
            let speak = async {
                let _ = match tls {
                    None => watcher.watch(http.serve_connection(seated(stream, &seat), service)).await,
                    Some(acceptor) => {
                        let shaken = tokio::select! {
                            shaken = timeout(limits.head_timeout, acceptor.accept(stream)) => shaken,
                            _ = stop.wait_for(|stop| *stop) => return,
                        };
                        let Ok(Ok(stream)) = shaken else { return };
                        watcher.watch(http.serve_connection(seated(stream, &seat), service)).await
                    }
                };
            };
            tokio::select! {
                () = speak => {}
                () = seat.ended() => {}
            }
        };
        open.spawn(serve.with_current_subscriber());
    }
    drop(listener);
    graceful.shutdown().await;
}

fn seated<S: AsyncRead + AsyncWrite + Unpin>(stream: S, seat: &Seat) -> TokioIo<Seated<S>> {
    TokioIo::new(Seated::new(stream, seat.clone()))
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

/// The next connection that gets a seat; none when it could not be taken, or its address has too many at work.
async fn next(listener: &TcpListener, seats: &Arc<Seats>) -> Option<(TcpStream, Peer, Seat)> {
    let Ok((stream, addr)) = listener.accept().await else {
        sleep(PAUSE).await;
        return None;
    };
    let peer = Peer::of(addr);
    let seat = loop {
        match seats.take(peer.ip()) {
            Ok(seat) => break seat,
            Err(Full::Address) => return None,
            Err(Full::Server) => sleep(PAUSE).await,
        }
    };
    // Answers are small and written at once.
    let _ = stream.set_nodelay(true);
    Some((stream, peer, seat))
}
