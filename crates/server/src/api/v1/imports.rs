//! Imports that go on while nobody waits for them: the file is taken, and the answer says where to look how it is getting on.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use edgelatch_registry::{Caller, Error, Import, ImportId, ImportJob, Kind, Registry, Slug};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tracing::error;
use utoipa::ToSchema;

use super::bulk::{ImportQuery, KINDS, import, lost};
use crate::api::answer::{Answer, json};
use crate::api::auth::principal::Reach;
use crate::api::blocking::blocking;
use crate::api::call::{Call, Pass};
use crate::api::path::{ImportPath, InRealm};
use crate::api::state::Api;
use crate::limits::{IMPORT_TOLD, MAX_IMPORT_BYTES};
use crate::log::API;
use crate::tasks::background::Waker;

/// Imports.
#[derive(Serialize, ToSchema)]
#[schema(as = Imports)]
pub(crate) struct Jobs {
    /// The newest first.
    imports: Vec<ImportJob>,
}

/// Whether an import that somebody began who is confined to an org, or to none, is the caller's to see.
fn sees(pass: &Pass, org: Option<&Slug>) -> bool {
    pass.reach == Reach::Realm || org.is_some_and(|org| pass.reach.sees(org))
}

/// List the last imports that were begun so
#[utoipa::path(get, path = "/api/v1/realms/{realm}/imports", operation_id = "listImports", tag = "keys",
    params(InRealm),
    responses((status = 200, description = "The last twenty", body = Jobs)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, InRealm {}, (), _) = call.admit("key.create").await?;
    pass.run(move |pass| json(Jobs { imports: pass.registry().imports(&pass.realm).list(|org| sees(pass, org))? })).await
}

/// Show an import, and how far it has come
#[utoipa::path(get, path = "/api/v1/realms/{realm}/imports/{import}", operation_id = "getImport", tag = "keys",
    params(ImportPath),
    responses((status = 200, description = "The import", body = ImportJob)))]
pub(crate) async fn show(call: Call) -> Answer {
    let (pass, ImportPath { import }, (), _) = call.admit("key.create").await?;
    pass.run(move |pass| {
        let found = pass.registry().imports(&pass.realm).get(&import)?;
        let unknown = || Error::NotFound { kind: Kind::Import, id: import.to_string() };
        if sees(pass, found.org.as_ref()) { json(found) } else { Err(unknown().into()) }
    })
    .await
}

/// Begin to import keys by their digests
///
/// As `importKeys`, but nobody has to wait: the answer comes as soon as the file is there, and says where to look. One at a time goes on in a realm.
/// Whoever's server is gone meanwhile is told so: nothing was imported then.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/imports", operation_id = "beginImport", tag = "keys",
    params(InRealm, ImportQuery),
    request_body(content(
        (String = "text/csv", example = json!("sha256,name\n9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08,legacy\n")),
        (String = "application/jsonl"), (String = "application/x-ndjson"))),
    responses((status = 202, description = "It is under way", body = ImportJob, headers(
        ("Location" = String, description = "Where it is")))))]
pub(crate) async fn begin(call: Call) -> Answer {
    let (pass, InRealm {}, (query,), incoming) = call.admit("key.create").await?;
    let kind = incoming.expect(&KINDS.map(|(kind, _)| kind))?;
    let import = import(query, &kind, &pass)?;
    let place = pass.import_place()?;
    let mut file = blocking(tempfile::tempfile).await?.map_err(|error| lost(&error))?;
    let mut bytes = 0;
    let keep = |piece: axum::body::Bytes| {
        bytes += piece.len() as u64;
        file.write_all(&piece).map_err(|error| lost(&error))
    };
    incoming.each(MAX_IMPORT_BYTES, keep).await?;
    file.rewind().map_err(|error| lost(&error))?;
    pass.run(move |pass| {
        let caller = pass.caller(import.defaults.org.as_ref())?;
        let job = pass.registry().imports(&pass.realm).begin(&caller, &import, bytes)?;
        let (api, realm, id) = (pass.shared_api(), pass.realm.clone(), job.import.clone());
        tokio::spawn(work(api, Work { realm, id, caller, import, file }, place));
        let path = format!("/api/v1/realms/{}/imports/{}", pass.realm, job.import);
        Ok((StatusCode::ACCEPTED, [(header::LOCATION, path)], json(job)?).into_response())
    })
    .await
}

/// An import that was begun.
struct Work {
    realm: Slug,
    id: ImportId,
    caller: Caller,
    import: Import,
    file: File,
}

/// How far one has come.
#[derive(Debug, Default)]
struct Progress {
    bytes: AtomicU64,
    lines: AtomicU64,
}

/// A file that says how much of it was read.
struct Counted<'p> {
    file: File,
    progress: &'p Progress,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.progress.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Does it on a thread of its own, and says again and again how far it is. Those who publish are woken by what it did.
async fn work(api: Arc<Api>, work: Work, place: OwnedSemaphorePermit) {
    let progress = Arc::new(Progress::default());
    let (registry, realm, id) = (Arc::clone(api.registry()), work.realm.clone(), work.id.clone());
    let (own, told) = (Arc::clone(&registry), Arc::clone(&progress));
    let mut ended = tokio::spawn(blocking(move || work.run(&own, &told)));
    let outcome = loop {
        tokio::select! {
            outcome = &mut ended => break outcome,
            () = tokio::time::sleep(IMPORT_TOLD) => {
                let (bytes, lines) = (progress.bytes.load(Ordering::Relaxed), progress.lines.load(Ordering::Relaxed));
                let (registry, realm, id) = (Arc::clone(&registry), realm.clone(), id.clone());
                // Told again in a moment, should it fail.
                drop(blocking(move || registry.imports(&realm).tell(&id, bytes, lines)).await);
            }
        }
    };
    match outcome {
        Ok(Ok(true)) => api.publisher().into_iter().for_each(Waker::wake),
        Ok(Ok(false)) => {}
        Ok(Err(_)) | Err(_) => {
            error!(target: API, import = %id, "an import panicked");
            drop(blocking(move || registry.imports(&realm).fail(&id, "failed", "the server failed")).await);
        }
    }
    drop(place);
}

impl Work {
    /// Returns whether its keys are there. Why it failed stands with the import.
    fn run(self, registry: &Registry, progress: &Progress) -> bool {
        let Work { realm, id, caller, import, file } = self;
        let mut input = Counted { file, progress };
        let mut tell = |lines| progress.lines.store(lines, Ordering::Relaxed);
        let done = registry.imports(&realm).run(&caller, &id, &import, &mut input, &mut tell);
        done.is_ok_and(|report| report.done)
    }
}
