//! Signing in at an identity provider. A browser goes there with what only it can come back with; whatever comes back otherwise signs nobody in.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_registry::Slug;
use edgelatch_registry::people::{Entry, Grant, Person, Way};
use serde_json::{Map, Value};
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::cookies::Cookie;
use super::form::Fields;
use super::frame::{Frame, page};
use super::language::Language;
use super::sign_in::{Told, asked, begin, next, set};
use super::state::Console;
use super::stop::{Shown, Stop};
use super::token::Token;
use crate::api::blocking::blocking;
use crate::log::API;
use crate::oidc::{Begun, Provider, Trouble};

/// Says by which invitation somebody comes.
const CHOSEN: &str = "as";

/// What a browser is shown that comes from elsewhere: from a page of ours its cookies are sent again.
#[derive(Template)]
#[template(path = "signed_in.html")]
struct SignedInPage {
    f: Frame,
    next: String,
}

/// Where somebody says by which of their invitations they come. Each is a way to begin anew: what the provider has said is not kept.
#[derive(Template)]
#[template(path = "choose_way.html")]
struct ChoicePage {
    f: Frame,
    /// Where each leads, and what it is.
    ways: Vec<(String, Way)>,
}

/// What a browser brings back with it: what it began with, where it is brought, and by which invitation somebody comes, if they have said so.
struct Held {
    token: Token,
    to: String,
    chosen: Option<Slug>,
}

impl Held {
    fn text(&self) -> Zeroizing<String> {
        let chosen = self.chosen.as_ref().map_or("", Slug::as_str);
        Zeroizing::new(format!("{}.{}.{chosen}", *self.token.text(), URL_SAFE_NO_PAD.encode(&self.to)))
    }

    fn read(text: &str) -> Option<Held> {
        let mut parts = text.splitn(3, '.');
        let (token, to, chosen) = (Token::read(parts.next()?)?, parts.next()?, parts.next()?);
        let to = String::from_utf8(URL_SAFE_NO_PAD.decode(to).ok()?).ok()?;
        let chosen = if chosen.is_empty() { None } else { Some(chosen.parse().ok()?) };
        Some(Held { token, to: next(&to).to_owned(), chosen })
    }
}

/// What a sign-in begins with: all of it follows from what the cookie holds.
fn begun(token: &Token) -> Begun {
    let verifier = token.secret("edgelatch console sign-in verifier");
    let challenge = URL_SAFE_NO_PAD.encode(<sha2::Sha256 as sha2::Digest>::digest(verifier.as_bytes()));
    Begun {
        state: token.secret("edgelatch console sign-in state"),
        nonce: token.secret("edgelatch console sign-in nonce"),
        verifier,
        challenge,
    }
}

fn provider(console: &Console, language: Language) -> Result<&Provider, Stop> {
    console.provider.as_ref().ok_or(Stop::Nothing(language))
}

/// Sends a browser to the provider.
pub(super) async fn start(State(console): State<Arc<Console>>, request: Request) -> Shown {
    let (parts, _) = request.into_parts();
    let language = Language::of(&parts.headers);
    let provider = provider(&console, language)?;
    let query = Fields::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let to = next(query.text("next"));
    let token = Token::draw(console.registry.env()).map_err(|_| Stop::Failed(language))?;
    let address = match provider.address(&begun(&token)).await {
        Ok(address) => HeaderValue::from_str(&address).map_err(|_| Stop::Failed(language))?,
        Err(trouble) => return refused(&console, &parts, to, &trouble),
    };
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response();
    let held = Held { token, to: to.to_owned(), chosen: query.one(CHOSEN).and_then(|person| person.parse().ok()) };
    set(&mut response, Cookie::Provider.set(&held.text(), console.secure));
    Ok(response)
}

/// The sign-in page, with what became of it.
fn refused(console: &Console, parts: &Parts, to: &str, trouble: &Trouble) -> Shown {
    let told = match trouble {
        Trouble::Provider(why) => {
            warn!(target: API, why, "the identity provider cannot be used");
            Told::Away
        }
        Trouble::Token(why) => {
            warn!(target: API, why, "a sign-in by the identity provider was refused");
            Told::Refused
        }
        Trouble::Busy => Told::Away,
    };
    asked(console, parts, to.to_owned(), told)
}

/// Somebody comes back from the provider.
pub(super) async fn back(State(console): State<Arc<Console>>, request: Request) -> Shown {
    let (parts, _) = request.into_parts();
    let language = Language::of(&parts.headers);
    let provider = provider(&console, language)?;
    let query = Fields::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let held = Cookie::Provider.read(&parts.headers, console.secure).and_then(Held::read);
    // What did not begin in this browser is somebody else's: it would sign them in here, or whoever is here in as them.
    let Some(held) = held else { return once(&console, Err(Stop::Foreign(language))) };
    if !held.token.is_secret("edgelatch console sign-in state", query.text("state")) {
        return once(&console, Err(Stop::Foreign(language)));
    }
    let done = enter(&console, provider, &parts, &query, held).await;
    once(&console, done)
}

/// However it ends, what it began with is used up.
fn once(console: &Console, shown: Shown) -> Shown {
    let mut response = shown.unwrap_or_else(IntoResponse::into_response);
    set(&mut response, Cookie::Provider.clear(console.secure));
    Ok(response)
}

async fn enter(console: &Arc<Console>, provider: &Provider, parts: &Parts, query: &Fields, held: Held) -> Shown {
    let language = Language::of(&parts.headers);
    let failed = || Stop::Failed(language);
    let refuse = |trouble: Trouble| refused(console, parts, &held.to, &trouble);
    // RFC 9207: of several providers, the one that was asked.
    if query.has("iss") && query.text("iss") != provider.options.issuer {
        return refuse(Trouble::Token("it comes back from another provider"));
    }
    if query.has("error") || query.text("code").is_empty() {
        return refuse(Trouble::Token("the provider did not let them in"));
    }
    let now = console.registry.env().now().map_err(|_| failed())?;
    let claims = match provider.claims(query.text("code"), &begun(&held.token), now).await {
        Ok(claims) => claims,
        Err(trouble) => return refuse(trouble),
    };
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let grant = provider.options.grant(&claims).cloned();
    let Ok(person) = Person::new(&provider.options.issuer, text("sub").unwrap_or_default(), called(&claims)) else {
        return refuse(Trouble::Token("its subject is none"));
    };
    // Whoever types any address at a provider that does not check it would be its holder here.
    let is_checked = claims.get("email_verified") == Some(&Value::Bool(true));
    let person = match text("email").filter(|_| is_checked) {
        Some(email) => person.known_by(email),
        None => person,
    };
    admit(console, parts, person, grant, held).await
}

/// The way to the provider of somebody who comes by this invitation.
fn begin_anew(to: &str, person: &Slug) -> String {
    let query =
        form_urlencoded::Serializer::new(String::new()).append_pair(CHOSEN, person.as_str()).append_pair("next", to).finish();
    format!("/console/sign-in/provider?{query}")
}

/// What people call somebody.
fn called(claims: &Map<String, Value>) -> Option<&str> {
    ["name", "preferred_username", "email"]
        .into_iter()
        .find_map(|name| claims.get(name)?.as_str().filter(|text| !text.is_empty()))
}

/// Signs somebody in, with a key of their own for as long as it lasts.
async fn admit(console: &Arc<Console>, parts: &Parts, person: Person, grant: Option<Grant>, held: Held) -> Shown {
    let Held { to, chosen, .. } = held;
    let language = Language::of(&parts.headers);
    let failed = |error: &dyn std::fmt::Display| {
        warn!(target: API, %error, "somebody whom the identity provider vouches for could not be signed in");
        Stop::Failed(language)
    };
    let registry = Arc::clone(&console.registry);
    let make = move || registry.people().key(&person, grant.as_ref(), chosen.as_ref());
    let entry = blocking(make).await.map_err(|_| Stop::Failed(language))?.map_err(|error| failed(&error))?;
    let made = match entry {
        Entry::Made(made) => made,
        Entry::Choice(ways) => {
            let ways = ways.into_iter().map(|way| (begin_anew(&to, &way.person), way)).collect();
            return Ok(page(&ChoicePage { f: Frame::bare(language), ways }));
        }
        Entry::Nobody => {
            warn!(target: API, "somebody whom the identity provider vouches for may not sign in: no rule fits them, nobody has invited them, or they are locked out");
            return asked(console, parts, to, Told::Nobody);
        }
    };
    let key_id = made.key.key_id;
    let response = match begin(console, parts, made.secret).await? {
        Ok(cookies) => {
            info!(target: API, %key_id, "somebody has signed in by the identity provider");
            let f = Frame::bare(language);
            let mut response = page(&SignedInPage { f, next: to });
            cookies.into_iter().for_each(|cookie| set(&mut response, cookie));
            response
        }
        Err(refused) => {
            let registry = Arc::clone(&console.registry);
            let _ = blocking(move || registry.people().leave(key_id, false)).await;
            return asked(console, parts, to, Told::Key(refused));
        }
    };
    Ok(response)
}
