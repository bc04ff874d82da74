//! New secrets for old keys, requests that come twice, and edits that cross.

use edgelatch_core::verdict::Code;
use edgelatch_registry::{
    Caller, Created, Error, Handover, Idempotency, KeyEdit, NewKey, Once, OrgEdit, Rotate, State, StatusEdit,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::edge::{edge, verdict};
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, ip, new_key, slug};
use serde_json::json;

const DAY: u64 = 86_400;

fn settings(f: &Fixture, settings: serde_json::Value) {
    let edit = OrgEdit { settings: Some(settings), ..OrgEdit::default() };
    f.registry.tenants(&f.realm).edit_org(&caller(), &slug("one"), &edit).unwrap();
}

fn create(f: &Fixture, name: &str) -> Created {
    f.registry.keys(&f.realm).make(&caller(), &new_key(name)).unwrap()
}

fn rotate(f: &Fixture, key: &Created, overlap: u64) -> Result<Created, Error> {
    f.registry.keys(&f.realm).renew(&caller(), key.key.key_id, &Rotate { overlap, ..Rotate::default() })
}

fn in_place_the_old_secret_dies_at_once(f: Fixture) {
    settings(&f, json!({ "rotation": "in_place", "rotation_confirmed": true }));
    let old = f.registry.keys(&f.realm).make(&caller(), &NewKey { ip: ip(&["10.0.0.0/8"], &[]), ..new_key("ci") }).unwrap();
    assert_eq!(rotate(&f, &old, 0).unwrap_err().code(), "unconfirmed");
    let wrong = Rotate { confirm: Some("CI".into()), ..Rotate::default() };
    assert_eq!(f.registry.keys(&f.realm).renew(&caller(), old.key.key_id, &wrong).unwrap_err().code(), "unconfirmed");
    f.advance(60);
    let right = Rotate { confirm: Some("ci".into()), ..Rotate::default() };
    let new = f.registry.keys(&f.realm).renew(&caller(), old.key.key_id, &right).unwrap();
    assert_eq!((new.key.key_id, &new.key.name, &new.key.ip), (old.key.key_id, &old.key.name, &old.key.ip));
    assert_eq!((new.key.revision, new.key.rotated_at, new.key.created_at), (2, NOW + 60, NOW));
    assert_eq!(new.key.first_12.as_deref(), Some(&new.secret[..12]));
    let mut edge = edge(&f);
    let mut asks = |created: &Created| verdict(&mut edge, &created.secret, Some("10.0.0.1"), None, 60);
    assert_eq!((asks(&old), asks(&new)), (Code::Unknown, Code::Valid));
    let overlapping = Rotate { overlap: 60, ..right };
    let error = f.registry.keys(&f.realm).renew(&caller(), old.key.key_id, &overlapping).unwrap_err();
    assert_eq!((error.code(), error.pointer().as_deref()), ("not_allowed", Some("/overlap")));
    let stored = f.stored();
    for secret in [&old.secret, &new.secret] {
        assert!(!stored.windows(secret.len()).any(|w| w == secret.as_bytes()));
    }
}

fn an_overlap_ends_at_the_edge_by_its_clock(f: Fixture) {
    let old = create(&f, "ci");
    let new = rotate(&f, &old, DAY).unwrap();
    assert_eq!(new.key.overlap_until, Some(NOW + DAY));
    // One snapshot, never renewed.
    let mut edge = edge(&f);
    let mut asks = |created: &Created, at| verdict(&mut edge, &created.secret, None, None, at);
    assert_eq!((asks(&old, DAY - 1), asks(&new, DAY - 1)), (Code::Valid, Code::Valid));
    assert_eq!((asks(&old, DAY), asks(&new, DAY)), (Code::Expired, Code::Valid));
    // A second overlap while one runs would leave three secrets; without an overlap, both old ones end.
    let error = rotate(&f, &old, 60).unwrap_err();
    assert_eq!(error.code(), "wrong_state");
    assert!(error.to_string().contains("2026-02-01T00:00:00Z"), "{error}");
    let third = rotate(&f, &old, 0).unwrap();
    assert_eq!(third.key.overlap_until, None);
    let mut edge = edgelatch_testkit::registry::edge::edge(&f);
    let codes = [&old, &new, &third].map(|created| verdict(&mut edge, &created.secret, None, None, 0));
    assert_eq!(codes, [Code::Unknown, Code::Unknown, Code::Valid]);
    settings(&f, json!({ "max_overlap": 10 }));
    assert_eq!(rotate(&f, &old, 11).unwrap_err().code(), "not_allowed");
    rotate(&f, &old, 10).unwrap();
    // Once it is over, the next may begin.
    f.advance(10);
    rotate(&f, &old, 10).unwrap();
    assert_eq!(f.registry.ledger(&f.realm).snapshot(None).unwrap().state.records.len(), 2);
}

fn an_overlap_ends_with_its_key(f: Fixture) {
    settings(&f, json!({ "revocation": "reversible" }));
    let new = NewKey { expires_at: Some(NOW + 100), ..new_key("ci") };
    let old = f.registry.keys(&f.realm).make(&caller(), &new).unwrap();
    let new = rotate(&f, &old, DAY).unwrap();
    assert_eq!(verdict(&mut edge(&f), &old.secret, None, None, 100), Code::Expired);
    f.registry.keys(&f.realm).revoke(&caller(), old.key.key_id, None).unwrap();
    assert_eq!(rotate(&f, &old, 0).unwrap_err().code(), "wrong_state");
    // Enabled again, it comes back with its newest secret only.
    let back = f.registry.keys(&f.realm).enable(&caller(), old.key.key_id, None).unwrap().key;
    assert_eq!((back.state, back.overlap_until), (State::Active, None));
    let mut edge = edge(&f);
    let codes = [&old, &new].map(|created| verdict(&mut edge, &created.secret, None, None, 0));
    assert_eq!(codes, [Code::Unknown, Code::Valid]);
}

fn a_request_that_comes_twice_is_done_once(f: Fixture) {
    let me = caller();
    let once = |body: &[u8]| Idempotency::new("9d1f", body).unwrap();
    let ask = |caller: &Caller, body: &[u8]| {
        f.registry.keys(&f.realm).create(caller, &new_key("ci"), Handover { once: Some(&once(body)), keep: None })
    };
    let Once::Done(first) = ask(&me, b"POST /keys {}").unwrap() else { panic!() };
    let Once::Repeated(again) = ask(&me, b"POST /keys {}").unwrap() else { panic!() };
    assert_eq!(*again, first.key);
    assert!(!format!("{again:?}").contains(first.secret.as_str()));
    assert_eq!(ask(&me, b"POST /keys {\"name\":\"other\"}").unwrap_err().code(), "idempotency_conflict");
    // Another caller's is another's: it neither hits nor betrays ours.
    let other = Caller::new("key_00000000001".parse().unwrap());
    assert!(matches!(ask(&other, b"POST /keys {}").unwrap(), Once::Done(_)));
    let id = first.key.key_id;
    let rotate = |token: &str| {
        let once = Idempotency::new(token, b"POST /keys/x/rotate").unwrap();
        f.registry.keys(&f.realm).rotate(&me, id, &Rotate::default(), Handover { once: Some(&once), keep: None })
    };
    assert_eq!(rotate("9d1f").unwrap_err().code(), "idempotency_conflict");
    let Once::Done(rotated) = rotate("r1").unwrap() else { panic!() };
    let Once::Repeated(same) = rotate("r1").unwrap() else { panic!() };
    assert_eq!(*same, rotated.key);
    assert_eq!(verdict(&mut edge(&f), &rotated.secret, None, None, 0), Code::Valid);
    // A refused one is not remembered.
    let refused = NewKey { owner: Some(slug("nobody")), ..new_key("x") };
    let once = Idempotency::new("later", b"x").unwrap();
    assert!(f.registry.keys(&f.realm).create(&me, &refused, Handover { once: Some(&once), keep: None }).is_err());
    assert!(matches!(
        f.registry.keys(&f.realm).create(&me, &new_key("x"), Handover { once: Some(&once), keep: None }).unwrap(),
        Once::Done(_)
    ));
    // A day later it is forgotten.
    f.advance(DAY + 1);
    assert!(matches!(ask(&me, b"POST /keys {}").unwrap(), Once::Done(_)));
    for bad in ["", "with blank", &"x".repeat(129), "\u{e9}"] {
        assert_eq!(Idempotency::new(bad, b"").unwrap_err().code(), "invalid");
    }
}

fn of_two_edits_of_one_revision_one_wins(f: Fixture) {
    let key = create(&f, "ci").key;
    let edit = |name: &str| KeyEdit { name: Some(name.parse().unwrap()), if_revision: Some(1), ..KeyEdit::default() };
    let other = f.open();
    let wins: Vec<_> = std::thread::scope(|scope| {
        let tries: Vec<_> = [(&f.registry, "a"), (&other, "b"), (&f.registry, "c"), (&other, "d")]
            .into_iter()
            .map(|(registry, name)| {
                let (realm, edit) = (&f.realm, edit(name));
                scope.spawn(move || registry.keys(realm).edit(&caller(), key.key_id, &edit))
            })
            .collect();
        tries.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(wins.iter().filter(|r| r.is_ok()).count(), 1);
    assert!(wins.iter().filter_map(|r| r.as_ref().err()).all(|e| e.code() == "stale"));
    let now = f.registry.keys(&f.realm).get(key.key_id).unwrap();
    assert_eq!(now.revision, 2);
    let (stale, none) = (Some(1), None);
    let rotate = Rotate { if_revision: stale, ..Rotate::default() };
    let codes = [
        f.registry.keys(&f.realm).revoke(&caller(), key.key_id, stale).unwrap_err().code(),
        f.registry.keys(&f.realm).enable(&caller(), key.key_id, stale).unwrap_err().code(),
        f.registry.keys(&f.realm).delete(&caller(), key.key_id, Some(now.name.as_str()), stale).unwrap_err().code(),
        f.registry.keys(&f.realm).renew(&caller(), key.key_id, &rotate).unwrap_err().code(),
    ];
    assert_eq!(codes, ["stale"; 4]);
    assert_eq!(f.registry.keys(&f.realm).get(key.key_id).unwrap(), now);
    f.registry.keys(&f.realm).revoke(&caller(), key.key_id, none).unwrap();
}

fn of_concurrent_creates_for_the_last_place_one_wins(f: Fixture) {
    settings(&f, json!({ "max_keys": 1 }));
    let other = f.open();
    let results: Vec<_> = std::thread::scope(|scope| {
        let tries: Vec<_> = [&f.registry, &other, &f.registry, &other]
            .into_iter()
            .map(|registry| scope.spawn(|| registry.keys(&f.realm).make(&caller(), &new_key("ci")).map(|c| c.key.key_id)))
            .collect();
        tries.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    assert!(results.iter().filter_map(|r| r.as_ref().err()).all(|e| e.code() == "limit_reached"));
}

/// What was dead does not come back past the limit: enabled, or given a later end.
fn a_limit_is_not_passed_by_reviving(f: Fixture) {
    settings(&f, json!({ "max_active_keys": 1, "revocation": "reversible" }));
    let ends = NewKey { expires_at: Some(NOW + 10), ..new_key("ends") };
    let ends = f.registry.keys(&f.realm).make(&caller(), &ends).unwrap().key.key_id;
    f.advance(10);
    let other = create(&f, "other").key.key_id;
    let longer = KeyEdit { expires_at: Some(Some(NOW + 99)), ..KeyEdit::default() };
    assert_eq!(f.registry.keys(&f.realm).edit(&caller(), ends, &longer).unwrap_err().code(), "limit_reached");
    f.registry.keys(&f.realm).revoke(&caller(), other, None).unwrap();
    f.registry.keys(&f.realm).edit(&caller(), ends, &longer).unwrap();
    assert_eq!(f.registry.keys(&f.realm).enable(&caller(), other, None).unwrap_err().code(), "limit_reached");
    let status = KeyEdit { status: Some(StatusEdit::Enable), ..KeyEdit::default() };
    assert_eq!(f.registry.keys(&f.realm).edit(&caller(), other, &status).unwrap_err().code(), "limit_reached");
    assert_eq!(f.registry.keys(&f.realm).get(other).unwrap().state, State::Revoked);
}

fn a_secret_that_cannot_be_kept_is_none(f: Fixture) {
    let old = create(&f, "ci");
    let stored = f.registry.audit(&f.realm).verify(None).unwrap();
    let full = || Error::Unwritable { path: "/full".into(), detail: "no space".into() };
    let new = new_key("other");
    let once = Idempotency::new("t", b"r").unwrap();
    let error = f
        .registry
        .keys(&f.realm)
        .create(&caller(), &new, Handover { once: Some(&once), keep: Some(&mut |_| Err(full())) })
        .unwrap_err();
    assert_eq!(error.code(), "store_unwritable");
    let rotate = Rotate::default();
    let id = old.key.key_id;
    let error = f
        .registry
        .keys(&f.realm)
        .rotate(&caller(), id, &rotate, Handover { once: Some(&once), keep: Some(&mut |_| Err(full())) })
        .unwrap_err();
    assert_eq!(error.code(), "store_unwritable");
    assert_eq!(
        (f.registry.keys(&f.realm).get(id).unwrap(), f.registry.audit(&f.realm).verify(None).unwrap()),
        (old.key, stored)
    );
    assert_eq!(f.registry.keys(&f.realm).count(&Default::default()).unwrap(), 1);
    assert_eq!(verdict(&mut edge(&f), &old.secret, None, None, 60), Code::Valid);
    // What was kept is what was made, and nothing is kept when nothing is made.
    let mut kept = Vec::new();
    for _ in 0..2 {
        let made = f.registry.keys(&f.realm).create(
            &caller(),
            &new,
            Handover {
                once: Some(&once),
                keep: Some(&mut |secret| {
                    kept.push(secret.to_owned());
                    Ok(())
                }),
            },
        );
        if let Once::Done(created) = made.unwrap() {
            assert_eq!(*created.secret, kept[0]);
        }
    }
    assert_eq!(kept.len(), 1);
}

on_both_stores!(
    a_secret_that_cannot_be_kept_is_none,
    in_place_the_old_secret_dies_at_once,
    an_overlap_ends_at_the_edge_by_its_clock,
    an_overlap_ends_with_its_key,
    a_request_that_comes_twice_is_done_once,
    of_two_edits_of_one_revision_one_wins,
    of_concurrent_creates_for_the_last_place_one_wins,
    a_limit_is_not_passed_by_reviving,
);
