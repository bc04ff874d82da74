//! The next root: keys that leak, keys that are lost, and what edges make of it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::common::{Plane, plane};
use edgelatch_core::build::{HeadFields, SigningKey, State, Tree, encode_bundle, sign_head, sign_root};
use edgelatch_core::edge::{Edge, HostConfig};
use edgelatch_core::limits::MAX_EPOCH;
use edgelatch_core::root::Root;
use edgelatch_core::signed::Role;
use edgelatch_core::tree::ObjectId;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{EpochRequest, RealmEdit};
use edgelatch_sync::trust::{self, Change, Life, RootDraft};
use edgelatch_sync::{Error, KeySource, Publisher, Readers, Reason, Signer, key_file};
use edgelatch_testkit::DAY;
use edgelatch_testkit::registry::{NOW, caller, env};

fn source(p: &Plane, role: Role) -> KeySource {
    let path = p.dir.key(role);
    KeySource {
        role,
        realm: p.realm.clone(),
        path,
        files: Vec::new(),
        readers: Readers::Owner,
        text: None,
        commands: Vec::new(),
    }
}

/// A publisher that finds its keys anew, as a server does.
fn publisher(p: &Plane) -> Publisher {
    let source = source(p, Role::Publisher);
    let made = Publisher::new(Arc::clone(&p.registry), p.realm.clone(), source.load().unwrap(), None, &p.dir).unwrap();
    made.reloading(move || source.load())
}

/// Makes a key file beside those that the realm has.
fn new_key(p: &Plane, role: Role) -> (PathBuf, [u8; 32]) {
    let path = p.dir.free_key(&p.realm, role).unwrap();
    let key = key_file::create(&path, role, &p.realm, &env(&p.clock)).unwrap().public();
    (path, key)
}

/// Makes the next root with the keys that are here.
fn follow(p: &Plane, change: &Change) -> Result<Vec<u8>, Error> {
    let mut draft = trust::draft_of(&p.registry, &p.realm, &p.dir, change)?;
    for signer in source(p, Role::Root).find()?.iter() {
        if draft.wants(&signer.public()) {
            draft.sign(signer)?;
        }
    }
    trust::adopt(&p.registry, &p.realm, &p.dir, &caller(), &draft, &source(p, Role::Publisher).find()?.keys())?;
    draft.finish()
}

fn newest(p: &Plane) -> Root {
    trust::newest_root(&p.registry, &p.realm).unwrap().1
}

fn deployed(p: &Plane) -> Edge {
    Edge::new(&p.root, HostConfig::default()).unwrap()
}

/// Offers an edge roots and a bundle: the epoch that it serves then, or why it does not take them.
fn offer(edge: &mut Edge, roots: &[&[u8]], bundle: Vec<u8>) -> Result<u64, String> {
    let code = |error: edgelatch_core::error::Error| error.code().to_owned();
    let mut staged = edge.stage(roots, bundle, NOW).map_err(code)?;
    while staged.check(usize::MAX).map_err(code)? > 0 {}
    edge.commit(staged, NOW).map_err(code)?;
    Ok(edge.head().unwrap().epoch)
}

/// The seed of a key file: what a thief has.
fn stolen(path: &std::path::Path) -> SigningKey {
    use base64::Engine;
    let text = fs::read_to_string(path).unwrap();
    let seed = text.lines().find_map(|line| line.strip_prefix("seed ")).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(seed).unwrap();
    SigningKey::from_seed(&bytes.try_into().unwrap())
}

/// A snapshot of a thief's: an old state under an epoch of his choice.
fn forged(p: &Plane, key: &SigningKey, root_version: u32, epoch: u64, state: &State) -> Vec<u8> {
    let tree = Tree::build(state).unwrap();
    let fields = HeadFields {
        realm: p.realm.to_string(),
        root_version,
        epoch,
        issued_at: NOW,
        not_after: NOW + 30 * DAY,
        tree: tree.id(),
        tree_bytes: tree.bytes(),
        records: tree.records,
    };
    encode_bundle(&sign_head(&fields, std::slice::from_ref(key)).unwrap(), &tree).unwrap()
}

/// Takes the publisher's key away from a thief, beginning an era unless `era` is false.
fn rotate_publisher(p: &Plane, era: bool) -> Vec<u8> {
    let last = p.registry.ledger(&p.realm).newest(1).unwrap()[0].epoch;
    let old = newest(p).publisher.keys().copied().collect();
    let (_, key) = new_key(p, Role::Publisher);
    let min_epoch = era.then_some(last + 1);
    follow(p, &Change { add: vec![(Role::Publisher, key)], remove: old, min_epoch, ..Change::default() }).unwrap()
}

#[test]
fn whoever_has_stolen_the_publisher_key_is_shut_out() {
    for era in [true, false] {
        let p = plane();
        let made = p.create("ci");
        p.publish().unwrap();
        let before = p.registry.ledger(&p.realm).snapshot(None).unwrap().state;
        let thief = stolen(&p.dir.key(Role::Publisher));
        p.registry.keys(&p.realm).revoke(&caller(), made.key.key_id, None).unwrap();
        p.publish().unwrap();
        // What the theft is good for: a far epoch, under which the revoked key lives again, and no genuine one is taken any more.
        let mut fooled = deployed(&p);
        assert_eq!(offer(&mut fooled, &[], forged(&p, &thief, 1, 1 << 50, &before)), Ok(1 << 50));
        assert_eq!(p.verdict(&fooled, &made.secret), Code::Valid);
        assert_eq!(offer(&mut fooled, &[], p.file("bundle")), Err("rollback".into()));
        let root = rotate_publisher(&p, era);
        let server = publisher(&p);
        assert_eq!(server.publish_if_due(&[&p.target()]).unwrap().map(|published| published.reason), Some(Reason::Root));
        if !era {
            // Another key alone keeps them out for good.
            assert_eq!(offer(&mut fooled, &[&root], p.file("bundle")), Err("rollback".into()));
            continue;
        }
        // From now on every edge goes on with the operator: those that were fooled, others, and such as are deployed anew.
        let mut honest = deployed(&p);
        for edge in [&mut fooled, &mut honest] {
            assert_eq!(offer(edge, &[&root], p.file("bundle")), Ok(4));
            assert_eq!(p.verdict(edge, &made.secret), Code::Revoked);
            for (version, epoch) in [(1, 1 << 50), (1, 5), (2, 1 << 50), (2, MAX_EPOCH)] {
                let refused = offer(edge, &[], forged(&p, &thief, version, epoch, &before)).unwrap_err();
                assert_eq!(refused, "too_few_signatures", "root {version}, epoch {epoch}");
            }
            assert_eq!((edge.head().unwrap().epoch, p.verdict(edge, &made.secret)), (4, Code::Revoked));
        }
    }
}

/// A thief who may write to a target too, and whom somebody takes for our own publisher, drives the ledger up to its end.
#[test]
fn epochs_that_a_thief_used_up_are_given_again() {
    let p = plane();
    let thief = stolen(&p.dir.key(Role::Publisher));
    let state = p.registry.ledger(&p.realm).snapshot(None).unwrap().state;
    let bundle = forged(&p, &thief, 1, MAX_EPOCH - 1, &state);
    let head = edgelatch_core::bundle::head_bytes(&bundle).unwrap().to_vec();
    let path = p.dir.realm(&p.realm).join("head");
    let genuine = fs::read(&path).unwrap();
    fs::write(&path, head).unwrap();
    // It is noticed, since the ledger never gave that epoch.
    assert_eq!(p.publish().unwrap_err().code(), "registry_older");
    fs::write(&path, genuine).unwrap();
    let request = EpochRequest {
        above: MAX_EPOCH - 1,
        tree: ObjectId([7; 32]),
        records: 0,
        changes: p.registry.ledger(&p.realm).changes().unwrap(),
        root_version: 1,
        now: NOW,
        lifetime: 60,
    };
    p.registry.ledger(&p.realm).reserve(&request).unwrap();
    assert_eq!(p.publish().unwrap_err().code(), "epoch_limit");
    let old = newest(&p).publisher.keys().copied().collect();
    let (_, key) = new_key(&p, Role::Publisher);
    let add = vec![(Role::Publisher, key)];
    follow(&p, &Change { add, remove: old, min_epoch: Some(2), ..Change::default() }).unwrap();
    let server = publisher(&p);
    assert_eq!(server.publish(&[&p.target()]).unwrap().epoch, 2);
    assert_eq!(server.publish(&[&p.target()]).unwrap().epoch, 3);
}

#[test]
fn one_of_three_root_keys_leaks() {
    let p = plane();
    let others = [new_key(&p, Role::Root), new_key(&p, Role::Root)];
    let add = others.iter().map(|(_, key)| (Role::Root, *key)).collect();
    let second = follow(&p, &Change { add, root_threshold: Some(2), ..Change::default() }).unwrap();
    publisher(&p).publish(&[&p.target()]).unwrap();
    let mut edge = deployed(&p);
    assert_eq!(offer(&mut edge, &[&second], p.file("bundle")), Ok(2));
    // Its thief cannot sign a root alone, neither with keys of his own nor without.
    let thief = stolen(&others[0].0);
    let own = SigningKey::from_seed(&[9; 32]);
    let (bytes, before) = trust::newest_root(&p.registry, &p.realm).unwrap();
    let add = vec![(Role::Root, own.public()), (Role::Publisher, SigningKey::from_seed(&[8; 32]).public())];
    let mut fields = Change { add, root_threshold: Some(1), ..Change::default() }.after(&before, NOW).unwrap();
    let forged_root = sign_root(&fields, &[stolen(&others[0].0), own]).unwrap();
    assert_eq!(before.follow(&forged_root).unwrap_err().code(), "too_few_signatures");
    assert_eq!(offer(&mut edge, &[&forged_root], p.file("bundle")), Err("too_few_signatures".into()));
    fields.root.threshold = 2;
    assert!(RootDraft::new(&bytes, &fields).unwrap().finish().is_err());
    // The two that are left take it away.
    fs::remove_file(&others[0].0).unwrap();
    let (_, key) = new_key(&p, Role::Root);
    let change = Change { add: vec![(Role::Root, key)], remove: vec![thief.public()], ..Change::default() };
    let third = follow(&p, &change).unwrap();
    publisher(&p).publish(&[&p.target()]).unwrap();
    assert_eq!(offer(&mut edge, &[&third], p.file("bundle")), Ok(3));
    assert_eq!(offer(&mut deployed(&p), &[&second, &third], p.file("bundle")), Ok(3));
    assert_eq!((newest(&p).root.threshold(), newest(&p).root.keys().any(|key| *key == thief.public())), (2, false));
}

#[test]
fn a_lost_publisher_key_costs_a_file_or_a_root() {
    // With one that was prepared: the file, and no root.
    let p = plane();
    let cold = p.dir.path().join("cold.key");
    let key = key_file::create(&cold, Role::Publisher, &p.realm, &env(&p.clock)).unwrap().public();
    let lost = newest(&p).publisher.keys().copied().collect::<Vec<_>>();
    let second = follow(&p, &Change { add: vec![(Role::Publisher, key)], ..Change::default() }).unwrap();
    let server = publisher(&p);
    server.publish(&[&p.target()]).unwrap();
    let mut edge = deployed(&p);
    offer(&mut edge, &[&second], p.file("bundle")).unwrap();
    fs::remove_file(p.dir.key(Role::Publisher)).unwrap();
    assert_eq!(source(&p, Role::Publisher).load().unwrap_err().code(), "key_missing");
    key_file::place(&cold, &p.dir.free_key(&p.realm, Role::Publisher).unwrap(), Role::Publisher, &p.realm, Readers::Owner)
        .unwrap();
    publisher(&p).publish(&[&p.target()]).unwrap();
    assert_eq!(offer(&mut edge, &[], p.file("bundle")), Ok(3));
    // One root more, and the lost one is worth nothing to whoever finds it.
    let third = follow(&p, &Change { remove: lost, ..Change::default() }).unwrap();
    publisher(&p).publish(&[&p.target()]).unwrap();
    assert_eq!(offer(&mut edge, &[&third], p.file("bundle")), Ok(4));
    // Without: a new key, and a root.
    let p = plane();
    fs::remove_file(p.dir.key(Role::Publisher)).unwrap();
    let root = rotate_publisher(&p, false);
    publisher(&p).publish(&[&p.target()]).unwrap();
    assert_eq!(offer(&mut deployed(&p), &[&root], p.file("bundle")), Ok(2));
}

#[test]
fn a_server_goes_on_with_the_keys_of_a_new_root() {
    let p = plane();
    let server = publisher(&p);
    // One that was given its keys once and for all stops.
    rotate_publisher(&p, false);
    assert_eq!(p.publisher.publish_if_due(&[&p.target()]).unwrap_err().code(), "not_publisher");
    assert_eq!(server.publish_if_due(&[&p.target()]).unwrap().unwrap().reason, Reason::Root);
    // The same keys for longer: a reason to publish all the same, or edges would not hear of it before the next change.
    follow(&p, &Change { lifetime: Some(7000 * DAY), ..Change::default() }).unwrap();
    assert_eq!(server.publish_if_due(&[&p.target()]).unwrap().unwrap().reason, Reason::Root);
    assert_eq!(server.publish_if_due(&[&p.target()]).unwrap().map(|published| published.reason), None);
    assert!(p.dir.realm(&p.realm).join("root/3").exists());
}

#[test]
fn nothing_locks_the_realm_out() {
    let p = plane();
    let root = newest(&p);
    let [root_key, publisher_key] = [&root.root, &root.publisher].map(|role| *role.keys().next().unwrap());
    let other = |n: u8| SigningKey::from_seed(&[n; 32]).public();
    let many = (1..=16).map(|n| (Role::Root, other(n))).collect();
    for (change, code, says) in [
        (Change { remove: vec![root_key], ..Change::default() }, "root_change", "nobody could ever sign again"),
        (Change { root_threshold: Some(2), ..Change::default() }, "root_change", "at most 1"),
        (Change { root_threshold: Some(0), ..Change::default() }, "root_change", "from 1 to 1"),
        (Change { publisher_threshold: Some(2), ..Change::default() }, "root_change", "2 publisher keys"),
        (Change { remove: vec![other(1)], ..Change::default() }, "root_change", "does not name"),
        (Change { add: vec![(Role::Root, root_key)], ..Change::default() }, "root_change", "is a root key already"),
        (Change { add: vec![(Role::Publisher, root_key)], ..Change::default() }, "root_draft", "in the publisher role"),
        (Change { add: vec![(Role::Publisher, [0; 32])], ..Change::default() }, "root_draft", "publisher"),
        (Change { add: many, ..Change::default() }, "root_change", "16 are the most"),
        (Change { lifetime: Some(DAY - 1), ..Change::default() }, "root_change", "10y"),
        (Change { lifetime: Some(40 * 366 * DAY), ..Change::default() }, "root_change", "10y"),
        (Change { min_epoch: Some(0), ..Change::default() }, "root_change", "least epoch"),
        (Change { min_epoch: Some(MAX_EPOCH), ..Change::default() }, "root_change", "least epoch"),
        (
            Change { add: vec![(Role::Publisher, other(1))], remove: vec![publisher_key], ..Change::default() },
            "not_publisher",
            "0 of them are here",
        ),
    ] {
        let refused = follow(&p, &change).unwrap_err();
        assert!(refused.code() == code && refused.to_string().contains(says), "{change:?}: {refused}");
        assert_eq!(newest(&p).version, 1);
    }
    // A clock that was set back would make a root that ends before it should.
    p.clock.store(NOW - DAY, Ordering::SeqCst);
    assert!(follow(&p, &Change::default()).unwrap_err().to_string().contains("set the clock"));
}

#[test]
fn a_root_is_followed_once_and_never_goes_back() {
    let p = plane();
    let second = follow(&p, &Change::default()).unwrap();
    let mut stale = trust::draft_of(&p.registry, &p.realm, &p.dir, &Change::default()).unwrap();
    let third = follow(&p, &Change { lifetime: Some(100 * DAY), ..Change::default() }).unwrap();
    stale.sign(source(&p, Role::Root).load().unwrap().iter().next().unwrap()).unwrap();
    let publishers = source(&p, Role::Publisher).load().unwrap().keys();
    let refused = trust::adopt(&p.registry, &p.realm, &p.dir, &caller(), &stale, &publishers).unwrap_err();
    assert_eq!(refused.code(), "root_draft_stale");
    publisher(&p).publish(&[&p.target()]).unwrap();
    let mut edge = deployed(&p);
    offer(&mut edge, &[&second, &third], p.file("bundle")).unwrap();
    for old in [&p.root, &second, &third] {
        assert_eq!(offer(&mut edge, &[old], p.file("bundle")), Err("root_out_of_order".into()));
    }
    // Each is in the log, with what it does.
    let log = p.registry.audit(&p.realm).list(&Default::default(), &Default::default()).unwrap();
    let acts: Vec<&str> = log.rows.iter().map(|row| row.action.as_str()).filter(|action| *action == "realm.root").collect();
    assert_eq!(acts.len(), 2);
}

#[test]
fn heads_live_as_long_as_the_realm_says() {
    let p = plane();
    let server = publisher(&p);
    for (seconds, refused) in [(59, true), (60, false), (30 * DAY, false), (30 * DAY + 1, true)] {
        let edit = RealmEdit { head_lifetime: Some(seconds), ..RealmEdit::default() };
        let edited = p.registry.edit_realm(&caller(), &p.realm, &edit);
        assert_eq!(edited.is_err(), refused, "{seconds}");
        if !refused {
            server.publish(&[&p.target()]).unwrap();
            let last = p.registry.ledger(&p.realm).newest(1).unwrap().remove(0);
            assert_eq!(last.not_after - last.issued_at, seconds);
        }
    }
}

#[test]
fn what_grows_old_is_told() {
    let p = plane();
    let server = publisher(&p);
    for (days, life) in
        [(0, Life::Fresh), (1825, Life::Half), (2738, Life::ThreeQuarters), (3194, Life::SevenEighths), (3650, Life::Over)]
    {
        p.clock.store(NOW + days * DAY, Ordering::SeqCst);
        let (root, found) = server.root_life().unwrap();
        assert_eq!((root.version, found), (1, life), "after {days} days");
        let Ok(published) = server.publish(&[&p.target()]) else {
            assert_eq!(life, Life::Over);
            continue;
        };
        assert_eq!(published.root_aged.map(|aged| aged.life), Some(life).filter(|life| *life > Life::Fresh));
        assert_eq!(server.publish(&[&p.target()]).unwrap().root_aged, None, "told once");
    }
}
