//! Signing in with a management key, and out again.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use zeroize::Zeroizing;

use super::client::{Client, Refused};
use super::cookies::Cookie;
use super::form::Fields;
use super::frame::{Frame, page};
use super::model::WhoAmI;
use super::session::{Posted, Session, own_form};
use super::state::Console;
use super::stop::{Shown, Stop};
use super::texts::Language;
use super::token::{Ticket, Token};
use crate::api::blocking::blocking;
use edgelatch_core::key::KeyId;
use edgelatch_registry::FromText;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    f: Frame,
    next: String,
    ended: bool,
    refused: Option<Refused>,
}

/// Where one is brought after signing in: a page of the console, and nowhere else.
fn next(text: &str) -> &str {
    let is_ours = text == "/console" || text.starts_with("/console/") || text.starts_with("/console?");
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') && !text.contains("//");
    if is_ours && is_plain && !text.starts_with("/console/sign-") { text } else { "/console" }
}

/// The form, with a cookie of its own.
pub(super) async fn show(State(console): State<Arc<Console>>, request: Request) -> Shown {
    let (mut parts, _) = request.into_parts();
    let query = Fields::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let to = next(query.text("next")).to_owned();
    if !query.has("ended") && Session::from_request_parts(&mut parts, &console).await.is_ok() {
        return Ok(Redirect::to(&to).into_response());
    }
    asked(&console, &parts, to, query.has("ended"), None)
}

fn asked(console: &Console, parts: &Parts, next: String, ended: bool, refused: Option<Refused>) -> Shown {
    let language = Language::of(&parts.headers);
    let token = match Cookie::Form.read(&parts.headers, console.secure).and_then(Token::read) {
        Some(token) => token,
        None => Token::draw(console.registry.env()).map_err(|_| Stop::Failed(language))?,
    };
    let status = refused.as_ref().map_or(StatusCode::OK, |refused| {
        // What a browser is told of how to authenticate would be for another way than this form.
        StatusCode::from_u16(refused.status).ok().filter(|status| *status != 401).unwrap_or(StatusCode::FORBIDDEN)
    });
    let f = Frame::new(language, String::new(), token.form());
    let mut response = (status, page(&SignInPage { f, next, ended, refused })).into_response();
    set(&mut response, Cookie::Form.set(&token.text(), console.secure));
    Ok(response)
}

fn set(response: &mut Response, cookie: Option<axum::http::HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Signs in: the key is judged by the API, in its turn if its address has failed too often.
pub(super) async fn enter(State(console): State<Arc<Console>>, request: Request) -> Shown {
    let (parts, body) = request.into_parts();
    let language = Language::of(&parts.headers);
    let own = Cookie::Form.read(&parts.headers, console.secure).and_then(Token::read).ok_or(Stop::Foreign(language))?;
    let fields = own_form(&parts, body, &own, language).await?;
    let to = next(fields.text("next")).to_owned();
    let secret = Zeroizing::new(fields.text("key").to_owned());
    // Nothing else may stand in a header; such a text is no key of anybody's.
    let secret = if secret.bytes().all(|b| b.is_ascii_graphic()) { secret } else { Zeroizing::new("none".into()) };
    let client = Client::new(console.api.clone(), &parts, secret.clone());
    let who: WhoAmI = match client.get("/api/v1/whoami").await {
        Ok(who) => who,
        Err(refused) => return asked(&console, &parts, to, false, Some(refused)),
    };
    // Always a new one: what the browser held before, whoever put it there, signs nobody in.
    let failed = || Stop::Failed(language);
    let token = Token::draw(console.registry.env()).map_err(|_| failed())?;
    let (opener, sealed) = token.seal(&secret, console.registry.env()).ok_or_else(failed)?;
    let (registry, digest) = (Arc::clone(&console.registry), token.digest());
    let before = Cookie::SignIn.read(&parts.headers, console.secure).and_then(Ticket::read).map(|before| before.token.digest());
    let begin = move || {
        let key_id = KeyId::parse("key_id", &who.key_id)?;
        before.map_or(Ok(()), |before| registry.sign_ins().end(&before))?;
        registry.sign_ins().begin(&digest, key_id, &opener)
    };
    blocking(begin).await.map_err(|_| failed())?.map_err(|_| failed())?;
    let mut response = Redirect::to(&to).into_response();
    set(&mut response, Cookie::SignIn.set(&Ticket { token, sealed }.text(), console.secure));
    set(&mut response, Cookie::Form.clear(console.secure));
    Ok(response)
}

/// Signs out here, or wherever somebody signed in with the same key.
pub(super) async fn leave(posted: Posted) -> Shown {
    let Posted { session, fields } = posted;
    let (registry, digest) = (Arc::clone(&session.console.registry), session.token.digest());
    let (key_id, everywhere) = (session.key_id.clone(), fields.has("everywhere"));
    let end = move || {
        let all = registry.sign_ins();
        if everywhere { all.end_all(&key_id).map(drop) } else { all.end(&digest) }
    };
    let failed = || Stop::Failed(session.frame().language);
    blocking(end).await.map_err(|_| failed())?.map_err(|_| failed())?;
    let mut response = Redirect::to("/console/sign-in").into_response();
    set(&mut response, Cookie::SignIn.clear(session.console.secure));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_brought_elsewhere() {
        for own in ["/console", "/console/r/acme/keys?search=a%20b", "/console?x=1"] {
            assert_eq!(next(own), own);
        }
        for other in [
            "",
            "/",
            "//evil.example",
            "/console//evil.example",
            "https://evil.example/console/",
            "/consoles",
            "/console/\\evil.example",
            "/console/\r\nSet-Cookie: a=b",
            "javascript:alert(1)",
            "/console/sign-in?next=/console/sign-in",
            "/console/sign-out",
            "/api/v1/realms",
        ] {
            assert_eq!(next(other), "/console", "{other}");
        }
    }
}
