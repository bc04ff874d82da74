//! Answers to calls of gRPC.

use bytes::Bytes;
use edgelatch_http::Verdict;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response};

/// Statuses of gRPC for those of HTTP, and for what is none of them: `INTERNAL`.
const GRPC: [(u16, &str); 4] = [(400, "3"), (401, "16"), (403, "7"), (503, "14")];

/// For [`refuse`](crate::LayerBuilder::refuse): answers calls of gRPC with a status of gRPC (`UNAUTHENTICATED`, `PERMISSION_DENIED`, `UNAVAILABLE`,
/// `INVALID_ARGUMENT`), and leaves other requests to the usual reply.
pub fn grpc(verdict: &Verdict, request: &Parts) -> Option<Response<Bytes>> {
    let kind = request.headers.get(CONTENT_TYPE)?;
    let reply = verdict.table().filter(|_| kind.as_bytes().starts_with(b"application/grpc"))?;
    let status = GRPC.iter().find(|(status, _)| *status == reply.status).map_or("13", |(_, code)| code);
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from_static(status));
    // It holds no character that would have to be escaped.
    headers.insert(HeaderName::from_static("grpc-message"), HeaderValue::from_static(reply.detail));
    Some(response)
}
