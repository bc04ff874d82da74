//! Errors as RFC 9457 problem details. They never repeat what the request said.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A refused or failed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        impl Problem { $(
            $(#[$doc])*
            pub const $name: Problem = Problem { status: StatusCode::$status, code: $code, title: $title };
        )* }
    };
}

problems! {
    /// No such route, realm, root or object.
    NOT_FOUND = NOT_FOUND, "not-found", "There is nothing at this path";
    /// Another method than GET or HEAD.
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED, "method-not-allowed", "Only GET and HEAD are answered here";
    /// A file that should be there could not be read.
    UNREADABLE = SERVICE_UNAVAILABLE, "unreadable", "The published files cannot be read at the moment";
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "type": format!("urn:edgelatch:problem:{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "code": self.code,
        });
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
