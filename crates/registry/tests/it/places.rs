//! Orgs and realms that are deleted, and what else goes by their names: whoever gets the name of another one must get nothing else of it. On either store.

use edgelatch_registry::people::{Invite, MemberState, ORG, Place};
use edgelatch_registry::{
    AuditFilter, Caller, Database, EventFilter, Handover, KeyFilter, NewKey, NewOwner, NewRealm, OwnerKind, Paging, Preset,
    Registry, Scope, Window, management,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, caller, env, new_org, slug};

use crate::people::{here, invite, keys, people, person, whom};

on_both_stores! {
    start: crate::people::managed;
    nobody_is_left_whom_an_org_has_invited_that_is_gone, the_name_of_an_org_that_is_gone_is_given_to_no_other, nobody_is_left_whom_a_realm_has_invited_that_is_gone,
    orgs_of_one_name_in_two_realms_are_two, the_org_of_people_stays,
}

/// Deletes an org that has no keys.
fn delete(f: &Fixture, org: &str) {
    f.registry.tenants(&f.realm).delete_org(&caller(), &slug(org), None).unwrap();
}

fn everywhere() -> Place {
    Place { realm: slug(management::REALM), org: None }
}

/// Whom `org` has invited: somebody who came by the link and is signed in, somebody who came by a provider, and somebody who has not come. Returns the link
/// that is open.
fn three_people(f: &Fixture, org: Option<&str>, digest: u8) -> String {
    let invited = |new: &Invite| people(f).invite(&caller(), &here(f, org), new).unwrap();
    let by_link = people(f).accept(&invited(&whom("Jo", "viewer")).link, None).unwrap().key;
    f.registry.sign_ins().begin(&[digest; 32], by_link.key_id, &[0; 32]).unwrap();
    let subject = format!("sam-{digest}");
    let email = format!("{subject}@example.com");
    invited(&Invite { email: Some(email.parse().unwrap()), ..whom("Sam", "key-manager") });
    let sam = person(&subject).known_by(&email);
    let by_provider = people(f).key(&sam, None, None).unwrap().made().unwrap().key;
    f.registry.sign_ins().begin(&[digest + 1; 32], by_provider.key_id, &[0; 32]).unwrap();
    invited(&whom("Alex", "viewer")).link.to_string()
}

fn is_signed_in(f: &Fixture, digest: u8) -> bool {
    f.registry.sign_ins().find(&[digest; 32]).unwrap().is_some()
}

fn nobody_is_left_whom_an_org_has_invited_that_is_gone(f: Fixture) {
    f.registry.tenants(&f.realm).create_org(&caller(), &new_org("three")).unwrap();
    let gone = three_people(&f, Some("three"), 1);
    let stays = three_people(&f, Some("one"), 11);
    assert_eq!((keys(&f.registry).len(), people(&f).list(&everywhere()).unwrap().len()), (8, 6));
    delete(&f, "three");
    assert_eq!(people(&f).accept(&gone, None).unwrap_err().code(), "link_ended");
    assert!(!is_signed_in(&f, 1) && !is_signed_in(&f, 2) && is_signed_in(&f, 11) && is_signed_in(&f, 12));
    let left = people(&f).list(&everywhere()).unwrap();
    assert!(left.len() == 3 && left.iter().all(|person| person.org == Some(slug("one"))), "{left:?}");
    assert_eq!(keys(&f.registry).len(), 4);
    let sam = person("sam-1").known_by("sam-1@example.com");
    assert!(people(&f).key(&sam, None, None).unwrap().made().is_none());
    // The log of the realm where they stood tells who has taken them away.
    let realm = slug(management::REALM);
    let log = f.registry.audit(&realm);
    let removed = log.list(&AuditFilter { action: Some("person.remove".into()), ..AuditFilter::default() }, &Paging::first(9));
    let removed = removed.unwrap().rows;
    assert!(removed.len() == 3 && removed.iter().all(|row| row.actor == caller().actor().as_str()), "{removed:?}");
    log.verify(None).unwrap();
    people(&f).accept(&stays, None).unwrap();
}

/// Scopes of management keys, rules for identity providers, the log, events and whatever reads identities behind edges all go by names.
fn the_name_of_an_org_that_is_gone_is_given_to_no_other(f: Fixture) {
    let tenants = f.registry.tenants(&f.realm);
    tenants.create_org(&caller(), &new_org("three")).unwrap();
    let owner = NewOwner {
        org: slug("three"),
        owner: slug("alice"),
        kind: OwnerKind::User,
        name: "Alice".parse().unwrap(),
        roles: Vec::new(),
    };
    tenants.create_owner(&caller(), &owner).unwrap();
    let key = f.registry.keys(&f.realm).make(&caller(), &NewKey::new(slug("three"), "ci".parse().unwrap())).unwrap().key;
    f.registry.keys(&f.realm).delete(&caller(), key.key_id, Some("ci"), None).unwrap();
    let (realm, service) = (slug(management::REALM), management::org_service(&f.realm, &slug("three")).unwrap());
    let mut new = NewKey::new(slug(management::ORG), "lead of three".parse().unwrap());
    (new.roles, new.scope) = (vec![slug("administrator")], Scope::List(vec![service]));
    let lead = f.registry.keys(&realm).create(&caller(), &new, Handover::default()).unwrap().created().unwrap().key;
    delete(&f, "three");
    // What was under it is there to be read, and nobody else's.
    let of_three = EventFilter { org: Some(slug("three")), ..EventFilter::default() };
    assert_eq!(f.registry.events(&f.realm).list(&of_three, &Window::default(), &Paging::first(9)).unwrap().events.len(), 2);
    let again = |registry: &Registry| registry.tenants(&f.realm).create_org(&caller(), &new_org("three")).unwrap_err();
    let refused = again(&f.registry);
    assert_eq!((refused.code(), refused.field()), ("invalid", Some("org")));
    assert!(refused.to_string().contains("not given again"), "{refused}");
    assert_eq!(f.registry.tenants(&f.realm).create_org(&caller(), &new_org("one")).unwrap_err().code(), "exists");
    // The key that may manage it is there, and leads nowhere.
    let by_lead = Caller::holding(lead.key_id).unwrap().within(slug("three"));
    let refused = people(&f).invite(&by_lead, &here(&f, Some("three")), &whom("Jo", "viewer")).unwrap_err();
    assert_eq!(refused.code(), "not_found");
    assert_eq!(
        f.registry
            .keys(&f.realm)
            .create(&by_lead, &NewKey::new(slug("three"), "x".parse().unwrap()), Handover::default())
            .unwrap_err()
            .code(),
        "not_found"
    );
    // A copy knows it too, and another realm has names of its own.
    let copied = Registry::establish(&Database::file(f.dir.path().join("copy.db")), env(&f.clock)).unwrap();
    f.registry.copy_to(&copied, &mut |_| {}).unwrap();
    assert_eq!(again(&copied).field(), Some("org"));
    let other = NewRealm {
        realm: slug("globex"),
        name: "Globex".parse().unwrap(),
        preset: Preset::Default,
        prefix: None,
        credentials: None,
    };
    f.registry.create_realm(&caller(), &other).unwrap();
    f.registry.tenants(&slug("globex")).create_org(&caller(), &new_org("three")).unwrap();
}

fn nobody_is_left_whom_a_realm_has_invited_that_is_gone(f: Fixture) {
    let links = [three_people(&f, None, 1), three_people(&f, Some("one"), 11)];
    let elsewhere = people(&f).invite(&caller(), &everywhere(), &whom("Jo", "viewer")).unwrap();
    f.registry.delete_realm(&caller(), &f.realm, Some(f.realm.as_str()), None).unwrap();
    for link in &links {
        assert_eq!(people(&f).accept(link, None).unwrap_err().code(), "link_ended");
    }
    assert!([1, 2, 11, 12].into_iter().all(|digest| !is_signed_in(&f, digest)));
    assert_eq!(keys(&f.registry).len(), 1);
    assert_eq!(people(&f).list(&everywhere()).unwrap().len(), 1);
    f.registry.purge().unwrap();
    let refused = people(&f).invite(&caller(), &here(&f, None), &whom("Jo", "viewer")).unwrap_err();
    assert_eq!(refused.code(), "not_found");
    people(&f).accept(&elsewhere.link, None).unwrap();
}

/// Whoever may act in an org of the realm of management keys is nobody to those of that name elsewhere.
fn orgs_of_one_name_in_two_realms_are_two(f: Fixture) {
    let (realm, one) = (slug(management::REALM), slug("one"));
    f.registry.tenants(&realm).create_org(&caller(), &new_org("one")).unwrap();
    let globex = NewRealm {
        realm: slug("globex"),
        name: "Globex".parse().unwrap(),
        preset: Preset::Default,
        prefix: None,
        credentials: None,
    };
    f.registry.create_realm(&caller(), &globex).unwrap();
    f.registry.tenants(&slug("globex")).create_org(&caller(), &new_org("one")).unwrap();
    let of_acme = people(&f).invite(&caller(), &here(&f, Some("one")), &whom("Jo", "viewer")).unwrap();
    let who = &of_acme.person.person;
    for place in [realm.clone(), slug("globex")].map(|realm| Place { realm, org: Some(one.clone()) }) {
        assert!(people(&f).list(&place).unwrap().is_empty(), "{place:?}");
        let (confined, place) = (caller().within(one.clone()), Place { org: None, ..place });
        let refused = [
            people(&f).edit(&confined, &place, who, &[slug("administrator")], None).map(drop),
            people(&f).renew(&confined, &place, who, None).map(drop),
            people(&f).remove(&confined, &place, who).map(drop),
        ];
        for refused in refused {
            assert_eq!(refused.unwrap_err().code(), "not_found", "{place:?}");
        }
    }
    assert_eq!(people(&f).get(who).unwrap().state, MemberState::Invited);
    // Keys that look like those of a sign-in, of owners that are called alike in another realm's org `people`, are nobody's sign-ins.
    f.registry.tenants(&f.realm).create_org(&caller(), &new_org(ORG)).unwrap();
    let (jo, made) = (person("jo"), invite(&f, &caller(), "viewer").unwrap());
    people(&f).accept(&made.link, None).unwrap();
    let alike = NewOwner {
        org: slug(ORG),
        owner: jo.owner().unwrap(),
        kind: OwnerKind::User,
        name: "Jo".parse().unwrap(),
        roles: Vec::new(),
    };
    f.registry.tenants(&f.realm).create_owner(&caller(), &alike).unwrap();
    let mut key = NewKey::new(slug(ORG), "ci".parse().unwrap());
    key.owner = Some(alike.owner.clone());
    let theirs =
        f.registry.keys(&f.realm).make(&Caller::new("oidc:jo at https://id.example.com".parse().unwrap()), &key).unwrap().key;
    let grant =
        edgelatch_registry::people::Grant { rule: "a=b:viewer@*".into(), roles: vec![slug("viewer")], scope: Scope::All };
    f.advance(120);
    people(&f).key(&jo, Some(&grant), None).unwrap().made().unwrap();
    assert!(!people(&f).leave(theirs.key_id, true).unwrap());
    assert_eq!(f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap().len(), 1);
}

/// Whoever is locked out stands there, and would come back.
fn the_org_of_people_stays(f: Fixture) {
    let made = invite(&f, &caller(), "viewer").unwrap();
    people(&f).remove(&caller(), &here(&f, None), &made.person.person).unwrap();
    let refused = f.registry.tenants(&slug(management::REALM)).delete_org(&caller(), &slug(ORG), None).unwrap_err();
    assert_eq!((refused.code(), refused.field()), ("invalid", Some("org")));
    invite(&f, &caller(), "viewer").unwrap();
}
