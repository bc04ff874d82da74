//! Many keys at once: imported by their digests, or revoked by a filter.

use std::fs::File;
use std::io::{Seek, Write};

use edgelatch_registry::json::{given, object};
use edgelatch_registry::{BulkRevoked, Error, Import, ImportDefaults, ImportFormat, ImportReport, KeyFilter, Registry, Slug};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::{Answer, json};
use crate::api::call::{Call, Pass, blocking};
use crate::api::problem::Refusal;
use crate::limits::{MAX_BODY_BYTES, MAX_IMPORT_BYTES};

/// What stands for columns that lines leave out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// How the file is written; as its `Content-Type` says if left out.
    #[param(value_type = ImportFormat, required = false)]
    format: Option<ImportFormat>,
    /// Only report what would happen.
    #[param(value_type = bool, required = false)]
    dry_run: bool,
    /// The org of lines that name none.
    #[param(value_type = Slug, required = false)]
    org: Option<Slug>,
    /// The owner of lines that name none.
    #[param(value_type = Slug, required = false)]
    owner: Option<Slug>,
    /// The role of lines that name none.
    #[param(value_type = Slug, required = false)]
    role: Option<Slug>,
    /// The environment of lines that name none.
    #[param(value_type = Slug, required = false)]
    environment: Option<Slug>,
}

/// Content types, and what they say of the format.
const KINDS: [(&str, ImportFormat); 3] = [
    ("text/csv", ImportFormat::Csv),
    ("application/jsonl", ImportFormat::JsonLines),
    ("application/x-ndjson", ImportFormat::JsonLines),
];

fn import(query: ImportQuery, kind: &str, pass: &Pass) -> Result<Import, Refusal> {
    let of_kind = KINDS.iter().find(|(name, _)| *name == kind).map_or(ImportFormat::Csv, |(_, format)| *format);
    if query.format.is_some_and(|format| format != of_kind) {
        return Err(Refusal::parameter("format", "is not what the content type says"));
    }
    let org = pass.org(query.org.as_ref()).map_err(Refusal::without_body)?;
    let ImportQuery { owner, role, environment, dry_run, .. } = query;
    let defaults = ImportDefaults { org, owner, roles: role.into_iter().collect(), environment };
    Ok(Import { format: of_kind, defaults, dry_run })
}

fn lost(error: &std::io::Error) -> Refusal {
    Refusal::failure(&format!("an import cannot be kept: {error}"))
}

/// Import keys by their digests
///
/// All lines or none. A file that is refused answers 422 with a report of its lines. Columns: sha256, name, org, owner,
/// description, roles, scope, allow, deny, allow_mode, order, not_before, expires_at, metadata, environment.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/import", operation_id = "importKeys", tag = "keys",
    params(("realm" = Slug, Path, description = "The realm"), ImportQuery),
    request_body(content(
        (String = "text/csv", example = json!("sha256,name\n9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08,legacy\n")),
        (String = "application/jsonl"), (String = "application/x-ndjson"))),
    responses((status = 200, description = "What was imported, or would be", body = ImportReport)))]
pub(crate) async fn keys(call: Call) -> Answer {
    let (pass, (query,), incoming) = call.admit_with::<(ImportQuery,)>("key.create").await?;
    let kind = incoming.expect(&KINDS.map(|(kind, _)| kind))?;
    let import = import(query, &kind, &pass)?;
    // Kept first: while it is read into the database, nobody else can write there, and clients may be slow.
    let _place = pass.import_place()?;
    let mut file = blocking(tempfile::tempfile).await?.map_err(|error| lost(&error))?;
    incoming.each(MAX_IMPORT_BYTES, |piece| file.write_all(&piece).map_err(|error| lost(&error))).await?;
    pass.run(move |pass, registry| {
        let caller = pass.caller(import.defaults.org.as_ref())?;
        let report = read(registry, &caller, pass, &import, file)?;
        if report.refused > 0 && !import.dry_run {
            let detail =
                format!("{} of {} lines are refused, so none was imported", report.refused, report.refused + report.keys);
            let status = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
            return Err(Refusal::new(status, "import_refused", "Lines were refused", detail).reporting(report));
        }
        Ok(json(report))
    })
    .await
}

fn read(
    registry: &Registry,
    caller: &edgelatch_registry::Caller,
    pass: &Pass,
    import: &Import,
    mut file: File,
) -> Result<ImportReport, Refusal> {
    file.rewind().map_err(|error| lost(&error))?;
    let done = pass.keys(registry).import_file(caller, import, &mut file, &mut |_| {});
    done.map_err(|error| match error {
        // Of the file as a whole there is no member to point to.
        Error::Invalid { .. } => Refusal::from(error).pointing(None, None),
        error => Refusal::from(error),
    })
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
    expect: Option<u64>,
}

/// A refusal of a filter's member.
fn inside(refusal: Refusal) -> Refusal {
    refusal.below("/filter")
}

/// Revoke every key that a filter fits
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/revoke", operation_id = "revokeKeys", tag = "keys",
    params(("realm" = Slug, Path, description = "The realm")),
    request_body = RevokeBody,
    responses((status = 200, description = "What was revoked, or would be", body = BulkRevoked)))]
pub(crate) async fn revoke(call: Call) -> Answer {
    let (pass, incoming) = call.admit("key.delete").await?;
    let (body, _) = incoming.json::<RevokeBody>(MAX_BODY_BYTES).await?;
    pass.run(move |pass, registry| {
        let org = pass.org(body.filter.org.as_ref()).map_err(inside)?;
        let filter = KeyFilter { org, ..body.filter };
        let confirm = match (body.dry_run, body.expect) {
            (true, _) => None,
            (false, Some(expect)) => Some(expect),
            (false, None) => {
                return Err(Refusal::at("/expect", "is missing: ask with dry_run first, then give the number it answers"));
            }
        };
        let caller = pass.caller(filter.org.as_ref())?;
        let done = pass.keys(registry).revoke_all(&caller, &filter, confirm);
        Ok(json(done.map_err(|error| inside(error.into()))?))
    })
    .await
}
