//! Invitations that stand beside each other, and what is left of one when its inviter loses what they held: what an attacker, or a moment, may make of it. On
//! either store.

use std::collections::BTreeSet;

use edgelatch_registry::limits::GRANT_LIFE;
use edgelatch_registry::people::{Entry, Grant, Invitation, Invite, Person, Place, Way};
use edgelatch_registry::{
    Caller, Database, Error, Handover, NewKey, NewRole, OwnerEdit, Registry, RoleEdit, Scope, Slug, management,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::race::{Act, crowds, race};
use edgelatch_testkit::registry::{Fixture, caller, env, new_org, slug};

use crate::people::{here, holder, invite, keys, of_realm, people, person, whom};

on_both_stores! {
    start: crate::people::managed;
    an_invitation_that_counts_no_more_hides_no_other, whoever_was_invited_to_several_places_says_where_they_come,
    whoever_was_removed_comes_by_what_they_are_invited_to_later, whoever_is_locked_out_comes_by_no_invitation,
    whom_a_rule_let_in_gives_no_more_than_it_gives_them, whoever_has_less_from_now_on_has_it_by_every_key, nobody_comes_by_what_was_taken_from_them_at_this_moment,
    roles_that_are_named_twice_are_one,
}

const ADDRESS: &str = "jo@example.com";

/// Invites that address.
fn address(f: &Fixture, by: &Caller, org: Option<&str>, role: &str) -> Invitation {
    people(f).invite(by, &here(f, org), &Invite { email: Some(ADDRESS.parse().unwrap()), ..whom("Jo", role) }).unwrap()
}

fn revoke(f: &Fixture, key_id: &str) {
    f.registry.keys(&slug(management::REALM)).revoke(&caller(), key_id.parse().unwrap(), None).unwrap();
}

fn jo() -> Person {
    person("jo").known_by(ADDRESS)
}

/// What they come with; the roles of their key.
fn comes(f: &Fixture, chosen: Option<&Slug>) -> Option<Vec<Slug>> {
    people(f).key(&jo(), None, chosen).unwrap().made().map(|made| made.key.roles)
}

fn an_invitation_that_counts_no_more_hides_no_other(f: Fixture) {
    for org in ["three", "four"] {
        f.registry.tenants(&f.realm).create_org(&caller(), &new_org(org)).unwrap();
    }
    // The inviter of the oldest has lost the right; the next one was over before; the third one's key was revoked.
    let lead = holder(&f, "lead", "administrator", of_realm(&f));
    address(&f, &lead, None, "administrator");
    revoke(&f, lead.actor().as_str());
    let now = f.registry.env().now().unwrap();
    let soon = Invite { email: Some(ADDRESS.parse().unwrap()), until: Some(now + 1), ..whom("Jo", "auditor") };
    let over = people(&f).invite(&caller(), &here(&f, Some("one")), &soon).unwrap();
    f.advance(1);
    let revoked = address(&f, &caller(), Some("two"), "auditor");
    revoke(&f, revoked.person.key_id.as_deref().unwrap());
    assert_eq!(comes(&f, None), None);
    f.advance(1);
    let good = address(&f, &caller(), Some("three"), "key-manager");
    assert_eq!(comes(&f, None), Some(vec![slug("key-manager")]));
    assert_eq!(people(&f).get(&good.person.person).unwrap().accepted_at, Some(now + 2));
    // One by which they came, and which ended, hides none that comes later.
    revoke(&f, good.person.key_id.as_deref().unwrap());
    assert_eq!(comes(&f, None), None);
    address(&f, &caller(), Some("four"), "viewer");
    assert_eq!(comes(&f, None), Some(vec![slug("viewer")]));
    // The others gave nothing.
    let made = keys(&f.registry).into_iter().filter(|key| key.created_by.as_str().starts_with("oidc:"));
    let roles: Vec<Slug> = made.flat_map(|key| key.roles).collect();
    assert!(roles.len() == 2 && !roles.contains(&slug("administrator")) && !roles.contains(&slug("auditor")), "{roles:?}");
    // Of one place there is one that is open, however it came about.
    let twice = |refused: Result<Invitation, Error>| assert_eq!(refused.unwrap_err().code(), "wrong_state");
    let again = Invite { email: Some("JO@example.com".parse().unwrap()), ..whom("Jo", "viewer") };
    twice(people(&f).invite(&caller(), &here(&f, Some("two")), &again));
    people(&f).invite(&caller(), &here(&f, Some("one")), &again).unwrap();
    twice(people(&f).renew(&caller(), &here(&f, None), &over.person.person, None));
    people(&f).remove(&caller(), &here(&f, None), &revoked.person.person).unwrap();
    people(&f).invite(&caller(), &here(&f, Some("two")), &again).unwrap();
}

fn whoever_was_invited_to_several_places_says_where_they_come(f: Fixture) {
    let one = address(&f, &caller(), Some("one"), "key-manager");
    assert_eq!(comes(&f, None), Some(vec![slug("key-manager")]));
    f.advance(1);
    // Whoever may invite to another place draws nobody out of this one.
    let two = address(&f, &caller(), Some("two"), "viewer");
    let before = keys(&f.registry).len();
    let way = |of: &Invitation, org: &str, role: &str| Way {
        person: of.person.person.clone(),
        realm: f.realm.clone(),
        org: Some(slug(org)),
        roles: vec![slug(role)],
    };
    match people(&f).key(&jo(), None, None).unwrap() {
        Entry::Choice(ways) => assert_eq!(ways, [way(&one, "one", "key-manager"), way(&two, "two", "viewer")]),
        other => panic!("{other:?}"),
    }
    // Nothing is made of a question, and nothing accepted.
    assert_eq!((keys(&f.registry).len(), people(&f).get(&two.person.person).unwrap().accepted_at), (before, None));
    for (of, org, role) in [(&two, "two", "viewer"), (&one, "one", "key-manager"), (&two, "two", "viewer")] {
        let made = people(&f).key(&jo(), None, Some(&of.person.person)).unwrap().made().unwrap().key;
        let scope = Scope::List(vec![management::org_service(&f.realm, &slug(org)).unwrap()]);
        assert_eq!((made.owner, made.roles, made.scope), (of.person.person.clone(), vec![slug(role)], scope));
    }
    // Known by the provider's name now, with whatever address.
    match people(&f).key(&person("jo"), None, None).unwrap() {
        Entry::Choice(ways) => assert_eq!(ways.len(), 2),
        other => panic!("{other:?}"),
    }
    // What is somebody else's, or nobody's, cannot be chosen.
    let other = invite(&f, &caller(), "administrator").unwrap();
    for chosen in [&other.person.person, &slug("person-0000000000000000"), &jo().owner().unwrap()] {
        assert_eq!(comes(&f, Some(chosen)), None, "{chosen}");
    }
    assert!(people(&f).key(&person("sam"), None, Some(&one.person.person)).unwrap().made().is_none());
}

fn whoever_was_removed_comes_by_what_they_are_invited_to_later(f: Fixture) {
    let first = address(&f, &caller(), Some("one"), "key-manager");
    comes(&f, None).unwrap();
    people(&f).remove(&caller(), &here(&f, None), &first.person.person).unwrap();
    assert_eq!(comes(&f, None), None);
    for (org, role) in [(Some("one"), "viewer"), (Some("two"), "auditor")] {
        let made = address(&f, &caller(), org, role);
        assert_eq!(comes(&f, None), Some(vec![slug(role)]));
        people(&f).remove(&caller(), &here(&f, None), &made.person.person).unwrap();
        assert_eq!(comes(&f, None), None);
    }
    assert!(keys(&f.registry).is_empty());
}

/// Whom a rule let in, and who was locked out, does not come back by an invitation that was there before, nor once the rule fits them no more.
fn whoever_is_locked_out_comes_by_no_invitation(f: Fixture) {
    address(&f, &caller(), Some("one"), "key-manager");
    let grant = Grant { rule: "groups=web:viewer@*".into(), roles: vec![slug("viewer")], scope: Scope::All };
    people(&f).key(&jo(), Some(&grant), None).unwrap().made().unwrap();
    let everywhere = Place { realm: slug(management::REALM), org: None };
    people(&f).remove(&caller(), &everywhere, &jo().owner().unwrap()).unwrap();
    assert!(people(&f).key(&jo(), Some(&grant), None).unwrap().made().is_none());
    assert_eq!(comes(&f, None), None);
    // Until whoever may says otherwise.
    let edit = OwnerEdit { disabled: Some(false), ..OwnerEdit::default() };
    f.registry.tenants(&slug(management::REALM)).edit_owner(&caller(), &slug("people"), &jo().owner().unwrap(), &edit).unwrap();
    assert_eq!(comes(&f, None), Some(vec![slug("key-manager")]));
}

fn whom_a_rule_let_in_gives_no_more_than_it_gives_them(f: Fixture) {
    let realm = slug(management::REALM);
    let permissions = vec!["management.*".parse().unwrap(), "api.*".parse().unwrap()];
    let lead = NewRole { role: slug("lead"), org: None, name: "Lead".parse().unwrap(), permissions };
    f.registry.tenants(&realm).create_role(&caller(), &lead).unwrap();
    let grant = |rule: &str, role: &str| Grant { rule: rule.into(), roles: vec![slug(role)], scope: of_realm(&f) };
    let sam = person("sam");
    let signs_in = |grant: Option<&Grant>| people(&f).key(&sam, grant, None).unwrap().made().map(|made| made.key.key_id);
    let leads = grant("groups=ops:lead@acme", "lead");
    // Invites, and is away: what counts is what the rule gives them.
    let invites = || {
        let key_id = signs_in(Some(&leads)).unwrap();
        let made = invite(&f, &Caller::holding(key_id).unwrap(), "auditor").unwrap();
        people(&f).leave(key_id, false).unwrap();
        made
    };
    let refused = |made: &Invitation| assert_eq!(people(&f).accept(&made.link, None).unwrap_err().code(), "exceeds_authority");
    people(&f).accept(&invites().link, None).unwrap();
    // They have less since; nothing; what they had again.
    let made = invites();
    signs_in(Some(&grant("groups=web:viewer@acme", "viewer"))).unwrap();
    refused(&made);
    assert_eq!(signs_in(None), None);
    refused(&made);
    signs_in(Some(&leads)).unwrap();
    people(&f).accept(&made.link, None).unwrap();
    // Elsewhere than the invitation.
    let made = invites();
    signs_in(Some(&Grant { scope: Scope::List(vec![management::realm_service(&slug("globex")).unwrap()]), ..leads.clone() }))
        .unwrap();
    refused(&made);
    // They were not seen for long.
    let made = invites();
    f.advance(GRANT_LIFE - 1);
    people(&f).accept(&made.link, None).unwrap();
    let made = invites();
    f.advance(GRANT_LIFE);
    // Its link is over as well: another one that they make themselves counts on.
    assert_eq!(people(&f).accept(&made.link, None).unwrap_err().code(), "link_ended");
    let key_id = signs_in(Some(&leads)).unwrap();
    let until = f.registry.env().now().unwrap() + 20 * 86_400;
    let long = people(&f).renew(&Caller::holding(key_id).unwrap(), &here(&f, None), &made.person.person, Some(until)).unwrap();
    f.advance(GRANT_LIFE);
    refused(&long);
    // The operator's table has that row no more: this server's, and not that of another provider.
    let made = invites();
    let rules = BTreeSet::from(["groups=web:viewer@acme"]);
    assert_eq!(people(&f).ruled_by("https://other.example.com", &rules).unwrap(), 0);
    assert_eq!(people(&f).ruled_by("https://id.example.com", &BTreeSet::from([leads.rule.as_str()])).unwrap(), 0);
    assert_eq!(people(&f).ruled_by("https://id.example.com", &rules).unwrap(), 1);
    refused(&made);
    // Its role grants less than it did.
    let made = invites();
    let less = RoleEdit { permissions: Some(vec!["api.key.view".parse().unwrap()]), ..RoleEdit::default() };
    f.registry.tenants(&realm).edit_role(&caller(), None, &slug("lead"), &less).unwrap();
    refused(&made);
    // A copy of the registry knows of nobody's grant: it may be older than what has become of them.
    assert!(!f.rows("SELECT owner_id FROM person_grants").is_empty());
    let copied = Registry::establish(&Database::file(f.dir.path().join("copy.db")), env(&f.clock)).unwrap();
    f.registry.copy_to(&copied, &mut |_| {}).unwrap();
    assert_eq!(copied.people().ruled_by("https://id.example.com", &BTreeSet::new()).unwrap(), 0);
}

fn whoever_has_less_from_now_on_has_it_by_every_key(f: Fixture) {
    let realm = slug(management::REALM);
    let all = f.registry.keys(&realm);
    let made = people(&f).invite(&caller(), &here(&f, Some("one")), &whom("Jo", "administrator")).unwrap();
    let who = &made.person.person;
    let by_link = people(&f).accept(&made.link, None).unwrap().key.key_id;
    f.registry.sign_ins().begin(&[1; 32], by_link, &[0; 32]).unwrap();
    let own_scope = Scope::List(vec![management::org_service(&f.realm, &slug("one")).unwrap()]);
    let for_them = |name: &str, role: &str, scope: &Scope| {
        let mut new = NewKey::new(slug("people"), name.parse().unwrap());
        (new.owner, new.roles, new.scope) = (Some(who.clone()), vec![slug(role)], scope.clone());
        all.create(&caller(), &new, Handover::default()).unwrap().created().unwrap().key.key_id
    };
    // Of an administrator's hand: as much as theirs, less, and elsewhere.
    let [as_much, less, wider] = [
        for_them("as much", "administrator", &own_scope),
        for_them("less", "viewer", &own_scope),
        for_them("wider", "viewer", &Scope::All),
    ];
    people(&f).edit(&caller(), &here(&f, None), who, &[slug("key-manager")], None).unwrap();
    let has = |key_id| {
        let key = all.get(key_id).unwrap();
        (key.roles, key.scope)
    };
    assert_eq!(has(by_link), (vec![slug("key-manager")], own_scope.clone()));
    assert_eq!(has(as_much), (vec![slug("key-manager")], own_scope.clone()));
    assert_eq!(has(wider), (vec![slug("key-manager")], own_scope.clone()));
    assert_eq!(has(less), (vec![slug("viewer")], own_scope.clone()), "nothing is gained by it");
    // Nor when they get more.
    people(&f).edit(&caller(), &here(&f, None), who, &[slug("administrator")], None).unwrap();
    assert_eq!((has(by_link).0, has(as_much).0), (vec![slug("administrator")], vec![slug("key-manager")]));
    // Whoever may give the roles need not hold what is taken away.
    let manager = holder(&f, "manager", "key-manager", of_realm(&f));
    people(&f).edit(&manager, &here(&f, None), who, &[slug("viewer")], None).unwrap();
    assert!([by_link, as_much, less, wider].into_iter().all(|key_id| has(key_id) == (vec![slug("viewer")], own_scope.clone())));
}

/// What somebody may do is read and their key made at one moment: else it would have what was taken away between the two.
fn nobody_comes_by_what_was_taken_from_them_at_this_moment(f: Fixture) {
    let place = here(&f, None);
    let grant = Grant { rule: "groups=web:viewer@*".into(), roles: vec![slug("viewer")], scope: Scope::All };
    let (everywhere, sam) = (Place { realm: slug(management::REALM), org: None }, person("sam"));
    crowds(|crowd, apart| {
        let made = address(&f, &caller(), None, "administrator");
        let who = made.person.person.clone();
        people(&f).key(&sam, Some(&grant), None).unwrap();
        let edit = |registry: &Registry| -> Result<(), Error> {
            registry.people().edit(&caller(), &place, &who, &[slug("viewer")], None).map(drop)
        };
        let signs_in = |registry: &Registry| registry.people().key(&jo(), None, None).map(drop);
        let acts = (0..crowd).map(|at| if at == 0 { Box::new(edit) as Act<'_> } else { Box::new(signs_in) }).collect();
        assert!(race(&f, apart, acts).iter().all(|outcome| *outcome == "ok"));
        let theirs: Vec<_> = keys(&f.registry).into_iter().filter(|key| key.owner == who).collect();
        assert!(theirs.iter().all(|key| key.roles == [slug("viewer")]), "{theirs:?}");
        let removes = |registry: &Registry| -> Result<(), Error> {
            registry.people().remove(&caller(), &place, &who)?;
            registry.people().remove(&caller(), &everywhere, &sam.owner()?).map(drop)
        };
        let both = |registry: &Registry| -> Result<(), Error> {
            registry.people().key(&jo(), None, None)?;
            registry.people().key(&sam, Some(&grant), None).map(drop)
        };
        let acts = (0..crowd).map(|at| if at == 0 { Box::new(removes) as Act<'_> } else { Box::new(both) }).collect();
        assert!(race(&f, apart, acts).iter().all(|outcome| *outcome == "ok"));
        assert!(keys(&f.registry).is_empty(), "{:?}", keys(&f.registry));
        let edit = OwnerEdit { disabled: Some(false), ..OwnerEdit::default() };
        f.registry.tenants(&everywhere.realm).edit_owner(&caller(), &slug("people"), &sam.owner().unwrap(), &edit).unwrap();
    });
}

fn roles_that_are_named_twice_are_one(f: Fixture) {
    let twice = Invite { roles: vec![slug("viewer"), slug("viewer")], ..whom("Jo", "viewer") };
    assert_eq!(people(&f).invite(&caller(), &here(&f, None), &twice).unwrap().person.roles, [slug("viewer")]);
    let grant = Grant { rule: "a=b:viewer,viewer@*".into(), roles: vec![slug("viewer"), slug("viewer")], scope: Scope::All };
    assert_eq!(people(&f).key(&person("sam"), Some(&grant), None).unwrap().made().unwrap().key.roles, [slug("viewer")]);
}
