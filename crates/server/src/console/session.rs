//! Who is signed in. Rights are not kept with a sign-in: each call is judged by the key that it was made with, as that key is at the moment,
//! so whoever's key is revoked is out with the next click.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Method, header};
use serde::de::DeserializeOwned;

use super::client::{Call, Client, Refused};
use super::cookies::Cookie;
use super::form::{Fields, Upload, read, read_with_file};
use super::frame::Frame;
use super::language::Language;
use super::state::Console;
use super::stop::Stop;
use super::token::{Ticket, Token};
use crate::api::blocking::blocking;

/// A request of somebody who is signed in.
pub(super) struct Session {
    pub(super) console: Arc<Console>,
    /// What the cookie holds.
    pub(super) token: Token,
    /// The key that they signed in with.
    pub(super) key_id: String,
    client: Client,
    language: Language,
    /// The host that the browser asked.
    host: String,
    /// Path and query of the request.
    place: String,
    query: Vec<(String, String)>,
}

impl Session {
    async fn of(parts: &Parts, console: &Arc<Console>) -> Result<Session, Stop> {
        let language = Language::of(&parts.headers);
        let place = parts.uri.path_and_query().map_or("/console", |place| place.as_str()).to_owned();
        let lost = || Stop::SignIn { place: place.clone(), ended: false };
        let held = Cookie::SignIn.read(&parts.headers, console.secure).and_then(Ticket::read);
        let Ticket { token, sealed } = held.ok_or_else(lost)?;
        let (registry, digest) = (Arc::clone(&console.registry), token.digest());
        let found = blocking(move || registry.sign_ins().find(&digest)).await.map_err(|_| Stop::Failed(language))?;
        let found =
            found.map_err(|_| Stop::Failed(language))?.ok_or_else(|| Stop::SignIn { place: place.clone(), ended: true })?;
        let secret = token.open(&found.opener, &sealed).ok_or_else(lost)?;
        let client = Client::new(console.api.clone(), parts, secret);
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Session { console: Arc::clone(console), host, token, key_id: found.key_id, client, language, place, query })
    }

    /// Reads something of the API.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Stop> {
        self.client.get(path).await.map_err(|refused| self.stop(refused))
    }

    /// The same where it may not be theirs to see.
    pub(super) async fn maybe<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        self.client.get(path).await.ok()
    }

    /// Reads something piece by piece.
    pub(super) async fn stream(&self, path: &str) -> Result<Body, Stop> {
        self.client.stream(path).await.map_err(|refused| self.stop(refused))
    }

    /// Does something, of which a refusal is shown beside the fields.
    pub(super) async fn act<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        call: Call<'_>,
    ) -> Result<Result<T, Refused>, Stop> {
        match self.client.call(method, path, call).await {
            Err(refused) if refused.status == 401 => Err(self.stop(refused)),
            done => Ok(done),
        }
    }

    /// What a refusal leads to.
    pub(super) fn stop(&self, refused: Refused) -> Stop {
        match refused.status {
            // The key is not accepted any more.
            401 => Stop::SignIn { place: self.place.clone(), ended: true },
            _ => Stop::Refused(Box::new((refused, self.frame()))),
        }
    }

    /// What stands around every page.
    pub(super) fn frame(&self) -> Frame {
        Frame::new(self.language, self.place.clone(), self.token.form())
    }

    /// Where the browser reaches this server: scheme, host and port.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", if self.console.secure { "https" } else { "http" }, self.host)
    }

    /// Path and query of the request.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// A parameter of the query, if it holds anything.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(of, value)| of == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}

impl FromRequestParts<Arc<Console>> for Session {
    type Rejection = Stop;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Session, Stop> {
        Session::of(parts, console).await
    }
}

/// A form that somebody sent who is signed in, from a page of ours.
pub(super) struct Posted {
    pub(super) session: Session,
    pub(super) fields: Fields,
}

impl FromRequest<Arc<Console>> for Posted {
    type Rejection = Stop;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Posted, Stop> {
        let (parts, body) = request.into_parts();
        let session = Session::of(&parts, console).await?;
        let fields = own_form(&parts, body, &session.token, session.language).await?;
        Ok(Posted { session, fields })
    }
}

/// The same, of a form that may have a file.
pub(super) struct PostedFile {
    pub(super) session: Session,
    pub(super) fields: Fields,
    /// Not read yet: whether the form was sent from here is decided by what stands before it.
    pub(super) file: Option<Upload>,
}

impl FromRequest<Arc<Console>> for PostedFile {
    type Rejection = Stop;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<PostedFile, Stop> {
        let (parts, body) = request.into_parts();
        let session = Session::of(&parts, console).await?;
        let language = session.language;
        if !is_same_origin(&parts) {
            return Err(Stop::Foreign(language));
        }
        let read = read_with_file(&parts, body).await;
        let (fields, file) = read.map_err(|problem| Stop::Unreadable(problem, language))?;
        own(fields, &session.token, language).map(|fields| PostedFile { session, fields, file })
    }
}

/// A form that a page of ours has sent, for this cookie: neither another site's, nor one that was made for somebody else.
pub(super) async fn own_form(parts: &Parts, body: Body, token: &Token, language: Language) -> Result<Fields, Stop> {
    if !is_same_origin(parts) {
        return Err(Stop::Foreign(language));
    }
    let fields = read(parts, body).await.map_err(|problem| Stop::Unreadable(problem, language))?;
    own(fields, token, language)
}

fn own(fields: Fields, token: &Token, language: Language) -> Result<Fields, Stop> {
    if fields.one("form").is_some_and(|form| token.is_form(form)) { Ok(fields) } else { Err(Stop::Foreign(language)) }
}

/// Whether a page of this very address sent a request. Browsers say so themselves; one that says nothing is not trusted.
fn is_same_origin(parts: &Parts) -> bool {
    let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) if site != "same-origin" => false,
        (site, None) => site.is_some(),
        (_, Some(origin)) => {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            host.is_some() && host == text(header::HOST.as_str())
        }
    }
}
