//! Many keys at once: imported by their digests, or revoked by a filter.

use std::fs::File;
use std::io::{Seek, Write};

use edgelatch_registry::{
    BulkRevoked, Error, Filter, Import, ImportDefaults, ImportFormat, ImportReport, Registry, Slug, State,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::answer::{Answer, json};
use super::call::{Call, Pass, blocking};
use super::key_body::{given, object};
use super::keys::{slug, time, word};
use super::problem::Refusal;
use crate::limits::{MAX_BODY_BYTES, MAX_IMPORT_BYTES};

/// What stands for columns that lines leave out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// How the file is written; as its `Content-Type` says if left out.
    #[param(value_type = ImportFormat, required = false)]
    format: Option<String>,
    /// Only report what would happen.
    #[param(value_type = bool, required = false)]
    dry_run: Option<bool>,
    /// The org of lines that name none.
    #[param(value_type = Slug, required = false)]
    org: Option<String>,
    /// The owner of lines that name none.
    #[param(value_type = Slug, required = false)]
    owner: Option<String>,
    /// The role of lines that name none.
    #[param(value_type = Slug, required = false)]
    role: Option<String>,
    /// The environment of lines that name none.
    #[param(value_type = Slug, required = false)]
    environment: Option<String>,
}

/// Content types, and what they say of the format.
const KINDS: [(&str, ImportFormat); 3] = [
    ("text/csv", ImportFormat::Csv),
    ("application/jsonl", ImportFormat::JsonLines),
    ("application/x-ndjson", ImportFormat::JsonLines),
];

fn import(query: &ImportQuery, kind: &str, pass: &Pass) -> Result<Import, Refusal> {
    let of_kind = KINDS.iter().find(|(name, _)| *name == kind).map_or(ImportFormat::Csv, |(_, format)| *format);
    let format: Option<ImportFormat> = word("format", query.format.as_deref()).map_err(Refusal::without_body)?;
    if format.is_some_and(|format| format != of_kind) {
        return Err(Refusal::parameter("format", "is not what the content type says"));
    }
    let read = |name, text: &Option<String>| slug(name, text.as_deref()).map_err(Refusal::without_body);
    let org = pass.org(read("org", &query.org)?.as_ref()).map_err(Refusal::without_body)?;
    Ok(Import {
        format: of_kind,
        defaults: ImportDefaults {
            org,
            owner: read("owner", &query.owner)?,
            roles: read("role", &query.role)?.into_iter().collect(),
            environment: read("environment", &query.environment)?,
        },
        dry_run: query.dry_run.unwrap_or(false),
    })
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
    let (pass, query, incoming) = call.admit_with::<ImportQuery>("key.create").await?;
    let kind = incoming.expect(&KINDS.map(|(kind, _)| kind))?;
    let import = import(&query, &kind, &pass)?;
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
    let done = registry.import_keys(caller, &pass.realm, import, &mut file, &mut |_| {});
    done.map_err(|error| match error {
        // Of the file as a whole there is no member to point to.
        Error::Invalid { .. } => Refusal::from(error).pointing(None, None),
        error => Refusal::from(error),
    })
}

/// Which keys to revoke. An empty filter means all.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyFilter)]
pub(crate) struct FilterBody {
    /// Only this org's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Slug, required = false)]
    org: Option<String>,
    /// Only this owner's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Slug, required = false)]
    owner: Option<String>,
    /// Only those with this role, of their own or their owner's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Slug, required = false)]
    role: Option<String>,
    /// Only those in this state.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = State, required = false)]
    state: Option<String>,
    /// Only those for this environment.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Slug, required = false)]
    environment: Option<String>,
    /// Only those that expire before this time: a span, a date or an RFC 3339 time.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    expires_before: Option<String>,
    /// Only those made before this time.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, examples("2027-01-31"))]
    created_before: Option<String>,
    /// Only those that should be rotated, as their environments say.
    #[serde(default)]
    rotation_due: bool,
    /// Only those whose name, description, id or first characters contain this text.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, max_length = 128)]
    search: Option<String>,
}

/// A bulk revocation: asked for with `dry_run` first, then made with the number that it would reach.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RevokeKeys)]
pub(crate) struct RevokeBody {
    /// Which keys.
    #[serde(deserialize_with = "object")]
    filter: FilterBody,
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

impl FilterBody {
    fn read(&self, pass: &Pass, registry: &Registry) -> Result<Filter, Refusal> {
        Ok(Filter {
            org: pass.org(slug("org", self.org.as_deref())?.as_ref())?,
            owner: slug("owner", self.owner.as_deref())?,
            role: slug("role", self.role.as_deref())?,
            state: word("state", self.state.as_deref())?,
            environment: slug("environment", self.environment.as_deref())?,
            expires_before: time(registry, "expires_before", self.expires_before.as_deref())?,
            created_before: time(registry, "created_before", self.created_before.as_deref())?,
            rotation_due: self.rotation_due,
            search: self.search.clone(),
            ..Filter::default()
        })
    }
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
        let filter = body.filter.read(pass, registry).map_err(inside)?;
        let confirm = match (body.dry_run, body.expect) {
            (true, _) => None,
            (false, Some(expect)) => Some(expect),
            (false, None) => {
                return Err(Refusal::at("/expect", "is missing: ask with dry_run first, then give the number it answers"));
            }
        };
        let caller = pass.caller(filter.org.as_ref())?;
        let done = registry.revoke_keys(&caller, &pass.realm, &filter, confirm);
        Ok(json(done.map_err(|error| inside(error.into()))?))
    })
    .await
}
