//! Reports of leaked secrets, in the form of GitHub's secret scanning partner programme. They are not authorised by a management key but by their
//! signature; without keys to prove that by, none are taken.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use edgelatch_core::hex::Hex;
use edgelatch_core::key;
use edgelatch_registry::{Caller, Digest, Leak, Name};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::api::answer::{Answer, json};
use crate::api::auth::reporters::Claim;
use crate::api::blocking::blocking;
use crate::api::incoming::{Incoming, parse_list};
use crate::api::query::Query;
use crate::api::state::Api;
use crate::limits::{MAX_LEAK_URL, MAX_LEAKS, MAX_LEAKS_BYTES};
use crate::net::seats::Seat;
use crate::problem::{Details, Problem};

/// Who acts, in audit logs.
const REPORTER: &str = "github:secret-scanning";
/// Characters of a type's or a source's name.
const MAX_WORD: usize = 64;

/// Something that looks like a secret, and was found in public.
#[derive(Deserialize, ToSchema)]
#[schema(as = LeakedToken)]
pub(crate) struct Found {
    /// The text.
    #[schema(value_type = String, format = Password, write_only)]
    token: Zeroizing<String>,
    /// What the reporter takes it for.
    #[serde(rename = "type")]
    kind: String,
    /// Where it was found.
    #[serde(default)]
    #[schema(required = false)]
    url: Option<String>,
    /// In what kind of place.
    #[serde(default)]
    #[schema(required = false)]
    source: Option<String>,
}

/// What became of one of them.
#[derive(Serialize, ToSchema)]
#[schema(as = LeakLabel)]
pub(crate) struct Label {
    /// SHA-256 of the text, in hexadecimal digits.
    token_hash: String,
    /// As in the report.
    token_type: String,
    /// `true_positive` where it is, or was, the secret of a key here, else `false_positive`.
    label: &'static str,
}

impl Found {
    /// What is kept of it: nothing in which the text stands, and no more than a line each.
    fn leak(&self) -> Leak {
        let keeps = |text: &String| !text.is_empty() && !text.contains(&*self.token) && !text.chars().any(char::is_control);
        let source = self.source.clone().filter(|source| keeps(source) && is_word(source));
        let url = self.url.as_ref().filter(|url| keeps(url)).map(|url| url.chars().take(MAX_LEAK_URL).collect());
        Leak { digest: Digest::of(&self.token), source, url }
    }

    fn label(&self, known: bool) -> Label {
        let token_type =
            if self.kind.contains(&*self.token) || !is_word(&self.kind) { String::new() } else { self.kind.clone() };
        let label = if known { "true_positive" } else { "false_positive" };
        let digest = key::digest(self.token.as_bytes());
        Label { token_hash: Hex(&digest).to_string(), token_type, label }
    }
}

fn is_word(text: &str) -> bool {
    (1..=MAX_WORD).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-. ".contains(&b))
}

/// Take a report of leaked secrets
///
/// In the form of GitHub's secret scanning partner programme, and only where `edgelatch serve --github-keys` says by which keys it is signed:
/// elsewhere 404. The audit log notes a secret that is a key's, an alert tells of it, and the key is revoked where its org's
/// settings say so (`revoke_leaked`). The same report again does nothing more.
#[utoipa::path(post, path = "/api/v1/leaks/github", operation_id = "reportLeaks", tag = "keys", security(()),
    params(
        ("Github-Public-Key-Identifier" = Option<String>, Header, description = "By which key it is signed"),
        ("Github-Public-Key-Signature" = Option<String>, Header, description = "ECDSA over P-256 with SHA-256 over the body: DER in base64")),
    request_body = Vec<Found>,
    responses((status = 200, description = "What each of them is", body = Vec<Label>),
        (status = 400, description = "The body is not JSON", body = Details, content_type = "application/problem+json"),
        (status = 403, description = "It is not signed as it must be", body = Details, content_type = "application/problem+json"),
        (status = 404, description = "No reports are taken here", body = Details, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = Details, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Details, content_type = "application/problem+json"),
        (status = 415, description = "The body is of another kind", body = Details, content_type = "application/problem+json"),
        (status = 422, description = "A value does not fit", body = Details, content_type = "application/problem+json"),
        (status = 429, description = "Too many reports of this address were not signed", body = Details, content_type = "application/problem+json"),
        (status = 500, description = "The server failed", body = Details, content_type = "application/problem+json"),
        (status = 503, description = "The database is not available", body = Details, content_type = "application/problem+json")))]
pub(crate) async fn report(State(api): State<Arc<Api>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    <()>::read(parts.uri.query().unwrap_or_default())?;
    if api.reporters.is_none() {
        return Err(Problem::not_found());
    }
    let (address, client) = api.gate.addresses(&api.gate.block(&parts), &parts.extensions);
    // Whether it may be signed at all is known before anything of the body is read.
    let claim = Claim::read(&parts.headers);
    let seat = parts.extensions.get::<Seat>().cloned();
    let proven = match claim {
        Some(claim) => prove(&api, claim, Incoming::new(&parts, body).json_bytes(MAX_LEAKS_BYTES).await?).await?,
        None => None,
    };
    let Some(bytes) = proven else {
        api.gate.count_failure(client, seat.as_ref(), "reports that are not signed").await?;
        return Err(unsigned());
    };
    let found: Vec<Found> = parse_list(&bytes)?;
    if found.len() > MAX_LEAKS {
        return Err(Problem::at("", format!("holds more than {MAX_LEAKS} findings: send them in several reports")));
    }
    let caller = Caller::new(Name::parse("actor", REPORTER)?);
    let caller = address.map_or(caller.clone(), |address| caller.from_address(address));
    blocking(move || {
        let labels = found.iter().map(|found| Ok(found.label(api.registry.leaked(&caller, &found.leak())?)));
        json(labels.collect::<Result<Vec<Label>, Problem>>()?)
    })
    .await?
}

/// The body of a report, if it is signed as claimed.
async fn prove(api: &Arc<Api>, claim: Claim, body: Vec<u8>) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
    let (api, body) = (Arc::clone(api), Zeroizing::new(body));
    let judged = blocking(move || {
        let proven = api.reporters.as_ref().map_or(Ok(false), |reporters| reporters.prove(&claim, &body));
        proven.map(|proven| proven.then_some(body))
    });
    judged.await?.map_err(Problem::failure)
}

fn unsigned() -> Problem {
    let detail = "the report is not signed, or not by one of the keys that are trusted here";
    let refused = Problem::new(StatusCode::FORBIDDEN, "signature_refused", "The report is not signed as it must be", detail);
    refused.logging(
        "a report of leaked secrets is not signed by a key of --github-keys; if it is GitHub's, its list of keys has changed",
    )
}
