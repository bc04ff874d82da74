//! Calls of the management API, made in this process in the name of whoever is signed in. Whatever the console shows or does goes this way:
//! the same routes, permissions, revisions, limits and rows of the audit log as for anybody else who holds the key.

use axum::Router;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt;
use zeroize::Zeroizing;

use super::model::ImportReport;
use crate::limits::MAX_CONSOLE_ANSWER;

/// What of a browser's request is its own: the API is given the rest, from which it derives the client's address.
const OWN: [&str; 13] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "idempotency-key",
    "if-match",
    "origin",
    "transfer-encoding",
    "upgrade",
    "x-api-key",
];

/// Why the API refused, in its own words.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refused {
    /// The HTTP status.
    pub(super) status: u16,
    /// What kind of problem it is.
    pub(super) title: String,
    /// What is wrong, where, and what would be right.
    pub(super) detail: String,
    /// The member that does not fit (RFC 6901).
    pub(super) pointer: Option<String>,
    /// The parameter that does not fit.
    pub(super) parameter: Option<String>,
    /// What is wrong with the lines of an import.
    pub(super) report: Option<ImportReport>,
}

impl Refused {
    fn failed() -> Refused {
        let (title, detail) = ("The server failed".into(), "try again; the server's log says more".into());
        Refused { status: 500, title, detail, ..Refused::default() }
    }

    /// The field that it is about, as forms name it: the first segment of its pointer.
    pub(super) fn field(&self) -> &str {
        let pointer = self.pointer.as_deref().unwrap_or_default().trim_start_matches('/');
        let field = pointer.split('/').next().unwrap_or_default();
        if field.is_empty() { self.parameter.as_deref().unwrap_or_default() } else { field }
    }

    /// The entry of a list that it is about.
    pub(super) fn entry(&self) -> Option<usize> {
        self.pointer.as_deref()?.trim_start_matches('/').split('/').nth(1)?.parse().ok()
    }
}

/// A call that is to be made.
#[derive(Default)]
pub(super) struct Call<'c> {
    /// The revision that it is about.
    pub(super) revision: Option<u64>,
    /// What makes it count once, if it comes twice.
    pub(super) once: Option<&'c str>,
    /// Its body.
    pub(super) body: Option<&'c Value>,
    /// Its body where that is no JSON: the content type, and the text.
    pub(super) text: Option<(&'static str, &'c str)>,
    /// The same where it is not here yet.
    pub(super) file: Option<(&'static str, Body)>,
}

/// Who calls, and from where.
pub(super) struct Client {
    api: Router,
    parts: Parts,
    secret: Zeroizing<String>,
}

impl Client {
    /// One that calls with a key's secret, from where a request came.
    pub(super) fn new(api: Router, parts: &Parts, secret: Zeroizing<String>) -> Client {
        Client { api, parts: parts.clone(), secret }
    }

    /// Reads something.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refused> {
        self.call(Method::GET, path, Call::default()).await
    }

    /// Does something.
    pub(super) async fn call<T: DeserializeOwned>(&self, method: Method, path: &str, call: Call<'_>) -> Result<T, Refused> {
        let bytes = whole(self.send(method, path, call).await?).await?;
        serde_json::from_slice(&bytes).map_err(|_| Refused::failed())
    }

    /// Reads something piece by piece, however long it is.
    pub(super) async fn stream(&self, path: &str) -> Result<Body, Refused> {
        self.send(Method::GET, path, Call::default()).await
    }

    async fn send(&self, method: Method, path: &str, call: Call<'_>) -> Result<Body, Refused> {
        let request = self.request(method, path, call).ok_or_else(Refused::failed)?;
        let Ok(response) = self.api.clone().oneshot(request).await;
        let (status, body) = (response.status(), response.into_body());
        if status.is_success() {
            return Ok(body);
        }
        Err(Refused { status: status.as_u16(), ..serde_json::from_slice(&whole(body).await?).unwrap_or_default() })
    }

    fn request(&self, method: Method, path: &str, call: Call<'_>) -> Option<Request<Body>> {
        let json = call.body.map(|body| ("application/json", Body::from(body.to_string())));
        let text = call.text.map(|(kind, text)| (kind, Body::from(text.to_owned())));
        let (kind, body) = json.or(text).or(call.file).unzip();
        let body = body.unwrap_or_else(Body::empty);
        let mut request = Request::builder().method(method).uri(path).version(self.parts.version).body(body).ok()?;
        let headers = request.headers_mut();
        for (name, value) in self.parts.headers.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
            headers.append(name, value.clone());
        }
        let bearer = Zeroizing::new(format!("Bearer {}", *self.secret));
        let mut bearer = HeaderValue::from_str(&bearer).ok()?;
        bearer.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, bearer);
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Some(revision) = call.revision {
            headers.insert(header::IF_MATCH, HeaderValue::from_str(&format!("\"{revision}\"")).ok()?);
        }
        if let Some(once) = call.once {
            headers.insert("idempotency-key", HeaderValue::from_str(once).ok()?);
        }
        *request.extensions_mut() = self.extensions();
        Some(request)
    }

    /// What the connection is known by, and nothing that the console's own router has put there.
    fn extensions(&self) -> axum::http::Extensions {
        let mut kept = axum::http::Extensions::new();
        if let Some(peer) = self.parts.extensions.get::<crate::net::accept::Peer>() {
            kept.insert(*peer);
        }
        if let Some(seat) = self.parts.extensions.get::<crate::net::seats::Seat>() {
            kept.insert(seat.clone());
        }
        kept
    }
}

/// An answer that a page is made of.
async fn whole(body: Body) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let body = Limited::new(body, MAX_CONSOLE_ANSWER).collect().await;
    Ok(Zeroizing::new(body.map_err(|_| Refused::failed())?.to_bytes().to_vec()))
}
