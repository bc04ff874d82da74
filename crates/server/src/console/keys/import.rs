//! Keys that are taken over by their digests: tried first, then imported.

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use edgelatch_registry::Slug;

use super::super::client::{Call, Refused};
use super::super::form::Fields;
use super::super::frame::{Frame, page};
use super::super::model::ImportReport;
use super::super::orgs::Choice;
use super::super::session::{Posted, Session};
use super::super::stop::{Shown, Stop};
use super::realm_of;
use crate::limits::MAX_FORM_BYTES;

/// What stands for columns that lines leave out.
const DEFAULTS: [&str; 3] = ["org", "owner", "role"];

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    f: Frame,
    choice: Choice,
    org: String,
    owner: String,
    role: String,
    text: String,
    report: Option<ImportReport>,
    refused: Option<Refused>,
    /// Whether what was sent is larger than a form may be, so that nothing of it was read.
    is_too_large: bool,
}

impl ImportPage {
    /// What a form may hold, as people read it.
    fn most(&self) -> String {
        format!("{} MiB", MAX_FORM_BYTES / 1024 / 1024)
    }

    /// The same in bytes, for the script that measures before it sends.
    fn most_bytes(&self) -> usize {
        MAX_FORM_BYTES
    }
}

async fn form(session: &Session, realm: &Slug, fields: &Fields) -> Result<ImportPage, Stop> {
    let choice = Choice::of(session, realm).await?;
    let text = |name| fields.text(name).to_owned();
    Ok(ImportPage {
        f: session.frame().within(realm.as_str(), "keys"),
        choice,
        org: text("org"),
        owner: text("owner"),
        role: text("role"),
        text: fields.one("lines").unwrap_or_default().to_owned(),
        report: None,
        refused: None,
        is_too_large: false,
    })
}

/// The form.
pub(crate) async fn show(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    Ok(page(&form(&session, &realm, &Fields::default()).await?))
}

/// What the API is asked beside the lines.
fn query(fields: &Fields) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("dry_run", if fields.has("import") { "false" } else { "true" });
    for name in DEFAULTS.into_iter().filter(|name| !fields.text(name).is_empty()) {
        query.append_pair(name, fields.text(name));
    }
    query.finish()
}

/// Tries it, or does it. Of what is too large nothing is read, and so nothing is done: the form is shown again, with what would be right.
pub(crate) async fn act(Path(realm): Path<String>, session: Session, posted: Result<Posted, Stop>) -> Shown {
    let Posted { session, fields } = match posted {
        Err(Stop::Unreadable(problem, _)) if problem.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let form = form(&session, &realm_of(&session, &realm)?, &Fields::default()).await?;
            return Ok((StatusCode::PAYLOAD_TOO_LARGE, page(&ImportPage { is_too_large: true, ..form })).into_response());
        }
        other => other?,
    };
    let realm = realm_of(&session, &realm)?;
    let path = format!("/api/v1/realms/{realm}/keys/import?{}", query(&fields));
    // A last line that does not end is one all the same. Blanks stay: a tab at the end of a line ends a column.
    let lines = format!("{}\n", fields.one("lines").unwrap_or_default().trim_end_matches(['\r', '\n']));
    let call = Call { text: Some(("text/csv", &lines)), ..Call::default() };
    let mut form = form(&session, &realm, &fields).await?;
    let status = match session.act::<ImportReport>(Method::POST, &path, call).await? {
        Ok(report) => {
            form.report = Some(report);
            StatusCode::OK
        }
        Err(mut refused) => {
            form.report = refused.report.take();
            let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            form.refused = Some(refused);
            status
        }
    };
    Ok((status, page(&form)).into_response())
}
