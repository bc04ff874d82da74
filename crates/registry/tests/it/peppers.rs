//! The life of peppers: made known, used, left and forgotten; and what a snapshot is made with meanwhile.

use edgelatch_core::key::{Pepper, PepperId};
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::{EpochRequest, Error, Ledger, PepperState, Slug, management};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, new_key, slug};

on_both_stores! {
    a_pepper_lives_from_new_to_left, a_snapshot_is_made_with_the_one_in_use, everything_is_built_anew, one_that_is_needed_stays,
    as_many_as_edges_take, the_management_realm_takes_none, the_log_names_them, a_published_one_is_adopted,
}

const DAY: u64 = 86_400;

fn peppers() -> [Pepper; 5] {
    [1, 2, 3, 4, 5].map(|byte| Pepper::new(&[byte; 32]).unwrap())
}

fn ids() -> [PepperId; 5] {
    peppers().map(|pepper| pepper.id())
}

fn code<T>(result: Result<T, Error>) -> &'static str {
    result.err().map_or("fine", |error| error.code())
}

fn states(ledger: &Ledger<'_>) -> Vec<(PepperId, PepperState, Option<u64>)> {
    let rows = ledger.peppers().unwrap();
    let mut all: Vec<_> = rows.into_iter().map(|row| (row.pepper, row.state, row.needed_until)).collect();
    // Made in the same second, they stand in the order of their ids.
    all.sort_by_key(|row| ids().iter().position(|id| *id == row.0));
    all
}

/// Takes an epoch that shows the present state.
fn publish(f: &Fixture) {
    let ledger = f.registry.ledger(&f.realm);
    let (changes, now) = (ledger.changes().unwrap(), f.registry.env().now().unwrap());
    let tree = ObjectId([7; 32]);
    ledger.reserve(&EpochRequest { above: 0, now, tree, records: 1, changes, root_version: 0, lifetime: DAY }).unwrap();
}

fn a_pepper_lives_from_new_to_left(f: Fixture) {
    let ([one, two, ..], ledger) = (ids(), f.registry.ledger(&f.realm));
    assert_eq!((ledger.pepper().unwrap(), states(&ledger)), (None, vec![]));
    assert_eq!(code(ledger.use_pepper(&caller(), Some(one))), "not_found");
    ledger.add_pepper(&caller(), one).unwrap();
    assert_eq!(code(ledger.add_pepper(&caller(), one)), "exists");
    assert_eq!((ledger.pepper().unwrap(), states(&ledger)), (None, vec![(one, PepperState::New, None)]));
    ledger.use_pepper(&caller(), Some(one)).unwrap();
    ledger.add_pepper(&caller(), two).unwrap();
    assert_eq!(states(&ledger), [(one, PepperState::InUse, None), (two, PepperState::New, None)]);
    ledger.use_pepper(&caller(), Some(two)).unwrap();
    // A head that was signed the moment before lives so long.
    assert_eq!(states(&ledger), [(one, PepperState::Left, Some(NOW + DAY)), (two, PepperState::InUse, None)]);
    // Back again, and to none.
    ledger.use_pepper(&caller(), Some(one)).unwrap();
    assert_eq!(states(&ledger), [(one, PepperState::InUse, None), (two, PepperState::Left, Some(NOW + DAY))]);
    ledger.use_pepper(&caller(), None).unwrap();
    assert_eq!(ledger.pepper().unwrap(), None);
    assert!(states(&ledger).iter().all(|row| row.1 == PepperState::Left));
    let json = serde_json::to_value(f.registry.realm(&f.realm).unwrap()).unwrap();
    assert_eq!(json["pepper_id"], serde_json::Value::Null);
    ledger.use_pepper(&caller(), Some(one)).unwrap();
    let json = serde_json::to_value(f.registry.realm(&f.realm).unwrap()).unwrap();
    assert_eq!(json["pepper_id"], one.to_string());
    let all: Vec<(Slug, usize)> = f.registry.peppers().unwrap().into_iter().map(|(realm, rows)| (realm, rows.len())).collect();
    assert!(all.contains(&(f.realm.clone(), 2)), "{all:?}");
}

fn a_snapshot_is_made_with_the_one_in_use(f: Fixture) {
    let ([one, two, ..], ledger) = (peppers(), f.registry.ledger(&f.realm));
    f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap();
    ledger.add_pepper(&caller(), one.id()).unwrap();
    let plain = ledger.snapshot(None).unwrap().state.records;
    assert_eq!(code(ledger.snapshot(Some(&one))), "pepper_other");
    ledger.use_pepper(&caller(), Some(one.id())).unwrap();
    // Without it, or with another one, every key would be unknown.
    for wrong in [None, Some(&two)] {
        let error = ledger.snapshot(wrong).unwrap_err();
        assert!(error.code() == "pepper_other" && error.to_string().contains(&one.id().to_string()), "{error}");
        assert_eq!(code(ledger.since(0, wrong)), "pepper_other");
    }
    let found = ledger.snapshot(Some(&one)).unwrap().state;
    assert_eq!(found.settings.pepper.map(|pepper| pepper.id()), Some(one.id()));
    // What the registry holds of keys is the same as before.
    assert_eq!(format!("{:?}", found.records), format!("{plain:?}"));
    let unpeppered = ledger.unpeppered().unwrap().state;
    assert!(unpeppered.settings.pepper.is_none() && unpeppered.records.len() == 1);
}

fn everything_is_built_anew(f: Fixture) {
    let (one, ledger) = (&peppers()[0], f.registry.ledger(&f.realm));
    f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap();
    let before = ledger.changes().unwrap();
    ledger.add_pepper(&caller(), one.id()).unwrap();
    assert_eq!(ledger.changes().unwrap(), before, "edges know nothing of one that is new");
    ledger.use_pepper(&caller(), Some(one.id())).unwrap();
    assert!(ledger.changes().unwrap() > before);
    assert!(matches!(ledger.since(before, Some(one)).unwrap(), edgelatch_registry::Since::Everything));
    let changes = ledger.changes().unwrap();
    ledger.use_pepper(&caller(), Some(one.id())).unwrap();
    assert_eq!(ledger.changes().unwrap(), changes, "nothing has changed");
}

fn one_that_is_needed_stays(f: Fixture) {
    let ([one, two, three, ..], ledger) = (ids(), f.registry.ledger(&f.realm));
    let retire = |pepper, early| ledger.retire_pepper(&caller(), pepper, early);
    assert_eq!(code(retire(one, false)), "not_found");
    for pepper in [one, two, three] {
        ledger.add_pepper(&caller(), pepper).unwrap();
    }
    // Nothing was ever made with it.
    retire(three, false).unwrap();
    ledger.use_pepper(&caller(), Some(one)).unwrap();
    publish(&f);
    // The digests of live keys are made with it, whatever is asked.
    for early in [false, true] {
        let error = retire(one, early).unwrap_err();
        assert!(error.code() == "pepper_in_use" && error.to_string().contains("digests of all keys"), "{error}");
    }
    f.advance(10);
    ledger.use_pepper(&caller(), Some(two)).unwrap();
    // Nothing is published without it yet, also when its last head would have ended.
    let error = retire(one, false).unwrap_err();
    assert!(error.code() == "pepper_in_use" && error.to_string().contains("publish"), "{error}");
    f.advance(2 * DAY);
    assert_eq!(code(retire(one, false)), "pepper_in_use");
    publish(&f);
    retire(one, false).unwrap();
    assert_eq!(ledger.peppers().unwrap().len(), 1);
    // Until the last head ends that leads to a snapshot under it.
    ledger.use_pepper(&caller(), None).unwrap();
    publish(&f);
    let until = NOW + 10 + 3 * DAY;
    assert_eq!(states(&ledger), [(two, PepperState::Left, Some(until))]);
    f.advance(DAY - 1);
    let error = retire(two, false).unwrap_err();
    assert!(error.code() == "pepper_in_use" && error.to_string().contains(&edgelatch_registry::format_time(until)), "{error}");
    f.advance(1);
    retire(two, false).unwrap();
    // Or at once.
    ledger.add_pepper(&caller(), two).unwrap();
    ledger.use_pepper(&caller(), Some(two)).unwrap();
    ledger.use_pepper(&caller(), None).unwrap();
    retire(two, true).unwrap();
    assert_eq!(ledger.peppers().unwrap(), []);
}

fn as_many_as_edges_take(f: Fixture) {
    let ledger = f.registry.ledger(&f.realm);
    let [.., last] = ids();
    ids()[..4].iter().for_each(|pepper| ledger.add_pepper(&caller(), *pepper).unwrap());
    let error = ledger.add_pepper(&caller(), last).unwrap_err();
    assert!(error.code() == "limit_reached" && error.to_string().contains("retire"), "{error}");
    ledger.retire_pepper(&caller(), ids()[0], false).unwrap();
    ledger.add_pepper(&caller(), last).unwrap();
}

fn the_management_realm_takes_none(f: Fixture) {
    management::establish(&f.registry, &caller(), &mut |_| Ok(())).unwrap();
    let realm = slug(management::REALM);
    let error = f.registry.ledger(&realm).add_pepper(&caller(), ids()[0]).unwrap_err();
    assert!(error.code() == "invalid" && error.to_string().contains("no edge"), "{error}");
}

fn the_log_names_them(f: Fixture) {
    let ([one, ..], ledger) = (ids(), f.registry.ledger(&f.realm));
    ledger.add_pepper(&caller(), one).unwrap();
    ledger.use_pepper(&caller(), Some(one)).unwrap();
    ledger.use_pepper(&caller(), None).unwrap();
    ledger.retire_pepper(&caller(), one, true).unwrap();
    let log = f.registry.audit(&f.realm).list(&Default::default(), &Default::default()).unwrap();
    let acts: Vec<_> = log.rows.iter().filter(|row| row.action.starts_with("realm.pepper")).collect();
    let names: Vec<&str> = acts.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(names, ["realm.pepper_retire", "realm.pepper_use", "realm.pepper_use", "realm.pepper_create"]);
    let said = |text: &Option<String>| text.as_deref().is_some_and(|text| text.contains(&one.to_string()));
    assert!(
        said(&acts[3].after) && said(&acts[2].after) && said(&acts[1].before) && !said(&acts[1].after) && said(&acts[0].before)
    );
    f.registry.audit(&f.realm).verify(None).unwrap();
}

/// After a restore: the registry may never have heard of what edges have.
fn a_published_one_is_adopted(f: Fixture) {
    let ([one, two, ..], ledger) = (ids(), f.registry.ledger(&f.realm));
    ledger.adopt_pepper(&caller(), Some(one)).unwrap();
    assert_eq!(states(&ledger), [(one, PepperState::InUse, None)]);
    ledger.adopt_pepper(&caller(), Some(one)).unwrap();
    ledger.add_pepper(&caller(), two).unwrap();
    ledger.adopt_pepper(&caller(), Some(two)).unwrap();
    assert_eq!(ledger.pepper().unwrap(), Some(two));
    ledger.adopt_pepper(&caller(), None).unwrap();
    assert_eq!(ledger.pepper().unwrap(), None);
}
