//! One verification: the order of its rules, and what each refuses.

use edgelatch_core::build::*;
use edgelatch_core::cidr::Cidr;
use edgelatch_core::edge::{Edge, HostConfig, Location, Outcome, RequirementId};
use edgelatch_core::key::{KeyId, Pepper, digest};
use edgelatch_core::limits::MAX_PAST_TREES;
use edgelatch_core::policy::{AllowMode, IpPolicy, Order};
use edgelatch_core::verdict::{Code, Reply};
use edgelatch_testkit::realm::*;

fn policy(allow: &[&str], deny: &[&str], order: Order) -> Option<IpPolicy> {
    let list = |texts: &[&str]| texts.iter().map(|t| Cidr::parse(t.as_bytes()).unwrap()).collect();
    let allow_mode = if allow.is_empty() { AllowMode::Any } else { AllowMode::List };
    Some(IpPolicy { allow_mode, order, allow: list(allow), deny: list(deny) })
}

/// A key that fails at every step from `status` on; each test mends one step more.
fn hopeless() -> KeyRecord {
    KeyRecord {
        revoked: true,
        owner_disabled: true,
        not_before: Some(T0 + 10),
        expires_at: None,
        ip_policy: policy(&["10.0.0.0/8"], &[], Order::AllowFirst),
        services: Some(vec!["dns".into()]),
        roles: vec![1],
        ..record(1)
    }
}

#[test]
fn the_first_failure_wins_in_the_documented_order() {
    type Mend = fn(&mut KeyRecord);
    let steps: [(Code, Mend); 7] = [
        (Code::Revoked, |k| k.revoked = false),
        (Code::OwnerDisabled, |k| k.owner_disabled = false),
        (Code::NotYetValid, |k| {
            k.not_before = None;
            k.expires_at = Some(T0);
        }),
        (Code::Expired, |k| k.expires_at = Some(T0 + 1)),
        (Code::IpDenied, |k| k.ip_policy = policy(&["192.0.2.0/24"], &[], Order::AllowFirst)),
        (Code::ScopeDenied, |k| k.services = Some(vec!["cdn".into(), "dns".into()])),
        (Code::PermissionDenied, |k| k.roles = vec![0, 1]),
    ];
    let mut key = hopeless();
    for (code, mend) in steps {
        assert_eq!(cdn_view(&key).code, code);
        mend(&mut key);
    }
    assert_eq!(cdn_view(&key).code, Code::Valid);
}

fn cdn_view(key: &KeyRecord) -> Outcome {
    let mut edge = serving(vec![key.clone(), record(2)]);
    let requirement = edge.compile(Some("cdn"), Some("cache.view"));
    edge.verify_key(text(1).as_bytes(), Some(b"192.0.2.7"), requirement, T0)
}

#[test]
fn expiry_is_inclusive_and_not_before_exclusive() {
    let edge = serving(vec![KeyRecord { not_before: Some(T0 + 5), expires_at: Some(T0 + 9), ..record(1) }]);
    let at = |now| edge.verify_key(text(1).as_bytes(), None, RequirementId::NONE, now).code;
    assert_eq!([at(T0 + 4), at(T0 + 5), at(T0 + 8), at(T0 + 9)], [Code::NotYetValid, Code::Valid, Code::Valid, Code::Expired]);
}

#[test]
fn an_overlap_ends_at_the_edge_by_the_clock() {
    let old = KeyRecord { key_id: KeyId(7), expires_at: Some(T0 + 60), ..record(1) };
    let new = KeyRecord { key_id: KeyId(7), ..record(2) };
    let edge = serving(vec![old, new]);
    let at = |n, now| edge.verify_key(text(n).as_bytes(), None, RequirementId::NONE, now).code;
    assert_eq!((at(1, T0 + 59), at(2, T0 + 59)), (Code::Valid, Code::Valid));
    assert_eq!((at(1, T0 + 60), at(2, T0 + 60)), (Code::Expired, Code::Valid));
}

#[test]
fn the_state_of_the_edge_comes_before_the_key() {
    let empty = edge("");
    assert_eq!(ask(&empty, 1).code, Code::SnapshotMissing);
    assert_eq!(empty.verify_key(b"", None, RequirementId::NONE, T0).code, Code::Missing);
    assert_eq!(empty.verify_key(b"undefined", None, RequirementId::NONE, T0).code, Code::Malformed);
    assert_eq!(empty.verify_key(b"perhaps-an-imported-key", None, RequirementId::NONE, T0).code, Code::SnapshotMissing);

    let edge = serving(vec![record(1)]);
    let at = |now| edge.verify_key(text(1).as_bytes(), None, RequirementId::NONE, now);
    assert_eq!(at(T0 + DAY - 1).code, Code::Valid);
    assert_eq!(at(T0 + DAY).code, Code::SnapshotStale);
    assert_eq!(at(u64::MAX).code, Code::SnapshotStale);
    assert_eq!(at(T0 - 300).code, Code::Valid, "a clock may lag a little");
    assert_eq!(at(T0 - 301).code, Code::ClockInvalid);
    assert_eq!(at(0).code, Code::ClockInvalid);
    assert_eq!(edge.verify_key(text(9).as_bytes(), None, RequirementId::NONE, T0).code, Code::Unknown);
}

#[test]
fn grace_serves_on_and_says_so() {
    let mut edge = edge("grace=60");
    update(&mut edge, &[], bundle(5, &tree(vec![record(1)])), T0).unwrap();
    let at = |now| edge.verify_key(text(1).as_bytes(), None, RequirementId::NONE, now);
    assert_eq!((at(T0 + DAY + 59).code, at(T0 + DAY + 59).flags), (Code::Valid, Outcome::STALE));
    assert_eq!(at(T0 + DAY + 60).code, Code::SnapshotStale);
}

#[test]
fn unknown_addresses_fail_only_under_a_policy() {
    let edge =
        serving(vec![KeyRecord { ip_policy: policy(&[], &["192.0.2.0/24"], Order::AllowFirst), ..record(1) }, record(2)]);
    let from = |n, ip| edge.verify_key(text(n).as_bytes(), ip, RequirementId::NONE, T0).code;
    assert_eq!(from(2, None), Code::Valid);
    assert_eq!(from(1, Some(b"198.51.100.1")), Code::Valid);
    assert_eq!(from(1, Some(b"::ffff:192.0.2.1")), Code::IpDenied);
    for unknown in [None, Some(&b""[..]), Some(b"010.0.0.1"), Some(b"192.0.2"), Some(b" 198.51.100.1")] {
        assert_eq!(from(1, unknown), Code::IpUnknown);
    }
}

#[test]
fn masking_changes_the_answer_not_the_code() {
    let key = KeyRecord { ip_policy: policy(&["10.0.0.0/8"], &[], Order::AllowFirst), ..record(1) };
    let mut masked = edge("mask_ip=on");
    update(&mut masked, &[], bundle(5, &tree(vec![key])), T0).unwrap();
    let outcome = masked.verify_key(text(1).as_bytes(), Some(b"192.0.2.1"), RequirementId::NONE, T0);
    assert_eq!((outcome.code, outcome.reply()), (Code::IpDenied, &Reply::INVALID_TOKEN));
}

#[test]
fn requirements() {
    let mut edge = serving(vec![record(1), KeyRecord { services: Some(vec!["dns".into()]), roles: vec![], ..record(2) }]);
    let mut ask = |n, service, permission| {
        let requirement = edge.compile(service, permission);
        edge.verify_key(text(n).as_bytes(), None, requirement, T0).code
    };
    assert_eq!(ask(1, None, Some("read")), Code::Valid);
    assert_eq!(ask(1, None, Some("READ")), Code::PermissionDenied);
    assert_eq!(ask(1, Some("a-service-no-key-names"), Some("read")), Code::Valid);
    assert_eq!(ask(2, Some("a-service-no-key-names"), None), Code::ScopeDenied);
    assert_eq!(ask(2, Some("dns"), None), Code::Valid);
    // A route that names no service may belong to any: what is for some of them only is not for it.
    assert_eq!(ask(2, None, None), Code::ScopeDenied);
    assert_eq!(ask(2, None, Some("read")), Code::ScopeDenied);
    assert_eq!(ask(1, None, None), Code::Valid);
    assert_eq!(ask(2, Some("dns"), Some("read")), Code::PermissionDenied);
    for bad in ["", "*", "dns.*", "a..b", "a b", "read\n", ".read", "é"] {
        assert_eq!(ask(1, None, Some(bad)), Code::BadRequirement, "{bad:?}");
        assert_eq!(ask(1, Some(bad), None), Code::BadRequirement, "{bad:?}");
    }
    // A handle that was never given out.
    assert_eq!(edge.verify_key(text(1).as_bytes(), None, RequirementId(999), T0).code, Code::BadRequirement);
}

#[test]
fn a_host_names_the_service_of_requirements_that_name_none() {
    let mut edge = edge("service=dns");
    let key = |n, services: &[&str]| KeyRecord { services: Some(services.iter().map(|s| (*s).into()).collect()), ..record(n) };
    let keys = vec![record(1), key(2, &["dns"]), key(3, &["cdn"]), key(4, &[])];
    update(&mut edge, &[], bundle(5, &tree(keys)), T0).unwrap();
    let table = edge.compile_routes("router=strict\ndefault\tservice=cdn\n/zones").unwrap();
    let mut ask = |n, service| {
        let requirement = edge.compile(service, None);
        edge.verify_key(text(n).as_bytes(), None, requirement, T0).code
    };
    let scoped = [Code::Valid, Code::Valid, Code::ScopeDenied, Code::ScopeDenied];
    assert_eq!([1, 2, 3, 4].map(|n| ask(n, None)), scoped);
    assert_eq!([1, 2, 3, 4].map(|n| ask(n, Some("cdn"))), [Code::Valid, Code::ScopeDenied, Code::Valid, Code::ScopeDenied]);
    let on = |n, path| edge.verify_block(format!("\nGET {path}\nX-API-Key:{}", text(n)).as_bytes(), table, T0).code;
    assert_eq!([1, 2, 3, 4].map(|n| on(n, "/zones")), scoped);
    assert_eq!((on(2, "/"), on(3, "/")), (Code::ScopeDenied, Code::Valid));
    // Without that, the host knows of no service, and a key for none is for no route.
    assert_eq!(edge.verify_key(text(2).as_bytes(), None, RequirementId::NONE, T0).code, Code::ScopeDenied);
    for bad in ["service=", "service=a b", "service=*", "service=dns\nservice=dns"] {
        assert_eq!(HostConfig::parse(bad).unwrap_err().code(), "bad_config", "{bad}");
    }
    let (_, steps) = edge.explain_key(text(2).as_bytes(), None, RequirementId::NONE, T0);
    let last = steps.last().unwrap();
    assert_eq!((last.name, &*last.note, last.passed), ("scope", "the route names no service; the key has dns", false));
}

#[test]
fn requirements_follow_a_new_directory() {
    let mut edge = edge("");
    let requirement = edge.compile(None, Some("zone.purge"));
    update(&mut edge, &[], bundle(5, &tree(vec![record(1)])), T0).unwrap();
    assert_eq!(edge.verify_key(text(1).as_bytes(), None, requirement, T0).code, Code::PermissionDenied);
    let mut realm = realm();
    realm.roles[0].patterns.push("zone.purge".into());
    update(&mut edge, &[], bundle(6, &build_tree(&realm, vec![record(1)]).unwrap()), T0).unwrap();
    assert_eq!(edge.verify_key(text(1).as_bytes(), None, requirement, T0).code, Code::Valid);
}

#[test]
fn too_many_requirements_are_refused_not_stored() {
    let mut edge = serving(vec![record(1)]);
    let mut last = RequirementId::NONE;
    for n in 0..5000 {
        last = edge.compile(None, Some(&format!("p{n}")));
    }
    assert_eq!(last, RequirementId::BAD);
    assert_ne!(edge.compile(None, Some("p1")), RequirementId::BAD);
    // Known ones keep their handles, in whatever order they come again.
    for n in (0..4096).rev() {
        assert_eq!(edge.compile(None, Some(&format!("p{n}"))), RequirementId(n + 2));
    }
    assert_eq!(edge.compile(Some("p1"), None), RequirementId::BAD);
}

#[test]
fn an_identity_lives_as_long_as_its_tree() {
    let full = KeyRecord {
        metadata: r#"{"plan":"gold"}"#.into(),
        roles: vec![1, 0],
        services: Some(vec!["dns".into(), "cdn".into()]),
        ..record(1)
    };
    let mut edge = serving(vec![full, record(2)]);
    let (generation, at) = (edge.generation(), ask(&edge, 1).at.unwrap());
    let check = |edge: &Edge| {
        let identity = edge.identity(generation, at).unwrap();
        assert_eq!(identity.key_id, KeyId(1));
        assert_eq!((identity.labels.org, identity.labels.owner, identity.labels.name), ("org-1", "alice", "key 1"));
        assert_eq!(identity.labels.metadata, r#"{"plan":"gold"}"#);
        assert_eq!(identity.roles().collect::<Vec<_>>(), ["dns", "reader"]);
        assert_eq!(identity.services(), Some(vec!["cdn", "dns"]));
    };
    check(&edge);
    // What is refused changes nothing, at whatever step.
    let mut cut = bundle(6, &tree(vec![record(3)]));
    cut.pop();
    for refused in [b"ELBN".to_vec(), bundle(4, &tree(vec![record(3)])), cut] {
        update(&mut edge, &[], refused, T0).unwrap_err();
        check(&edge);
    }
    // What was served is kept for so many updates, as far as it takes little room; `sync/sharing.rs` has the limits.
    for epoch in 6..6 + MAX_PAST_TREES as u64 {
        update(&mut edge, &[], bundle(epoch, &tree(vec![record(3 + epoch % 2)])), T0).unwrap();
        check(&edge);
    }
    update(&mut edge, &[], bundle(99, &tree(vec![record(9)])), T0).unwrap();
    assert!(edge.identity(generation, at).is_none());
    assert!(edge.identity(edge.generation(), Location { shard: 0, index: 9 }).is_none());
    assert!(edge.identity(edge.generation(), Location { shard: 9, index: 0 }).is_none());
}

#[test]
fn imports_and_peppers() {
    let legacy = b"legacy-key-0123456789";
    let imported = KeyRecord { digest: digest(legacy), ..record(1) };
    let mut realm = RealmRecord { imports: true, ..realm() };
    let mut open = edge("");
    update(&mut open, &[], bundle(5, &build_tree(&realm, vec![imported.clone()]).unwrap()), T0).unwrap();
    let ask = |edge: &Edge, text: &[u8]| edge.verify_key(text, None, RequirementId::NONE, T0).code;
    assert_eq!(ask(&open, legacy), Code::Valid);
    assert_eq!(ask(&open, b"legacy-key-0123456780"), Code::Unknown);
    assert_eq!(ask(&open, b"short"), Code::Malformed);

    realm.pepper = Pepper::new(&[9; 32]);
    let peppered = bundle(6, &build_tree(&realm, vec![imported]).unwrap());
    // Without the pepper, and with any other one: refused, rather than every key unknown. What served goes on.
    for config in [String::new(), format!("pepper={}", "08".repeat(32)), format!("pepper={}", "09".repeat(31))] {
        let mut edge = edge(&config);
        update(&mut edge, &[], bundle(5, &tree(vec![record(1)])), T0).unwrap();
        let refused = update(&mut edge, &[], peppered.clone(), T0).unwrap_err();
        assert_eq!((refused.code(), edge.head().unwrap().epoch), ("wrong_pepper", 5));
        assert!(refused.to_string().contains(&Pepper::new(&[9; 32]).unwrap().id().to_string()), "{refused}");
        assert!(!refused.to_string().contains("0808"), "{refused}");
        assert_eq!(ask(&edge, text(1).as_bytes()), Code::Valid);
    }
    let mut edge = edge(&format!("pepper={}", "09".repeat(32)));
    update(&mut edge, &[], peppered.clone(), T0).unwrap();
    assert_eq!((ask(&edge, legacy), ask(&edge, b"legacy-key-0123456780")), (Code::Valid, Code::Unknown));
    // A digest of it is nothing that is in the snapshot.
    let digest = digest(legacy);
    assert!(!peppered.windows(8).any(|bytes| bytes == &digest[..8] || bytes.iter().eq(digest[..8].iter().rev())));
}

/// An edge that was given both goes from one to the other, and back, with every key found all the time.
#[test]
fn a_pepper_is_rotated_where_edges_have_both() {
    let peppers = [&[1u8; 16], &[2; 16]].map(|secret| Pepper::new(secret).unwrap());
    let under = |epoch, pepper: Option<&Pepper>| {
        bundle(epoch, &build_tree(&RealmRecord { pepper: pepper.cloned(), ..realm() }, vec![record(1), record(2)]).unwrap())
    };
    let mut edge = edge(&format!("pepper={},{}", "01".repeat(16), "02".repeat(16)));
    let [old, new] = &peppers;
    for (epoch, pepper) in (5..).zip([None, Some(old), Some(new), Some(old), None, Some(new)]) {
        update(&mut edge, &[], under(epoch, pepper), T0).unwrap();
        let ask = |n| edge.verify_key(text(n).as_bytes(), None, RequirementId::NONE, T0).code;
        assert_eq!([1, 2, 3].map(ask), [Code::Valid, Code::Valid, Code::Unknown], "epoch {epoch}");
    }
}

#[test]
fn peppers_are_read_strictly_and_never_repeated() {
    let canary = "c0ffee".repeat(6);
    let [a, b, c, d, e] = ["a1", "b2", "c3", "d4", "e5"].map(|byte| byte.repeat(16));
    for sound in [a.clone(), format!("{a},{b}"), [&*a, &b, &c, &d].join(",")] {
        HostConfig::parse(&format!("pepper={sound}")).unwrap();
    }
    let short = &canary[..30];
    for wrong in [
        String::new(),
        ",".into(),
        short.into(),
        canary.repeat(4),
        format!("{canary},"),
        format!("{canary},{canary}"),
        format!("{canary},{short}"),
        format!("{canary} {a}"),
        format!("1:{canary}"),
        format!("{canary}0"),
        [&*a, &b, &c, &d, &e].join(","),
    ] {
        let error = HostConfig::parse(&format!("pepper={wrong}")).unwrap_err();
        assert_eq!(error.code(), "bad_config", "{wrong}");
        let said = format!("{error} {error:?}");
        assert!(said.contains("pepper") && !said.contains("c0ffee") && !said.contains("a1a1"), "{said}");
    }
    let config = format!("{:?}", HostConfig::parse(&format!("pepper={canary}")).unwrap());
    assert!(!config.contains("c0ffee") && !config.contains("192, 255"), "{config}");
}

#[test]
fn in_a_realm_without_imports_free_syntax_is_malformed() {
    let legacy = b"legacy-key-0123456789";
    let edge = serving(vec![KeyRecord { digest: digest(legacy), ..record(1) }]);
    assert_eq!(edge.verify_key(legacy, None, RequirementId::NONE, T0).code, Code::Malformed);
}

#[test]
fn explanations_agree_with_verdicts_and_hold_no_secret() {
    let keys = vec![hopeless(), record(2), KeyRecord { expires_at: Some(T0), ..record(3) }];
    let mut edge = serving(keys);
    let requirement = edge.compile(Some("cdn"), Some("read"));
    for n in 1..5 {
        for ip in [None, Some(&b"192.0.2.7"[..])] {
            let outcome = edge.verify_key(text(n).as_bytes(), ip, requirement, T0);
            let (explained, steps) = edge.explain_key(text(n).as_bytes(), ip, requirement, T0);
            assert_eq!(outcome, explained);
            assert_eq!(outcome.code == Code::Valid, steps.iter().all(|s| s.passed));
            assert!(steps.iter().all(|s| !s.note.contains(&text(n)[7..20])));
        }
    }
}

/// Every record of trees of many sizes is found, at its place; texts that were never issued are not.
#[test]
fn lookup_at_every_size() {
    for count in [0u64, 1, 2, 255, 256, 257, 1000, 5000] {
        let edge = serving((1..=count).map(record).collect());
        for n in 1..=count {
            let outcome = ask(&edge, n);
            assert_eq!(outcome.code, Code::Valid, "{n} of {count}");
            assert_eq!(edge.identity(1, outcome.at.unwrap()).unwrap().key_id, KeyId(n));
            assert_eq!(Location::unpack(outcome.pack()), outcome.at);
        }
        for outcome in (count + 1..count + 200).map(|n| ask(&edge, n)) {
            assert_eq!((outcome.code, Location::unpack(outcome.pack())), (Code::Unknown, None));
        }
    }
}

/// A tenant that imports chosen digests crowds one shard; look-ups stay right (and bisect).
#[test]
fn crowded_shards() {
    let mut keys: Vec<_> = (1..=600).map(record).collect();
    let crowd = keys[0].digest;
    for n in 0..2000u64 {
        let mut key = record(10_000 + n);
        key.digest = crowd;
        key.digest[8..16].copy_from_slice(&n.to_be_bytes());
        keys.push(key);
    }
    let edge = serving(keys);
    assert!((1..=600).all(|n| ask(&edge, n).code == Code::Valid));
    assert!((601..700).all(|n| ask(&edge, n).code == Code::Unknown));
}

/// Scopes are free text of tenants: a directory full of different ones is built in a moment (searching each from the front took
/// minutes, in which nobody's revocation went out), and each is found.
#[test]
fn many_different_scopes_are_built_and_found() {
    let scoped = |n: u64| {
        let mut digest = record(1).digest;
        digest[..8].copy_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        KeyRecord { digest, key_id: KeyId(n), services: Some(vec![format!("t{n}"), "all".into()]), ..record(1) }
    };
    let mut keys: Vec<KeyRecord> = (2..40_000).map(scoped).collect();
    keys.push(KeyRecord { services: Some(vec!["t39999".into()]), ..record(1) });
    let mut edge = serving(keys);
    for (service, code) in [("t39999", Code::Valid), ("t2", Code::ScopeDenied), ("all", Code::ScopeDenied)] {
        let requirement = edge.compile(Some(service), None);
        assert_eq!(edge.verify_key(text(1).as_bytes(), None, requirement, T0).code, code, "{service}");
    }
}
