//! Who may read published files, where not everybody may: they show the names of keys, their roles and policies. It takes a key of the
//! management realm that may read snapshots in the whole of the realm, as those of the role `edge` may.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use edgelatch_registry::{Registry, Slug, management};
use tracing::info;

use crate::api::auth::authenticator::Block;
use crate::api::auth::gate::{Gate, Judged};
use crate::api::auth::principal::{Reach, acting_service};
use crate::api::auth::throttle::FailureRate;
use crate::api::blocking::blocking;
use crate::error::Error;
use crate::limits::READERS_BELIEVED;
use crate::log::ACCESS;
use crate::problem::Problem;

/// What a reader's key must be good for.
const ACT: &str = "snapshot.read";

/// Who may read published files: holders of a key of the management realm in this registry.
#[derive(Clone, Debug)]
pub struct Readers {
    /// Where their keys are.
    pub registry: Arc<Registry>,
    /// Where the client's address comes from, in the core's words, such as `trust=10.0.0.0/8`; the connection if none.
    pub client_ip: Option<String>,
    /// How many failed authentications an address may have.
    pub failures: FailureRate,
}

/// Stands in front of the files.
pub(crate) struct Guard(Arc<Gate>);

/// A reader who was admitted.
#[derive(Clone)]
pub(crate) struct Reader {
    guard: Arc<Guard>,
    block: Arc<Block>,
    realm: Slug,
}

impl Guard {
    pub(crate) fn new(readers: Readers) -> Result<Arc<Guard>, Error> {
        let Readers { registry, client_ip, failures } = readers;
        Ok(Arc::new(Guard(Arc::new(Gate::new(&registry, client_ip.as_deref(), failures, READERS_BELIEVED)?))))
    }
}

impl Reader {
    /// Whether its key is still good for that. It is not where nobody can say.
    pub(crate) async fn may_go_on(&self) -> bool {
        let reader = self.clone();
        let look = move || {
            let Reader { guard, block, realm } = reader;
            let (permission, choose) = (management::permission(&realm, ACT), |of: &[String]| acting_service(&realm, of));
            let verdict = guard.0.look(&block, Some(&permission), &choose).ok()?;
            verdict.principal.filter(|principal| principal.reach(&realm) == Reach::Realm)
        };
        blocking(look).await.is_ok_and(|principal| principal.is_some())
    }
}

/// Lets those through who may read the realm of the path.
pub(crate) async fn admit(
    State(guard): State<Arc<Guard>>,
    realm: Result<Path<Vec<(String, String)>>, PathRejection>,
    request: Request,
    next: Next,
) -> Response {
    let realm = realm.ok().and_then(|Path(parts)| parts.into_iter().find(|(name, _)| name == "realm")?.1.parse().ok());
    let (parts, body) = request.into_parts();
    match judge(guard, realm, &parts).await {
        Ok(reader) => {
            let mut request = Request::from_parts(parts, body);
            request.extensions_mut().insert(reader);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn judge(guard: Arc<Guard>, realm: Option<Slug>, parts: &axum::http::request::Parts) -> Result<Reader, Problem> {
    // Whoever asks for what can be no realm is told so only with a key.
    let (permission, within) = (realm.as_ref().map(|realm| management::permission(realm, ACT)), realm.clone());
    let choose = move |services: &[String]| acting_service(within.as_ref()?, services);
    let Judged { verdict, address, block } = guard.0.judge(guard.0.block(parts), &parts.extensions, permission, choose).await?;
    let (code, key_id) = (verdict.outcome.code.name(), verdict.key_id.map(tracing::field::display));
    if verdict.principal.is_none() {
        let realm = realm.as_ref().map(tracing::field::display);
        info!(target: ACCESS, realm, code, key_id, ip = address.map(tracing::field::display), "published files refused");
    }
    let principal = verdict.admitted()?;
    let realm = realm.ok_or_else(Problem::no_file)?;
    principal.reach(&realm).whole_realm()?;
    Ok(Reader { guard, block: Arc::new(block), realm })
}
