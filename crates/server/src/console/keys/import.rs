//! Keys that are taken over by their digests: tried first, then imported.

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect};
use edgelatch_registry::{ImportId, Slug};

use super::super::client::{Call, Refused};
use super::super::form::{Fields, Upload};
use super::super::frame::{Frame, page};
use super::super::model::{ImportJob, ImportReport, Imports};
use super::super::orgs::Choice;
use super::super::session::{PostedFile, Session};
use super::super::stop::{Shown, Stop};
use super::super::texts::Texts;
use super::realm_of;
use crate::limits::{MAX_FORM_BYTES, MAX_IMPORT_BYTES};

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
    /// The last ones that were begun with a file.
    last: Vec<ImportJob>,
}

impl ImportPage {
    /// What a form may hold, as people read it.
    fn most(&self) -> String {
        format!("{} MiB", MAX_FORM_BYTES / 1024 / 1024)
    }

    /// The same in bytes, and of a file, for the script that measures before it sends.
    fn most_bytes(&self) -> [usize; 2] {
        [MAX_FORM_BYTES, MAX_IMPORT_BYTES]
    }

    fn state(&self, job: &ImportJob) -> (&'static str, &'static str) {
        state(&job.state, self.f.t)
    }
}

async fn form(session: &Session, realm: &Slug, fields: &Fields) -> Result<ImportPage, Stop> {
    let choice = Choice::of(session, realm).await?;
    let last = session.maybe::<Imports>(&format!("/api/v1/realms/{realm}/imports")).await;
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
        last: last.map_or(Vec::new(), |all| all.imports),
    })
}

/// The form.
pub(crate) async fn show(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    Ok(page(&form(&session, &realm, &Fields::default()).await?))
}

/// Whether it is only tried, unless a button says that it is meant.
fn is_trial(session: &Session, fields: &Fields) -> bool {
    !(fields.has("import") || session.query("import").is_some())
}

/// What the API is asked beside the lines.
fn query(dry_run: bool, fields: &Fields) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("dry_run", if dry_run { "true" } else { "false" });
    for name in DEFAULTS.into_iter().filter(|name| !fields.text(name).is_empty()) {
        query.append_pair(name, fields.text(name));
    }
    query.finish()
}

/// Tries lines or imports them, or begins to with those of a file. Of what is too large nothing is read, and so nothing is done: the form is shown again,
/// with what would be right.
pub(crate) async fn act(Path(realm): Path<String>, session: Session, posted: Result<PostedFile, Stop>) -> Shown {
    let PostedFile { session, fields, file } = match posted {
        Err(Stop::Unreadable(problem, _)) if problem.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let form = form(&session, &realm_of(&session, &realm)?, &Fields::default()).await?;
            return Ok((StatusCode::PAYLOAD_TOO_LARGE, page(&ImportPage { is_too_large: true, ..form })).into_response());
        }
        other => other?,
    };
    let realm = realm_of(&session, &realm)?;
    let query = query(is_trial(&session, &fields), &fields);
    if let Some(file) = file {
        return begin(&session, &realm, &fields, &query, file).await;
    }
    let path = format!("/api/v1/realms/{realm}/keys/import?{query}");
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

/// Hands a file over while it comes, and leads to where it is told how far it is.
async fn begin(session: &Session, realm: &Slug, fields: &Fields, query: &str, file: Upload) -> Shown {
    let lines = [".jsonl", ".ndjson"].iter().any(|end| file.name.to_ascii_lowercase().ends_with(end));
    let kind = if lines { "application/jsonl" } else { "text/csv" };
    let call = Call { file: Some((kind, file.body())), ..Call::default() };
    let path = format!("/api/v1/realms/{realm}/imports?{query}");
    match session.act::<ImportJob>(Method::POST, &path, call).await? {
        Ok(job) => Ok(Redirect::to(&format!("/console/r/{realm}/keys/import/{}", job.import)).into_response()),
        Err(refused) => {
            let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let form = ImportPage { refused: Some(refused), ..form(session, realm, fields).await? };
            Ok((status, page(&form)).into_response())
        }
    }
}

/// How an import stands in the reader's language, and as which of a key's states it is shown.
fn state(word: &str, t: &Texts) -> (&'static str, &'static str) {
    match word {
        "running" => ("pending", t.import_running),
        "imported" => ("active", t.import_imported),
        "tried" => ("active", t.import_tried),
        "refused" => ("revoked", t.import_nothing),
        "failed" => ("revoked", t.import_failed),
        _ => ("revoked", t.import_lost),
    }
}

#[derive(Template)]
#[template(path = "import_progress.html")]
struct ProgressPage {
    f: Frame,
    job: ImportJob,
    class: &'static str,
    state: &'static str,
}

impl ProgressPage {
    fn is_running(&self) -> bool {
        self.job.state == "running"
    }

    /// Whether there are more than are named.
    fn has_more(&self) -> bool {
        u64::try_from(self.job.refusals.len()).is_ok_and(|named| named < self.job.refused)
    }

    /// How much of the file was read, in hundredths.
    fn percent(&self) -> u64 {
        self.job.read_bytes.saturating_mul(100).checked_div(self.job.bytes).unwrap_or(0)
    }
}

/// How far one is, and how it ended.
pub(crate) async fn progress(session: Session, Path((realm, import)): Path<(String, String)>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let import = import.parse::<ImportId>().map_err(|_| Stop::Nothing(session.frame().language))?;
    let job: ImportJob = session.get(&format!("/api/v1/realms/{realm}/imports/{import}")).await?;
    let f = session.frame().within(realm.as_str(), "keys");
    let (class, state) = state(&job.state, f.t);
    Ok(page(&ProgressPage { f, job, class, state }))
}
