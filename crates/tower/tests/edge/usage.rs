//! What verifiers report: to a real control plane, to one that fails, and to the host itself.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::get;
use axum::{Router, http::header};
use edgelatch_registry::{EdgeFilter, EdgeRow, Paging, Window};
use edgelatch_testkit::realm::{bundle, record, text, tree};
use edgelatch_testkit::registry::slug;
use edgelatch_tower::{EdgelatchLayer, Identity, Refresh, Requirement, Usage, UsageEvent, Verifier};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::common::{ask, axum, bearer, builder, runtime, until};
use crate::plane::{Plane, REALM};

const SOON: Duration = Duration::from_millis(50);

#[test]
fn requests_and_epochs_arrive_at_the_control_plane() {
    let plane = Plane::new();
    let ((id, key), (other, _), served) = (plane.key("ci"), plane.key("other"), plane.serve(0));
    let usage = Usage::new(&format!("http://{}", served.addr), &plane.edge_key()).unwrap().edge("fra-1").max_age(SOON);
    let live = || -> Vec<EdgeRow> {
        let filter = EdgeFilter { live: Some(true), ..EdgeFilter::default() };
        plane.registry.fleet(&slug(REALM)).list(&filter, &Paging::default()).unwrap().edges
    };
    runtime().block_on(async {
        // Only the stream can be as quick as that: the source is asked again in an hour.
        let refresh = Refresh::default().interval(Duration::from_secs(3_600));
        let verifier = Verifier::builder(plane.root()).refresh(refresh).usage(usage).follow(served.source()).await.unwrap();
        let judged = || verifier.verify_key(&key, &Requirement::none(), None).code().name();
        until("the key is published", || judged() == "valid").await;
        until("the edge is listed", || live().iter().any(|edge| edge.epoch == verifier.epoch())).await;
        let [edge] = &live()[..] else { panic!("one edge") };
        assert_eq!(edge.name.as_ref().unwrap().as_str(), "fra-1");
        assert!(edge.sdk.as_str().starts_with("edgelatch-tower/"), "{}", edge.sdk.as_str());

        let describe = |event: &mut UsageEvent, _: &axum::http::request::Parts| {
            event.endpoint = "/zones/{id}".into();
            event.country = Some("CH".into());
        };
        let layer = EdgelatchLayer::builder(verifier.clone()).describe(describe).build().unwrap();
        let handler = |who: Identity| async move { (StatusCode::CREATED, who.name) };
        let port = axum(Router::new().route("/zones/{id}", get(handler)).layer(layer)).await;
        let credential = format!("x-api-key: {key}");
        assert_eq!(ask(port, "GET /zones/7?secret=canary", &[&credential]).await.status, 201);
        plane.revoke(id);
        until("the key is revoked", || judged() == "revoked").await;
        assert_eq!(ask(port, "HEAD /zones/7", &[&credential]).await.status, 401);
        assert!(verifier.flush().await);
        let stats = verifier.stats();
        let usage = stats.usage.unwrap();
        assert_eq!((usage.delivered, usage.dropped, usage.waiting), (2, 0, 0));
        let realm = slug(REALM);
        let log = plane.registry.usage(&realm);
        let found = log.requests(id, &Window::default(), &Paging::default()).unwrap().requests;
        let mut told: Vec<_> =
            found.iter().map(|one| format!("{} {} {} {}", one.method, one.endpoint, one.status, one.code)).collect();
        told.sort();
        assert_eq!(told, ["GET /zones/{id} 201 valid", "HEAD /zones/{id} 401 revoked"]);
        let country = |one: &edgelatch_registry::Request| (one.ip.clone().unwrap(), one.country.clone().unwrap());
        assert!(found.iter().all(|one| country(one) == ("127.0.0.1".into(), "CH".into())));

        // A change is known to be everywhere, soon after it is: the control plane asks for reports within a second.
        plane.revoke(other);
        let everywhere = || plane.registry.fleet(&slug(REALM)).standing(None).unwrap().everywhere;
        until("the change is known to be everywhere", everywhere).await;
        verifier.close().await;
        until("the edge has said that it ends", || live().is_empty()).await;
        assert!(verifier.stats().errors.is_empty(), "{:?}", verifier.stats());
    });
}

/// A control plane that answers as a test wants.
#[derive(Clone, Default)]
struct Taker {
    status: Arc<Mutex<Option<StatusCode>>>,
    /// Path, `Authorization` and body of each message.
    heard: Arc<Mutex<Vec<(String, String, String)>>>,
}

impl Taker {
    async fn start() -> (Taker, Usage) {
        let taker = Taker::default();
        let port = axum(Router::new().fallback(Taker::take).with_state(taker.clone())).await;
        (taker, Usage::new(&format!("http://127.0.0.1:{port}/base/"), "k").unwrap().max_age(SOON).max_backoff(SOON))
    }

    async fn take(State(taker): State<Taker>, uri: Uri, headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap) {
        let key = headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
        taker.heard.lock().unwrap().push((uri.path().into(), key, String::from_utf8(body.to_vec()).unwrap()));
        let mut more = HeaderMap::new();
        more.insert(header::LOCATION, "/elsewhere".parse().unwrap());
        (taker.status.lock().unwrap().unwrap_or(StatusCode::OK), more)
    }

    fn answers(&self, status: StatusCode) {
        *self.status.lock().unwrap() = Some(status);
    }

    /// The batches so far.
    fn batches(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        assert!(
            heard.iter().all(|(path, key, _)| path.starts_with("/base/api/v1/realms/acme/") && key == "Bearer k"),
            "{heard:?}"
        );
        heard.iter().filter(|(path, ..)| path.ends_with("/usage")).map(|(.., body)| body.clone()).collect()
    }
}

fn reporting(usage: Usage) -> Verifier {
    builder("").usage(usage).serve(bundle(5, &tree(vec![record(1)]))).unwrap()
}

fn used(verifier: &Verifier) -> UsageEvent {
    UsageEvent::of(&verifier.verify_key(&text(1), &Requirement::none(), None), 200)
}

#[test]
fn a_control_plane_that_fails_costs_a_bounded_queue_and_gets_the_same_batch_again() {
    runtime().block_on(async {
        let (taker, usage) = Taker::start().await;
        taker.answers(StatusCode::SERVICE_UNAVAILABLE);
        let verifier = reporting(usage.max_queue(3));
        (0..5).for_each(|_| verifier.report(&used(&verifier)));
        until("it is tried again", || taker.batches().len() > 2).await;
        let stats = verifier.stats();
        let usage = stats.usage.unwrap();
        assert_eq!((usage.delivered, usage.dropped, usage.waiting), (0, 2, 3));
        assert_eq!(stats.errors["queue_full"], 1);
        assert!(stats.errors["http_status"] > 0 && !verifier.flush().await);
        taker.answers(StatusCode::OK);
        until("it is taken", || verifier.stats().usage.unwrap().delivered == 3).await;
        let batches = taker.batches();
        assert!(batches.iter().all(|batch| *batch == batches[0]));
        let batch: Value = serde_json::from_str(&batches[0]).unwrap();
        let ids: std::collections::BTreeSet<_> =
            batch["events"].as_array().unwrap().iter().map(|event| event["event"].to_string()).collect();
        assert_eq!((ids.len(), batch["events"][0]["key_id"].as_str()), (3, Some("key_00000000001")));
    });
}

#[test]
fn what_is_refused_is_dropped_and_no_redirect_gets_the_key() {
    runtime().block_on(async {
        for status in [StatusCode::FORBIDDEN, StatusCode::TEMPORARY_REDIRECT] {
            let (taker, usage) = Taker::start().await;
            taker.answers(status);
            let verifier = reporting(usage);
            verifier.report(&used(&verifier));
            assert!(verifier.flush().await, "it was answered");
            let (stats, batches) = (verifier.stats(), taker.batches());
            assert_eq!((stats.usage.unwrap().dropped, batches.len()), (1, 1), "{status}");
            assert!(stats.last_error.unwrap().message.contains(&status.as_u16().to_string()));
        }
    });
}

#[test]
fn an_end_waits_for_one_deadline_and_later_events_are_dropped() {
    runtime().block_on(async {
        let (taker, usage) = Taker::start().await;
        let verifier = reporting(usage.deadline(Duration::from_millis(300)).max_age(Duration::from_secs(3_600)));
        verifier.report(&used(&verifier));
        verifier.close().await;
        assert_eq!((verifier.stats().usage.unwrap().delivered, taker.batches().len()), (1, 1));
        verifier.report(&used(&verifier));
        assert_eq!(verifier.stats().usage.unwrap().dropped, 1);

        let (taker, usage) = Taker::start().await;
        taker.answers(StatusCode::SERVICE_UNAVAILABLE);
        let verifier = reporting(usage.deadline(Duration::from_millis(300)));
        verifier.report(&used(&verifier));
        let begun = Instant::now();
        verifier.close().await;
        assert!(begun.elapsed() < Duration::from_secs(10));
        let usage = verifier.stats().usage.unwrap();
        assert_eq!((usage.delivered, usage.dropped, usage.waiting), (0, 1, 0));
    });
}

#[test]
fn only_epochs_are_reported_where_events_are_not() {
    runtime().block_on(async {
        let (taker, usage) = Taker::start().await;
        let verifier = reporting(usage.events(false).edge("a"));
        verifier.report(&used(&verifier));
        assert!(verifier.flush().await && verifier.stats().usage.is_none());
        until("the edge reports", || !taker.heard.lock().unwrap().is_empty()).await;
        let (path, _, body) = taker.heard.lock().unwrap()[0].clone();
        let report: Value = serde_json::from_str(&body).unwrap();
        assert!(path.ends_with("/acme/edges"), "{path}");
        assert_eq!((&report["epoch"], &report["mode"], &report["name"]), (&5.into(), &"manual".into(), &"a".into()));
    });
}

#[test]
fn whoever_goes_away_early_is_reported_too() {
    runtime().block_on(async {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tells = Arc::clone(&told);
        let hear =
            move |event: &UsageEvent| tells.lock().unwrap().push((event.status, event.code.name(), event.endpoint.clone()));
        let verifier = builder("").on_usage(hear).serve(bundle(5, &tree(vec![record(1)]))).unwrap();
        let (reached, mut reaches) = tokio::sync::mpsc::channel::<()>(1);
        let slow = move |_: Identity| {
            let reached = reached.clone();
            async move {
                reached.send(()).await.unwrap();
                std::future::pending::<()>().await;
            }
        };
        // What a hook that panics has said does not count.
        let describe = |event: &mut UsageEvent, _: &axum::http::request::Parts| {
            event.endpoint = "half".into();
            panic!("a hook of the host's");
        };
        let layer = EdgelatchLayer::builder(verifier).describe(describe).build().unwrap();
        let port = axum(Router::new().route("/slow", get(slow)).layer(layer)).await;
        let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = format!("GET /slow?x HTTP/1.1\r\nhost: h\r\n{}\r\n\r\n", bearer(1));
        client.write_all(request.as_bytes()).await.unwrap();
        reaches.recv().await.unwrap();
        drop(client);
        until("it is reported", || !told.lock().unwrap().is_empty()).await;
        assert_eq!(*told.lock().unwrap(), [(499, "valid", "/slow".to_owned())]);
    });
}
