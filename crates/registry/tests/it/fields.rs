//! Fields of a key that can be mended, by whom, and what is said when something may not be as meant: services that nobody else knows, another owner,
//! advice that can be followed.

use std::collections::BTreeSet;
use std::io::Cursor;

use edgelatch_core::policy::Order;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{
    AuditFilter, Changed, Digest, Error, Import, ImportDefaults, ImportFormat, KeyEdit, NewKey, NewOrg, NewOwner, NewRealm,
    OrgEdit, OwnerEdit, OwnerKind, Paging, Preset, Scope, Since, StatusEdit, Warning, management,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::edge::{edge, verdict};
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, ip, new_key, slug};
use serde_json::json;

on_both_stores! {
    a_service_that_is_not_listed_is_refused,
    a_service_that_nobody_else_knows_is_told,
    the_management_realms_services_are_realms_and_orgs,
    a_key_gets_another_owner,
    an_owner_with_other_roles_gives_the_key_those,
    advice_can_be_followed,
    what_a_preset_lets_be_edited,
}

fn scope(services: &[&str]) -> Scope {
    Scope::List(services.iter().map(|service| service.parse().unwrap()).collect())
}

fn scoped(name: &str, services: &[&str]) -> NewKey {
    NewKey { scope: scope(services), ..new_key(name) }
}

fn set(f: &Fixture, settings: serde_json::Value) {
    let edit = OrgEdit { settings: Some(settings), ..OrgEdit::default() };
    f.registry.tenants(&f.realm).edit_org(&caller(), &slug("one"), &edit).unwrap();
}

fn add_owner(f: &Fixture, org: &str, owner: &str, roles: &[&str]) {
    let (kind, name) = (OwnerKind::Service, owner.parse().unwrap());
    let roles = roles.iter().map(|role| slug(role)).collect();
    let new = NewOwner { org: slug(org), owner: slug(owner), kind, name, roles };
    f.registry.tenants(&f.realm).create_owner(&caller(), &new).unwrap();
}

fn to_owner(owner: &str) -> KeyEdit {
    KeyEdit { owner: Some(slug(owner)), ..KeyEdit::default() }
}

/// What is said of services.
fn told(warnings: &[Warning]) -> String {
    let about = warnings.iter().filter(|warning| warning.code() == "unknown_service");
    about.map(ToString::to_string).collect()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, code: &str, pointer: &str, words: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.code(), error.pointer().as_deref()), (code, Some(pointer)), "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

fn a_service_that_is_not_listed_is_refused(f: Fixture) {
    let (me, keys) = (caller(), f.registry.keys(&f.realm));
    let before = keys.make(&me, &scoped("before", &["mail"])).unwrap().key.key_id;
    set(&f, json!({ "services": ["cdn", "dns", "dns.record"] }));
    let listed = keys.make(&me, &scoped("listed", &["dns.record", "cdn"])).unwrap();
    assert_eq!(told(&listed.warnings), "");
    keys.make(&me, &new_key("all")).unwrap();
    let digest = Digest::parse("sha256", &"ab".repeat(32)).unwrap();
    refused(keys.make(&me, &scoped("slip", &["dns", "cnd"])), "not_allowed", "/scope", "nearest of which is `cdn`");
    refused(keys.import(&me, &scoped("slip", &["dns.recrod"]), &digest), "not_allowed", "/scope", "is `dns.record`");
    let edit = |services| KeyEdit { scope: Some(scope(services)), ..KeyEdit::default() };
    let id = listed.key.key_id;
    refused(keys.edit(&me, id, &edit(&["cdn", "waf"])), "not_allowed", "/scope", "`waf` is none of the org's 3 services");
    let defaults = ImportDefaults { org: Some(slug("one")), owner: Some(slug("alice")), ..ImportDefaults::default() };
    let import = Import { format: ImportFormat::Csv, defaults, dry_run: false };
    let file = format!("sha256,name,scope\n{},slip,cdn cnd\n", "ab".repeat(32));
    let report = keys.import_file(&me, &import, &mut Cursor::new(file), &mut |_| {}).unwrap();
    assert_eq!(
        (report.done, report.refusals[0].code, report.refusals[0].field.as_deref()),
        (false, "not_allowed", Some("scope"))
    );
    assert!(report.refusals[0].reason.contains("nearest of which is `cdn`"), "{report:?}");
    // What a key has, it keeps; another org's list is its own.
    keys.edit(&me, before, &KeyEdit { description: Some("old".parse().unwrap()), ..KeyEdit::default() }).unwrap();
    keys.make(&me, &NewKey { org: slug("two"), ..scoped("theirs", &["mail"]) }).unwrap();
    set(&f, json!({ "services": [] }));
    refused(keys.make(&me, &scoped("none", &["cdn"])), "not_allowed", "/scope", "leave the scope out");
    set(&f, json!({ "services": null }));
    keys.make(&me, &scoped("any", &["waf"])).unwrap();
}

fn a_service_that_nobody_else_knows_is_told(f: Fixture) {
    let (me, keys) = (caller(), f.registry.keys(&f.realm));
    let make = |name: &str, services: &[&str]| {
        let made = keys.make(&me, &scoped(name, services)).unwrap();
        (made.key.key_id, told(&made.warnings))
    };
    // The first key of all is for services that nobody knows yet. Another org's keys tell nothing.
    keys.make(&me, &NewKey { org: slug("two"), ..scoped("theirs", &["cdn"]) }).unwrap();
    let (first, says) = make("first", &["cdn", "dns"]);
    assert!(says.contains("knows `cdn`, `dns`:") && says.contains("`services`"), "{says}");
    assert_eq!(make("second", &["cdn"]).1, "");
    let (slip, says) = make("slip", &["cnd", "dns", "billing"]);
    assert!(says.contains("knows `billing`, `cnd` (is `cdn` meant?):"), "{says}");
    // Its own scope is nobody else's, whatever else is edited; another key's is.
    let edit = |id, services: &[&str]| {
        let edit = KeyEdit { scope: Some(scope(services)), ..KeyEdit::default() };
        told(&keys.edit(&me, id, &edit).unwrap().warnings)
    };
    assert!(edit(slip, &["cnd", "dns"]).contains("knows `cnd` (is `cdn` meant?):"));
    let named = KeyEdit { name: Some("renamed".parse().unwrap()), ..KeyEdit::default() };
    assert_eq!(told(&keys.edit(&me, slip, &named).unwrap().warnings), "");
    assert_eq!(edit(slip, &["cdn"]), "");
    assert_eq!(make("third", &["dns"]).1, "");
    // What the last key has taken with it is known no more.
    let (other, says) = make("fourth", &["waf"]);
    assert!(says.contains("`waf`"), "{says}");
    keys.delete(&me, other, Some("fourth"), None).unwrap();
    assert!(make("fifth", &["waf"]).1.contains("`waf`"));
    assert_eq!(edit(first, &["waf"]), "");
    let imported = keys.import(&me, &scoped("legacy", &["wfa"]), &Digest::parse("sha256", &"ab".repeat(32)).unwrap()).unwrap();
    assert!(told(&imported.warnings).contains("`wfa` (is `waf` meant?)"));
}

fn the_management_realms_services_are_realms_and_orgs(mut f: Fixture) {
    let (me, name) = (caller(), "Dotted".parse().unwrap());
    let dotted = NewRealm { realm: slug("shop.eu"), name, preset: Preset::Default, prefix: None, credentials: None };
    f.registry.create_realm(&me, &dotted).unwrap();
    let org = NewOrg { org: slug("web.team"), name: "Web".parse().unwrap(), preset: None };
    f.registry.tenants(&slug("shop.eu")).create_org(&me, &org).unwrap();
    f.realm = slug(management::REALM);
    management::establish(&f.registry, &me, &mut |_| Ok(())).unwrap();
    let make = |services: &[&str]| {
        let new = NewKey { roles: vec![slug("viewer")], ..NewKey::new(slug("main"), services.join(" ").parse().unwrap()) };
        told(&f.registry.keys(&f.realm).make(&me, &NewKey { scope: scope(services), ..new }).unwrap().warnings)
    };
    assert_eq!(make(&["acme", "acme.one", "shopXeu", "shopXeu.webXteam", "management"]), "");
    let says = make(&["acme", "amce", "acme.three"]);
    assert!(says.contains("no realm, or org of a realm, for `acme.three`, `amce`:"), "{says}");
}

fn a_key_gets_another_owner(f: Fixture) {
    let (me, keys) = (caller(), f.registry.keys(&f.realm));
    add_owner(&f, "one", "bob", &[]);
    add_owner(&f, "two", "carol", &[]);
    let made = keys.make(&me, &new_key("ci")).unwrap();
    let id = made.key.key_id;
    let before = f.registry.ledger(&f.realm).changes().unwrap();
    let moved = keys.edit(&me, id, &to_owner("bob")).unwrap();
    assert_eq!((moved.key.owner.as_str(), moved.key.revision, moved.changed), ("bob", made.key.revision + 1, true));
    assert!(!keys.edit(&me, id, &to_owner("bob")).unwrap().changed);
    // Edges are told of this key, and know its owner.
    let Since::Change { change, .. } = f.registry.ledger(&f.realm).since(before, None).unwrap() else { panic!("everything") };
    assert_eq!(change.put.iter().map(|record| record.owner.as_str()).collect::<Vec<_>>(), ["bob"]);
    // The log has both owners.
    let filter = AuditFilter { action: Some("key.edit".into()), ..AuditFilter::default() };
    let row = f.registry.audit(&f.realm).list(&filter, &Paging::default()).unwrap().rows.remove(0);
    let owners = [row.before, row.after].map(|key| {
        let key: serde_json::Value = serde_json::from_str(&key.unwrap()).unwrap();
        key["owner"].as_str().unwrap().to_owned()
    });
    assert_eq!(owners, ["alice", "bob"]);
    // The first owner is free to go, the second one is not.
    let tenants = f.registry.tenants(&f.realm);
    tenants.delete_owner(&me, &slug("one"), &slug("alice"), None).unwrap();
    assert_eq!(tenants.delete_owner(&me, &slug("one"), &slug("bob"), None).unwrap_err().code(), "in_use");
    // Nobody who is not there, nor of another org.
    for owner in ["carol", "alice"] {
        refused(keys.edit(&me, id, &to_owner(owner)), "not_found", "/owner", owner);
    }
    // The new owner's state is the key's from now on.
    assert_eq!(verdict(&mut edge(&f), &made.secret, None, None, 0), Code::Valid);
    add_owner(&f, "one", "dave", &[]);
    let off = OwnerEdit { disabled: Some(true), ..OwnerEdit::default() };
    tenants.edit_owner(&me, &slug("one"), &slug("dave"), &off).unwrap();
    let moved = keys.edit(&me, id, &to_owner("dave")).unwrap();
    assert_eq!(moved.warnings.iter().map(Warning::code).collect::<Vec<_>>(), ["owner_disabled"]);
    assert_eq!(verdict(&mut edge(&f), &made.secret, None, None, 0), Code::OwnerDisabled);
}

fn an_owner_with_other_roles_gives_the_key_those(f: Fixture) {
    let (me, keys) = (caller(), f.registry.keys(&f.realm));
    set(&f, json!({ "authority": "owner" }));
    add_owner(&f, "one", "writer", &["writer"]);
    let made = keys.make(&me, &NewKey { roles: Vec::new(), ..new_key("ci") }).unwrap();
    let asks = || verdict(&mut edge(&f), &made.secret, None, Some("zone.write"), 0);
    assert_eq!(asks(), Code::PermissionDenied);
    let moved = keys.edit(&me, made.key.key_id, &to_owner("writer")).unwrap();
    assert_eq!((moved.key.roles.as_slice(), moved.warnings.len(), asks()), (&[slug("writer")][..], 0, Code::Valid));
    let back = keys.edit(&me, made.key.key_id, &to_owner("alice")).unwrap();
    assert_eq!((back.warnings[0].code(), asks()), ("no_roles", Code::PermissionDenied));
    // What the key needed of the directory went with it.
    assert_eq!(f.rows("SELECT count(*) FROM directory_entries WHERE kind = 'role_sets'"), [["0"]]);
}

fn advice_can_be_followed(f: Fixture) {
    let (me, keys) = (caller(), f.registry.keys(&f.realm));
    let says = |changed: &[Warning], code: &str| {
        changed.iter().find(|warning| warning.code() == code).map(ToString::to_string).unwrap_or_default()
    };
    let both = NewKey { ip: ip(&["10.0.0.0/8"], &["10.1.0.0/16"]), ..new_key("both") };
    let said = says(&keys.make(&me, &both).unwrap().warnings, "deny_ignored");
    assert!(said.contains("set the order to `deny_first`"), "{said}");
    set(&f, json!({ "ip_orders": ["allow_first"] }));
    let said = says(&keys.make(&me, &both).unwrap().warnings, "deny_ignored");
    assert!(said.contains("take out of the allow list") && !said.contains("deny_first"), "{said}");
    // An order that the advice leaves out is one that is refused.
    let refuses = NewKey { ip: edgelatch_registry::NewIpRules { order: Some(Order::DenyFirst), ..both.ip.clone() }, ..both };
    refused(keys.make(&me, &refuses), "not_allowed", "/order", "allow_first");
    // Whose keys have their owner's roles, is told of the owner.
    set(&f, json!({ "authority": "owner" }));
    let said = says(&keys.make(&me, &NewKey { roles: Vec::new(), ..new_key("bare") }).unwrap().warnings, "no_roles");
    assert!(said.contains("`alice` has none") && said.ends_with("give the owner a role"), "{said}");
    // An expiry that cannot be edited is not advised.
    set(&f, json!({ "authority": "roles", "revocation": "reversible" }));
    let ends = keys.make(&me, &NewKey { expires_at: Some(NOW + 60), ..new_key("ends") }).unwrap().key.key_id;
    keys.revoke(&me, ends, None).unwrap();
    f.advance(61);
    let status = |status| KeyEdit { status: Some(status), ..KeyEdit::default() };
    let enabled = |Changed { warnings, .. }| says(&warnings, "expired");
    assert!(enabled(keys.edit(&me, ends, &status(StatusEdit::Enable)).unwrap()).ends_with("it is given a later one"));
    set(&f, json!({ "editable": ["status"] }));
    assert!(enabled(keys.enable(&me, ends, None).unwrap()).ends_with("make another key"));
    // Nor is a deletion where keys are not deleted.
    set(&f, json!({ "max_keys": 1 }));
    refused(keys.make(&me, &new_key("more")), "limit_reached", "/org", "delete unused ones");
    set(&f, json!({ "deletion": "none" }));
    refused(keys.make(&me, &new_key("more")), "limit_reached", "/org", "keys are not deleted here");
}

/// By preset, what of a key can be mended.
fn what_a_preset_lets_be_edited(f: Fixture) {
    let me = caller();
    for (preset, editable) in [
        (Preset::Default, "name owner description roles scope allow not_before expires_at metadata environment status"),
        (Preset::IpAware, "name owner roles allow environment"),
        (Preset::VergeOs, "name description allow not_before expires_at"),
        (Preset::VergeCloud, ""),
        (Preset::Valar, "name allow status"),
    ] {
        let realm = slug(&format!("realm-{preset}"));
        edgelatch_testkit::registry::fill(&f.registry, &realm, preset);
        let keys = f.registry.keys(&realm);
        let roles = if preset == Preset::IpAware { vec![slug("admin")] } else { Vec::new() };
        let roles = if preset == Preset::VergeCloud { vec![slug("admin")] } else { roles };
        let id = keys.make(&me, &NewKey { roles, ..new_key("k") }).unwrap().key.key_id;
        let mut list = KeyEdit::default();
        list.ip.allow = edgelatch_registry::ListEdit::Replace(ip(&["10.0.0.0/8"], &[]).allow);
        let none = KeyEdit::default;
        let edits = [
            KeyEdit { name: Some("other".parse().unwrap()), ..none() },
            to_owner("nobody"),
            KeyEdit { description: Some("x".parse().unwrap()), ..none() },
            KeyEdit { roles: Some(vec![slug("nobody")]), ..none() },
            KeyEdit { scope: Some(scope(&["cdn"])), ..none() },
            list,
            KeyEdit { not_before: Some(Some(NOW)), ..none() },
            KeyEdit { expires_at: Some(Some(NOW + 30 * 86_400)), ..none() },
            KeyEdit { metadata: Some(serde_json::from_value(json!({ "a": 1 })).unwrap()), ..none() },
            KeyEdit { environment: Some(None), ..none() },
            KeyEdit { status: Some(StatusEdit::Revoke), ..none() },
        ];
        let members = "name owner description roles scope allow not_before expires_at metadata environment status";
        let may = members.split(' ').zip(edits).filter(|(member, edit)| match keys.edit(&me, id, edit) {
            Err(Error::NotAllowed { field, .. }) if field == *member => false,
            // It may be edited; only not to a value that is not there.
            Err(Error::NotFound { .. }) | Ok(_) => true,
            Err(other) => panic!("{preset} {member}: {other}"),
        });
        let may: BTreeSet<&str> = may.map(|(member, _)| member).collect();
        assert_eq!(may, editable.split_whitespace().collect(), "{preset}");
    }
}
