//! Problem details (RFC 9457): the one form in which anything is refused, of the API and of published files alike.
//!
//! What a client made up is not repeated, but for names that can be no secret. A credential that is refused is answered as an
//! edge answers it, with the core's own words.

use std::fmt::Display;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edgelatch_core::verdict::{Challenge, Code, Reply};
use edgelatch_registry::{Error, ImportReport, Kind, RefusedKey, management};
use serde::Serialize;
use utoipa::ToSchema;

/// Status and title of each of the registry's codes. Those that are not here are failures of the server: 500.
const STATUSES: [(&str, StatusCode, &str); 28] = [
    ("invalid", StatusCode::UNPROCESSABLE_ENTITY, "A value does not fit"),
    ("not_found", StatusCode::NOT_FOUND, "Not found"),
    ("secret_unknown", StatusCode::NOT_FOUND, "No key has this secret"),
    ("exists", StatusCode::CONFLICT, "It exists already"),
    ("name_taken", StatusCode::CONFLICT, "The name is taken"),
    ("digest_taken", StatusCode::CONFLICT, "The digest is taken"),
    ("in_use", StatusCode::CONFLICT, "It is in use"),
    ("realm_in_use", StatusCode::CONFLICT, "Edges may still accept its keys"),
    ("import_running", StatusCode::CONFLICT, "An import is under way"),
    ("import_under_way", StatusCode::CONFLICT, "Another import is under way"),
    ("import_overtaken", StatusCode::CONFLICT, "Something came in between"),
    ("limit_reached", StatusCode::CONFLICT, "A limit is reached"),
    ("wrong_state", StatusCode::CONFLICT, "Its state does not allow that"),
    ("idempotency_conflict", StatusCode::CONFLICT, "The idempotency key was used for another request"),
    ("count_changed", StatusCode::CONFLICT, "The number has changed"),
    ("partly_done", StatusCode::CONFLICT, "A part was done"),
    ("link_ended", StatusCode::NOT_FOUND, "The link counts no more"),
    ("key_ended", StatusCode::FORBIDDEN, "The caller's key is not accepted any more"),
    ("unconfirmed", StatusCode::CONFLICT, "A confirmation is missing"),
    ("activity_altered", StatusCode::CONFLICT, "The audit log was altered"),
    ("stale", StatusCode::PRECONDITION_FAILED, "It has changed meanwhile"),
    ("not_allowed", StatusCode::FORBIDDEN, "The org's settings do not allow that"),
    ("exceeds_authority", StatusCode::FORBIDDEN, "This grants more than the caller's key holds"),
    ("forbidden", StatusCode::FORBIDDEN, "This takes authority over the whole realm"),
    ("store_busy", StatusCode::SERVICE_UNAVAILABLE, "The database is busy"),
    ("store_unreachable", StatusCode::SERVICE_UNAVAILABLE, "The database does not answer"),
    ("store_commit_unknown", StatusCode::SERVICE_UNAVAILABLE, "It is not known whether the change was made: look first"),
    ("clock", StatusCode::SERVICE_UNAVAILABLE, "The server's clock is wrong"),
];

/// Seconds after which a client may try again when the server or its database was busy.
const RETRY_SECONDS: u64 = 2;
/// The same when a published file could not be read, as while the directory is being moved.
const RETRY_FILE_SECONDS: u64 = 1;
/// The same when there was no room for another stream: places become free when edges go, which takes its time.
const RETRY_STREAM_SECONDS: u64 = 60;

/// Problem details (RFC 9457). Replies to a credential that is refused hold the first four members only, and are the same as
/// those of an edge.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Details {
    /// `urn:edgelatch:problem:` and a name.
    #[serde(rename = "type")]
    #[schema(required, pattern = "^urn:edgelatch:problem:[a-z-]+$", examples("urn:edgelatch:problem:invalid"))]
    kind: String,
    /// What kind of problem it is.
    #[schema(required)]
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong, where, and what would be right.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(required)]
    detail: String,
    /// Stable name for programs.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(required = false, examples("invalid"))]
    code: &'static str,
    /// The member of the body that does not fit (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("/allow/0"))]
    pointer: Option<String>,
    /// The parameter, of the query or the path, or the header that does not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("limit"))]
    parameter: Option<String>,
    /// Of an import: which lines stand in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    report: Option<ImportReport>,
    /// Of an edit of many keys: which of them stand in the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 20)]
    refusals: Vec<RefusedKey>,
}

/// Why a request is refused, or failed.
#[derive(Debug, Default)]
pub(crate) struct Problem {
    details: Box<Details>,
    /// Seconds until trying again makes sense.
    retry_after: Option<u64>,
    /// How to authenticate (RFC 6750).
    challenge: Option<String>,
    /// What the log is told, beside what the client is told.
    logged: Option<Logged>,
}

/// What the log is told of a failure; travels with the response.
#[derive(Clone, Debug)]
pub(crate) struct Logged(pub(crate) String);

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Problem {
        let kind = format!("urn:edgelatch:problem:{}", code.replace('_', "-"));
        let details = Details { kind, title, status: status.as_u16(), detail: detail.into(), code, ..Details::default() };
        Problem { details: Box::new(details), ..Problem::default() }
    }

    /// What the core answers to a credential. Without a challenge where `bare`, as the core says.
    pub(crate) fn verdict(reply: &Reply, bare: bool) -> Problem {
        let details = Details {
            kind: format!("urn:edgelatch:problem:{}", reply.slug),
            title: reply.title,
            status: reply.status,
            detail: reply.detail.into(),
            ..Details::default()
        };
        let realm = management::REALM;
        let challenge = match reply.challenge {
            Challenge::None => None,
            _ if bare => None,
            Challenge::Plain => Some(format!("Bearer realm=\"{realm}\"")),
            Challenge::Error(error) => Some(format!("Bearer realm=\"{realm}\", error=\"{error}\"")),
        };
        let retry_after = reply.retry_after.map(u64::from);
        Problem { details: Box::new(details), retry_after, challenge, logged: None }
    }

    /// A key that does not reach this far.
    pub(crate) fn scope() -> Problem {
        Problem::verdict(Code::ScopeDenied.reply(), false)
    }

    /// No such route or thing.
    pub(crate) fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "Not found", "there is nothing at this path: see /api/v1/openapi.json")
    }

    /// No such published file.
    pub(crate) fn no_file() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not-found", "There is nothing at this path", "")
    }

    /// Published files take no such method.
    pub(crate) fn read_only() -> Problem {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Only GET and HEAD are answered here", "")
    }

    /// No further stream can be opened.
    pub(crate) fn no_stream(detail: &str) -> Problem {
        let detail = format!("{detail}: look at the head every few seconds instead");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", "Too many streams", detail)
            .retry(RETRY_STREAM_SECONDS)
    }

    /// A published file that should be there could not be read.
    pub(crate) fn unreadable() -> Problem {
        let title = "The published files cannot be read at the moment";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unreadable", title, "").retry(RETRY_FILE_SECONDS)
    }

    /// This node cannot tell whether what lies here is the newest.
    pub(crate) fn stale() -> Problem {
        let title = "This node cannot tell whether its files are the newest";
        let detail = "it has lost the database, or does not keep up with the node that publishes: ask another node";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stale", title, detail).retry(RETRY_FILE_SECONDS)
    }

    /// A member of the body that does not fit.
    pub(crate) fn at(pointer: impl Into<String>, reason: impl Display) -> Problem {
        let pointer = pointer.into();
        let what = if pointer.is_empty() { "the body" } else { pointer.trim_start_matches('/') };
        Problem::invalid(what, reason).pointing(pointer)
    }

    /// A query parameter or header that does not fit.
    pub(crate) fn parameter(name: &str, reason: impl Display) -> Problem {
        Problem::invalid(name, reason).about(name)
    }

    fn invalid(what: &str, reason: impl Display) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A value does not fit", format!("`{what}`: {reason}"))
    }

    /// Too many failures, of this kind, from one address.
    pub(crate) fn throttled(failures: &str, seconds: u64) -> Problem {
        let detail = format!("too many {failures} from this address: try again in {seconds} s");
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many failures", detail).retry(seconds)
    }

    /// Too much at a time.
    pub(crate) fn busy(detail: &str) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The server is busy", detail).retry(RETRY_SECONDS)
    }

    /// A fault of the server's: `what` goes to the log only.
    pub(crate) fn failure(what: impl Into<String>) -> Problem {
        let detail = "the server failed: try again; its log says more";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "The server failed", detail).logging(what)
    }

    fn retry(self, seconds: u64) -> Problem {
        Problem { retry_after: Some(seconds), ..self }
    }

    /// The same, of which the log is told more.
    pub(crate) fn logging(self, what: impl Into<String>) -> Problem {
        Problem { logged: Some(Logged(what.into())), ..self }
    }

    /// The same, pointing to this member of the body.
    pub(crate) fn pointing(mut self, pointer: String) -> Problem {
        self.details.pointer = Some(pointer);
        self
    }

    /// The same about this parameter or header.
    pub(crate) fn about(mut self, parameter: &str) -> Problem {
        self.details.parameter = Some(parameter.into());
        self
    }

    /// The same as a fault of the body, where it points into one: that there is no such thing as a body names is no answer about what the path names, and
    /// whoever is told that the path leads nowhere looks in the wrong place.
    pub(crate) fn in_body(self, pointer: String) -> Problem {
        if self.details.status != StatusCode::NOT_FOUND.as_u16() {
            return self.pointing(pointer);
        }
        Problem::at(pointer, self.details.detail)
    }

    /// What it points to, which it does no more.
    pub(crate) fn take_pointer(&mut self) -> Option<String> {
        self.details.pointer.take()
    }

    /// The same, pointing into this member.
    pub(crate) fn below(mut self, member: &str) -> Problem {
        self.details.pointer = self.details.pointer.map(|pointer| format!("{member}{pointer}"));
        self
    }

    /// The same with an import's report.
    pub(crate) fn reporting(mut self, report: ImportReport) -> Problem {
        self.details.report = Some(report);
        self
    }

    /// The same with the keys that stand in the way.
    pub(crate) fn naming(mut self, refusals: Vec<RefusedKey>) -> Problem {
        self.details.refusals = refusals;
        self
    }

    /// Whether it is the one of this name.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.details.code == code
    }

    /// The status that it is answered with.
    pub(crate) fn status(&self) -> u16 {
        self.details.status
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
            Kind::Import => Some("GET /api/v1/realms/{realm}/imports lists the last ones"),
            Kind::Event => Some("GET /api/v1/realms/{realm}/events lists those there are"),
            Kind::Person => Some("GET /api/v1/realms/{realm}/people lists those there are"),
            Kind::Root | Kind::Pepper => None,
        },
        Error::DigestTaken => Some("import another digest"),
        _ => None,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let Some((code, status, title)) = STATUSES.into_iter().find(|(code, ..)| *code == error.code()) else {
            return Problem::failure(format!("{}: {error}", error.code()));
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            // Where the database lies is not the client's business.
            return Problem::new(status, code, title, "try again in a moment").retry(RETRY_SECONDS).logging(error.to_string());
        }
        if let Error::Partly { done, of, why } = &error
            && !STATUSES.iter().any(|(code, status, _)| *code == why.code() && *status != StatusCode::SERVICE_UNAVAILABLE)
        {
            let detail = format!(
                "{done} of {of} keys were changed and stay so, then the server failed: look at the rest, and do the same again for it"
            );
            return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, code, title, detail).logging(why.to_string());
        }
        let detail = remedy(&error).map_or_else(|| error.to_string(), |remedy| format!("{error}: {remedy}"));
        let mut problem = Problem::new(status, code, title, detail);
        problem.details.pointer = error.pointer();
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.details.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let body = serde_json::to_vec(&self.details).unwrap_or_default();
        let fixed = [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (status, fixed, body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(challenge) = self.challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(logged) = self.logged {
            response.extensions_mut().insert(logged);
        }
        response
    }
}
