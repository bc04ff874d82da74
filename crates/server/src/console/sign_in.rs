//! Signing in with a management key, and out again, however somebody signed in.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
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
    /// Where people sign in at an identity provider, if they may.
    provider: Option<String>,
    /// What became of that.
    told: Option<&'static str>,
}

/// What is said above the form.
pub(super) enum Told {
    Nothing,
    /// What somebody had signed in with has ended.
    Ended,
    /// A key is not accepted.
    Key(Refused),
    /// The identity provider has not let somebody in, or what it said is not believed.
    Refused,
    /// It cannot be reached.
    Away,
    /// It vouches for somebody who may do nothing here.
    Nobody,
}

/// Where one is brought after signing in: a page of the console, and nowhere else.
pub(super) fn next(text: &str) -> &str {
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
    asked(&console, &parts, to, if query.has("ended") { Told::Ended } else { Told::Nothing })
}

pub(super) fn asked(console: &Console, parts: &Parts, next: String, told: Told) -> Shown {
    let language = Language::of(&parts.headers);
    let token = match Cookie::Form.read(&parts.headers, console.secure).and_then(Token::read) {
        Some(token) => token,
        None => Token::draw(console.registry.env()).map_err(|_| Stop::Failed(language))?,
    };
    let t = language.texts();
    let (status, ended, refused, told) = match told {
        Told::Nothing => (StatusCode::OK, false, None, None),
        Told::Ended => (StatusCode::OK, true, None, None),
        // What a browser is told of how to authenticate would be for another way than this form.
        Told::Key(refused) => {
            let status = StatusCode::from_u16(refused.status).ok().filter(|status| *status != 401);
            (status.unwrap_or(StatusCode::FORBIDDEN), false, Some(refused), None)
        }
        Told::Refused => (StatusCode::FORBIDDEN, false, None, Some(t.provider_refused)),
        Told::Nobody => (StatusCode::FORBIDDEN, false, None, Some(t.provider_nobody)),
        Told::Away => (StatusCode::BAD_GATEWAY, false, None, Some(t.provider_away)),
    };
    let f = Frame::new(language, String::new(), token.form());
    let provider = console.provider.as_ref().map(|_| {
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        format!("/console/sign-in/provider?next={next}")
    });
    let mut response = (status, page(&SignInPage { f, next, ended, refused, provider, told })).into_response();
    set(&mut response, Cookie::Form.set(&token.text(), console.secure));
    Ok(response)
}

pub(super) fn set(response: &mut Response, cookie: Option<HeaderValue>) {
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
    match begin(&console, &parts, secret).await? {
        Ok(cookies) => {
            let mut response = Redirect::to(&to).into_response();
            cookies.into_iter().for_each(|cookie| set(&mut response, cookie));
            Ok(response)
        }
        Err(refused) => asked(&console, &parts, to, Told::Key(refused)),
    }
}

/// Begins a sign-in with a key's secret, unless the API does not accept it: the cookies that say so.
pub(super) async fn begin(
    console: &Arc<Console>,
    parts: &Parts,
    secret: Zeroizing<String>,
) -> Result<Result<[Option<HeaderValue>; 2], Refused>, Stop> {
    let language = Language::of(&parts.headers);
    let who: WhoAmI = match Client::new(console.api.clone(), parts, secret.clone()).get("/api/v1/whoami").await {
        Ok(who) => who,
        Err(refused) => return Ok(Err(refused)),
    };
    // Always a new one: what the browser held before, whoever put it there, signs nobody in.
    let failed = || Stop::Failed(language);
    let token = Token::draw(console.registry.env()).map_err(|_| failed())?;
    let (opener, sealed) = token.seal(&secret, console.registry.env()).ok_or_else(failed)?;
    let (registry, digest) = (Arc::clone(&console.registry), token.digest());
    let before = Cookie::SignIn.read(&parts.headers, console.secure).and_then(Ticket::read).map(|before| before.token.digest());
    let address = who.address.as_deref().and_then(|text| edgelatch_core::ip::Ip::parse(text.as_bytes()).ok());
    let enter = move || {
        let key_id = KeyId::parse("key_id", &who.key_id)?;
        before.map_or(Ok(()), |before| registry.sign_ins().end(&before))?;
        registry.sign_ins().begin(&digest, key_id, &opener)?;
        // Without a row that says so nobody is signed in: its digest ends again where there can be none.
        let noted = registry.people().signed_in(key_id, address);
        if noted.is_err() {
            registry.sign_ins().end(&digest)?;
        }
        noted
    };
    blocking(enter).await.map_err(|_| failed())?.map_err(|_| failed())?;
    Ok(Ok([Cookie::SignIn.set(&Ticket { token, sealed }.text(), console.secure), Cookie::Form.clear(console.secure)]))
}

/// Signs out here, or wherever somebody signed in with the same key.
pub(super) async fn leave(posted: Posted) -> Shown {
    let Posted { session, fields } = posted;
    let (registry, digest) = (Arc::clone(&session.console.registry), session.token.digest());
    let (key_id, everywhere) = (session.key_id.clone(), fields.has("everywhere"));
    let end = move || {
        let all = registry.sign_ins();
        // The key of somebody whom an identity provider vouches for ends with their sign-in.
        if registry.people().leave(KeyId::parse("key_id", &key_id)?, everywhere)? {
            return Ok(());
        }
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
