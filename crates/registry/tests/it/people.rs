//! People whom an identity provider vouches for: what is theirs, and when it is gone. On either store.

use edgelatch_core::key::KeyId;
use edgelatch_registry::limits::MAX_LINK_LIFE;
use edgelatch_registry::limits::{SESSION_LIFE, SESSIONS_OF_KEY};
use edgelatch_registry::people::{Grant, Invitation, Invite, MemberState, ORG, People, Person, Place};
use edgelatch_registry::{
    Caller, Created, Database, Error, Handover, Key, KeyOrder, NewKey, OwnerEdit, Paging, Registry, Scope, management,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, caller, env, slug};

on_both_stores! {
    start: super::managed;
    a_sign_in_has_a_key_that_ends_with_it, what_is_left_behind_goes_with_the_next_sign_in, whoever_is_disabled_comes_back_no_more,
    keys_that_people_make_stay, an_invitations_link_counts_once_and_for_a_time, nobody_invites_to_more_than_they_hold, whoever_is_removed_is_out_at_once,
    an_address_that_was_invited_is_somebodys_from_then_on, what_somebody_may_do_changes_at_once, another_link_ends_the_one_before, nobody_sees_or_removes_whom_another_org_has_invited,
}

pub(crate) fn managed(place: edgelatch_testkit::registry::Place) -> Fixture {
    let f = Fixture::new(place);
    management::establish(&f.registry, &caller(), &mut |_| Ok(())).unwrap();
    f
}

fn grant() -> Grant {
    Grant { rule: "groups=web:viewer@*".into(), roles: vec![slug("viewer")], scope: Scope::All }
}

pub(crate) fn person(subject: &str) -> Person {
    Person::new("https://id.example.com", subject, Some("Jo")).unwrap()
}

/// Signs somebody in, as the console does.
fn sign_in(f: &Fixture, who: &Person, digest: u8) -> Created {
    let made = f.registry.people().key(who, Some(&grant()), None).unwrap().made().unwrap();
    f.registry.sign_ins().begin(&[digest; 32], made.key.key_id, &[0; 32]).unwrap();
    made
}

pub(crate) fn keys(registry: &Registry) -> Vec<Key> {
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
    let stray = f.registry.people().key(&jo, Some(&grant()), None).unwrap().made().unwrap().key.key_id;
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
    assert!(f.registry.people().key(&jo, Some(&grant()), None).unwrap().made().is_none());
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

pub(crate) fn here(f: &Fixture, org: Option<&str>) -> Place {
    Place { realm: f.realm.clone(), org: org.map(slug) }
}

pub(crate) fn whom(name: &str, role: &str) -> Invite {
    Invite { name: name.parse().unwrap(), email: None, roles: vec![slug(role)], until: None }
}

pub(crate) fn people(f: &Fixture) -> People<'_> {
    f.registry.people()
}

pub(crate) fn invite(f: &Fixture, by: &Caller, role: &str) -> Result<Invitation, Error> {
    people(f).invite(by, &here(f, None), &whom("Jo Doe", role))
}

/// Somebody with a management key of this role and these services.
pub(crate) fn holder(f: &Fixture, name: &str, role: &str, scope: Scope) -> Caller {
    let mut new = NewKey::new(slug(management::ORG), name.parse().unwrap());
    (new.roles, new.scope) = (vec![slug(role)], scope);
    let made = f.registry.keys(&slug(management::REALM)).create(&caller(), &new, Handover::default()).unwrap();
    Caller::holding(made.created().unwrap().key.key_id).unwrap()
}

pub(crate) fn of_realm(f: &Fixture) -> Scope {
    Scope::List(vec![management::realm_service(&f.realm).unwrap()])
}

fn an_invitations_link_counts_once_and_for_a_time(f: Fixture) {
    let made = invite(&f, &caller(), "viewer").unwrap();
    assert_eq!((made.person.state, made.person.roles.clone()), (MemberState::Invited, vec![slug("viewer")]));
    // Neither the link nor a secret lies in the registry.
    let rows = format!("{:?}", f.rows("SELECT key_id, invited_by, coalesce(email, ''), coalesce(by_key, '') FROM people"));
    assert!(!rows.contains(made.link.as_str()), "{rows}");
    for bad in ["", "x", &made.link[1..], &made.link.to_lowercase(), &format!("{}A", *made.link)] {
        assert_eq!(people(&f).accept(bad, None).unwrap_err().code(), "link_ended", "{bad}");
    }
    let key = people(&f).accept(&made.link, edgelatch_core::ip::Ip::parse(b"192.0.2.7").ok()).unwrap();
    assert_eq!((key.key.roles.clone(), key.key.scope.clone()), (vec![slug("viewer")], of_realm(&f)));
    assert_eq!(people(&f).get(&made.person.person).unwrap().state, MemberState::Active);
    assert_eq!(people(&f).accept(&made.link, None).unwrap_err().code(), "link_ended");
    let rows = f.registry.audit(&slug(management::REALM)).list(&Default::default(), &Paging::first(10)).unwrap().rows;
    let row = rows.iter().find(|row| row.action == "person.accept").unwrap();
    assert_eq!(
        (row.actor.as_str(), row.address.as_deref()),
        (&*format!("invitation:{}", made.person.person), Some("192.0.2.7"))
    );
    assert!(rows.iter().any(|row| row.action == "person.invite") && !format!("{rows:?}").contains(made.link.as_str()));
    // One that nobody has used in time.
    let late = invite(&f, &caller(), "viewer").unwrap();
    f.advance(7 * 86_400);
    assert_eq!(people(&f).accept(&late.link, None).unwrap_err().code(), "link_ended");
    assert_eq!(people(&f).get(&late.person.person).unwrap().state, MemberState::Over);
    let now = f.registry.env().now().unwrap();
    for until in [now, now + MAX_LINK_LIFE + 1] {
        let new = Invite { until: Some(until), ..whom("Jo", "viewer") };
        assert_eq!(people(&f).invite(&caller(), &here(&f, None), &new).unwrap_err().field(), Some("expires_at"));
    }
    // A copy of the registry may be older than what has become of a link.
    let open = invite(&f, &caller(), "viewer").unwrap();
    let copied = Registry::establish(&Database::file(f.dir.path().join("copy.db")), env(&f.clock)).unwrap();
    f.registry.copy_to(&copied, &mut |_| {}).unwrap();
    assert_eq!(copied.people().accept(&open.link, None).unwrap_err().code(), "link_ended");
    people(&f).accept(&open.link, None).unwrap();
    // Its key can be revoked like any other, and the link gives nothing then.
    let open = invite(&f, &caller(), "viewer").unwrap();
    let key_id: KeyId = open.person.key_id.as_deref().unwrap().parse().unwrap();
    f.registry.keys(&slug(management::REALM)).revoke(&caller(), key_id, None).unwrap();
    assert_eq!(people(&f).accept(&open.link, None).unwrap_err().code(), "link_ended");
    assert_eq!(people(&f).get(&open.person.person).unwrap().state, MemberState::Disabled);
}

fn nobody_invites_to_more_than_they_hold(f: Fixture) {
    let lead = holder(&f, "lead", "administrator", of_realm(&f));
    let manager = holder(&f, "manager", "key-manager", of_realm(&f));
    assert_eq!(invite(&f, &manager, "administrator").unwrap_err().code(), "exceeds_authority");
    assert_eq!(invite(&f, &manager, "auditor").unwrap_err().code(), "exceeds_authority");
    let everywhere = Place { realm: slug(management::REALM), org: None };
    assert_eq!(people(&f).invite(&lead, &everywhere, &whom("Jo", "viewer")).unwrap_err().code(), "exceeds_authority");
    // Of what was refused nothing is left.
    assert!(people(&f).list(&everywhere).unwrap().is_empty());
    let open = invite(&f, &lead, "administrator").unwrap();
    let other = invite(&f, &lead, "viewer").unwrap();
    // Whoever may grant nothing any more has not left a way in.
    let key_id = lead.actor().as_str().parse().unwrap();
    f.registry.keys(&slug(management::REALM)).revoke(&caller(), key_id, None).unwrap();
    for link in [&open.link, &other.link] {
        assert_eq!(people(&f).accept(link, None).unwrap_err().code(), "exceeds_authority");
    }
    // Nor has whoever signed in at a provider and is locked out.
    let jo = person("jo");
    let grant = Grant { rule: "groups=ops:administrator@*".into(), roles: vec![slug("administrator")], scope: Scope::All };
    let sign_in = people(&f).key(&jo, Some(&grant), None).unwrap().made().unwrap().key.key_id;
    let by = Caller::holding(sign_in).unwrap();
    let [open, stays] = [(); 2].map(|()| invite(&f, &by, "viewer").unwrap());
    people(&f).leave(sign_in, false).unwrap();
    people(&f).accept(&stays.link, None).unwrap();
    people(&f).remove(&caller(), &everywhere, &jo.owner().unwrap()).unwrap();
    assert_eq!(people(&f).accept(&open.link, None).unwrap_err().code(), "link_ended");
}

fn whoever_is_removed_is_out_at_once(f: Fixture) {
    let (realm, place) = (slug(management::REALM), here(&f, None));
    let made = invite(&f, &caller(), "viewer").unwrap();
    let key = people(&f).accept(&made.link, None).unwrap().key.key_id;
    f.registry.sign_ins().begin(&[1; 32], key, &[0; 32]).unwrap();
    people(&f).signed_in(key, None).unwrap();
    assert!(people(&f).get(&made.person.person).unwrap().signed_in_at.is_some());
    people(&f).remove(&caller(), &place, &made.person.person).unwrap();
    assert!(f.registry.keys(&realm).get(key).is_err() && f.registry.sign_ins().find(&[1; 32]).unwrap().is_none());
    assert_eq!(people(&f).get(&made.person.person).unwrap_err().code(), "not_found");
    let open = invite(&f, &caller(), "viewer").unwrap();
    people(&f).remove(&caller(), &place, &open.person.person).unwrap();
    assert_eq!(people(&f).accept(&open.link, None).unwrap_err().code(), "link_ended");
}

fn an_address_that_was_invited_is_somebodys_from_then_on(f: Fixture) {
    let new = Invite { email: Some("Jo@Example.com".parse().unwrap()), ..whom("Jo", "key-manager") };
    let made = people(&f).invite(&caller(), &here(&f, None), &new).unwrap();
    let (jo, sam) = (person("jo").known_by("jo@example.COM"), person("sam"));
    assert!(people(&f).key(&sam, None, None).unwrap().made().is_none());
    assert!(people(&f).key(&person("jo"), None, None).unwrap().made().is_none(), "an address that nobody has checked");
    // What the operator grants somebody counts, whatever others invite them to.
    assert_eq!(people(&f).key(&jo, Some(&grant()), None).unwrap().made().unwrap().key.roles, [slug("viewer")]);
    let own = people(&f).key(&jo, None, None).unwrap().made().unwrap().key;
    assert_eq!(
        (own.roles.clone(), own.scope.clone(), own.owner.clone()),
        (vec![slug("key-manager")], of_realm(&f), made.person.person.clone())
    );
    // Whoever has that address later is somebody else, and the link counts no more.
    assert!(people(&f).key(&sam.known_by("jo@example.com"), None, None).unwrap().made().is_none());
    assert_eq!(people(&f).accept(&made.link, None).unwrap_err().code(), "link_ended");
    // Who came once comes again, also where the address has changed.
    assert_eq!(people(&f).key(&person("jo"), None, None).unwrap().made().unwrap().key.owner, made.person.person);
    people(&f).remove(&caller(), &here(&f, None), &made.person.person).unwrap();
    assert!(people(&f).key(&person("jo"), None, None).unwrap().made().is_none());
}

fn what_somebody_may_do_changes_at_once(f: Fixture) {
    let place = here(&f, None);
    let edit = |by: &Caller, of: &Invitation, role: &str, at| people(&f).edit(by, &place, &of.person.person, &[slug(role)], at);
    let new = Invite { email: Some("jo@example.com".parse().unwrap()), ..whom("Jo", "key-manager") };
    let made = people(&f).invite(&caller(), &place, &new).unwrap();
    let began_with = made.person.revision;
    assert!(began_with > 0);
    assert_eq!(edit(&caller(), &made, "viewer", Some(began_with + 1)).unwrap_err().code(), "stale");
    let now = edit(&caller(), &made, "auditor", Some(began_with)).unwrap();
    assert_eq!((now.roles, now.state), (vec![slug("auditor")], MemberState::Invited));
    assert_eq!(edit(&caller(), &made, "viewer", Some(began_with)).unwrap_err().code(), "stale");
    // Where they are signed in, too; what does not differ is not logged.
    let jo = person("jo").known_by("jo@example.com");
    let sign_in = people(&f).key(&jo, None, None).unwrap().made().unwrap().key;
    assert_eq!(sign_in.roles, [slug("auditor")]);
    for _ in 0..2 {
        edit(&caller(), &made, "viewer", None).unwrap();
    }
    assert_eq!(f.registry.keys(&slug(management::REALM)).get(sign_in.key_id).unwrap().roles, [slug("viewer")]);
    let rows = f.registry.audit(&slug(management::REALM)).list(&Default::default(), &Paging::first(20)).unwrap().rows;
    assert_eq!(rows.iter().filter(|row| row.action == "person.edit").count(), 2);
    // Nobody gives more than they hold, nor changes whom they do not reach; nobody is left with nothing.
    let manager = holder(&f, "manager", "key-manager", of_realm(&f));
    assert_eq!(edit(&manager, &made, "administrator", None).unwrap_err().code(), "exceeds_authority");
    assert_eq!(edit(&caller().within(slug("elsewhere")), &made, "viewer", None).unwrap_err().code(), "not_found");
    assert_eq!(people(&f).edit(&caller(), &place, &made.person.person, &[], None).unwrap_err().field(), Some("roles"));
    assert_eq!(people(&f).get(&made.person.person).unwrap().roles, [slug("viewer")]);
    // Whoever edits an open invitation stands in for it from then on.
    let lead = holder(&f, "lead", "administrator", of_realm(&f));
    let open = invite(&f, &caller(), "viewer").unwrap();
    edit(&lead, &open, "auditor", None).unwrap();
    f.registry.keys(&slug(management::REALM)).revoke(&caller(), lead.actor().as_str().parse().unwrap(), None).unwrap();
    assert_eq!(people(&f).accept(&open.link, None).unwrap_err().code(), "exceeds_authority");
    // What the server's rules give follows from these.
    let sam = person("sam");
    people(&f).key(&sam, Some(&grant()), None).unwrap().made();
    let everywhere = Place { realm: slug(management::REALM), org: None };
    let by_rules = people(&f).edit(&caller(), &everywhere, &sam.owner().unwrap(), &[slug("auditor")], None);
    assert_eq!(by_rules.unwrap_err().code(), "wrong_state");
}

fn another_link_ends_the_one_before(f: Fixture) {
    let place = here(&f, None);
    let renew = |by: &Caller, of: &Invitation, until| people(&f).renew(by, &place, &of.person.person, until);
    let lead = holder(&f, "lead", "administrator", of_realm(&f));
    let first = invite(&f, &lead, "administrator").unwrap();
    f.advance(8 * 86_400);
    assert_eq!(people(&f).get(&first.person.person).unwrap().state, MemberState::Over);
    // Nobody makes a link to more than they hold, nor for those whom they do not reach, nor for ever.
    let manager = holder(&f, "manager", "key-manager", of_realm(&f));
    assert_eq!(renew(&manager, &first, None).unwrap_err().code(), "exceeds_authority");
    assert_eq!(renew(&caller().within(slug("elsewhere")), &first, None).unwrap_err().code(), "not_found");
    let now = f.registry.env().now().unwrap();
    for until in [now, now + MAX_LINK_LIFE + 1] {
        assert_eq!(renew(&caller(), &first, Some(until)).unwrap_err().field(), Some("expires_at"));
    }
    let second = renew(&caller(), &first, Some(now + 60)).unwrap();
    assert_eq!((second.person.state, second.person.link_until), (MemberState::Invited, Some(now + 60)));
    let third = renew(&caller(), &first, None).unwrap();
    // Whoever made it stands in for it, whatever became of the inviter.
    f.registry.keys(&slug(management::REALM)).revoke(&caller(), lead.actor().as_str().parse().unwrap(), None).unwrap();
    for link in [&first.link, &second.link] {
        assert_eq!(people(&f).accept(link, None).unwrap_err().code(), "link_ended");
    }
    people(&f).accept(&third.link, None).unwrap();
    // Whoever has come needs none, and whoever is locked out gets none.
    assert_eq!(renew(&caller(), &first, None).unwrap_err().code(), "wrong_state");
    let open = invite(&f, &caller(), "viewer").unwrap();
    let key_id = open.person.key_id.as_deref().unwrap().parse().unwrap();
    f.registry.keys(&slug(management::REALM)).revoke(&caller(), key_id, None).unwrap();
    assert_eq!(renew(&caller(), &open, None).unwrap_err().code(), "wrong_state");
}

fn nobody_sees_or_removes_whom_another_org_has_invited(f: Fixture) {
    let org = f.registry.tenants(&f.realm).orgs().unwrap()[0].org.clone();
    let place = |org: &str| here(&f, Some(org));
    let made = people(&f).invite(&caller(), &place(org.as_str()), &whom("Jo", "viewer")).unwrap();
    assert_eq!(people(&f).list(&place(org.as_str())).unwrap().len(), 1);
    assert!(people(&f).list(&place("elsewhere")).unwrap().is_empty());
    let lead = caller().within(slug("elsewhere"));
    assert_eq!(people(&f).remove(&lead, &here(&f, None), &made.person.person).unwrap_err().code(), "not_found");
    assert_eq!(people(&f).invite(&lead, &place(org.as_str()), &whom("Sam", "viewer")).unwrap_err().code(), "not_found");
    assert_eq!(people(&f).invite(&lead, &here(&f, None), &whom("Sam", "viewer")).unwrap_err().code(), "forbidden");
    assert_eq!(people(&f).invite(&caller(), &place("nowhere"), &whom("Sam", "viewer")).unwrap_err().code(), "not_found");
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
