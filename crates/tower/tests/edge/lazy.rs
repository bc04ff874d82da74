//! Verifiers that keep a part of the snapshot, and fetch the rest when a key needs it.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use edgelatch_testkit::core::build::Tree;
use edgelatch_testkit::core::tree::ObjectId;
use edgelatch_testkit::realm::text;
use edgelatch_tower::{EdgelatchLayer, HttpSource, Identity, Requirement, Verifier};
use futures_util::future::join_all;

use crate::common::{Origin, ask, axum, bearer, builder, by_hand, keys, runtime, until};
use crate::plane::Plane;

/// The least that a lazy edge may be given.
const BUDGET: usize = 262_144;

/// A tree several times as large as that.
fn large() -> Tree {
    let tree = keys(1..=40_000);
    assert!(tree.bytes() > 3 * BUDGET as u64, "{}", tree.bytes());
    tree
}

/// Head, bundle, and each object by itself.
async fn origin(tree: &Tree) -> Origin {
    let origin = Origin::start().await;
    origin.publish(5, tree);
    for object in tree.objects() {
        origin.put(&format!("objects/{}", ObjectId::of(object)), object);
    }
    origin
}

async fn lazy(origin: &Origin, more: &str) -> Verifier {
    builder(&format!("lazy={BUDGET}\n{more}")).refresh(by_hand()).follow(origin.source()).await.unwrap()
}

async fn check(verifier: &Verifier, key: u64) -> &'static str {
    verifier.check_key(&text(key), &Requirement::none(), None).await.code().name()
}

fn objects_of(asked: &[String]) -> usize {
    asked.iter().filter(|path| path.starts_with("objects/")).count()
}

#[test]
fn every_key_is_judged_within_a_bounded_memory() {
    runtime().block_on(async {
        let tree = large();
        let origin = origin(&tree).await;
        let eager = builder("").refresh(by_hand()).follow(origin.source()).await.unwrap();
        let verifier = lazy(&origin, "fetches=10000").await;
        let lacking = |key: &u64| verifier.verify_key(&text(*key), &Requirement::none(), None).code().name() == "shard_needed";
        let absent = (1..=40_000).find(lacking).expect("a key that is not here");
        assert_eq!(check(&verifier, absent).await, "valid");
        assert!(!lacking(&absent), "it is here by now");
        let mut most = 0;
        for key in (1..=40_000).step_by(37) {
            assert_eq!(check(&verifier, key).await, "valid");
            let stats = verifier.stats();
            most = most.max(stats.memory);
            assert!(stats.lazy.unwrap().bytes <= BUDGET, "{stats:?}");
        }
        let (stats, whole) = (verifier.stats(), eager.stats());
        assert!(stats.lazy.unwrap().dropped > 0 && whole.lazy.is_none(), "{stats:?}");
        assert!(most < whole.memory / 2, "{most} of {}", whole.memory);
        assert!(!stats.verdicts.contains_key("shard_unavailable"), "{stats:?}");
        assert_eq!((check(&verifier, 50_000).await, stats.errors.len()), ("unknown", 0));
    });
}

#[test]
fn one_object_is_fetched_once_for_all_who_wait_for_it() {
    runtime().block_on(async {
        let origin = origin(&large()).await;
        let verifier = lazy(&origin, "").await;
        let absent = |key: &u64| verifier.verify_key(&text(*key), &Requirement::none(), None).code().name() == "shard_needed";
        let absent = (1..=40_000).find(absent).unwrap();
        origin.asked();
        origin.delay(Duration::from_millis(100));
        let verdicts = join_all((0..100).map(|_| check(&verifier, absent))).await;
        assert!(verdicts.iter().all(|code| *code == "valid"));
        let asked = origin.asked();
        // A shard, and perhaps what its records refer to: not one for each request.
        assert!((1..=4).contains(&objects_of(&asked)), "{asked:?}");
        // Behind a layer too.
        let layer = EdgelatchLayer::builder(verifier.clone()).build().unwrap();
        let port = axum(Router::new().route("/", get(|who: Identity| async move { who.name })).layer(layer)).await;
        let other = (1..=40_000)
            .find(|key| verifier.verify_key(&text(*key), &Requirement::none(), None).code().name() == "shard_needed");
        assert_eq!(ask(port, "GET /", &[&bearer(other.unwrap())]).await.status, 200);
    });
}

/// Whoever makes up keys names shards at will.
#[test]
fn made_up_keys_turn_an_edge_into_no_amplifier() {
    runtime().block_on(async {
        let origin = origin(&large()).await;
        let verifier = lazy(&origin, "fetches=10").await;
        assert_eq!(check(&verifier, 1).await, "valid");
        origin.asked();
        // The clock stands still, and so does the rate.
        let strangers = join_all((100_000..101_000).map(|key| check(&verifier, key))).await;
        let refused = strangers.iter().filter(|code| **code == "shard_unavailable").count();
        let asked = objects_of(&origin.asked());
        assert!(asked <= 10 && refused > 500, "{asked} {refused}");
        assert!(strangers.iter().all(|code| ["unknown", "shard_unavailable"].contains(code)));
        assert_eq!(check(&verifier, 1).await, "valid");
        let port =
            axum(Router::new().route("/", get("x")).layer(EdgelatchLayer::builder(verifier.clone()).build().unwrap())).await;
        let lacking = |key: &u64| verifier.verify_key(&text(*key), &Requirement::none(), None).code().name() == "shard_needed";
        let answer = ask(port, "GET /", &[&bearer((100_000..200_000).find(lacking).unwrap())]).await;
        assert_eq!((answer.status, answer.header("retry-after").as_deref()), (503, Some("5")));
        assert!(verifier.stats().lazy.unwrap().refused > 0);
    });
}

#[test]
fn what_a_source_cannot_bring_or_brings_wrongly_is_no_verdict() {
    runtime().block_on(async {
        let tree = large();
        let origin = Origin::start().await;
        origin.publish(5, &tree);
        let verifier = lazy(&origin, "").await;
        let lacking = |key: &u64| verifier.verify_key(&text(*key), &Requirement::none(), None).code().name() == "shard_needed";
        let absent = (1..=40_000).find(lacking).unwrap();
        assert_eq!(check(&verifier, absent).await, "shard_unavailable");
        assert_eq!(verifier.stats().errors["behind"], 1);
        for object in tree.objects() {
            origin.put(&format!("objects/{}", ObjectId::of(object)), vec![0; object.len()]);
        }
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_eq!(check(&verifier, absent).await, "shard_unavailable");
        assert_eq!(verifier.stats().errors.get("wrong_digest"), Some(&1), "{:?}", verifier.stats().errors);
        for object in tree.objects() {
            origin.put(&format!("objects/{}", ObjectId::of(object)), object);
        }
        assert_eq!(check(&verifier, absent).await, "valid");
    });
}

#[test]
fn what_a_lazy_edge_held_is_there_in_its_next_life() {
    runtime().block_on(async {
        let (origin, temp) = (origin(&large()).await, tempfile::tempdir().unwrap());
        let make = |source| builder(&format!("lazy={BUDGET}")).refresh(by_hand()).cache(temp.path()).follow(source);
        let verifier = make(origin.source()).await.unwrap();
        let held =
            (1..=40_000).find(|key| verifier.verify_key(&text(*key), &Requirement::none(), None).ok()).expect("a key at hand");
        let file = temp.path().join("acme.lazy.edge");
        until("it is kept", || file.exists()).await;
        drop(verifier);
        let nobody = HttpSource::new("http://127.0.0.1:1/r/acme").unwrap();
        let second = make(nobody).await.unwrap();
        assert_eq!((second.ready(), check(&second, held).await), (true, "valid"));
        assert!(second.stats().lazy.unwrap().bytes <= BUDGET);
        let lacking = |key: &u64| second.verify_key(&text(*key), &Requirement::none(), None).code().name() == "shard_needed";
        assert_eq!(check(&second, (1..=40_000).find(lacking).unwrap()).await, "shard_unavailable");
    });
}

#[test]
fn a_lazy_edge_follows_a_real_control_plane() {
    let plane = Plane::new();
    let ((id, key), served) = (plane.key("ci"), plane.serve(0));
    runtime().block_on(async {
        let config = edgelatch_tower::HostConfig::parse(&format!("lazy={BUDGET}")).unwrap();
        let verifier = Verifier::builder(plane.root()).config(config).follow(served.source()).await.unwrap();
        let code = async || verifier.check_key(&key, &Requirement::none(), None).await.code().name();
        let wait = async |wanted: &str| {
            let waited = async {
                while code().await != wanted {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(crate::common::LONG, waited).await.expect("it takes too long");
        };
        wait("valid").await;
        plane.revoke(id);
        wait("revoked").await;
        assert!(verifier.stats().lazy.is_some() && verifier.stats().errors.is_empty());
    });
}
