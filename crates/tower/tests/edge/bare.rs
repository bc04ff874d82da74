//! hyper alone: a service of tower without a framework.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use edgelatch_testkit::wire::exchange;
use edgelatch_tower::{Edgelatch, EdgelatchLayer, Peer, Verdict};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower_layer::Layer;
use tower_service::Service;

use crate::common::{ask, bearer, runtime, serving};
use crate::http::{keys, text_of};

/// A service of hyper behind the check: it streams, fails or says hello.
#[derive(Clone)]
struct Bare;

impl Service<Request<Incoming>> for Bare {
    type Response = Response<Body>;
    type Error = &'static str;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, &'static str>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        Box::pin(async move {
            let name = request.extensions().get::<Verdict>().unwrap().identity().unwrap().name.clone();
            match request.uri().path() {
                "/fails" => Err("the handler failed"),
                "/stream" => {
                    let pieces = (0..3).map(|piece| Ok::<_, Infallible>(Bytes::from(format!("{piece} "))));
                    Ok(Response::new(Body::from_stream(futures_util::stream::iter(pieces))))
                }
                "/echo" => Ok(Response::new(Body::new(request.into_body()))),
                _ => Ok(Response::new(Body::from(format!("hello {name}")))),
            }
        })
    }
}

/// Serves one service of tower by hyper alone, and tells it the address of each connection.
async fn hyper_serves(service: Edgelatch<Bare>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, addr) = listener.accept().await.unwrap();
            let mut service = service.clone();
            let told = function(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(Peer(addr.ip()));
                Service::call(&mut service, request)
            });
            tokio::spawn(async move {
                let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), told).await;
            });
        }
    });
    port
}

/// A function as hyper wants one.
fn function<F, R>(call: F) -> TowerToHyperService<Called<F>>
where
    F: FnMut(Request<Incoming>) -> R + Clone,
{
    TowerToHyperService::new(Called(call))
}

#[derive(Clone)]
struct Called<F>(F);

impl<F, R, T, E> Service<Request<Incoming>> for Called<F>
where
    F: FnMut(Request<Incoming>) -> R,
    R: Future<Output = Result<T, E>>,
{
    type Response = T;
    type Error = E;
    type Future = R;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> R {
        (self.0)(request)
    }
}

#[test]
fn hyper_alone_streams_and_fails_as_ever() {
    runtime().block_on(async {
        let port = hyper_serves(EdgelatchLayer::builder(serving("", keys())).build().unwrap().layer(Bare)).await;
        assert_eq!(text_of(&ask(port, "GET /", &[&bearer(8)]).await), "hello key 8");
        assert_eq!(ask(port, "GET /", &[&bearer(6)]).await.status, 403);
        let streamed = ask(port, "GET /stream", &[&bearer(1)]).await;
        assert_eq!((text_of(&streamed), streamed.header("cache-control").as_deref()), ("0 1 2 ".into(), Some("private")));
        let upload = format!("POST /echo HTTP/1.1\r\nhost: h\r\nconnection: close\r\ntransfer-encoding: chunked\r\n{}\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", bearer(1));
        let echoed = tokio::task::spawn_blocking(move || exchange(port, upload.as_bytes(), false)).await.unwrap().unwrap().unwrap();
        assert_eq!((echoed.status, text_of(&echoed)), (200, "abc".into()));
        // hyper closes the connection of a service that failed: no answer, and none of ours.
        let request = format!("GET /fails HTTP/1.1\r\nhost: h\r\n{}\r\n\r\n", bearer(1));
        let answer =
            tokio::task::spawn_blocking(move || exchange(port, request.as_bytes(), false));
        assert!(answer.await.unwrap().unwrap().is_none());
    });
}
