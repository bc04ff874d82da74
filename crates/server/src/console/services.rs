//! Services that keys may be for: which an org lists, which ones scopes of keys name, and how many keys do. What an org lists is one of its settings.

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use edgelatch_registry::Slug;
use serde_json::{Value, json};

use super::client::{Call, Refused};
use super::frame::{Frame, page};
use super::keys::realm_of;
use super::model::{KnownService, Org, ServicePage};
use super::orgs::{Choice, orgs_of};
use super::session::{Posted, Session};
use super::stop::{Shown, Stop};
use super::tables::paged;

/// The most services of a page: more than an org can list.
const MOST: u64 = 500;

#[derive(Template)]
#[template(path = "services.html")]
struct ServicesPage {
    f: Frame,
    choice: Choice,
    services: Vec<KnownService>,
    unscoped: u64,
    next: Option<String>,
    /// The org whose list can be changed here: the one that was chosen, or the only one.
    org: Option<Org>,
    typed: String,
    refused: Option<Refused>,
}

impl ServicesPage {
    /// Whether the org lists its services.
    fn is_listing(&self) -> bool {
        self.org.as_ref().is_some_and(|org| org.settings.services.is_some())
    }
}

/// What is asked for of a realm, and the org whose list can be changed.
async fn begin(session: &Session, realm: &Slug) -> Result<(Choice, Option<Org>), Stop> {
    let known = orgs_of(session, realm).await;
    let choice = Choice::among(session, realm, &known).await?;
    let only = known.len() == 1 && choice.org.is_empty();
    let org = known.into_iter().find(|org| only || choice.is_chosen(&org.org));
    Ok((choice, org))
}

async fn list(session: &Session, realm: &Slug, choice: &Choice) -> Result<ServicePage, Stop> {
    session.get(&format!("/api/v1/realms/{realm}/services?limit={MOST}&{}{}", paged(session), choice.query())).await
}

async fn shown(session: &Session, realm: &Slug, typed: String, refused: Option<Refused>) -> Result<Response, Stop> {
    let (choice, org) = begin(session, realm).await?;
    let ServicePage { services, next, unscoped } = list(session, realm, &choice).await?;
    let f = session.frame().within(realm.as_str(), "services");
    Ok(page(&ServicesPage { f, choice, services, unscoped, next, org, typed, refused }))
}

pub(super) async fn show(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    shown(&session, &realm, String::new(), None).await
}

/// Changes what the org lists, if nobody else has changed its settings meanwhile.
pub(super) async fn act(Path(realm): Path<String>, posted: Posted) -> Shown {
    let Posted { session, fields } = posted;
    let realm = realm_of(&session, &realm)?;
    let (choice, org) = begin(&session, &realm).await?;
    let Some(org) = org else { return Err(Stop::Nothing(session.frame().language)) };
    let (act, service) = (fields.text("act"), fields.text("service"));
    let listed: Option<Vec<String>> = org.settings.services.as_ref().map(|all| all.iter().map(ToString::to_string).collect());
    let services: Value = match (act, listed) {
        ("any", _) => Value::Null,
        ("remove", listed) => listed.unwrap_or_default().into_iter().filter(|one| one != service).collect(),
        (_, Some(listed)) => listed.into_iter().chain([service.to_owned()]).collect(),
        // A list begins with what keys name already: else the first word would be all that they can name.
        (_, None) => {
            let found = list(&session, &realm, &choice).await?.services;
            let used = found.into_iter().map(|one| one.service).filter(|one| one != service);
            used.chain([service.to_owned()]).collect()
        }
    };
    let body = json!({ "settings": { "services": services } });
    let revision = Some(fields.text("revision").parse().unwrap_or(0));
    let path = format!("/api/v1/realms/{realm}/orgs/{}", org.org);
    match session.act::<Value>(Method::PATCH, &path, Call { revision, body: Some(&body), ..Call::default() }).await? {
        Ok(_) => Ok(Redirect::to(&format!("/console/r/{realm}/services?{}", choice.query())).into_response()),
        Err(refused) => {
            let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let page = shown(&session, &realm, service.to_owned(), Some(refused)).await?;
            Ok((status, page).into_response())
        }
    }
}
