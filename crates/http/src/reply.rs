//! The answer to a refused request: a problem document (RFC 9457), with a challenge where RFC 6750 wants one. Every host answers the same bytes.

use bytes::Bytes;
use edgelatch_core::verdict::{Challenge, Code, Reply};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::verdict::{Verdict, value};

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const PRIVATE: HeaderValue = HeaderValue::from_static("private");

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

/// What a request that may not go on is answered with; `None` for one that may: an accepted one, a preflight that may pass, and, where keys are `optional`, one
/// without any. `own` is asked for an answer in place of the usual one. Its `Cache-Control` is `no-store` where it says nothing else, and it has no body to
/// HEAD.
pub fn refusal(verdict: &Verdict, optional: bool, own: impl FnOnce() -> Option<Response<Bytes>>) -> Option<Response<Bytes>> {
    if verdict.preflight() || (optional && verdict.code() == Code::Missing) {
        return None;
    }
    let usual = verdict.reply()?;
    let Some(mut own) = own() else { return Some(usual) };
    own.headers_mut().entry(CACHE_CONTROL).or_insert(NO_STORE);
    if verdict.to_head() {
        let length = own.body().len();
        own.headers_mut().entry(CONTENT_LENGTH).or_insert(length.into());
        own.body_mut().clear();
    }
    Some(own)
}

/// Whether an inbound header is to be taken off the request: what comes from outside under the name of an identity is forged. `_` too, which CGI and
/// its heirs do not tell from `-`.
pub fn is_identity(name: &HeaderName) -> bool {
    let bytes = name.as_str().as_bytes();
    let dash = |byte: Option<&u8>| matches!(byte, Some(b'-' | b'_'));
    bytes.starts_with(b"x") && dash(bytes.get(1)) && bytes.get(2..11) == Some(b"edgelatch") && dash(bytes.get(11))
}

/// What the response to an accepted request says to caches where the handler says nothing else: that it is kept by none that is shared (RFC 9111 section 3.5
/// protects `Authorization` only), and that credential headers tell it apart.
///
/// `control` says whether the handler has said anything by `Cache-Control`, `vary` are the values of its `Vary` lines. Returns values for one line of each,
/// as far as they are to be added.
pub fn caching<'a>(
    verdict: &Verdict,
    control: bool,
    vary: impl Iterator<Item = &'a HeaderValue>,
) -> (Option<HeaderValue>, Option<HeaderValue>) {
    let own = vary.map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b", "[..]);
    ((!control).then_some(PRIVATE), varying(&own, verdict.vary()))
}

/// The names that are missing in a list of names; `None` where it holds all, or `*`.
fn varying(own: &[u8], names: &str) -> Option<HeaderValue> {
    let named = |name: &str| own.split(|b| *b == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
    let missing: Vec<&str> = names.split(", ").filter(|name| !named(name)).collect();
    (!missing.is_empty() && !named("*")).then(|| value(&missing.join(", ")))
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
        let told =
            |own: &str| varying(own.as_bytes(), "Authorization, X-API-Key").map(|line| line.to_str().unwrap().to_owned());
        assert_eq!(told(""), Some("Authorization, X-API-Key".into()));
        assert_eq!(told("accept, authorization"), Some("X-API-Key".into()));
        assert_eq!(told("accept, x-api-key,AUTHORIZATION"), None);
        assert_eq!(told("*"), None);
    }

    #[test]
    fn forged_identities_are_told_from_other_names() {
        let forged = |name: &str| is_identity(&HeaderName::from_bytes(name.as_bytes()).unwrap());
        for name in ["x-edgelatch-key-id", "X-Edgelatch_Org", "x_edgelatch-a", "x_edgelatch_", "X-EDGELATCH-A"] {
            assert!(forged(name), "{name}");
        }
        for name in ["x-edgelatch", "x-api-key", "xedgelatch-a", "y-edgelatch-a"] {
            assert!(!forged(name), "{name}");
        }
    }
}
