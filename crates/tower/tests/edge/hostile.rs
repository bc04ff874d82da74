//! Sources that lie, are behind, or are no sources at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use edgelatch_testkit::core::build::{HeadFields, KeyRecord, Tree, sign_head, sign_root};
use edgelatch_testkit::core::limits::MAX_TOP_BYTES;
use edgelatch_testkit::core::tree::{ObjectId, Place};
use edgelatch_testkit::realm::{
    T0, bundle, bundle_of, head_fields, patch_between, record, reseal, root_fields, signers, text, tree,
};
use edgelatch_tower::{HttpSource, Refresh, Requirement, Verifier};

use crate::common::{LONG, Origin, builder, by_hand, code, head, keys, runtime, until};

fn verdict(verifier: &Verifier, key: u64) -> &'static str {
    verifier.verify_key(&text(key), &Requirement::none(), None).code().name()
}

async fn following(origin: &Origin) -> Verifier {
    builder("").refresh(by_hand()).follow(origin.source()).await.unwrap()
}

/// The code of a refresh, one of these. Another one may have been under way, which began before the test changed something.
async fn refused(verifier: &Verifier, wanted: &[&str]) -> &'static str {
    let first = code(verifier.refresh().await);
    let found = if wanted.contains(&first) { first } else { code(verifier.refresh().await) };
    assert!(wanted.contains(&found), "{found} instead of {wanted:?}");
    found
}

/// A tree of many shards, a quarter of which is more than any top page has, in which the keys of these numbers are revoked.
fn many(revoked: &[u64]) -> Tree {
    let one = |number| KeyRecord { revoked: revoked.contains(&number), ..record(number) };
    let tree = tree((1..=40_000).map(one).collect());
    assert!(tree.bytes() > 5 * MAX_TOP_BYTES as u64, "{}", tree.bytes());
    tree
}

#[test]
fn hostile_trees_and_heads_are_refused_and_what_serves_goes_on() {
    runtime().block_on(async {
        let origin = Origin::start().await;
        let good = keys([1]);
        origin.publish(5, &good);
        let verifier = following(&origin).await;
        assert_eq!(verdict(&verifier, 1), "valid");

        // A publisher that lies: every digest is right, and the shard is not.
        let mut lying = keys([1, 2]);
        let shard = &mut lying.shards[0];
        let last = shard.len() - 1;
        shard.truncate(last);
        reseal(&mut lying);
        let mut damaged = bundle(6, &keys([1, 2]));
        let at = damaged.len() - 1;
        damaged[at] ^= 1;
        let fields = head_fields(6, &good);
        let foreign = sign_head(&HeadFields { realm: "other".into(), ..fields }, &signers(&[101])).unwrap();
        let stranger = sign_head(&head_fields(6, &good), &signers(&[102])).unwrap();
        let later = HeadFields { root_version: 2, ..head_fields(6, &good) };
        let later = sign_head(&later, &signers(&[101])).unwrap();
        let end = HeadFields { not_after: T0, issued_at: T0 - 10, ..head_fields(6, &good) };
        for (name, newest, whole) in [
            ("truncated", head(6, &lying), bundle(6, &lying)),
            ("wrong_digest", head(6, &keys([1, 2])), damaged),
            ("rollback", head(4, &good), bundle(4, &good)),
            ("equivocation", head(5, &keys([3])), bundle(5, &keys([3]))),
            ("wrong_realm", foreign, Vec::new()),
            ("too_few_signatures", stranger, Vec::new()),
            ("root_needed", later, Vec::new()),
            ("head_expired", sign_head(&end, &signers(&[101])).unwrap(), bundle_of(&end, &good)),
            ("bad_magic", b"no head at all".to_vec(), Vec::new()),
            ("too_large", vec![0; 1 << 13], Vec::new()),
            ("truncated", head(6, &keys([1, 2])), bundle(6, &keys([1, 2]))[..200].to_vec()),
            ("trailing_bytes", head(6, &keys([1, 2])), [bundle(6, &keys([1, 2])), vec![0; 1 << 20]].concat()),
        ] {
            origin.put("head", newest);
            origin.put("bundle", whole);
            let found = refused(&verifier, &[name]).await;
            assert_eq!((verifier.epoch(), verdict(&verifier, 1), verdict(&verifier, 2)), (5, "valid", "unknown"), "{name}");
            assert_eq!(verifier.stats().last_error.unwrap().code, found);
            // A verifier that begins with it serves nothing.
            let cold = following(&origin).await;
            assert!(!cold.ready() || ["rollback", "equivocation"].contains(&name), "{name}");
        }
        origin.publish(7, &keys([1, 2]));
        assert_eq!((code(verifier.refresh().await), verdict(&verifier, 2)), ("ok", "valid"));
    });
}

#[test]
fn hosts_that_are_no_sources_are_told_by_name() {
    runtime().block_on(async {
        let origin = Origin::start().await;
        origin.publish(5, &keys([1]));
        let verifier = following(&origin).await;
        let other = Origin::start().await;
        other.publish(6, &keys([2]));
        let elsewhere = format!("http://127.0.0.1:{}/r/acme/head", other.port);
        other.asked();
        for (status, kind, body, wanted) in [
            (StatusCode::NOT_FOUND, "text/plain", "", "http_status"),
            (StatusCode::SERVICE_UNAVAILABLE, "text/plain", "", "http_status"),
            (StatusCode::OK, "text/html; charset=utf-8", "<html>", "source"),
            (StatusCode::FOUND, "text/plain", elsewhere.as_str(), "redirect"),
            (StatusCode::FOUND, "text/plain", "/r/acme/head", "redirect"),
            (StatusCode::OK, "text/plain", "", "truncated"),
        ] {
            origin.say("head", status, kind, body);
            refused(&verifier, &[wanted]).await;
        }
        assert!(other.asked().is_empty(), "a redirect led to another origin");
        origin.say("head", StatusCode::FOUND, "text/plain", "/r/acme/moved");
        origin.put("moved", head(6, &keys([1])));
        assert_eq!((code(verifier.refresh().await), verifier.epoch()), ("ok", 6));
        let message = verifier.stats().last_error.unwrap().message;
        assert!(!message.is_empty() && !message.contains(&elsewhere), "{message}");
    });
}

#[test]
fn a_read_key_is_sent_to_the_source_and_nowhere_else() {
    runtime().block_on(async {
        let (origin, other) = (Origin::start().await, Origin::start().await);
        origin.publish(5, &keys([1]));
        origin.say("bundle", StatusCode::FOUND, "text/plain", "/r/acme/moved");
        origin.put("moved", bundle(5, &keys([1])));
        let source = origin.source().read_key("canary-key").unwrap();
        let verifier = builder("").refresh(by_hand()).follow(source).await.unwrap();
        assert_eq!(verdict(&verifier, 1), "valid");
        assert_eq!(origin.heard(), vec![Some("Bearer canary-key".to_owned()); 3]);
        origin.say("head", StatusCode::FOUND, "text/plain", format!("http://127.0.0.1:{}/r/acme/head", other.port));
        refused(&verifier, &["redirect"]).await;
        assert!(other.heard().is_empty());
        assert!(!verifier.stats().last_error.unwrap().message.contains("canary"));
    });
}

/// What the host does with what it is told is not to end the verifier.
#[test]
fn functions_of_the_host_that_panic_stop_nothing() {
    runtime().block_on(async {
        let origin = Origin::start().await;
        let broken = builder("").refresh(by_hand()).on_error(|_| panic!("on_error")).on_update(|_| panic!("on_update"));
        let verifier = broken.follow(origin.source()).await.unwrap();
        for epoch in 5..8 {
            assert_eq!(code(verifier.refresh().await), if epoch == 5 { "http_status" } else { "ok" });
            origin.publish(epoch, &keys([epoch]));
        }
        assert_eq!((code(verifier.refresh().await), verdict(&verifier, 7)), ("ok", "valid"));
    });
}

#[test]
fn a_secret_of_the_address_is_in_no_message() {
    runtime().block_on(async {
        let origin = Origin::start().await;
        for path in ["r/acme", "r/nowhere"] {
            let address = format!("http://127.0.0.1:{}/{path}?sig=canary", origin.port);
            let verifier = builder("").refresh(by_hand()).follow(HttpSource::new(&address).unwrap()).await.unwrap();
            let gone = builder("")
                .refresh(by_hand())
                .follow(HttpSource::new("http://127.0.0.1:1/r/acme?sig=canary").unwrap())
                .await
                .unwrap();
            for verifier in [verifier, gone] {
                let error = verifier.stats().last_error.unwrap();
                assert!(!error.message.contains("canary"), "{error:?}");
            }
        }
    });
}

#[test]
fn a_change_comes_as_a_patch_as_objects_or_as_a_bundle() {
    runtime().block_on(async {
        let origin = Origin::start().await;
        let (old, patched, fetched) = (many(&[]), many(&[7]), many(&[7, 8]));
        origin.publish(5, &old);
        let verifier = following(&origin).await;
        assert_eq!((verdict(&verifier, 7), origin.asked()), ("valid", vec!["head".into(), "bundle".into()]));

        origin.put("head", head(6, &patched));
        origin.put(&format!("patch/{}/{}", patched.id(), old.id()), patch_between(&old, &patched));
        assert_eq!((code(verifier.refresh().await), verdict(&verifier, 7)), ("ok", "revoked"));
        assert_eq!(origin.asked().len(), 2);

        // One that leads elsewhere is left, and so is one that does not hold what it says.
        origin.put("head", head(7, &fetched));
        origin.put(&format!("patch/{}/{}", fetched.id(), patched.id()), patch_between(&old, &patched));
        let named = |tree: &Tree, place| {
            let object = tree.object(place).unwrap();
            (ObjectId::of(object), object.to_vec())
        };
        for place in fetched.places().filter(|place| patched.object(*place) != fetched.object(*place)) {
            let (id, object) = named(&fetched, place);
            origin.put(&format!("objects/{id}"), object);
        }
        assert_eq!((code(verifier.refresh().await), verdict(&verifier, 8)), ("ok", "revoked"));
        let asked = origin.asked();
        assert!(asked.len() > 3 && asked[2..].iter().all(|path| path.starts_with("objects/")), "{asked:?}");

        // Of another content under its name: the bundle is left.
        let whole = many(&[7, 8, 9]);
        let (id, _) = named(&whole, Place::Top);
        origin.put(&format!("objects/{id}"), b"another one".to_vec());
        origin.publish(8, &whole);
        assert_eq!((code(verifier.refresh().await), verdict(&verifier, 9)), ("ok", "revoked"));
        assert_eq!(origin.asked().last().map(String::as_str), Some("bundle"));

        // The head alone is new.
        origin.put("head", head(9, &whole));
        assert_eq!((verifier.refresh().await.unwrap(), verifier.epoch()), (true, 9));
        assert_eq!((verifier.refresh().await.unwrap(), origin.asked()), (false, vec!["head".to_owned(); 2]));
        assert_eq!(verifier.stats().updates, 5);
    });
}

#[test]
fn a_bundle_behind_its_head_is_taken_by_who_serves_nothing_yet() {
    runtime().block_on(async {
        let origin = Origin::start().await;
        origin.publish(5, &keys([1]));
        origin.put("head", head(6, &keys([1, 2])));
        let verifier = following(&origin).await;
        assert_eq!((verifier.epoch(), verdict(&verifier, 1), verdict(&verifier, 2)), (5, "valid", "unknown"));
        assert_eq!(code(verifier.refresh().await), "behind");
        // A later one than the head is as good.
        origin.put("bundle", bundle(8, &keys([1, 2, 3])));
        assert_eq!((code(verifier.refresh().await), verifier.epoch(), verdict(&verifier, 3)), ("ok", 8, "valid"));
    });
}

#[test]
fn roots_are_followed_one_by_one() {
    runtime().block_on(async {
        let origin = Origin::start().await;
        let cache = tempfile::tempdir().unwrap();
        let version = |version: u32, publisher: u8| {
            let publisher = edgelatch_testkit::realm::role(1, &[publisher]);
            let fields = edgelatch_testkit::core::build::RootFields { publisher, ..root_fields(version) };
            sign_root(&fields, &signers(&[1])).unwrap()
        };
        origin.put("root/2", version(2, 102));
        origin.put("root/3", version(3, 103));
        let tree = keys([1]);
        let fields = HeadFields { root_version: 3, ..head_fields(5, &tree) };
        let newest = sign_head(&fields, &signers(&[103])).unwrap();
        origin.put("head", newest.clone());
        let whole = edgelatch_testkit::core::build::encode_bundle(&newest, &tree).unwrap();
        origin.put("bundle", whole);
        let begin = || builder("").refresh(by_hand()).cache(cache.path());
        let verifier = begin().follow(origin.source()).await.unwrap();
        assert_eq!((verdict(&verifier, 1), verifier.stats().root_version), ("valid", 3));
        let floor = verifier.floor().unwrap();
        assert_eq!((floor.root_version, floor.epoch), (3, 5));
        until("it is kept", || cache.path().join("acme.edge").exists()).await;
        drop(verifier);
        let resumed = begin().follow(HttpSource::new("http://127.0.0.1:1/r/acme").unwrap()).await.unwrap();
        assert_eq!((verdict(&resumed, 1), resumed.stats().root_version), ("valid", 3));
    });
}

#[test]
fn a_cache_that_cannot_be_written_is_told_and_holds_up_nothing() {
    runtime().block_on(async {
        let origin = Origin::start().await;
        origin.publish(5, &keys([1]));
        let file = tempfile::NamedTempFile::new().unwrap();
        let verifier = builder("").refresh(by_hand()).cache(file.path()).follow(origin.source()).await.unwrap();
        assert_eq!(verdict(&verifier, 1), "valid");
        until("it is told", || verifier.stats().errors.contains_key("unreachable")).await;
        origin.publish(6, &keys([2]));
        assert_eq!((code(verifier.refresh().await), verdict(&verifier, 2)), ("ok", "valid"));
    });
}

#[test]
fn while_nothing_is_loaded_the_source_is_asked_within_five_seconds() {
    runtime().block_on(async {
        let origin = Origin::start().await;
        let refresh = Refresh::default().interval(Duration::from_secs(3_600)).stream(false);
        let verifier = builder("").refresh(refresh).follow(origin.source()).await.unwrap();
        assert_eq!(verdict(&verifier, 1), "snapshot_missing");
        origin.publish(5, &keys([1]));
        let begun = std::time::Instant::now();
        until("it serves", || verdict(&verifier, 1) == "valid").await;
        assert!(begun.elapsed() <= Duration::from_secs(6), "{:?}", begun.elapsed());
    });
}

/// A process that was frozen holds what was revoked since: the first request waits for a refresh, and not for ever.
#[test]
fn what_is_old_is_looked_at_again_before_it_answers() {
    runtime().block_on(async {
        let origin = Origin::start().await;
        origin.publish(5, &keys([1]));
        let refresh =
            by_hand().max_age(Duration::from_millis(50)).max_wait(Duration::from_secs(1)).deadline(Duration::from_secs(3));
        let verifier = builder("").refresh(refresh).follow(origin.source()).await.unwrap();
        let check = async || verifier.check_key(&text(1), &Requirement::none(), None).await.code().name();
        assert_eq!(check().await, "valid");
        origin.publish(6, &tree(vec![KeyRecord { revoked: true, ..record(1) }]));
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(check().await, "revoked");
        // A source that hangs holds a request for `max_wait`, and the next ones no more.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/r/acme", silent.local_addr().unwrap());
        let hanging = builder("").refresh(refresh).follow(HttpSource::new(&address).unwrap());
        let begun = std::time::Instant::now();
        let hanging = tokio::time::timeout(LONG, hanging).await.unwrap().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(6));
        assert_eq!(hanging.stats().last_error.unwrap().code, "deadline");
        let begun = std::time::Instant::now();
        assert_eq!(hanging.check_key(&text(1), &Requirement::none(), None).await.code().name(), "snapshot_missing");
        assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
    });
}

/// However many requests find that what serves is old, the source is asked once, and all of them wait for that.
#[test]
fn many_requests_wait_for_one_look() {
    runtime().block_on(async {
        let origin = Origin::start().await;
        origin.publish(5, &keys([1]));
        let refresh = by_hand().max_age(Duration::from_millis(300));
        let verifier = builder("").refresh(refresh).follow(origin.source()).await.unwrap();
        origin.publish(6, &keys([2]));
        origin.asked();
        // The look that is due then takes until long after what serves is too old.
        origin.delay(Duration::from_millis(500));
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(verdict(&verifier, 2), "unknown");
        let waiting: Vec<_> = (0..200)
            .map(|_| {
                let verifier = verifier.clone();
                tokio::spawn(async move { verifier.check_key(&text(2), &Requirement::none(), None).await.code().name() })
            })
            .collect();
        for verdict in waiting {
            assert_eq!(verdict.await.unwrap(), "valid");
        }
        let heads = origin.asked().iter().filter(|path| *path == "head").count();
        assert!(heads <= 3, "{heads}");
    });
}

#[test]
fn the_clock_is_the_hosts() {
    runtime().block_on(async {
        let origin = Origin::start().await;
        origin.publish(5, &keys([1]));
        let now = Arc::new(AtomicU64::new(T0));
        let ticks = Arc::clone(&now);
        let verifier =
            builder("").refresh(by_hand()).clock(move || ticks.load(Ordering::Relaxed)).follow(origin.source()).await.unwrap();
        assert_eq!(verdict(&verifier, 1), "valid");
        now.store(0, Ordering::Relaxed);
        assert_eq!(verdict(&verifier, 1), "clock_invalid");
        now.store(T0 + 86_400, Ordering::Relaxed);
        assert_eq!(verdict(&verifier, 1), "snapshot_stale");
        assert_eq!(code(verifier.refresh().await), "head_expired");
    });
}
