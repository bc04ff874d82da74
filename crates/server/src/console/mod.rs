//! The console: what the management API offers, as pages for people. It decides nothing: whatever a page shows or does is a call of the API,
//! made in this process with the key of whoever is signed in.
//!
//! | read | for |
//! |---|---|
//! | `sign_in`, `provider`, `session` | signing in, with a key or at an identity provider, and out; a request of somebody who is signed in, and a form of theirs |
//! | `token`, `cookies` | what a cookie holds, and what is derived from it |
//! | `client`, `model` | calls of the API, and what it answers |
//! | `orgs` | which org a page is about |
//! | `views` | how keys of each preset's system are shown and made: data |
//! | `keys` | pages about keys |
//! | `tables`, `activity`, `export`, `leak` | requests, roles, owners, orgs, alerts, edges; the audit log; both logs as files; secrets that leaked |
//! | `reminders`, `services` | keys that somebody should look at; services that keys are for |
//! | `people`, `invitation` | who was invited; somebody who comes by a link |
//! | `things` | how roles, owners, orgs and the realm itself are made, changed and deleted |
//! | `usage`, `chart` | usage over time, and as a chart |
//! | `health` | what is wrong, until when heads count, whom edges trust |
//! | `frame`, `stop`, `cells`, `form` | what stands around pages; what there is instead of one; cells of tables; forms as browsers send them |
//! | `texts`, `language`, `words` | every text, in every language; which one a browser asks for; the words of each preset's system |
//! | `assets`, `state` | style and scripts; what every page needs |
//!
//! Templates lie in `crates/server/templates`. Pages hold no script and no style of their own, and load nothing from elsewhere; whatever a form can do
//! works without scripts.

mod activity;
mod assets;
mod cells;
mod chart;
mod client;
mod cookies;
mod export;
mod form;
mod frame;
mod health;
mod invitation;
mod keys;
mod language;
mod leak;
mod model;
mod orgs;
mod people;
mod provider;
mod reminders;
mod services;
mod session;
mod sign_in;
mod state;
mod stop;
mod tables;
mod texts;
mod things;
mod token;
mod usage;
mod views;
mod words;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use edgelatch_registry::Registry;

use self::frame::{Frame, page};
use self::keys::{acts, create, edit, import, list, selected, show};
use self::language::Language;
use self::model::{Realm, Realms, WhoAmI};
use self::session::Session;
use self::state::Console;
use self::stop::{Shown, Stop};
use self::things::forms;
use crate::oidc::{Oidc, Provider};
use crate::tasks::watch::Watched;

/// How to serve the console.
#[derive(Clone, Debug, Default)]
pub struct ConsoleOptions {
    /// Whether browsers reach it by `https`: its cookies are sent over nothing else then.
    pub https: bool,
    /// An identity provider that people sign in at, beside with management keys.
    pub oidc: Option<Oidc>,
}

/// What each answer says of itself: nothing is loaded from elsewhere, nothing runs that stands in a page, nobody shows a page inside another, and
/// no other site learns which one it was.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// The console's routes over those of the management API. `delivers` says whether this node tells a webhook of events.
pub(crate) fn routes(
    options: ConsoleOptions,
    registry: Arc<Registry>,
    api: Router,
    watched: Watched,
    delivers: bool,
) -> std::io::Result<Router> {
    let secure = options.https || options.oidc.as_ref().is_some_and(Oidc::is_https);
    let provider = options.oidc.map(Provider::new).transpose()?;
    let routes = Router::new()
        .route("/console", get(start))
        .route("/console/", get(|| async { Redirect::permanent("/console") }))
        .route("/console/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/console/sign-in/provider", get(provider::start))
        .route("/console/sign-in/callback", get(provider::back))
        .route("/console/invitation", get(invitation::show).post(invitation::accept))
        .route("/console/sign-out", get(|| async { Redirect::to("/console") }).post(sign_in::leave))
        .route("/console/assets/{name}", get(assets::serve))
        .route("/console/r/{realm}/keys", get(list::show))
        .route("/console/r/{realm}/keys/new", get(create::show).post(create::make))
        .route("/console/r/{realm}/keys/import", get(import::show).post(import::act))
        .route("/console/r/{realm}/keys/import/{import}", get(import::progress))
        .route("/console/r/{realm}/keys/selected", post(selected::act).get(list_instead))
        .route("/console/r/{realm}/keys/{key_id}", get(show::show))
        .route("/console/r/{realm}/keys/{key_id}/edit", get(edit::show).post(edit::save))
        .route("/console/r/{realm}/keys/{key_id}/requests", get(tables::requests))
        .route("/console/r/{realm}/keys/{key_id}/{act}", get(acts::ask).post(acts::act))
        .route("/console/r/{realm}/reminders", get(reminders::show))
        .route("/console/r/{realm}/services", get(services::show).post(services::act))
        .route("/console/r/{realm}/roles", get(tables::roles))
        .route("/console/r/{realm}/owners", get(tables::owners))
        .route("/console/r/{realm}/orgs", get(tables::orgs))
        .route("/console/r/{realm}/people", get(people::list))
        .route("/console/r/{realm}/people/new", get(people::new).post(people::invite))
        .route("/console/r/{realm}/people/link", post(people::renew).get(people::list_instead))
        .route("/console/r/{realm}/{things}/new", get(forms::new).post(forms::make))
        .route("/console/r/{realm}/{things}/edit", get(forms::edit).post(forms::save))
        .route("/console/r/{realm}/{things}/delete", get(forms::ask_delete).post(forms::delete))
        .route("/console/r/{realm}/usage", get(usage::show))
        .route("/console/r/{realm}/activity", get(activity::show))
        .route("/console/r/{realm}/activity/export", get(export::activity))
        .route("/console/r/{realm}/requests/export", get(export::requests))
        .route("/console/r/{realm}/settings", get(forms::settings))
        .route("/console/r/{realm}/alerts", get(tables::alerts))
        .route("/console/r/{realm}/alerts/{event}", get(tables::alerts_instead).post(tables::redeliver))
        .route("/console/r/{realm}/fleet", get(tables::fleet))
        .route("/console/r/{realm}/health", get(health::show))
        .route("/console/r/{realm}/leak", get(leak::show).post(leak::act))
        .route("/console/{*rest}", get(nothing))
        .layer(from_fn(guarded))
        .with_state(Arc::new(Console { registry, api, watched, provider, delivers, secure }));
    Ok(routes)
}

/// Around every answer: what it says of itself. Pages are kept by nobody, since some hold secrets and all hold what is not everybody's.
async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn nothing(request: Request) -> Stop {
    Stop::Nothing(Language::of(request.headers()))
}

/// What a selection was made in, for whoever comes back to it after signing in.
async fn list_instead(session: Session) -> Response {
    let path = session.place().split('?').next().unwrap_or_default();
    Redirect::to(path.trim_end_matches("/selected")).into_response()
}

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage {
    f: Frame,
    who: WhoAmI,
    realms: Vec<Realm>,
}

/// The realms that are theirs to see; the only one at once.
async fn start(session: Session) -> Shown {
    let who: WhoAmI = session.get("/api/v1/whoami").await?;
    let realms = session.maybe::<Realms>("/api/v1/realms").await.map_or(Vec::new(), |all| all.realms);
    Ok(page(&StartPage { f: session.frame(), who, realms }))
}
