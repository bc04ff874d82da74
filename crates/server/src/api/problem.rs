//! Refusals as RFC 9457 problem details: one table from the registry's codes to statuses, and the core's own replies.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edgelatch_core::verdict::{Challenge, Code, Reply};
use edgelatch_registry::{Error, Kind, management};
use serde::Serialize;
use utoipa::ToSchema;

/// Status and title of each of the registry's codes. Those that are not here are failures of the server: 500.
const STATUSES: [(&str, StatusCode, &str); 19] = [
    ("invalid", StatusCode::UNPROCESSABLE_ENTITY, "A value does not fit"),
    ("not_found", StatusCode::NOT_FOUND, "Not found"),
    ("exists", StatusCode::CONFLICT, "It exists already"),
    ("name_taken", StatusCode::CONFLICT, "The name is taken"),
    ("digest_taken", StatusCode::CONFLICT, "The digest is taken"),
    ("in_use", StatusCode::CONFLICT, "It is in use"),
    ("limit_reached", StatusCode::CONFLICT, "A limit is reached"),
    ("wrong_state", StatusCode::CONFLICT, "Its state does not allow that"),
    ("idempotency_conflict", StatusCode::CONFLICT, "The idempotency key was used for another request"),
    ("count_changed", StatusCode::CONFLICT, "The number has changed"),
    ("unconfirmed", StatusCode::CONFLICT, "A confirmation is missing"),
    ("activity_altered", StatusCode::CONFLICT, "The audit log was altered"),
    ("stale", StatusCode::PRECONDITION_FAILED, "It has changed meanwhile"),
    ("not_allowed", StatusCode::FORBIDDEN, "The org's settings do not allow that"),
    ("forbidden", StatusCode::FORBIDDEN, "This takes authority over the whole realm"),
    ("store_busy", StatusCode::SERVICE_UNAVAILABLE, "The database is busy"),
    ("store_unreachable", StatusCode::SERVICE_UNAVAILABLE, "The database does not answer"),
    ("store_commit_unknown", StatusCode::SERVICE_UNAVAILABLE, "It is not known whether the change was made: look first"),
    ("clock", StatusCode::SERVICE_UNAVAILABLE, "The server's clock is wrong"),
];

/// Seconds until trying again makes sense.
const RETRY_SECONDS: u64 = 2;

/// Problem details (RFC 9457). Replies to a credential that is refused hold the first four members only, and are the same as
/// those of an edge.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Details {
    /// `urn:edgelatch:problem:` and a name.
    #[serde(rename = "type")]
    #[schema(required, pattern = "^urn:edgelatch:problem:[a-z-]+$", examples("urn:edgelatch:problem:invalid"))]
    pub(crate) kind: String,
    /// What kind of problem it is.
    #[schema(required)]
    pub(crate) title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub(crate) status: u16,
    /// What is wrong, where, and what would be right.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required)]
    pub(crate) detail: String,
    /// Stable name for programs.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(required = false, examples("invalid"))]
    pub(crate) code: String,
    /// The member of the body that does not fit (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("/allow/0"))]
    pub(crate) pointer: Option<String>,
    /// The query parameter or header that does not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("limit"))]
    pub(crate) parameter: Option<String>,
    /// Of an import: which lines stand in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) report: Option<edgelatch_registry::ImportReport>,
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// Why a call of the API is refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// What the core answers.
    Verdict(&'static Reply, bool),
    /// What we do.
    Problem(Box<Details>),
    /// A failure of ours: what the client is told, and what the log is.
    Failure(Box<Details>, String),
}

impl Refusal {
    /// A refusal of ours.
    pub(crate) fn new(status: StatusCode, code: &str, title: &str, detail: impl Into<String>) -> Refusal {
        let kind = format!("urn:edgelatch:problem:{}", code.replace('_', "-"));
        let (title, code, detail) = (title.into(), code.into(), detail.into());
        Refusal::Problem(Box::new(Details { kind, title, status: status.as_u16(), detail, code, ..Details::default() }))
    }

    /// A key that does not reach this far.
    pub(crate) fn scope() -> Refusal {
        Refusal::Verdict(Code::ScopeDenied.reply(), false)
    }

    /// No such route or thing.
    pub(crate) fn not_found() -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, "not_found", "Not found", "there is nothing at this path: see /api/v1/openapi.json")
    }

    /// A member of the body that does not fit.
    pub(crate) fn at(pointer: impl Into<String>, reason: impl std::fmt::Display) -> Refusal {
        let pointer = pointer.into();
        let what = if pointer.is_empty() { "the body" } else { pointer.trim_start_matches('/') };
        let detail = format!("`{what}`: {reason}");
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A value does not fit", detail).pointing(Some(pointer), None)
    }

    /// A parameter or header that does not fit.
    pub(crate) fn parameter(name: &str, reason: impl std::fmt::Display) -> Refusal {
        let detail = format!("`{name}`: {reason}");
        let refusal = Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A value does not fit", detail);
        refusal.pointing(None, Some(name.into()))
    }

    /// Too many failures from one address.
    pub(crate) fn throttled(seconds: u64) -> Refusal {
        let detail = format!("too many failed authentications from this address: try again in {seconds} s");
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many failures", detail).retry(seconds)
    }

    /// Too much at a time.
    pub(crate) fn busy(detail: &str) -> Refusal {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The server is busy", detail).retry(RETRY_SECONDS)
    }

    /// A fault of ours.
    pub(crate) fn failure(what: &str) -> Refusal {
        let detail = "the server failed: try again; its log says more";
        match Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "The server failed", detail) {
            Refusal::Problem(details) => Refusal::Failure(details, what.into()),
            other => other,
        }
    }

    fn details(&mut self) -> Option<&mut Details> {
        match self {
            Refusal::Problem(details) | Refusal::Failure(details, _) => Some(details),
            Refusal::Verdict(..) => None,
        }
    }

    /// The same, naming another place.
    pub(crate) fn pointing(mut self, pointer: Option<String>, parameter: Option<String>) -> Refusal {
        if let Some(details) = self.details() {
            (details.pointer, details.parameter) = (pointer, parameter);
        }
        self
    }

    /// What a body's member would be is a parameter of a request that has none.
    pub(crate) fn without_body(mut self) -> Refusal {
        if let Some(details) = self.details() {
            details.parameter = details.parameter.take().or(details.pointer.take().map(|p| p.trim_start_matches('/').into()));
        }
        self
    }

    /// The same, pointing into a member.
    pub(crate) fn below(mut self, member: &str) -> Refusal {
        if let Some(details) = self.details() {
            details.pointer = details.pointer.take().map(|pointer| format!("{member}{pointer}"));
        }
        self
    }

    /// The same without the pointers that are about the path.
    pub(crate) fn in_path(mut self, pointers: &[&str]) -> Refusal {
        if let Some(details) = self.details()
            && details.pointer.as_deref().is_some_and(|pointer| pointers.contains(&pointer))
        {
            details.pointer = None;
        }
        self
    }

    /// The same with an import's report.
    pub(crate) fn reporting(mut self, report: edgelatch_registry::ImportReport) -> Refusal {
        if let Some(details) = self.details() {
            details.report = Some(report);
        }
        self
    }

    fn retry(mut self, seconds: u64) -> Refusal {
        if let Some(details) = self.details() {
            details.retry_after = Some(seconds);
        }
        self
    }
}

/// What a client of the API can do about it, where the registry's own words leave that open.
fn remedy(error: &Error) -> Option<&'static str> {
    match error {
        Error::NotFound { kind, .. } => match kind {
            Kind::Realm => Some("GET /api/v1/realms lists those there are"),
            Kind::Org => Some("GET /api/v1/realms/{realm}/orgs lists those there are"),
            Kind::Owner => Some("GET /api/v1/realms/{realm}/owners lists those there are"),
            Kind::Role => Some("GET /api/v1/realms/{realm}/roles lists those there are"),
            Kind::Key => Some("GET /api/v1/realms/{realm}/keys lists those there are"),
            Kind::Root => None,
        },
        Error::DigestTaken => Some("import another digest"),
        _ => None,
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        let row = STATUSES.iter().find(|(code, ..)| *code == error.code());
        let Some((code, status, title)) = row else {
            return Refusal::failure(&format!("{}: {error}", error.code()));
        };
        if *status == StatusCode::SERVICE_UNAVAILABLE {
            // Where the database lies is not the client's business.
            return match Refusal::new(*status, code, title, "try again in a moment").retry(RETRY_SECONDS) {
                Refusal::Problem(details) => Refusal::Failure(details, error.to_string()),
                other => other,
            };
        }
        let detail = remedy(&error).map_or_else(|| error.to_string(), |remedy| format!("{error}: {remedy}"));
        Refusal::new(*status, code, title, detail).pointing(error.pointer(), None)
    }
}

/// What the log is told of a refusal, beside the answer.
#[derive(Clone, Debug)]
pub(crate) struct Logged(pub(crate) String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Verdict(reply, bare) => verdict(reply, bare),
            Refusal::Problem(details) => respond(&details),
            Refusal::Failure(details, what) => {
                let mut response = respond(&details);
                response.extensions_mut().insert(Logged(what));
                response
            }
        }
    }
}

fn respond(details: &Details) -> Response {
    let status = StatusCode::from_u16(details.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(details).unwrap_or_default();
    let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
    if let Some(seconds) = details.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The core's reply, as every edge gives it.
fn verdict(reply: &Reply, bare: bool) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let details = Details {
        kind: format!("urn:edgelatch:problem:{}", reply.slug),
        title: reply.title.into(),
        status: status.as_u16(),
        detail: reply.detail.into(),
        retry_after: reply.retry_after.map(u64::from),
        ..Details::default()
    };
    let mut response = respond(&details);
    let realm = management::REALM;
    let challenge = match reply.challenge {
        Challenge::None => None,
        _ if bare => None,
        Challenge::Plain => Some(format!("Bearer realm=\"{realm}\"")),
        Challenge::Error(error) => Some(format!("Bearer realm=\"{realm}\", error=\"{error}\"")),
    };
    if let Some(value) = challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}
