//! A verifier that follows a real control plane: `edgelatch serve` as a library, with a realm of its own.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use edgelatch_tower::{EdgelatchLayer, HttpSource, Identity, Refresh, Requirement, Verifier};

use crate::common::{ask, axum, by_hand, runtime, until};
use crate::plane::Plane;

fn code(verifier: &Verifier, key: &str) -> &'static str {
    verifier.verify_key(key, &Requirement::none(), None).code().name()
}

#[test]
fn a_revocation_arrives_by_the_stream() {
    let plane = Plane::new();
    let ((id, key), served) = (plane.key("ci"), plane.serve(0));
    runtime().block_on(async {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        // Only the stream can be as quick as that: the source is asked again in an hour.
        let refresh = Refresh::default().interval(Duration::from_secs(3_600));
        let builder =
            Verifier::builder(plane.root()).refresh(refresh).on_update(move |update| hears.lock().unwrap().push(update.epoch));
        let verifier = builder.follow(served.source()).await.unwrap();
        until("the key is published", || code(&verifier, &key) == "valid").await;
        until("there is a stream", || verifier.stats().streaming).await;
        let layer = EdgelatchLayer::builder(verifier.clone()).build().unwrap();
        let port = axum(Router::new().route("/", get(|who: Identity| async move { who.name })).layer(layer)).await;
        let credential = format!("x-api-key: {key}");
        assert_eq!(ask(port, "GET /", &[&credential]).await.status, 200);
        let (begun, before) = (Instant::now(), verifier.epoch());
        plane.revoke(id);
        until("the key is revoked", || code(&verifier, &key) == "revoked").await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(ask(port, "GET /", &[&credential]).await.status, 401);
        // Many changes, one after another, of which none is lost.
        let more: Vec<String> = (0..20).map(|number| plane.key(&format!("key {number}")).1).collect();
        until("all keys are published", || more.iter().all(|key| code(&verifier, key) == "valid")).await;
        let (stats, heard) = (verifier.stats(), heard.lock().unwrap().clone());
        assert!(stats.errors.is_empty() && stats.epoch > before, "{stats:?}");
        assert!(heard.is_sorted() && heard.last() == Some(&stats.epoch) && stats.updates == heard.len() as u64, "{heard:?}");
    });
}

#[test]
fn without_a_stream_the_source_is_asked_again() {
    let plane = Plane::new();
    let ((id, key), served) = (plane.key("ci"), plane.serve(0));
    runtime().block_on(async {
        let refresh = Refresh::default().interval(Duration::from_millis(100)).stream(false);
        let verifier = Verifier::builder(plane.root()).refresh(refresh).follow(served.source()).await.unwrap();
        until("the key is published", || code(&verifier, &key) == "valid").await;
        plane.revoke(id);
        until("the key is revoked", || code(&verifier, &key) == "revoked").await;
        let stats = verifier.stats();
        assert!(!stats.streaming && stats.errors.is_empty() && stats.refreshed_at.is_some(), "{stats:?}");
    });
}

#[test]
fn what_was_kept_serves_while_the_source_is_away_and_the_source_is_found_again() {
    let plane = Plane::new();
    let ((id, key), served) = (plane.key("ci"), plane.serve(0));
    let port = served.addr.port();
    runtime().block_on(async {
        let builder = || Verifier::builder(plane.root()).cache(plane.cache()).on_error(|_| {});
        let file = plane.cache().join("acme.edge");
        let first = builder().follow(served.source()).await.unwrap();
        until("the key is published", || code(&first, &key) == "valid").await;
        until("it is kept", || plane.is_kept()).await;
        drop(first);
        let source = served.source();
        tokio::task::spawn_blocking(move || drop(served)).await.unwrap();

        let second = builder().follow(source).await.unwrap();
        assert_eq!((second.ready(), code(&second, &key)), (true, "valid"));
        until("the source was asked in vain", || second.stats().errors.contains_key("unreachable")).await;
        assert_eq!(code(&second, &key), "valid");
        // Nobody but the owner reads what is kept.
        #[cfg(unix)]
        for path in [&file, &plane.cache()] {
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap());
            assert_eq!(mode & 0o077, 0, "{mode:o}");
        }

        plane.revoke(id);
        let _served = tokio::task::block_in_place(|| plane.serve(port));
        until("the source is found again", || code(&second, &key) == "revoked").await;
        drop(_served);
    });
}

#[test]
fn a_cache_that_was_damaged_is_told_and_serves_nothing() {
    let plane = Plane::new();
    let (_, key) = plane.key("ci");
    let served = plane.serve(0);
    runtime().block_on(async {
        let builder = || Verifier::builder(plane.root()).refresh(by_hand()).cache(plane.cache()).on_error(|_| {});
        let often = Refresh::default().interval(Duration::from_millis(100)).stream(false);
        let first = builder().refresh(often).follow(served.source()).await.unwrap();
        until("the key is published", || code(&first, &key) == "valid").await;
        let file = plane.cache().join("acme.edge");
        until("it is kept", || plane.is_kept()).await;
        drop(first);
        drop(served);
        let nobody = || HttpSource::new("http://127.0.0.1:1/r/acme").unwrap();
        let kept = std::fs::read(&file).unwrap();
        let whole = builder().follow(nobody()).await.unwrap();
        assert_eq!(code(&whole, &key), "valid");
        drop(whole);
        let flip = |at: usize| {
            let mut bytes = kept.clone();
            bytes[at] ^= 1;
            bytes
        };
        let (short, long) = (kept[..kept.len() - 1].to_vec(), [kept.clone(), vec![0; 8]].concat());
        // Nothing, the magic, a length, the end, an object, what follows it.
        for (bytes, wanted) in [
            (Vec::new(), "content"),
            (flip(0), "content"),
            (flip(5), "content"),
            (short, "content"),
            (flip(kept.len() - 1), "refused"),
            (long, "content"),
        ] {
            std::fs::write(&file, &bytes).unwrap();
            let verifier = builder().follow(nobody()).await.unwrap();
            let errors = verifier.stats().errors;
            assert_eq!((verifier.ready(), errors.contains_key(wanted)), (false, true), "{errors:?}");
        }
        for at in (0..kept.len()).step_by(97) {
            std::fs::write(&file, flip(at)).unwrap();
            let verifier = builder().follow(nobody()).await.unwrap();
            assert!(!verifier.ready(), "byte {at} of the file is not proven");
        }
    });
}

#[test]
fn it_ends_with_the_last_of_its_verifiers() {
    let plane = Plane::new();
    let served = plane.serve(0);
    runtime().block_on(async {
        let heard = Arc::new(());
        let held = Arc::clone(&heard);
        let builder = Verifier::builder(plane.root()).on_update(move |_| drop(Arc::clone(&held)));
        let verifier = builder.follow(served.source()).await.unwrap();
        let other = verifier.clone();
        drop(verifier);
        assert!(other.refresh().await.is_ok());
        drop(other);
        until("nothing follows any more", || Arc::strong_count(&heard) == 1).await;
    });
}
