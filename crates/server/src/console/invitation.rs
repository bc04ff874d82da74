//! Somebody comes by an invitation's link. What it ends with stands behind `#`, which browsers send to nobody: a script fills it into the form, and
//! without scripts it is pasted there. Only sending the form uses it, so that whoever merely looks at links, such as a mail scanner, uses none up.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::client::{Call, Client, Refused};
use super::cookies::Cookie;
use super::frame::{Frame, page};
use super::model::Made;
use super::session::own_form;
use super::sign_in::set;
use super::state::Console;
use super::stop::{Shown, Stop};
use super::texts::Language;
use super::token::Token;

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage {
    f: Frame,
    refused: Option<Refused>,
    /// Whether people may sign in at an identity provider instead.
    has_provider: bool,
}

/// The page that shows the key, once.
#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage {
    f: Frame,
    made: Made,
}

fn asked(console: &Console, parts: &Parts, refused: Option<Refused>) -> Shown {
    let language = Language::of(&parts.headers);
    let token = match Cookie::Form.read(&parts.headers, console.secure).and_then(Token::read) {
        Some(token) => token,
        None => Token::draw(console.registry.env()).map_err(|_| Stop::Failed(language))?,
    };
    let status = refused
        .as_ref()
        .map_or(StatusCode::OK, |refused| StatusCode::from_u16(refused.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY));
    let f = Frame::new(language, String::new(), token.form());
    let shown = page(&InvitationPage { f, refused, has_provider: console.provider.is_some() });
    let mut response: Response = (status, shown).into_response();
    set(&mut response, Cookie::Form.set(&token.text(), console.secure));
    Ok(response)
}

/// The form.
pub(super) async fn show(State(console): State<Arc<Console>>, request: Request) -> Shown {
    let (parts, _) = request.into_parts();
    asked(&console, &parts, None)
}

/// Uses the link.
pub(super) async fn accept(State(console): State<Arc<Console>>, request: Request) -> Shown {
    let (parts, body) = request.into_parts();
    let language = Language::of(&parts.headers);
    let own = Cookie::Form.read(&parts.headers, console.secure).and_then(Token::read).ok_or(Stop::Foreign(language))?;
    let fields = own_form(&parts, body, &own, language).await?;
    // Whoever pastes the whole link means its end.
    let link = fields.text("link").rsplit('#').next().unwrap_or_default();
    let client = Client::new(console.api.clone(), &parts, String::new().into());
    let body = json!({ "link": link });
    match client.call::<Made>(Method::POST, "/api/v1/people/accept", Call { body: Some(&body), ..Call::default() }).await {
        Ok(made) => Ok(page(&WelcomePage { f: Frame::bare(language), made })),
        Err(refused) => asked(&console, &parts, Some(refused)),
    }
}
