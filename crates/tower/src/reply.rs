//! The answer to a refused request: a problem document (RFC 9457), with a challenge where RFC 6750 wants one. Every host answers the same bytes.

use bytes::Bytes;
use edgelatch_core::verdict::{Challenge, Reply};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::verdict::{Verdict, value};

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// RFC 9457, in the order in which every host writes it.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

/// The body of a reply.
pub(crate) fn body(reply: &Reply) -> String {
    let kind = format!("urn:edgelatch:problem:{}", reply.slug);
    let problem = Problem { r#type: &kind, title: reply.title, status: reply.status, detail: reply.detail };
    serde_json::to_string(&problem).unwrap_or_default()
}

/// The response to a refused request. Nothing in it comes from the request.
pub(crate) fn response(reply: &Reply, challenge: &str, bare: bool, head: bool) -> Response<Bytes> {
    let body = Bytes::from(body(reply));
    let length = body.len();
    let mut response = Response::new(if head { Bytes::new() } else { body });
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, PROBLEM);
    headers.insert(CACHE_CONTROL, NO_STORE);
    if head {
        // Servers would say 0, which is not what the reply to GET has (RFC 9110 section 8.6).
        headers.insert(CONTENT_LENGTH, length.into());
    }
    match reply.challenge {
        _ if bare => {}
        Challenge::None => {}
        Challenge::Plain => drop(headers.insert(WWW_AUTHENTICATE, value(challenge))),
        Challenge::Error(error) => drop(headers.insert(WWW_AUTHENTICATE, value(&format!("{challenge}, error=\"{error}\"")))),
    }
    if let Some(seconds) = reply.retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    response
}

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
    headers.insert(HeaderName::from_static("grpc-message"), value(reply.detail));
    Some(response)
}

/// Whether an inbound header is to be taken off the request: what comes from outside under the name of an identity is forged. `_` too, which CGI and
/// its heirs do not tell from `-`.
fn is_identity(name: &HeaderName) -> bool {
    let bytes = name.as_str().as_bytes();
    let dash = |byte: Option<&u8>| matches!(byte, Some(b'-' | b'_'));
    bytes.starts_with(b"x") && dash(bytes.get(1)) && bytes.get(2..11) == Some(b"edgelatch") && dash(bytes.get(11))
}

/// Takes forged identities off a request.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let forged: Vec<HeaderName> = headers.keys().filter(|name| is_identity(name)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
}

/// What the response to an accepted request says to caches, where the handler says nothing else: kept by none that is shared (RFC 9111 section 3.5
/// protects `Authorization` only), and told apart by the credential headers.
pub(crate) fn tell_caches(headers: &mut HeaderMap, vary: &str) {
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private"));
    let own = headers.get_all(http::header::VARY).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b", "[..]);
    let named = |name: &str| own.split(|b| *b == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
    if named("*") {
        return;
    }
    let missing: Vec<&str> = vary.split(", ").filter(|name| !named(name)).collect();
    if !missing.is_empty() {
        headers.append(http::header::VARY, value(&missing.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgelatch_core::verdict::CODES;

    /// What the TypeScript SDK answers with.
    const TYPESCRIPT: &str = include_str!("../../../js/src/generated/codes.ts");

    #[test]
    fn bodies_are_those_of_the_sdk_to_the_byte() {
        for row in CODES.iter().filter(|row| row.reply.status != 0) {
            let quoted = serde_json::Value::from(body(row.reply)).to_string();
            let line = format!("name: \"{}\", status: {},", row.name, row.reply.status);
            let found = TYPESCRIPT.lines().find(|found| found.contains(&line)).expect(row.name);
            assert!(found.contains(&format!("body: {quoted} }}")), "{}: {quoted}", row.name);
        }
    }

    #[test]
    fn a_handlers_own_word_to_caches_stays() {
        let told = |own: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in own {
                headers.append(*name, HeaderValue::from_static(value));
            }
            tell_caches(&mut headers, "Authorization, X-API-Key");
            let all =
                |name: &str| headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join("; ");
            (all("cache-control"), all("vary"))
        };
        let usual = ("private".to_owned(), "Authorization, X-API-Key".to_owned());
        assert_eq!(told(&[]), usual);
        assert_eq!(told(&[("cache-control", "no-cache")]).0, "no-cache");
        assert_eq!(told(&[("vary", "accept, authorization")]).1, "accept, authorization; X-API-Key");
        assert_eq!(told(&[("vary", "accept"), ("vary", "x-api-key,AUTHORIZATION")]).1, "accept; x-api-key,AUTHORIZATION");
        assert_eq!(told(&[("vary", "*")]).1, "*");
    }

    #[test]
    fn forged_identities_are_taken_off() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-edgelatch-key-id",
            "X-Edgelatch_Org",
            "x_edgelatch-a",
            "x-edgelatch",
            "x-api-key",
            "xedgelatch-a",
            "y-edgelatch-a",
        ] {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("v"));
        }
        strip(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["x-api-key", "x-edgelatch", "xedgelatch-a", "y-edgelatch-a"]);
    }
}
