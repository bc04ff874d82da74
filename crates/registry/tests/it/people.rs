//! People whom an identity provider vouches for: what is theirs, and when it is gone. On either store.

use edgelatch_core::key::KeyId;
use edgelatch_registry::limits::{SESSION_LIFE, SESSIONS_OF_KEY};
use edgelatch_registry::people::{Grant, ORG, Person};
use edgelatch_registry::{Created, Handover, Key, KeyOrder, NewKey, OwnerEdit, Paging, Registry, Scope, management};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, caller, slug};

on_both_stores! {
    start: super::managed;
    a_sign_in_has_a_key_that_ends_with_it, what_is_left_behind_goes_with_the_next_sign_in, whoever_is_disabled_comes_back_no_more,
    keys_that_people_make_stay,
}

fn managed(place: edgelatch_testkit::registry::Place) -> Fixture {
    let f = Fixture::new(place);
    management::establish(&f.registry, &caller(), &mut |_| Ok(())).unwrap();
    f
}

fn grant() -> Grant {
    Grant { roles: vec![slug("viewer")], scope: Scope::All }
}

fn person(subject: &str) -> Person {
    Person::new("https://id.example.com", subject, Some("Jo")).unwrap()
}

/// Signs somebody in, as the console does.
fn sign_in(f: &Fixture, who: &Person, digest: u8) -> Created {
    let made = f.registry.people().key(who, &grant()).unwrap().unwrap();
    f.registry.sign_ins().begin(&[digest; 32], made.key.key_id, &[0; 32]).unwrap();
    made
}

fn keys(registry: &Registry) -> Vec<Key> {
    let found =
        registry.keys(&slug(management::REALM)).list(&Default::default(), KeyOrder::default(), &Paging::first(200)).unwrap();
    found.keys.into_iter().filter(|key| key.org == slug(ORG)).collect()
}

fn a_sign_in_has_a_key_that_ends_with_it(f: Fixture) {
    let (jo, sam) = (person("jo"), person("sam"));
    let made = sign_in(&f, &jo, 1).key;
    assert_eq!((made.owner.clone(), made.roles.clone()), (jo.owner().unwrap(), vec![slug("viewer")]));
    assert_eq!(made.description.as_str(), "Signed in at https://id.example.com as jo");
    assert_eq!(made.created_by.as_str(), "oidc:jo at https://id.example.com");
    assert_eq!(made.expires_at, Some(made.created_at + SESSION_LIFE));
    let again = sign_in(&f, &jo, 2).key;
    sign_in(&f, &sam, 3);
    assert_eq!(keys(&f.registry).len(), 3);
    // Here; then everywhere, and nobody else.
    assert!(f.registry.people().leave(made.key_id, false).unwrap());
    assert!(f.registry.sign_ins().find(&[1; 32]).unwrap().is_none() && f.registry.sign_ins().find(&[2; 32]).unwrap().is_some());
    let third = sign_in(&f, &jo, 4).key;
    assert!(f.registry.people().leave(third.key_id, true).unwrap());
    assert!(f.registry.keys(&slug(management::REALM)).get(again.key_id).is_err());
    assert!(f.registry.sign_ins().find(&[2; 32]).unwrap().is_none() && f.registry.sign_ins().find(&[3; 32]).unwrap().is_some());
    assert_eq!(keys(&f.registry).len(), 1);
    // One that there is not, and one that is nobody's sign-in.
    assert!(!f.registry.people().leave(KeyId(1), true).unwrap());
}

fn what_is_left_behind_goes_with_the_next_sign_in(f: Fixture) {
    let jo = person("jo");
    let most = u8::try_from(SESSIONS_OF_KEY).unwrap();
    let first = sign_in(&f, &jo, 0).key;
    for digest in 1..=most {
        f.advance(1);
        sign_in(&f, &jo, digest);
    }
    assert_eq!(keys(&f.registry).len() as u64, SESSIONS_OF_KEY);
    assert!(f.registry.keys(&slug(management::REALM)).get(first.key_id).is_err());
    assert!(
        f.registry.sign_ins().find(&[0; 32]).unwrap().is_none() && f.registry.sign_ins().find(&[most; 32]).unwrap().is_some()
    );
    // One that was never begun stays while it may be, and no longer.
    let stray = f.registry.people().key(&jo, &grant()).unwrap().unwrap().key.key_id;
    let is_there = |f: &Fixture| f.registry.keys(&slug(management::REALM)).get(stray).is_ok();
    sign_in(&f, &jo, 100);
    assert!(is_there(&f));
    f.advance(61);
    sign_in(&f, &jo, 101);
    assert!(!is_there(&f));
}

fn whoever_is_disabled_comes_back_no_more(f: Fixture) {
    let jo = person("jo");
    sign_in(&f, &jo, 1);
    let edit = OwnerEdit { disabled: Some(true), ..OwnerEdit::default() };
    f.registry.tenants(&slug(management::REALM)).edit_owner(&caller(), &slug(ORG), &jo.owner().unwrap(), &edit).unwrap();
    assert!(f.registry.people().key(&jo, &grant()).unwrap().is_none());
    assert_eq!(keys(&f.registry).len(), 1);
}

/// A key that somebody has made for such a person is not theirs to lose by signing out.
fn keys_that_people_make_stay(f: Fixture) {
    let jo = person("jo");
    let own = sign_in(&f, &jo, 1).key;
    let realm = slug(management::REALM);
    let mut new = NewKey::new(slug(ORG), "by hand".parse().unwrap());
    (new.owner, new.roles) = (Some(jo.owner().unwrap()), vec![slug("viewer")]);
    let by_hand = f.registry.keys(&realm).create(&caller(), &new, Handover::default()).unwrap().created().unwrap().key;
    assert!(!f.registry.people().leave(by_hand.key_id, true).unwrap());
    assert!(f.registry.people().leave(own.key_id, true).unwrap());
    f.registry.keys(&realm).get(by_hand.key_id).unwrap();
}

#[test]
fn nobody_is_taken_for_somebody_else() {
    let owner = |issuer: &str, subject: &str| Person::new(issuer, subject, None).unwrap().owner().unwrap();
    let all = [owner("https://a", "bc"), owner("https://ab", "c"), owner("https://a", "BC"), owner("https://b", "bc")];
    for (at, one) in all.iter().enumerate() {
        assert!(all.iter().skip(at + 1).all(|other| other != one), "{all:?}");
    }
    // What people are called is not what they are known by, nor need it be a name.
    let jo = |name| Person::new("https://a", "bc", Some(name)).unwrap();
    assert_eq!(jo("Jo").owner().unwrap(), jo("\u{202e}oJ").owner().unwrap());
    for (issuer, subject) in
        [("", "x"), ("https://a", ""), ("https://a", "x\ny"), ("https://a", "é"), ("https://a", &*"x".repeat(256))]
    {
        assert!(Person::new(issuer, subject, None).is_err(), "{issuer} {subject}");
    }
}
