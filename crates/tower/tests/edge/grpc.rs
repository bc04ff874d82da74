//! tonic: a service of gRPC behind the check.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use edgelatch_testkit::realm::{record, text};
use edgelatch_tower::{EdgelatchLayer, LayerBuilder, Need, Requirement, Verdict, grpc};
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{NamedService, UnaryService};
use tonic::transport::server::{TcpConnectInfo, TcpIncoming};
use tonic::transport::{Endpoint, Server};
use tonic::{Code, Request, Response, Status};

use crate::common::{builder, runtime, serving};

/// Messages are texts.
#[derive(Clone, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = String;
    type Decode = String;
    type Encoder = Plain;
    type Decoder = Plain;

    fn encoder(&mut self) -> Plain {
        Plain
    }

    fn decoder(&mut self) -> Plain {
        Plain
    }
}

impl Encoder for Plain {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(out, item.as_bytes());
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let length = bytes::Buf::remaining(from);
        let bytes = bytes::Buf::copy_to_bytes(from, length);
        String::from_utf8(bytes.to_vec()).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// Says hello to whoever the key belongs to.
#[derive(Clone)]
struct Greeter;

impl UnaryService<String> for Greeter {
    type Response = String;
    type Future = Ready<Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let verdict = request.extensions().get::<Verdict>().unwrap();
        ready(Ok(Response::new(format!("{} to {}", request.get_ref(), verdict.identity().unwrap().name))))
    }
}

impl NamedService for Greeter {
    const NAME: &'static str = "test.Greeter";
}

impl tower_service::Service<axum::http::Request<Body>> for Greeter {
    type Response = axum::http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: axum::http::Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(tonic::server::Grpc::new(Plain).unary(Greeter, request).await) })
    }
}

async fn served(layer: LayerBuilder) -> u16 {
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = incoming.local_addr().unwrap().port();
    let peer =
        |request: &axum::http::request::Parts| request.extensions.get::<TcpConnectInfo>()?.remote_addr().map(|addr| addr.ip());
    let layer = layer.peer(peer).build().unwrap();
    tokio::spawn(Server::builder().layer(layer).add_service(Greeter).serve_with_incoming(incoming));
    port
}

async fn greet(port: u16, key: Option<String>) -> Result<String, Status> {
    let channel = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect().await.unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let mut request = Request::new("hello".to_owned());
    if let Some(key) = key {
        request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    }
    let path = axum::http::uri::PathAndQuery::from_static("/test.Greeter/Greet");
    client.unary(request, path, Plain).await.map(Response::into_inner)
}

#[test]
fn calls_are_answered_with_statuses_of_grpc() {
    runtime().block_on(async {
        let revoked = edgelatch_testkit::core::build::KeyRecord { revoked: true, ..record(2) };
        let verifier = serving("", vec![record(1), revoked]);
        let need = Need::choose(|info, _| {
            assert_eq!((info.method, info.path), ("POST", "/test.Greeter/Greet"));
            Requirement::permission("greeting.view")
        });
        let port = served(EdgelatchLayer::builder(verifier.clone()).requirement(need).refuse(grpc)).await;
        assert_eq!(greet(port, Some(text(1))).await.unwrap(), "hello to key 1");
        let refused = greet(port, Some(text(2))).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "The API key is not valid."));
        assert_eq!(greet(port, None).await.unwrap_err().code(), Code::Unauthenticated);
        let other =
            served(EdgelatchLayer::builder(verifier).requirement(Requirement::permission("dns.edit")).refuse(grpc)).await;
        assert_eq!(greet(other, Some(text(1))).await.unwrap_err().code(), Code::PermissionDenied);
        let nobody = edgelatch_tower::HttpSource::new("http://127.0.0.1:1/r/acme").unwrap();
        let empty = builder("").follow(nobody).await.unwrap();
        let port = served(EdgelatchLayer::builder(empty).refuse(grpc)).await;
        assert_eq!(greet(port, Some(text(1))).await.unwrap_err().code(), Code::Unavailable);
    });
}
