//! Both logs as JSON lines, for whoever keeps them elsewhere.
//!
//! They are read a part at a time, as fast as the client takes them, so no transaction is open while it does. A part that cannot be read breaks
//! the connection off: what ends as it should is complete up to where the log ended when the answer began.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::IntoResponse;
use edgelatch_registry::{Error, Exported, Slug};
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};
use tracing::error;
use utoipa::IntoParams;

use crate::api::answer::Answer;
use crate::api::call::{Call, Pass};
use crate::api::path::InRealm;
use crate::log::API;
use crate::problem::Problem;

/// What is to be exported.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// Only what comes after this place: `seq` of the last line that the client has. Everything if left out.
    #[param(minimum = 0, value_type = u64, required = false)]
    after: u64,
    /// Only this org's.
    #[param(value_type = Slug, required = false)]
    org: Option<Slug>,
}

/// Reads a part of a log.
type Part<T> = fn(&Pass, u64, Option<&Slug>) -> Result<Exported<T>, Error>;

/// What is left to read.
struct Rest<T> {
    pass: Arc<Pass>,
    org: Option<Slug>,
    part: Part<T>,
    reached: u64,
    end: u64,
}

fn lines<T: Serialize>(rows: &[T]) -> Result<Bytes, Problem> {
    let mut text = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut text, row).map_err(|error| Problem::failure(error.to_string()))?;
        text.push(b'\n');
    }
    Ok(text.into())
}

impl<T: Serialize + Send + 'static> Rest<T> {
    /// The next part, and what is left behind it.
    async fn next(mut self) -> Option<(Result<Bytes, std::io::Error>, Rest<T>)> {
        if self.reached >= self.end {
            return None;
        }
        let (after, org, part) = (self.reached, self.org.clone(), self.part);
        let read = self.pass.ask(move |pass| {
            let found = part(pass, after, org.as_ref())?;
            Ok((lines(&found.rows)?, found.reached))
        });
        match read.await {
            Ok((text, reached)) => {
                self.reached = reached;
                Some((Ok(text), self))
            }
            Err(problem) => {
                error!(target: API, realm = %self.pass.realm, after, status = problem.status(), "an export broke off");
                self.reached = self.end;
                Some((Err(std::io::Error::other("the log could not be read")), self))
            }
        }
    }
}

async fn export<T: Serialize + Send + 'static>(pass: Pass, query: ExportQuery, part: Part<T>) -> Answer {
    let org = pass.reach.org(query.org.as_ref()).map_err(|problem| pass.placed(problem))?;
    let (pass, after) = (Arc::new(pass), query.after);
    // What is wrong is answered with a status, before the first line.
    let asked = org.clone();
    let first = pass.ask(move |pass| {
        let found = part(pass, after, asked.as_ref())?;
        Ok((lines(&found.rows)?, found.reached, found.end))
    });
    let (text, reached, end) = first.await?;
    let rest = Rest { pass, org, part, reached, end };
    let later = unfold(rest, Rest::next);
    let all = futures_util::StreamExt::chain(futures_util::stream::iter([Ok(text)]), later);
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], Body::from_stream(all)).into_response())
}

/// Export the log of requests as JSON lines, in the order in which they were reported
///
/// Each line has its place, `seq`, which is given once: to go on later, or after a connection that broke, ask for what comes `after` the last whole
/// line. The answer ends with what was logged when it began.
#[utoipa::path(get, path = "/api/v1/realms/{realm}/requests/export", operation_id = "exportRequests", tag = "logs",
    params(InRealm, ExportQuery),
    responses((status = 200, description = "The requests, one a line", body = String, content_type = "application/jsonl")))]
pub(crate) async fn requests(call: Call) -> Answer {
    let (pass, InRealm {}, (query,), _) = call.admit("usage.view").await?;
    export(pass, query, |pass, after, org| pass.usage().export(after, org)).await
}

/// Export the audit log as JSON lines, the oldest act first
///
/// As with requests, each line has its place. It also has the chain's hash up to it, so that a log which is written anew is noticed by whoever keeps
/// the lines.
#[utoipa::path(get, path = "/api/v1/realms/{realm}/activity/export", operation_id = "exportActivity", tag = "logs",
    params(InRealm, ExportQuery),
    responses((status = 200, description = "The acts, one a line", body = String, content_type = "application/jsonl")))]
pub(crate) async fn activity(call: Call) -> Answer {
    let (pass, InRealm {}, (query,), _) = call.admit("audit.view").await?;
    export(pass, query, |pass, after, org| pass.audit().export(after, org)).await
}
