//! The realm behind the management API: who gets its first key, and what its roles and scopes allow at an edge.

use edgelatch_core::permission;
use edgelatch_core::verdict::Code;
use edgelatch_registry::management::{self, org_of, org_service, realm_service};
use edgelatch_registry::{Error, Name, NewKey, NewOrg, NewRealm, Preset, Scope};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::edge::{edge, verdict};
use edgelatch_testkit::registry::{Fixture, KeysExt, caller, slug};

fn establish(f: &mut Fixture) -> String {
    f.realm = slug(management::REALM);
    management::establish(&f.registry, &caller(), &mut |_| Ok(())).unwrap().unwrap().secret.to_string()
}

fn there_is_one_first_key(mut f: Fixture) {
    assert!(!management::exists(&f.registry).unwrap());
    let secret = establish(&mut f);
    assert!(secret.starts_with("elm_") && management::exists(&f.registry).unwrap());
    assert!(management::establish(&f.registry, &caller(), &mut |_| Ok(())).unwrap().is_none());
    let key = f.registry.keys(&f.realm).all(&Default::default()).unwrap().remove(0);
    assert_eq!((key.roles, key.scope), (vec![slug(management::ADMINISTRATOR)], Scope::All));
    // Revoked, it is not made anew for whoever asks.
    f.registry.keys(&f.realm).revoke(&caller(), key.key_id, None).unwrap();
    assert!(management::establish(&f.registry, &caller(), &mut |_| Ok(())).unwrap().is_none());
}

fn of_many_at_once_one_gets_the_key(f: Fixture) {
    let others: Vec<_> = (0..4).map(|_| f.open()).collect();
    let made: usize = std::thread::scope(|scope| {
        let runs: Vec<_> = others
            .iter()
            .map(|r| scope.spawn(|| management::establish(r, &caller(), &mut |_| Ok(())).unwrap().is_some()))
            .collect();
        runs.into_iter().map(|run| usize::from(run.join().unwrap())).sum()
    });
    assert_eq!(made, 1);
}

fn its_name_and_preset_go_together(f: Fixture) {
    for (realm, preset) in [("management", Preset::Default), ("acme", Preset::Management)] {
        let name = Name::parse("name", "x").unwrap();
        let new = NewRealm { realm: slug(realm), name, preset, prefix: None, credentials: None };
        assert!(matches!(f.registry.create_realm(&caller(), &new), Err(Error::Invalid { field, .. }) if field == "realm"));
    }
    let f = f.with(Preset::Default);
    let new = NewOrg { org: slug("x"), name: Name::parse("name", "x").unwrap(), preset: Some(Preset::Management) };
    let refused = f.registry.tenants(&f.realm).create_org(&caller(), &new);
    assert!(matches!(refused, Err(Error::Invalid { field, .. }) if field == "preset"));
}

fn roles_say_what_and_scopes_say_where(mut f: Fixture) {
    establish(&mut f);
    let realms = [slug("acme"), slug(management::REALM)];
    let every: Vec<String> =
        realms.iter().flat_map(|realm| management::PERMISSIONS.map(|act| management::permission(realm, act))).collect();
    let granted: Vec<(String, Vec<&String>)> = f
        .registry
        .tenants(&f.realm)
        .roles()
        .unwrap()
        .iter()
        .map(|role| {
            let grants =
                |p: &&String| role.permissions.iter().any(|t| permission::matches(t.as_str().as_bytes(), p.as_bytes()));
            (role.role.to_string(), every.iter().filter(grants).collect())
        })
        .collect();
    for (role, permissions) in &granted {
        match role.as_str() {
            management::ADMINISTRATOR => assert_eq!(permissions.len(), every.len()),
            // Else a key manager could make an administrator's key.
            _ => assert!(permissions.iter().all(|p| !p.starts_with("management.")), "{role}: {permissions:?}"),
        }
        let views = permissions.iter().all(|p| p.ends_with(".view"));
        assert_eq!(views, ["viewer", "auditor"].contains(&role.as_str()), "{role}");
    }
    let mut new = NewKey::new(slug(management::ORG), Name::parse("name", "of one org").unwrap());
    new.roles = vec![slug("key-manager")];
    new.scope = Scope::List(vec![org_service(&slug("acme"), &slug("one")).unwrap()]);
    let created = f.registry.keys(&f.realm).make(&caller(), &new).unwrap();
    let mut edge = edge(&f);
    let mut asks = |service: &str, permission: &str| {
        let requirement = edge.compile(Some(service), Some(permission));
        edge.verify_key(created.secret.as_bytes(), None, requirement, edgelatch_testkit::registry::NOW).code
    };
    assert_eq!(asks("acme.one", "api.key.create"), Code::Valid);
    for service in ["acme", "acme.two", "acme.one.two", "other.one", "management"] {
        assert_eq!(asks(service, "api.key.create"), Code::ScopeDenied, "{service}");
    }
    assert_eq!(asks("acme.one", "management.key.create"), Code::PermissionDenied);
    assert_eq!(asks("acme.one", "api.role.create"), Code::PermissionDenied);
    assert_eq!(
        verdict(&mut edge, &created.secret, None, Some("api.key.create"), 0),
        Code::ScopeDenied,
        "for no place in particular"
    );
}

#[test]
fn no_two_places_share_a_service() {
    let names = ["a", "a.b", "a.b.c", "a_b", "a-b", "b", "b.c", "c", "x", "axb", "management", "management.main"];
    let mut seen = std::collections::BTreeMap::new();
    for realm in names {
        let service = realm_service(&slug(realm)).unwrap();
        assert_eq!(seen.insert(service.clone(), (realm, "")), None);
        assert_eq!(org_of(&slug(realm), &service), None);
        for org in names {
            let service = org_service(&slug(realm), &slug(org)).unwrap();
            assert_eq!(seen.insert(service.clone(), (realm, org)), None);
            assert_eq!(org_of(&slug(realm), &service), Some(slug(org)));
            assert!(names.iter().filter(|other| **other != realm).all(|other| org_of(&slug(other), &service).is_none()));
        }
    }
}

on_both_stores!(
    start: edgelatch_testkit::registry::Fixture::empty;
    there_is_one_first_key,
    of_many_at_once_one_gets_the_key,
    its_name_and_preset_go_together,
    roles_say_what_and_scopes_say_where,
);
