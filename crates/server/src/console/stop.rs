//! What ends a request before its page is made.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::client::Refused;
use super::frame::{Frame, page};
use super::language::Language;
use crate::problem::Problem;

/// Why there is no page.
pub(super) enum Stop {
    /// Nobody is signed in, any more if it `ended`: they are to sign in, and come back to `place`.
    SignIn { place: String, ended: bool },
    /// The API refused.
    Refused(Box<(Refused, Frame)>),
    /// A form that no page of ours has sent for whoever sends it.
    Foreign(Language),
    /// A body that is no form.
    Unreadable(Problem, Language),
    /// There is no such page.
    Nothing(Language),
    /// The server failed.
    Failed(Language),
}

/// A page that says why there is no other.
#[derive(Template)]
#[template(path = "stopped.html")]
struct Stopped {
    f: Frame,
    title: String,
    detail: String,
    code: String,
}

/// What a handler returns.
pub(super) type Shown = Result<Response, Stop>;

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        let plain = |language: Language, status: StatusCode, title: &str, detail: &str| {
            let stopped = Stopped {
                f: Frame::bare(language),
                title: title.into(),
                detail: detail.into(),
                code: status.as_u16().to_string(),
            };
            (status, page(&stopped)).into_response()
        };
        match self {
            Stop::SignIn { place, ended } => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.append_pair("next", &place);
                if ended {
                    query.append_pair("ended", "1");
                }
                let to = format!("/console/sign-in?{}", query.finish());
                let mut response = Redirect::to(&to).into_response();
                // A part of a page that a script asks for would show the sign-in inside it.
                if let Ok(value) = HeaderValue::from_str(&to) {
                    response.headers_mut().insert("hx-redirect", value);
                }
                response
            }
            Stop::Refused(refused) => {
                let (refused, f) = *refused;
                let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let Refused { title, detail, .. } = refused;
                (status, page(&Stopped { f, title, detail, code: status.as_u16().to_string() })).into_response()
            }
            Stop::Foreign(language) => {
                let t = language.texts();
                plain(language, StatusCode::FORBIDDEN, t.foreign_title, t.foreign_detail)
            }
            Stop::Unreadable(problem, language) => {
                let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::BAD_REQUEST);
                let t = language.texts();
                plain(language, status, t.unreadable_title, t.unreadable_detail)
            }
            Stop::Nothing(language) => {
                let t = language.texts();
                plain(language, StatusCode::NOT_FOUND, t.nothing_title, t.nothing_detail)
            }
            Stop::Failed(language) => {
                let t = language.texts();
                let mut response = plain(language, StatusCode::SERVICE_UNAVAILABLE, t.failed_title, t.failed_detail);
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
                response
            }
        }
    }
}
