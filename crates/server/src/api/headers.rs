//! Headers of a call, read strictly, and how the API's document describes them.

use axum::http::{HeaderMap, StatusCode};
use edgelatch_registry::Idempotency;
use utoipa::IntoParams;

use crate::problem::Problem;

/// The revision to be changed, for operations that change something.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)]
pub(crate) struct IfMatch {
    /// The revision to be changed, as `ETag` had it
    #[param(rename = "If-Match", pattern = r#"^(\*|(W/)?"[^"]*")$"#)]
    if_match: Option<String>,
}

/// The revision to be deleted.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)]
pub(crate) struct IfMatchToDelete {
    /// The revision to be deleted, as `ETag` had it
    #[param(rename = "If-Match", pattern = r#"^(\*|(W/)?"[^"]*")$"#)]
    if_match: Option<String>,
}

/// What a request is known by that may come twice.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)]
pub(crate) struct IdempotencyKey {
    /// Of the client's choice, such as a UUID
    #[param(rename = "Idempotency-Key", pattern = "^[!-~]{1,128}$")]
    idempotency_key: Option<String>,
}

/// The single value of a header; an error when it is repeated or not text.
fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| Problem::parameter(name, "must be visible ASCII characters"));
            text.map(|text| Some(text.trim()))
        }
        _ => Err(Problem::parameter(name, "is given twice")),
    }
}

/// The revision that `If-Match` asks for; none for any.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(text) = header(headers, "if-match")? else { return Ok(None) };
    if text == "*" {
        return Ok(None);
    }
    let strong = text.strip_prefix("W/").unwrap_or(text);
    let inside = strong.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|tag| !tag.contains('"'));
    let tag = inside.ok_or_else(|| Problem::parameter("if-match", "must be one entity tag, such as \"3\", or *"))?;
    match tag.parse::<u64>() {
        Ok(revision) if strong.len() == text.len() && tag == revision.to_string() => Ok(Some(revision)),
        // A weak tag, or one that no answer had, fits no revision.
        _ => Err(Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "stale",
            "It has changed meanwhile",
            "`if-match`: is no entity tag of this resource: read it again and decide on what it is now",
        )),
    }
}

/// What tells this request, made of its line and its body, from others with the same idempotency key.
pub(crate) fn idempotency(headers: &HeaderMap, line: &str, body: &[u8]) -> Result<Option<Idempotency>, Problem> {
    let Some(token) = header(headers, "idempotency-key")? else { return Ok(None) };
    let refused = |_| Problem::parameter("idempotency-key", "must be 1 to 128 visible ASCII characters, such as a UUID");
    Idempotency::new(token, &[line.as_bytes(), body].concat()).map(Some).map_err(refused)
}
