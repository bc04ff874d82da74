//! Whether edges can be served: for load balancers and monitors.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use edgelatch_core::head::Head;
use serde::Serialize;

use super::site::Site;
use crate::problem::Problem;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    realms: Vec<RealmHealth>,
}

#[derive(Serialize)]
struct RealmHealth {
    realm: String,
    status: &'static str,
    epoch: Option<u64>,
    seconds_left: Option<u64>,
}

/// 200 while every published head is alive, 503 otherwise.
pub(crate) async fn serve(State(site): State<Arc<Site>>) -> Result<Response, Problem> {
    let Ok(Ok(health)) = tokio::task::spawn_blocking(move || look(&site)).await else { return Err(Problem::unreadable()) };
    let status = if health.status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, [(header::CACHE_CONTROL, "no-store")], Json(health)).into_response())
}

fn look(site: &Site) -> std::io::Result<Health> {
    let now = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let mut realms = Vec::new();
    for realm in site.realms()? {
        let head = site.head(&realm).ok().and_then(|bytes| Head::inspect(&bytes).ok());
        let left = head.as_ref().map(|head| head.not_after.saturating_sub(now));
        let status = match left {
            None => "missing",
            Some(0) => "expired",
            Some(_) => "ok",
        };
        realms.push(RealmHealth { realm: realm.to_string(), status, epoch: head.map(|head| head.epoch), seconds_left: left });
    }
    let status = if realms.iter().all(|realm| realm.status == "ok") { "ok" } else { "degraded" };
    Ok(Health { status, realms })
}
