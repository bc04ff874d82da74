//! How the registry says it is doing.

use edgelatch_core::tree::ObjectId;
use edgelatch_registry::{EpochRequest, RealmPulse, RootRow, management};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, new_key};

on_both_stores! {
    a_pulse_is_what_a_publisher_and_edges_have_got_to, writes_are_tried_and_change_nothing, events_that_wait_are_known_by_the_oldest,
}

fn epoch(f: &Fixture, changes: u64) -> u64 {
    let tree = ObjectId([7; 32]);
    let request = EpochRequest { above: 0, tree, records: 1, changes, root_version: 2, now: NOW, lifetime: 60 };
    f.registry.ledger(&f.realm).reserve(&request).unwrap().epoch
}

fn a_pulse_is_what_a_publisher_and_edges_have_got_to(f: Fixture) {
    management::establish(&f.registry, &caller(), &mut |_| Ok(())).unwrap();
    let pulse = || f.registry.pulse().unwrap();
    let realm = || {
        let all = pulse().realms;
        assert_eq!(all.len(), 1, "the management realm is no edge's: {all:?}");
        all[0].clone()
    };
    let begin = realm();
    let expected = RealmPulse {
        realm: f.realm.clone(),
        changes: begin.changes,
        published_changes: None,
        epoch: None,
        issued_at: None,
        published_epoch: None,
        root: None,
    };
    assert_eq!(begin, expected);
    // On SQLite, the machine's clock is the only one.
    assert_eq!(pulse().time.is_some(), f.schema.is_some());
    if let Some(time) = pulse().time {
        assert!(time.abs_diff(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()) < 60);
    }
    for version in [1, 2] {
        f.registry.ledger(&f.realm).add_root(&RootRow { version, object: vec![u8::try_from(version).unwrap(); 3] }).unwrap();
    }
    f.registry.keys(&f.realm).make(&caller(), &new_key("a")).unwrap();
    let first = epoch(&f, realm().changes);
    // One that was taken, and whose publisher died then, is out nowhere.
    assert_eq!((realm().root, realm().published_changes), (Some(vec![2; 3]), None));
    assert_eq!((realm().epoch, realm().issued_at, realm().published_epoch), (Some(first), Some(NOW), None));
    f.registry.ledger(&f.realm).mark_published(first).unwrap();
    assert_eq!((realm().published_epoch, realm().published_changes), (Some(first), Some(realm().changes)));
    // An epoch that no target holds counts as signed, not as published.
    f.registry.keys(&f.realm).make(&caller(), &new_key("b")).unwrap();
    let second = epoch(&f, realm().changes);
    assert!(second > first);
    assert_eq!(
        (realm().epoch, realm().published_epoch, realm().published_changes),
        (Some(second), Some(first), Some(realm().changes - 1))
    );
    // However many follow it.
    for _ in 0..1_001 {
        epoch(&f, realm().changes);
    }
    assert_eq!((realm().published_epoch, f.registry.ledger(&f.realm).newest(2_000).unwrap().len()), (Some(first), 1_001));
}

fn writes_are_tried_and_change_nothing(f: Fixture) {
    let before = f.registry.realm(&f.realm).unwrap();
    // Of a file, whether anything was written is seen in its log.
    let log = || f.schema.is_none().then(|| std::fs::read(format!("{}-wal", f.path().display())).unwrap());
    let logged = log();
    f.registry.check_writes().unwrap();
    assert!(logged.is_none() || logged != log(), "nothing was written");
    assert_eq!(f.registry.realm(&f.realm).unwrap(), before);
    let again = f.open();
    assert_eq!(again.realm(&f.realm).unwrap(), before);
    assert_eq!(f.registry.damages().unwrap(), Vec::<String>::new());
}

fn events_that_wait_are_known_by_the_oldest(f: Fixture) {
    let outbox = f.registry.outbox();
    assert_eq!((outbox.oldest().unwrap(), outbox.given_up_since(0).unwrap()), (None, 0));
    f.registry.keys(&f.realm).make(&caller(), &new_key("a")).unwrap();
    f.advance(60);
    f.registry.keys(&f.realm).make(&caller(), &new_key("b")).unwrap();
    assert_eq!(outbox.oldest().unwrap(), Some(NOW));
    // The first one is delivered, the second one given up at last.
    let taken = outbox.take(10).unwrap();
    let [first, second] = &taken[..] else { panic!("two events: {taken:?}") };
    outbox.delivered(&first.event).unwrap();
    assert_eq!(outbox.oldest().unwrap(), Some(NOW + 60));
    while outbox.failed(&second.event, "no").unwrap().is_some() {}
    assert_eq!(outbox.oldest().unwrap(), None);
    assert_eq!((outbox.given_up_since(NOW + 60).unwrap(), outbox.given_up_since(NOW + 61).unwrap()), (1, 0));
}
