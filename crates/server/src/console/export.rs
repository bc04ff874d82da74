//! Both logs as files, line by line as the API gives them: they may be longer than any page.

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

use super::keys::realm_of;
use super::orgs::Choice;
use super::session::Session;
use super::stop::Shown;

/// The audit log.
pub(super) async fn activity(session: Session, Path(realm): Path<String>) -> Shown {
    export(&session, &realm, "activity").await
}

/// The log of requests.
pub(super) async fn requests(session: Session, Path(realm): Path<String>) -> Shown {
    export(&session, &realm, "requests").await
}

async fn export(session: &Session, realm: &str, log: &str) -> Shown {
    let realm = realm_of(session, realm)?;
    let choice = Choice::of(session, &realm).await?;
    let body = session.stream(&format!("/api/v1/realms/{realm}/{log}/export?{}", choice.query())).await?;
    let mut response = ([(header::CONTENT_TYPE, "application/jsonl")], body).into_response();
    // Names of realms hold nothing that would end the file's name.
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{realm}-{log}.jsonl\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
