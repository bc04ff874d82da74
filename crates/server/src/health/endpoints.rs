//! What anybody may ask of a node's health. Everything is read from memory, so that an answer takes no longer when disks, the database or thousands of
//! clients are slow; and none holds a path, an address or a sentence, only places and codes.
//!
//! | path | answer |
//! |---|---|
//! | `/livez` | 200 while the process answers |
//! | `/readyz` | 503 while this node fails, and once the server was asked to end |
//! | `/readyz/files` | the same of published files alone: what edges are sent here for, also while the database is away |
//! | `/healthz` | all that is wrong and since when, and the head of each realm; 503 while anything fails |
//!
//! Whether a node is ready says that others are better. What is wrong with one realm on all of them alike, such as a head that has ended, or a target,
//! would take every node out of service, and with them all other realms; so it counts only where there is no realm left that a node could serve.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use edgelatch_registry::{Slug, format_time};
use serde::Serialize;
use tokio::sync::watch;

use super::{Severity, Trouble};
use crate::tasks::watch::Watched;

/// What the endpoints read.
struct Pages {
    watched: Watched,
    /// True from when the server was asked to end.
    stop: watch::Receiver<bool>,
}

#[derive(Serialize)]
struct Answer {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    troubles: Option<Vec<TroubleView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    realms: Option<Vec<RealmView>>,
}

#[derive(Serialize)]
struct TroubleView {
    place: String,
    severity: &'static str,
    code: &'static str,
    since: String,
}

#[derive(Serialize)]
struct RealmView {
    realm: String,
    epoch: Option<u64>,
    seconds_left: Option<u64>,
}

/// The endpoints; `stop` turns true when the server was asked to end.
pub(crate) fn routes(watched: Watched, stop: watch::Receiver<bool>) -> Router {
    Router::new()
        .route("/livez", get(|| async { answer(Answer { status: "ok", troubles: None, realms: None }) }))
        .route("/readyz", get(|State(pages): State<Arc<Pages>>| async move { pages.ready(is_about_the_node) }))
        .route("/readyz/files", get(|State(pages): State<Arc<Pages>>| async move { pages.ready(is_about_files) }))
        .route("/healthz", get(|State(pages): State<Arc<Pages>>| async move { pages.whole() }))
        .with_state(Arc::new(Pages { watched, stop }))
}

/// What may be wrong with a realm's head on one node and not on others.
const OF_NODE: [&str; 5] = ["behind", "foreign", "missing", "stale", "unreadable"];

/// Whether a place is about this node as a whole.
fn is_about_the_node(place: &str) -> bool {
    !place.starts_with("realm/")
}

/// Whether a place is about what edges get from this node, whatever the realm. Most certificates end for every node at once: a load balancer that
/// looks at these would be left without any node.
fn is_about_files(place: &str) -> bool {
    place == "published"
}

/// Whether a place is a realm's head here.
fn is_head(place: &str) -> bool {
    place.starts_with("realm/") && place.ends_with("/head")
}

impl Pages {
    fn ready(&self, counts: impl Fn(&str) -> bool) -> Response {
        let fails = |trouble: &Trouble| trouble.severity == Severity::Failing;
        let troubles = self.watched.health.troubles();
        let is_usable = |realm: &Slug| !troubles.get(&format!("realm/{realm}/head")).is_some_and(fails);
        let serves = self.watched.seen.now().heads.iter().any(|(realm, head)| head.is_some() && is_usable(realm));
        let head_counts = |code| OF_NODE.contains(&code) || !serves;
        let failing =
            self.troubles(|place, trouble| fails(trouble) && (counts(place) || (is_head(place) && head_counts(trouble.code))));
        answer(Answer { status: self.status(&failing), troubles: Some(failing), realms: None })
    }

    fn whole(&self) -> Response {
        let troubles = self.troubles(|_, _| true);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let heads = self.watched.seen.now().heads.into_iter();
        let realms = heads.map(|(realm, head)| RealmView {
            realm: realm.to_string(),
            epoch: head.map(|head| head.epoch),
            seconds_left: head.map(|head| head.not_after.saturating_sub(now)),
        });
        answer(Answer { status: self.status(&troubles), troubles: Some(troubles), realms: Some(realms.collect()) })
    }

    fn status(&self, troubles: &[TroubleView]) -> &'static str {
        match () {
            () if *self.stop.borrow() => "stopping",
            () if troubles.iter().any(|trouble| trouble.severity == Severity::Failing.name()) => Severity::Failing.name(),
            () if troubles.is_empty() => "ok",
            () => Severity::Warning.name(),
        }
    }

    fn troubles(&self, counts: impl Fn(&str, &Trouble) -> bool) -> Vec<TroubleView> {
        let all = self.watched.health.troubles().into_iter().filter(|(place, trouble)| counts(place, trouble));
        let view = |(place, trouble): (String, Trouble)| TroubleView {
            place: public(&place),
            severity: trouble.severity.name(),
            code: trouble.code,
            since: format_time(trouble.since),
        };
        all.map(view).collect()
    }
}

/// A place as anybody may know it: without a target's name, which is a path or an address.
fn public(place: &str) -> String {
    match place.split_once("/target/") {
        Some((realm, _)) if place.starts_with("realm/") => format!("{realm}/target"),
        _ => place.to_owned(),
    }
}

fn answer(body: Answer) -> Response {
    let well = ["ok", Severity::Warning.name()].contains(&body.status);
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;
    use crate::tasks::watch::seen::HeadSeen;

    async fn ask(watched: &Watched, stop: bool, path: &str) -> (u16, Value) {
        let (tell, told) = watch::channel(stop);
        let answer = routes(watched.clone(), told).oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        drop(tell);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["content-type"], "application/json");
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap())
    }

    #[tokio::test]
    async fn each_endpoint_says_what_it_is_asked_for() {
        let watched = Watched::default();
        let statuses = async |stop| {
            let mut all = Vec::new();
            for path in ["/livez", "/readyz", "/readyz/files", "/healthz"] {
                all.push(ask(&watched, stop, path).await.0);
            }
            all
        };
        assert_eq!(statuses(false).await, [200, 200, 200, 200]);
        watched.health.warning("realm/acme/root", "ends", "");
        assert_eq!(statuses(false).await, [200, 200, 200, 200]);
        assert_eq!(ask(&watched, false, "/healthz").await.1["status"], "warning");
        watched.health.failing("database", "store_unreachable", "");
        // Files are there all the same.
        assert_eq!(statuses(false).await, [200, 503, 200, 503]);
        watched.health.failing("realm/acme/head", "expired", "");
        // The only realm there is.
        assert_eq!(statuses(false).await, [200, 503, 503, 503]);
        assert_eq!(ask(&watched, false, "/readyz").await.1["troubles"].as_array().unwrap().len(), 2);
        assert_eq!(ask(&watched, false, "/healthz").await.1["troubles"].as_array().unwrap().len(), 3);
        for place in ["database", "realm/acme/head", "realm/acme/root"] {
            watched.health.fine(place);
        }
        assert_eq!(statuses(false).await, [200, 200, 200, 200]);
        // Who is asked to end is alive, and no traffic should come.
        assert_eq!(statuses(true).await, [200, 503, 503, 503]);
        assert_eq!(ask(&watched, true, "/readyz").await.1["status"], "stopping");
    }

    /// Else what is wrong with one customer's realm on all nodes would leave all others without any node.
    #[tokio::test]
    async fn a_node_is_ready_while_it_is_no_worse_than_others() {
        let watched = Watched::default();
        let head = HeadSeen { epoch: 1, issued_at: 0, not_after: 1 };
        let heads = ["acme", "other"].map(|realm| (realm.parse().unwrap(), Some(head)));
        watched.seen.note(|sight| sight.heads = heads.into());
        for place in ["target/s3://canary", "publisher", "changes", "lease", "root"] {
            watched.health.failing(&format!("realm/acme/{place}"), "io", "");
        }
        for (code, status) in
            [("unproven", 200), ("expired", 200), ("not_out", 200), ("unpublished", 200), ("from_future", 200)]
                .into_iter()
                .chain(OF_NODE.map(|code| (code, 503)))
        {
            watched.health.failing("realm/acme/head", code, "");
            for path in ["/readyz", "/readyz/files"] {
                assert_eq!(ask(&watched, false, path).await.0, status, "{path} {code}");
            }
            let (status, health) = ask(&watched, false, "/healthz").await;
            assert!(status == 503 && health.to_string().contains(code), "{health}");
        }
        // No realm is left.
        watched.health.failing("realm/acme/head", "unproven", "");
        watched.health.failing("realm/other/head", "expired", "");
        for path in ["/readyz", "/readyz/files"] {
            let (status, body) = ask(&watched, false, path).await;
            assert_eq!((status, body["troubles"].as_array().unwrap().len()), (503, 2), "{body}");
        }
    }

    /// Anybody may ask.
    #[tokio::test]
    async fn no_path_address_or_sentence_is_told() {
        let watched = Watched::default();
        for place in ["realm/acme/target//srv/canary/r/acme", "realm/acme/target/s3://canary", "disk"] {
            watched.health.failing(place, "io", "/srv/canary: postgres://canary@db: no space");
        }
        for path in ["/livez", "/readyz", "/readyz/files", "/healthz"] {
            let body = ask(&watched, false, path).await.1.to_string();
            assert!(!body.contains("canary") && !body.contains("space"), "{body}");
        }
        let troubles = &ask(&watched, false, "/healthz").await.1["troubles"];
        assert_eq!((&troubles[1]["place"], &troubles[1]["code"]), (&"realm/acme/target".into(), &"io".into()));
    }
}
