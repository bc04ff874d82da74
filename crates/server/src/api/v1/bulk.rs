//! Many keys at once: imported by their digests, or revoked by a filter.

use std::io::{Seek, Write};

use axum::http::StatusCode;
use edgelatch_registry::json::{given, object};
use edgelatch_registry::{BulkRevoked, Import, ImportDefaults, ImportFormat, ImportReport, KeyFilter, Slug};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::{Answer, json};
use crate::api::blocking::blocking;
use crate::api::call::{Call, Pass};
use crate::api::path::InRealm;
use crate::limits::{MAX_BODY_BYTES, MAX_IMPORT_BYTES};
use crate::problem::Problem;

/// What stands for columns that lines leave out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// How the file is written; as its `Content-Type` says if left out.
    format: Option<ImportFormat>,
    /// Only report what would happen.
    dry_run: bool,
    /// The org of lines that name none.
    org: Option<Slug>,
    /// The owner of lines that name none.
    owner: Option<Slug>,
    /// The role of lines that name none.
    role: Option<Slug>,
    /// The environment of lines that name none.
    environment: Option<Slug>,
}

/// Content types, and what they say of the format.
pub(super) const KINDS: [(&str, ImportFormat); 3] = [
    ("text/csv", ImportFormat::Csv),
    ("application/jsonl", ImportFormat::JsonLines),
    ("application/x-ndjson", ImportFormat::JsonLines),
];

pub(super) fn import(query: ImportQuery, kind: &str, pass: &Pass) -> Result<Import, Problem> {
    let of_kind = KINDS.iter().find(|(name, _)| *name == kind).map_or(ImportFormat::Csv, |(_, format)| *format);
    if query.format.is_some_and(|format| format != of_kind) {
        return Err(Problem::parameter("format", "is not what the content type says"));
    }
    let org = pass.reach.org(query.org.as_ref()).map_err(|refusal| pass.placed(refusal))?;
    let ImportQuery { owner, role, environment, dry_run, .. } = query;
    let defaults = ImportDefaults { org, owner, roles: role.into_iter().collect(), environment };
    Ok(Import { format: of_kind, defaults, dry_run })
}

pub(super) fn lost(error: &std::io::Error) -> Problem {
    Problem::failure(format!("an import cannot be kept: {error}"))
}

/// Import keys by their digests
///
/// All lines or none; the fields of CSV may be separated by commas, semicolons or tabs. A file that is refused answers 422 with a report of its lines. Columns: sha256, name, org, owner,
/// description, roles, scope, allow, deny, allow_mode, order, not_before, expires_at, metadata, environment, tags.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/import", operation_id = "importKeys", tag = "keys",
    params(InRealm, ImportQuery),
    request_body(content(
        (String = "text/csv", example = json!("sha256,name\n9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08,legacy\n")),
        (String = "application/jsonl"), (String = "application/x-ndjson"))),
    responses((status = 200, description = "What was imported, or would be", body = ImportReport)))]
pub(crate) async fn keys(call: Call) -> Answer {
    let (pass, InRealm {}, (query,), incoming) = call.admit("key.create").await?;
    let kind = incoming.expect(&KINDS.map(|(kind, _)| kind))?;
    let import = import(query, &kind, &pass)?;
    // Kept in a file first: while it is read into the database it holds names and digests, and the client may be slow.
    let _place = pass.import_place()?;
    let mut file = blocking(tempfile::tempfile).await?.map_err(|error| lost(&error))?;
    incoming.each(MAX_IMPORT_BYTES, |piece| file.write_all(&piece).map_err(|error| lost(&error))).await?;
    pass.run(move |pass| {
        let caller = pass.caller(import.defaults.org.as_ref())?;
        file.rewind().map_err(|error| lost(&error))?;
        let report = pass.keys().import_file(&caller, &import, &mut file, &mut |_| {})?;
        if report.refused > 0 && !import.dry_run {
            let detail =
                format!("{} of {} lines are refused, so none was imported", report.refused, report.refused + report.keys);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(Problem::new(status, "import_refused", "Lines were refused", detail).reporting(report));
        }
        json(report)
    })
    .await
}

/// A bulk revocation: asked for with `dry_run` first, then made with the number that it would reach.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RevokeKeys)]
pub(crate) struct RevokeBody {
    /// Which keys.
    #[serde(deserialize_with = "object")]
    filter: KeyFilter,
    /// Only count them.
    #[serde(default)]
    dry_run: bool,
    /// How many there must be; needed unless this is a dry run.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = u64, required = false)]
    confirm: Option<u64>,
}

/// A refusal of a filter's member.
fn inside(refusal: Problem) -> Problem {
    refusal.below("/filter")
}

/// Revoke every key that a filter fits
///
/// They are revoked by many short steps, so that nobody else waits for it. Should a later one fail (409 `partly_done`), what was revoked before
/// stays revoked: ask again for the rest.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/revoke", operation_id = "revokeKeys", tag = "keys",
    params(InRealm),
    request_body = RevokeBody,
    responses((status = 200, description = "What was revoked, or would be", body = BulkRevoked)))]
pub(crate) async fn revoke(call: Call) -> Answer {
    let (pass, InRealm {}, (), incoming) = call.admit("key.delete").await?;
    let (body, _) = incoming.json::<RevokeBody>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        let org = pass.reach.org(body.filter.org.as_ref()).map_err(inside)?;
        let filter = KeyFilter { org, ..body.filter };
        let confirm = match (body.dry_run, body.confirm) {
            (true, _) => None,
            (false, Some(count)) => Some(count),
            (false, None) => {
                return Err(Problem::at("/confirm", "is missing: ask with dry_run first, then give the number it answers"));
            }
        };
        let caller = pass.caller(filter.org.as_ref())?;
        let done = pass.keys().revoke_all(&caller, &filter, confirm, &mut |_| {});
        json(done.map_err(|error| inside(error.into()))?)
    })
    .await
}
