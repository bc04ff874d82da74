//! Orgs, owners and roles: what is in use stays, and what came with a preset is left as it is.

use edgelatch_core::verdict::Code;
use edgelatch_registry::{KeyEdit, Name, NewKey, NewOwner, NewRole, OwnerEdit, OwnerKind, Pattern, Role, RoleEdit, Slug};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::edge::{edge, verdict};
use edgelatch_testkit::registry::{Fixture, KeysExt, caller, new_key, new_org, slug};

fn role(name: &str, org: Option<&str>, patterns: &[&str]) -> NewRole {
    let permissions = patterns.iter().map(|p| p.parse().unwrap()).collect();
    NewRole { role: slug(name), org: org.map(slug), name: name.parse().unwrap(), permissions }
}

fn patterns(role: &Role) -> Vec<&str> {
    role.permissions.iter().map(Pattern::as_str).collect()
}

fn a_role_that_changes_reaches_its_keys(f: Fixture) {
    let me = caller();
    f.registry.tenants(&f.realm).create_role(&me, &role("deployer", Some("one"), &["deploy.*", "deploy.*", "a"])).unwrap();
    let mut new = new_key("ci");
    new.roles = vec![slug("deployer")];
    let created = f.registry.keys(&f.realm).make(&me, &new).unwrap();
    let asks = |permission| verdict(&mut edge(&f), &created.secret, None, Some(permission), 0);
    assert_eq!((asks("deploy.start"), asks("log.view")), (Code::Valid, Code::PermissionDenied));
    let changes = f.registry.ledger(&f.realm).changes().unwrap();
    let one = slug("one");
    let edit = RoleEdit { permissions: Some(vec!["log.view".parse().unwrap()]), ..RoleEdit::default() };
    let edited = f.registry.tenants(&f.realm).edit_role(&me, Some(&one), &slug("deployer"), &edit).unwrap();
    assert_eq!((patterns(&edited), edited.revision), (vec!["log.view"], 2));
    assert_eq!((asks("deploy.start"), asks("log.view")), (Code::PermissionDenied, Code::Valid));
    assert_eq!(f.registry.ledger(&f.realm).changes().unwrap(), changes + 1);
    // A new name alone tells edges nothing.
    let name: Name = "Deployer".parse().unwrap();
    let named = RoleEdit { name: Some(name), if_revision: Some(2), ..RoleEdit::default() };
    f.registry.tenants(&f.realm).edit_role(&me, Some(&one), &slug("deployer"), &named).unwrap();
    assert_eq!(f.registry.ledger(&f.realm).changes().unwrap(), changes + 1);
    let stale = f.registry.tenants(&f.realm).edit_role(&me, Some(&one), &slug("deployer"), &named).unwrap_err();
    assert_eq!(stale.code(), "stale");
    let empty = RoleEdit { permissions: Some(vec![]), ..RoleEdit::default() };
    let error = f.registry.tenants(&f.realm).edit_role(&me, Some(&one), &slug("deployer"), &empty).unwrap_err();
    assert_eq!(error.pointer().as_deref(), Some("/permissions"));
    // In use; then not.
    let error = f.registry.tenants(&f.realm).delete_role(&me, Some(&one), &slug("deployer"), None).unwrap_err();
    assert_eq!((error.code(), error.to_string().contains("1 keys")), ("in_use", true));
    f.registry.keys(&f.realm).delete(&me, created.key.key_id, Some("ci"), None).unwrap();
    f.registry.tenants(&f.realm).delete_role(&me, Some(&one), &slug("deployer"), None).unwrap();
}

fn predefined_roles_stay(f: Fixture) {
    let edit = RoleEdit { permissions: Some(vec!["*".parse().unwrap()]), ..RoleEdit::default() };
    let (me, reader): (_, Slug) = (caller(), slug("reader"));
    assert_eq!(f.registry.tenants(&f.realm).edit_role(&me, None, &reader, &edit).unwrap_err().code(), "not_allowed");
    assert_eq!(f.registry.tenants(&f.realm).delete_role(&me, None, &reader, None).unwrap_err().code(), "not_allowed");
    let theirs = me.within(slug("one"));
    assert_eq!(f.registry.tenants(&f.realm).create_role(&theirs, &role("x", None, &["*"])).unwrap_err().code(), "forbidden");
    assert_eq!(
        f.registry.tenants(&f.realm).create_role(&theirs, &role("x", Some("two"), &["*"])).unwrap_err().code(),
        "not_found"
    );
    f.registry.tenants(&f.realm).create_role(&theirs, &role("x", Some("one"), &["*"])).unwrap();
}

/// Of two roles of one name, a key has its own org's: never another org's.
fn an_orgs_role_is_its_own(f: Fixture) {
    let me = caller();
    f.registry.tenants(&f.realm).create_role(&me, &role("purger", Some("two"), &["*"])).unwrap();
    let mut new = new_key("ci");
    new.roles = vec![slug("purger")];
    let error = f.registry.keys(&f.realm).make(&me, &new).unwrap_err();
    assert_eq!((error.code(), error.pointer().as_deref()), ("not_found", Some("/roles")));
    let edit = OwnerEdit { roles: Some(vec![slug("purger")]), ..OwnerEdit::default() };
    let error = f.registry.tenants(&f.realm).edit_owner(&me, &slug("one"), &slug("alice"), &edit).unwrap_err();
    assert_eq!(error.code(), "not_found");
}

/// Else somebody who may make roles in an org would hand their permissions to whoever has the realm's role of that name, at an
/// edit of something else that the log does not show as a change of roles.
fn a_name_stays_with_the_role_it_was_given_for(f: Fixture) {
    let (me, one) = (caller(), slug("one"));
    f.registry.tenants(&f.realm).create_role(&me, &role("viewer", None, &["*.view"])).unwrap();
    let roles = vec![slug("viewer")];
    let edit = OwnerEdit { roles: Some(roles.clone()), ..OwnerEdit::default() };
    f.registry.tenants(&f.realm).edit_owner(&me, &one, &slug("alice"), &edit).unwrap();
    let key = f.registry.keys(&f.realm).make(&me, &NewKey { roles: roles.clone(), ..new_key("ci") }).unwrap().key;
    f.registry.tenants(&f.realm).create_role(&me, &role("viewer", Some("one"), &["*"])).unwrap();

    let edit = OwnerEdit { name: Some("Alice B.".parse().unwrap()), roles: Some(roles.clone()), ..OwnerEdit::default() };
    f.registry.tenants(&f.realm).edit_owner(&me, &one, &slug("alice"), &edit).unwrap();
    let edit = KeyEdit { name: Some("deploy".parse().unwrap()), roles: Some(roles), ..KeyEdit::default() };
    assert!(f.registry.keys(&f.realm).edit(&me, key.key_id, &edit).unwrap().changed);

    let error = f.registry.tenants(&f.realm).delete_role(&me, None, &slug("viewer"), None).unwrap_err();
    assert!(error.to_string().contains("1 keys and 1 owners"), "{error}");
    f.registry.tenants(&f.realm).delete_role(&me, Some(&one), &slug("viewer"), None).unwrap();
}

fn what_has_keys_is_not_deleted(f: Fixture) {
    let me = caller();
    let (one, alice) = (slug("one"), slug("alice"));
    let key = f.registry.keys(&f.realm).make(&me, &new_key("ci")).unwrap().key.key_id;
    assert_eq!(f.registry.tenants(&f.realm).delete_owner(&me, &one, &alice, None).unwrap_err().code(), "in_use");
    assert_eq!(f.registry.tenants(&f.realm).delete_org(&me, &one, None).unwrap_err().code(), "in_use");
    let bot = NewOwner {
        org: one.clone(),
        owner: slug("bot"),
        kind: OwnerKind::Service,
        name: "Bot".parse().unwrap(),
        roles: vec![slug("writer"), slug("reader"), slug("writer")],
    };
    let bot = f.registry.tenants(&f.realm).create_owner(&me, &bot).unwrap();
    assert_eq!(bot.roles, [slug("reader"), slug("writer")]);
    assert_eq!(f.registry.tenants(&f.realm).owner(&one, &slug("bot")).unwrap(), bot);
    f.registry.keys(&f.realm).delete(&me, key, Some("ci"), None).unwrap();
    f.registry.tenants(&f.realm).create_role(&me, &role("own", Some("one"), &["*"])).unwrap();
    f.registry.tenants(&f.realm).delete_owner(&me, &one, &alice, None).unwrap();
    f.registry.tenants(&f.realm).delete_org(&me, &one, None).unwrap();
    assert_eq!(f.registry.tenants(&f.realm).orgs().unwrap().len(), 1);
    assert!(f.registry.tenants(&f.realm).roles().unwrap().iter().all(|role| role.org.is_none()));
    assert_eq!(f.registry.tenants(&f.realm).create_org(&me, &new_org("one")).unwrap_err().field(), Some("org"));
    f.registry.audit(&f.realm).verify(None).unwrap();
}

on_both_stores!(
    a_role_that_changes_reaches_its_keys,
    predefined_roles_stay,
    an_orgs_role_is_its_own,
    a_name_stays_with_the_role_it_was_given_for,
    what_has_keys_is_not_deleted,
);
