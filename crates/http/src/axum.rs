//! Extractors for axum's handlers.

use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use crate::verdict::{Identity, Verdict};

/// Why a handler was not told who calls.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Unchecked {
    /// No check stands in front of the route: a fault of the program (500).
    NoLayer,
    /// The request goes on without a key, as where one is optional, to a handler that wants one: the usual reply.
    Refused(Verdict),
}

impl IntoResponse for Unchecked {
    fn into_response(self) -> Response {
        let reply = match self {
            Unchecked::NoLayer => None,
            Unchecked::Refused(verdict) => verdict.reply(),
        };
        match reply {
            Some(reply) => reply.map(Body::from),
            None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

fn verdict(parts: &Parts) -> Result<&Verdict, Unchecked> {
    parts.extensions.get::<Verdict>().ok_or(Unchecked::NoLayer)
}

impl<S: Send + Sync> FromRequestParts<S> for Verdict {
    type Rejection = Unchecked;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Unchecked> {
        verdict(parts).cloned()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Identity {
    type Rejection = Unchecked;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Unchecked> {
        let verdict = verdict(parts)?;
        verdict.identity().cloned().ok_or_else(|| Unchecked::Refused(verdict.clone()))
    }
}

/// `None` for a request that goes on without a key.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Identity {
    type Rejection = Unchecked;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Unchecked> {
        Ok(verdict(parts)?.identity().cloned())
    }
}
