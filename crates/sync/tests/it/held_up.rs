//! Two publishers of one realm, of which one is held up after it has read the registry: what it read is never published above what came since.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{Plane, plane};
use edgelatch_core::signed::Role;
use edgelatch_core::verdict::Code;
use edgelatch_registry::Slug;
use edgelatch_sync::trust::{self, Change};
use edgelatch_sync::{DataDir, Publisher, Readers, Signers, Stage, key_file};
use edgelatch_testkit::DAY;
use edgelatch_testkit::registry::{caller, env};

fn signers(dir: &DataDir, role: Role, realm: &Slug) -> Signers {
    key_file::load_all(&dir.key(role), role, realm, Readers::Owner).unwrap()
}

/// A publisher on another machine: a data directory of its own, so that no lock of files is between the two.
fn elsewhere(p: &Plane, name: &str) -> Publisher {
    let dir = DataDir::new(p.dir.path().join(name));
    dir.make().unwrap();
    Publisher::new(Arc::clone(&p.registry), p.realm.clone(), signers(&p.dir, Role::Publisher, &p.realm), DAY, &dir).unwrap()
}

/// A publisher that has read the registry when `meanwhile` happens, once.
fn held_up(p: &Plane, meanwhile: impl Fn() + Send + Sync + 'static) -> Publisher {
    let done = AtomicBool::new(false);
    elsewhere(p, "held-up").watched(move |stage| {
        if matches!(stage, Stage::Writing(_)) && !done.swap(true, Ordering::SeqCst) {
            meanwhile();
        }
    })
}

#[test]
fn a_key_that_was_revoked_meanwhile_stays_revoked() {
    let p = plane();
    let key = p.create("leaked");
    p.publish().unwrap();
    let other = elsewhere(&p, "other");
    let (registry, realm, target) = (Arc::clone(&p.registry), p.realm.clone(), p.target());
    let id = key.key.key_id;
    let slow = held_up(&p, move || {
        registry.keys(&realm).revoke(&caller(), id, None).unwrap();
        assert_eq!(other.publish_if_due(&[&target]).unwrap().unwrap().epoch, 3);
    });
    let published = slow.publish(&[&p.target()]).unwrap();
    assert_eq!((published.epoch, published.changes), (4, p.registry.ledger(&p.realm).changes().unwrap()));
    assert_eq!(p.verdict(&p.edge(), &key.secret), Code::Revoked);
    // Also by itself, no epoch is given to what was read before.
    let epochs = p.registry.ledger(&p.realm).newest(9).unwrap();
    assert!(epochs.windows(2).all(|pair| pair[0].changes >= pair[1].changes), "{epochs:?}");
}

/// Under the root before, the head of the one after would count for nothing, and be replaced.
#[test]
fn a_root_that_was_replaced_meanwhile_is_not_published_under() {
    let p = plane();
    let (registry, realm, dir, clock) = (Arc::clone(&p.registry), p.realm.clone(), p.dir.clone(), Arc::clone(&p.clock));
    let target = p.target();
    let slow = held_up(&p, move || {
        let path = dir.free_key(&realm, Role::Publisher).unwrap();
        let new = key_file::create(&path, Role::Publisher, &realm, &env(&clock)).unwrap();
        let key = edgelatch_sync::Signer::public(&new);
        let old = trust::newest_root(&registry, &realm).unwrap().1.publisher.keys().copied().collect();
        let change = Change { add: vec![(Role::Publisher, key)], remove: old, ..Change::default() };
        let mut draft = trust::draft_of(&registry, &realm, &dir, &change).unwrap();
        signers(&dir, Role::Root, &realm).iter().for_each(|root| draft.sign(root).unwrap());
        trust::adopt(&registry, &realm, &dir, &caller(), &draft, &[key]).unwrap();
        let next = Publisher::new(Arc::clone(&registry), realm.clone(), new, DAY, &dir).unwrap();
        assert_eq!(next.publish(&[&target]).unwrap().epoch, 2);
    });
    // It has the key of the root before alone.
    assert_eq!(slow.publish(&[&p.target()]).unwrap_err().code(), "not_publisher");
    assert_eq!(edgelatch_core::head::Head::inspect(&p.file("head")).unwrap().root_version, 2);
    assert_eq!(p.registry.ledger(&p.realm).newest(1).unwrap()[0].epoch, 2);
}

/// Where somebody publishes again and again in between, it is told and not tried for ever.
#[test]
fn whoever_is_outrun_each_time_says_so() {
    let p = plane();
    let other = elsewhere(&p, "other");
    let (registry, realm, target) = (Arc::clone(&p.registry), p.realm.clone(), p.target());
    let slow = elsewhere(&p, "held-up").watched(move |stage| {
        if matches!(stage, Stage::Writing(_)) {
            let new = edgelatch_registry::NewKey::new("main".parse().unwrap(), "k".parse().unwrap());
            registry.keys(&realm).create(&caller(), &new, Default::default()).unwrap();
            other.publish(&[&target]).unwrap();
        }
    });
    let before = p.registry.ledger(&p.realm).newest(1).unwrap()[0].epoch;
    let refused = slow.publish(&[&p.target()]).unwrap_err();
    assert_eq!(refused.code(), "outrun", "{refused}");
    let taken = p.registry.ledger(&p.realm).newest(1).unwrap()[0].epoch - before;
    assert!((2..10).contains(&taken), "{taken}");
}
