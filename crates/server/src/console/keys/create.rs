//! Making a key.

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use edgelatch_registry::Slug;
use serde_json::Value;

use super::super::client::Call;
use super::super::frame::{Frame, page};
use super::super::model::{Made, Org, Orgs};
use super::super::session::{Posted, Session};
use super::super::stop::{Shown, Stop};
use super::super::token::Token;
use super::super::views::{FormField, View};
use super::fields::{Filled, KeyForm, Part};
use super::{realm_of, secret, view_of};

#[derive(Template)]
#[template(path = "key_new.html")]
struct NewPage {
    f: Frame,
    layout: &'static str,
    orgs: Vec<Org>,
    org: String,
    form: KeyForm,
}

/// Members that are left out where they say nothing.
const GIVEN: [&str; 4] = ["description", "roles", "allow", "deny"];

/// What making a key begins with: where, and how.
struct Begun {
    realm: Slug,
    view: &'static View,
    orgs: Vec<Org>,
    org: Org,
}

async fn begin(session: &Session, realm: &str) -> Result<Begun, Stop> {
    let realm = realm_of(session, realm)?;
    let view = view_of(session, &realm).await;
    let orgs = session.get::<Orgs>(&format!("/api/v1/realms/{realm}/orgs")).await?.orgs;
    let named = session.query("org");
    let org = orgs.iter().find(|org| named.is_none_or(|named| named == org.org)).cloned();
    let org = org.ok_or_else(|| Stop::Nothing(session.frame().language))?;
    Ok(Begun { realm, view, orgs, org })
}

impl Begun {
    async fn form(&self, session: &Session, filled: Filled) -> KeyForm {
        let t = session.frame().about_keys(self.realm.as_str(), self.view).t;
        let parts = self.view.panels.iter().map(|panel| Part {
            title: (panel.title)(t),
            fields: panel.fields.iter().copied().filter(|field| field.is_in(&self.org.settings)).collect(),
        });
        let parts = parts.filter(|part| !part.fields.is_empty()).collect();
        KeyForm::new(session, &self.realm, &self.org, parts, filled).await
    }

    fn page(self, session: &Session, form: KeyForm) -> NewPage {
        let f = session.frame().about_keys(self.realm.as_str(), self.view);
        NewPage { layout: self.view.layout, f, org: self.org.org, orgs: self.orgs, form }
    }
}

/// The form.
pub(crate) async fn show(session: Session, Path(realm): Path<String>) -> Shown {
    let begun = begin(&session, &realm).await?;
    let mut form = begun.form(&session, Filled::fresh(&begun.org.settings)).await;
    form.once = draw(&session)?;
    Ok(page(&begun.page(&session, form)))
}

/// What makes a form count once, however often it is sent.
pub(super) fn draw(session: &Session) -> Result<String, Stop> {
    let drawn = Token::draw(session.console.registry.env()).map_err(|_| Stop::Failed(session.frame().language))?;
    Ok(drawn.text().to_string())
}

/// Makes the key, and shows its secret.
pub(crate) async fn make(Path(realm): Path<String>, posted: Posted) -> Shown {
    let Posted { session, fields } = posted;
    let begun = begin(&session, &realm).await?;
    let mut form = begun.form(&session, Filled::sent(&fields)).await;
    form.once = fields.text("once").to_owned();
    // Without a script, a further row of a list takes a page.
    if !fields.has("send") && fields.has("more") {
        return Ok(page(&begun.page(&session, form)));
    }
    let mut body = form.filled.body(&form.fields(), None);
    body.insert("org".into(), begun.org.org.as_str().into());
    // Left out where nothing was given, which not every org's keys may have. A scope without services stays one: it is refused, and not taken for all.
    let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty) || value == "";
    body.retain(|member, value| !(GIVEN.contains(&member.as_str()) && is_empty(value)));
    let (path, body) = (format!("/api/v1/realms/{}/keys", begun.realm), body.into());
    let call = Call { once: Some(form.once.as_str()).filter(|once| !once.is_empty()), body: Some(&body), ..Call::default() };
    match session.act::<Made>(Method::POST, &path, call).await? {
        Ok(made) => Ok(secret(session.frame().about_keys(begun.realm.as_str(), begun.view), made)),
        Err(refused) => {
            let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            form.refused = Some(refused);
            Ok((status, page(&begun.page(&session, form))).into_response())
        }
    }
}
