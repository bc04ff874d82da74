//! Pages about keys: the table, one key, the forms by which keys are made and changed, and what is asked before something ends.
//!
//! | read | for |
//! |---|---|
//! | `list` | the table, with its filters |
//! | `show` | one key, and what it would get |
//! | `fields` | what a form about a key holds, and what the API is told of it |
//! | `create`, `edit` | such forms |
//! | `acts` | rotating, revoking, enabling, deleting: what is asked before, and what is shown after |
//! | `import` | keys taken over by their digests |
//! | `selected` | what is done to a selection of the table |

use askama::Template;
use axum::response::{IntoResponse, Response};
use edgelatch_registry::FromText;

use super::frame::{Frame, page};
use super::model::{Key, Made, Org, Realm};
use super::session::Session;
use super::stop::Stop;
use super::views::{View, view};
use edgelatch_core::key::KeyId;
use edgelatch_registry::{Preset, Slug};

pub(super) mod acts;
pub(super) mod create;
pub(super) mod edit;
pub(super) mod fields;
pub(super) mod import;
pub(super) mod list;
pub(super) mod selected;
pub(super) mod show;

/// A realm of the path, if it can be one.
pub(super) fn realm_of(session: &Session, text: &str) -> Result<Slug, Stop> {
    text.parse().map_err(|_| Stop::Nothing(session.frame().language))
}

/// Where the API has a key of the path, if it can be one.
pub(super) fn path_of(session: &Session, realm: &Slug, key_id: &str) -> Result<String, Stop> {
    let key_id = KeyId::parse("key_id", key_id).map_err(|_| Stop::Nothing(session.frame().language))?;
    Ok(format!("/api/v1/realms/{realm}/keys/{key_id}"))
}

/// How a realm's keys are shown: as its preset's; as the default's, where the realm is not theirs to see.
pub(super) async fn view_of(session: &Session, realm: &Slug) -> &'static View {
    let found: Option<Realm> = session.maybe(&format!("/api/v1/realms/{realm}")).await;
    view(found.map_or(Preset::Default, |realm| realm.preset))
}

/// The org of a key, whose settings say what may be done with it.
async fn org_of(session: &Session, realm: &Slug, key: &Key) -> Result<Org, Stop> {
    session.get(&format!("/api/v1/realms/{realm}/orgs/{}", key.org)).await
}

/// The page that shows a new secret, once.
#[derive(Template)]
#[template(path = "secret.html")]
struct SecretPage {
    f: Frame,
    made: Made,
}

fn secret(f: Frame, made: Made) -> Response {
    page(&SecretPage { f, made }).into_response()
}
