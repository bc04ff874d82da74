//! Roots, heads and updates: every attack is refused by name, and a refused update changes nothing.

use edgelatch_core::build::*;
use edgelatch_core::edge::{Edge, HostConfig, Offer};
use edgelatch_core::limits::MAX_EPOCH;
use edgelatch_core::root::Root;
use edgelatch_core::tree::ObjectId;
use edgelatch_core::verdict::Code;
use edgelatch_testkit::realm::*;

fn open(fields: &RootFields, seeds: &[u8]) -> &'static str {
    Root::open(&sign_root(fields, &signers(seeds)).unwrap()).err().map_or("accepted", |e| e.code())
}

#[test]
fn roots_are_read_with_suspicion() {
    let good = root_fields(1);
    assert_eq!(open(&good, &[1]), "accepted");
    assert_eq!(open(&good, &[2]), "too_few_signatures");
    assert_eq!(open(&good, &[]), "too_few_signatures");
    assert_eq!(open(&good, &[1, 1]), "duplicate_signature");
    assert_eq!(open(&RootFields { root: role(0, &[1]), ..good.clone() }, &[1]), "bad_threshold");
    assert_eq!(open(&RootFields { root: role(2, &[1]), ..good.clone() }, &[1]), "bad_threshold");
    assert_eq!(open(&RootFields { publisher: role(0, &[]), ..good.clone() }, &[1]), "bad_threshold");
    assert_eq!(open(&RootFields { root: role(1, &[1, 1]), ..good.clone() }, &[1]), "unsorted");
    assert_eq!(open(&RootFields { publisher: role(1, &[1]), ..good.clone() }, &[1]), "key_in_both_roles");
    assert_eq!(open(&RootFields { root: role(2, &[1, 2, 3]), ..good.clone() }, &[1]), "too_few_signatures");
    assert_eq!(open(&RootFields { root: role(2, &[1, 2, 3]), ..good.clone() }, &[1, 3]), "accepted");
    assert_eq!(open(&RootFields { version: 0, ..good.clone() }, &[1]), "bad_field");
    assert_eq!(open(&RootFields { expires_at: T0 - DAY, ..good.clone() }, &[1]), "bad_field");
    for realm in ["", "Acme", "a/b", "a b", &"a".repeat(65)] {
        assert_eq!(open(&RootFields { realm: realm.into(), ..good.clone() }, &[1]), "bad_realm", "{realm}");
    }
    assert_eq!(open(&RootFields { publisher: role(1, &(101..118).collect::<Vec<_>>()), ..good }, &[1]), "bad_threshold");
}

/// The eight points of small order, and encodings of y at or above the field's prime.
#[test]
fn weak_keys_are_refused() {
    let hex = |text: &str| -> [u8; 32] { core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()) };
    let weak = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        // y = p + 3 and p + 9: on the curve, of large order, but not the canonical encoding.
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        // Not on the curve.
        "0200000000000000000000000000000000000000000000000000000000000000",
    ];
    for key in weak {
        let publisher = RoleFields { threshold: 1, keys: vec![hex(key)] };
        assert_eq!(open(&RootFields { publisher, ..root_fields(1) }, &[1]), "weak_key", "{key}");
    }
}

#[test]
fn root_chains() {
    let first = Root::open(&root()).unwrap();
    let follow = |fields: &RootFields, seeds: &[u8]| {
        first.follow(&sign_root(fields, &signers(seeds)).unwrap()).err().map_or("accepted", |e| e.code())
    };
    let next = RootFields { root: role(1, &[2]), ..root_fields(2) };
    assert_eq!(follow(&next, &[1, 2]), "accepted");
    assert_eq!(follow(&next, &[2]), "too_few_signatures");
    assert_eq!(follow(&next, &[1]), "too_few_signatures");
    assert_eq!(follow(&RootFields { version: 3, ..next.clone() }, &[1, 2]), "root_out_of_order");
    assert_eq!(follow(&RootFields { version: 1, ..next.clone() }, &[1, 2]), "root_out_of_order");
    assert_eq!(follow(&RootFields { realm: "other".into(), ..next.clone() }, &[1, 2]), "wrong_realm");
    // A publisher key cannot sign a root, whatever it claims.
    assert_eq!(follow(&next, &[101]), "too_few_signatures");
}

#[test]
fn heads_of_the_wrong_kind() {
    let tree = tree(vec![record(1), record(2)]);
    let good = head_fields(6, &tree);
    let refused = |fields: &HeadFields, seeds: &[u8]| {
        refusal(&encode_bundle(&sign_head(fields, &signers(seeds)).unwrap(), &tree).unwrap(), T0)
    };
    assert_eq!(refused(&HeadFields { realm: "other".into(), ..good.clone() }, &[101]), "wrong_realm");
    assert_eq!(refused(&good, &[1]), "too_few_signatures", "a root key is no publisher key");
    assert_eq!(refused(&good, &[102]), "too_few_signatures");
    assert_eq!(refused(&good, &[]), "too_few_signatures");
    assert_eq!(refused(&good, &[101, 101]), "duplicate_signature");
    assert_eq!(refused(&HeadFields { epoch: 0, ..good.clone() }, &[101]), "bad_field");
    assert_eq!(refused(&HeadFields { not_after: T0, ..good.clone() }, &[101]), "bad_lifetime");
    assert_eq!(refused(&HeadFields { not_after: T0 + 31 * DAY, ..good.clone() }, &[101]), "bad_lifetime");
    assert_eq!(refused(&HeadFields { issued_at: T0 - DAY, not_after: T0, ..good.clone() }, &[101]), "head_expired");
    assert_eq!(refused(&HeadFields { issued_at: T0 + 301, ..good.clone() }, &[101]), "clock_invalid");
    assert_eq!(refused(&HeadFields { records: 3, ..good.clone() }, &[101]), "wrong_count");
    assert_eq!(refused(&HeadFields { tree_bytes: 3, ..good.clone() }, &[101]), "wrong_count");
    assert_eq!(refused(&HeadFields { tree_bytes: u64::MAX, ..good.clone() }, &[101]), "too_large");
    assert_eq!(refused(&HeadFields { tree: ObjectId([0; 32]), ..good.clone() }, &[101]), "wrong_digest");
    // A signature over the same statement in the other role.
    let mut as_root = sign_root(&root_fields(1), &signers(&[1])).unwrap();
    as_root[..4].copy_from_slice(b"ELHD");
    assert_eq!(refusal(&encode_bundle(&as_root, &tree).unwrap(), T0), "too_few_signatures");
}

#[test]
fn epochs_never_go_back() {
    let (one, two) = (tree(vec![record(1)]), tree(vec![record(1), record(2)]));
    let mut edge = serving(vec![record(1)]);
    let mut code = |bundle: Vec<u8>| update(&mut edge, &[], bundle, T0).err().map_or("accepted", |e| e.code());
    assert_eq!(code(bundle(4, &two)), "rollback");
    assert_eq!(code(bundle(5, &two)), "equivocation");
    assert_eq!(code(bundle_of(&HeadFields { not_after: T0 + 2 * DAY, ..head_fields(5, &one) }, &one)), "equivocation");
    assert_eq!(code(bundle(5, &one)), "accepted", "the same head again is no change");
    assert_eq!(code(bundle(9, &two)), "accepted");
    assert_eq!(code(bundle(8, &two)), "rollback");
}

#[test]
fn floors_guard_a_cold_start() {
    let bundle = bundle(5, &tree(vec![record(1)]));
    for (config, expected) in
        [("min_epoch=6", "below_floor"), ("min_epoch=5", "accepted"), ("floor=1:6", "below_floor"), ("floor=1:5", "accepted")]
    {
        let mut edge = edge(config);
        let code = update(&mut edge, &[], bundle.clone(), T0).err().map_or("accepted", |e| e.code());
        assert_eq!(code, expected, "{config}");
    }
}

/// Root 2, which takes the publisher's key away from a thief and begins an era at this epoch.
fn new_era(min_epoch: u64) -> Vec<u8> {
    let fields = RootFields { publisher: role(1, &[103]), era: 2, min_epoch, ..root_fields(2) };
    sign_root(&fields, &signers(&[1])).unwrap()
}

/// A bundle under this root version, signed by the publisher key with this seed.
fn bundle_under(root_version: u32, epoch: u64, seed: u8, tree: &Tree) -> Vec<u8> {
    let fields = HeadFields { root_version, ..head_fields(epoch, tree) };
    encode_bundle(&sign_head(&fields, &signers(&[seed])).unwrap(), tree).unwrap()
}

#[test]
fn a_new_era_recovers_from_a_far_epoch() {
    let one = tree(vec![record(1)]);
    let root2 = new_era(7);
    let mut edge = edge("min_epoch=100\nfloor=1:50");
    update(&mut edge, &[], bundle(MAX_EPOCH, &tree(vec![record(2)])), T0).unwrap();
    // A running edge asks for the roots before it judges a head that names a later one.
    let under = |epoch, seed| bundle_under(2, epoch, seed, &one);
    assert_eq!(update(&mut edge, &[], under(7, 103), T0).unwrap_err().code(), "root_needed");
    assert_eq!(update(&mut edge, &[&root2], under(7, 101), T0).unwrap_err().code(), "too_few_signatures");
    assert_eq!(update(&mut edge, &[&root2], under(6, 103), T0).unwrap_err().code(), "below_floor");
    assert_eq!((edge.root_version(), ask(&edge, 2).code), (1, Code::Valid), "nothing moved");
    update(&mut edge, &[&root2], under(7, 103), T0).unwrap();
    assert_eq!((edge.root_version(), edge.head().unwrap().epoch), (2, 7));
    assert_eq!((ask(&edge, 1).code, ask(&edge, 2).code), (Code::Valid, Code::Unknown));
    assert_eq!(edge.floor().unwrap().to_string(), "2:7");
    // What the thief signed is worth nothing now.
    assert_eq!(update(&mut edge, &[], bundle(MAX_EPOCH, &one), T0).unwrap_err().code(), "too_few_signatures");
}

/// Root 2 adds a publisher key, or exchanges all of them, and begins no era: nothing older is taken, by whatever way it comes.
#[test]
fn other_publisher_keys_alone_lower_no_floor() {
    let (old, new) = (tree(vec![record(1), record(2)]), tree(vec![record(1)]));
    for publisher in [role(1, &[101, 102]), role(1, &[103]), role(2, &[101, 102])] {
        let root2 = sign_root(&RootFields { publisher, ..root_fields(2) }, &signers(&[1])).unwrap();
        let replayed = bundle(90, &old);
        for config in ["min_epoch=100", "floor=1:100"] {
            let mut cold = edge(config);
            update(&mut cold, &[&root2], replayed.clone(), T0).expect_err("a cold edge took it");
            assert!(cold.head().is_none(), "{config}");
        }
        let mut running = edge("");
        update(&mut running, &[], bundle(100, &new), T0).unwrap();
        update(&mut running, &[&root2], replayed.clone(), T0).expect_err("a running edge took it");
        for seeds in [&[101][..], &[103], &[101, 102]] {
            let fields = HeadFields { root_version: 2, ..head_fields(90, &old) };
            let replayed = encode_bundle(&sign_head(&fields, &signers(seeds)).unwrap(), &old).unwrap();
            update(&mut running, &[&root2], replayed, T0).expect_err("an epoch went back");
        }
        assert_eq!((running.root_version(), ask(&running, 2).code), (1, Code::Unknown));
        // Deployed anew with root 2, it still knows what it saw under root 1.
        let mut again = Edge::new(&root2, HostConfig::parse("floor=1:100").unwrap()).unwrap();
        update(&mut again, &[], replayed, T0).expect_err("a floor of root 1 counts under root 2");
    }
}

/// A head that names a later root is not taken under the one in force, however well it is signed: once that root is known, its
/// epoch may count in another era, and a lower one would seem new.
#[test]
fn a_head_waits_for_its_root() {
    let (old, new) = (tree(vec![record(1), record(2)]), tree(vec![record(1)]));
    let same_keys = RootFields { era: 2, min_epoch: 101, ..root_fields(2) };
    let root2 = sign_root(&same_keys, &signers(&[1])).unwrap();
    let mut edge = serving(vec![record(1)]);
    assert_eq!(update(&mut edge, &[], bundle_under(2, 150, 101, &new), T0).unwrap_err().code(), "root_needed");
    update(&mut edge, &[&root2], bundle_under(2, 150, 101, &new), T0).unwrap();
    assert_eq!(update(&mut edge, &[], bundle_under(2, 120, 101, &old), T0).unwrap_err().code(), "rollback");
    // Of the era before, nothing counts, also if its epoch lies ahead and its key is still one of the publisher's.
    assert_eq!(update(&mut edge, &[], bundle_under(1, 200, 101, &old), T0).unwrap_err().code(), "earlier_era");
}

/// An edge that followed to a later root and starts again with the deployed one takes no head until it has followed again.
#[test]
fn roots_do_not_go_back_either() {
    let one = tree(vec![record(1)]);
    let root2 = new_era(7);
    let mut edge = edge("floor=2:8");
    assert_eq!(edge.floor().unwrap().to_string(), "2:8");
    assert_eq!(update(&mut edge, &[], bundle(90, &one), T0).unwrap_err().code(), "root_needed");
    let head = sign_head(&head_fields(90, &one), &signers(&[101])).unwrap();
    assert_eq!(edge.offer(&[], &head, T0), Ok(Offer::RootNeeded));
    assert_eq!(update(&mut edge, &[&root2], bundle_under(2, 7, 103, &one), T0).unwrap_err().code(), "below_floor");
    update(&mut edge, &[&root2], bundle_under(2, 8, 103, &one), T0).unwrap();
}

#[test]
fn what_a_root_may_say_of_its_era() {
    let first = Root::open(&root()).unwrap();
    let open = |fields: &RootFields| Root::open(&sign_root(fields, &signers(&[1])).unwrap());
    let third = open(&RootFields { era: 2, min_epoch: 40, ..root_fields(3) }).unwrap();
    let follow = |from: &Root, fields: RootFields| {
        from.follow(&sign_root(&fields, &signers(&[1])).unwrap()).err().map_or("accepted", |e| e.code())
    };
    for (from, version, era, min_epoch, expected) in [
        (&first, 2, 1, 1, "accepted"),
        (&first, 2, 1, 7, "accepted"),
        (&first, 2, 2, 1, "accepted"),
        (&third, 4, 2, 40, "accepted"),
        (&third, 4, 2, 41, "accepted"),
        (&third, 4, 2, 39, "bad_era"),
        (&third, 4, 1, 40, "bad_era"),
        (&third, 4, 3, 40, "bad_era"),
        (&third, 4, 4, 1, "accepted"),
        (&third, 4, 5, 40, "bad_field"),
        (&third, 4, 0, 40, "bad_field"),
        (&third, 4, 4, 0, "bad_field"),
        (&third, 4, 4, MAX_EPOCH, "accepted"),
        (&third, 4, 4, MAX_EPOCH + 1, "bad_field"),
    ] {
        let fields = RootFields { era, min_epoch, ..root_fields(version) };
        assert_eq!(follow(from, fields), expected, "root {version}, era {era}, from {min_epoch}");
    }
}

/// So that every reader holds epochs and times exactly, and a floor can be written down and read again.
#[test]
fn numbers_end_at_2_to_the_53() {
    let one = tree(vec![record(1)]);
    for epoch in [MAX_EPOCH + 1, 1 << 54, 18_000_000_000_000_000_000, u64::MAX] {
        assert_eq!(refusal(&bundle(epoch, &one), T0), "bad_field", "{epoch}");
    }
    let mut edge = edge("");
    update(&mut edge, &[], bundle(MAX_EPOCH, &one), T0).unwrap();
    assert_eq!(edge.floor().unwrap().to_string(), "1:9007199254740991");
    let far = HeadFields { issued_at: MAX_EPOCH, not_after: MAX_EPOCH + 1, ..head_fields(5, &one) };
    assert_eq!(refusal(&bundle_of(&far, &one), MAX_EPOCH), "bad_lifetime");
    let never = RootFields { expires_at: u64::MAX, ..root_fields(1) };
    assert_eq!(open(&never, &[1]), "bad_field");
    for config in ["min_epoch=9007199254740992", "floor=1:9007199254740992", "floor=1:1.8e19"] {
        assert_eq!(HostConfig::parse(config).unwrap_err().code(), "bad_config", "{config}");
    }
    let error = HostConfig::parse("mask_ip=on\npepper:00112233445566778899aabbccddeeff").unwrap_err().to_string();
    assert!(error.contains("line 2") && !error.contains("0011"), "{error}");
}

/// A head under one tree that was renewed meanwhile vouches for the bundle that still holds the head before.
#[test]
fn the_offered_head_vouches_for_an_older_bundle_of_its_tree() {
    let one = tree(vec![record(1)]);
    let bundle_5 = bundle(5, &one);
    let head_9 = sign_head(&head_fields(9, &one), &signers(&[101])).unwrap();
    let mut edge = edge("floor=1:9");
    assert_eq!(update(&mut edge, &[], bundle_5.clone(), T0).unwrap_err().code(), "below_floor");
    assert!(matches!(edge.offer(&[], &head_9, T0), Ok(Offer::TreeNeeded { .. })));
    // What is refused in between changes nothing, here neither.
    edge.offer(&[], b"junk", T0).unwrap_err();
    update(&mut edge, &[], bundle_5.clone(), T0).unwrap();
    assert_eq!(edge.head().unwrap().epoch, 9);
    // It vouches for its own tree alone.
    assert!(matches!(
        edge.offer(&[], &sign_head(&head_fields(10, &tree(vec![record(2)])), &signers(&[101])).unwrap(), T0),
        Ok(Offer::TreeNeeded { .. })
    ));
    assert_eq!(update(&mut edge, &[], bundle_5, T0).unwrap_err().code(), "below_floor");
}

/// Of a bundle its beginning is enough to judge its head.
#[test]
fn a_bundle_is_judged_by_its_beginning() {
    let many = tree((1..=2000).map(record).collect());
    let bundle = bundle(6, &many);
    let mut edge = serving(vec![record(1)]);
    assert!(
        matches!(edge.offer(&[], &bundle[..4096], T0), Ok(Offer::TreeNeeded { bundle_bytes }) if bundle_bytes >= bundle.len() as u64)
    );
    assert_eq!(edge.offer(&[], &bundle[..100], T0).unwrap_err().code(), "truncated");
    let mut long = bundle[..16].to_vec();
    long[8..12].copy_from_slice(&5000u32.to_le_bytes());
    assert_eq!(edge.offer(&[], &long, T0).unwrap_err().code(), "too_large");
    assert_eq!(edge.offer(&[], &[0; 4097], T0).unwrap_err().code(), "too_large");
}

/// A junk root is found at once, before anything is fetched for the head that named it; a genuine one is kept out of force.
#[test]
fn roots_are_proven_one_by_one() {
    let root2 = sign_root(&root_fields(2), &signers(&[1])).unwrap();
    let edge = edge("");
    assert_eq!(edge.check_roots(&[&root2]), Ok(2));
    assert_eq!(
        edge.check_roots(&[&sign_root(&root_fields(2), &signers(&[9])).unwrap()]).unwrap_err().code(),
        "too_few_signatures"
    );
    assert_eq!(edge.check_roots(&[&[0; 8192]]).unwrap_err().code(), "bad_magic");
    assert_eq!(edge.check_roots(&[&[0; 8193]]).unwrap_err().code(), "too_large");
    assert_eq!(edge.root_version(), 1);
}

#[test]
fn an_expired_root_accepts_no_head() {
    let mut fields = root_fields(1);
    fields.expires_at = T0 + 1;
    let root = sign_root(&fields, &signers(&[1])).unwrap();
    let mut edge = edgelatch_core::edge::Edge::new(&root, Default::default()).unwrap();
    let bundle = bundle(5, &tree(vec![record(1)]));
    assert_eq!(update(&mut edge, &[], bundle.clone(), T0 + 1).unwrap_err().code(), "root_expired");
    update(&mut edge, &[], bundle, T0).unwrap();
}

#[test]
fn offers() {
    let (one, two) = (tree(vec![record(1)]), tree(vec![record(2)]));
    let head = |fields: HeadFields| sign_head(&fields, &signers(&[101])).unwrap();
    let mut edge = edge("");
    let room = one.bytes() + one.bytes() / 8 + (1 << 20);
    assert_eq!(
        (one.bytes(), edge.offer(&[], &head(head_fields(5, &one)), T0)),
        (two.bytes(), Ok(Offer::TreeNeeded { bundle_bytes: room }))
    );
    update(&mut edge, &[], bundle(5, &one), T0).unwrap();
    let generation = edge.generation();
    assert_eq!(edge.offer(&[], &head(head_fields(5, &one)), T0), Ok(Offer::Unchanged));
    assert_eq!(edge.offer(&[], &head(head_fields(6, &two)), T0), Ok(Offer::TreeNeeded { bundle_bytes: room }));
    assert_eq!(edge.head().unwrap().epoch, 5, "an offer of another tree changes nothing");
    let renewed = HeadFields { issued_at: T0 + DAY / 2, not_after: T0 + 2 * DAY, ..head_fields(6, &one) };
    assert_eq!(edge.offer(&[], &head(renewed), T0 + DAY / 2), Ok(Offer::Renewed));
    assert_eq!((edge.head().unwrap().not_after, edge.generation()), (T0 + 2 * DAY, generation));
    assert_eq!(edge.offer(&[], &head(head_fields(5, &one)), T0).unwrap_err().code(), "rollback");
    let later = HeadFields { root_version: 2, ..head_fields(7, &one) };
    let foreign = sign_head(&later, &signers(&[103])).unwrap();
    assert_eq!(edge.offer(&[], &foreign, T0), Ok(Offer::RootNeeded));
    let root2 = sign_root(&RootFields { publisher: role(1, &[103]), ..root_fields(2) }, &signers(&[1])).unwrap();
    assert_eq!(edge.offer(&[&root2], &foreign, T0), Ok(Offer::Renewed));
    assert_eq!(edge.root_version(), 2);
}

#[test]
fn a_running_edge_takes_only_what_was_checked_to_the_end() {
    let mut edge = serving(vec![record(1)]);
    let many = tree((1..=2000).map(record).collect());
    let mut staged = edge.stage(&[], bundle(6, &many), T0).unwrap();
    staged.check(1).unwrap();
    assert_eq!(edge.commit(staged, T0).unwrap_err().code(), "unchecked");
    assert_eq!(edge.head().unwrap().epoch, 5);
    // What was staged before a newer epoch came in is out of date.
    let mut slow = edge.stage(&[], bundle(6, &many), T0).unwrap();
    while slow.check(1 << 20).unwrap() > 0 {}
    update(&mut edge, &[], bundle(7, &tree(vec![record(3)])), T0).unwrap();
    assert_eq!(edge.commit(slow, T0).unwrap_err().code(), "rollback");
    assert_eq!(ask(&edge, 3).code, Code::Valid);
}

/// A root that came into force while an update was being checked stays in force, though the update's epoch is the later one.
#[test]
fn an_update_under_an_older_root_is_superseded() {
    let (one, two) = (tree(vec![record(1)]), tree(vec![record(2)]));
    let root2 = sign_root(&root_fields(2), &signers(&[1])).unwrap();
    let mut edge = serving(vec![record(1)]);
    let mut slow = edge.stage(&[], bundle(9, &two), T0).unwrap();
    while slow.check(1 << 20).unwrap() > 0 {}
    let head = sign_head(&HeadFields { root_version: 2, ..head_fields(6, &one) }, &signers(&[101])).unwrap();
    assert_eq!(edge.offer(&[&root2], &head, T0), Ok(Offer::Renewed));
    assert_eq!(edge.commit(slow, T0).unwrap_err().code(), "superseded");
    assert_eq!((edge.root_version(), edge.head().unwrap().epoch), (2, 6));
}
