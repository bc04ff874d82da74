//! Each preset's rules, and what happens to whoever breaks them. What reaches an edge is judged by the real core.

use edgelatch_core::policy::Order;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{
    CONFIRMED, Digest, Error, KeyEdit, KeyFilter, ListEdit, Name, NewIpRules, NewKey, NewOrg, OrgEdit, OwnerEdit, Preset,
    Rotate, Scope, Slug, State, StatusEdit,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::edge::{edge, verdict};
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, ip, new_key, slug};
use serde_json::json;

const DAY: u64 = 86_400;

fn bare(name: &str) -> NewKey {
    NewKey { roles: Vec::new(), ..new_key(name) }
}

fn with_roles(name: &str, roles: &[&str]) -> NewKey {
    NewKey { roles: roles.iter().map(|role| slug(role)).collect(), ..new_key(name) }
}

fn name(text: &str) -> KeyEdit {
    KeyEdit { name: Some(text.parse().unwrap()), ..KeyEdit::default() }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, code: &str, pointer: &str, words: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.code(), error.pointer().as_deref()), (code, Some(pointer)), "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

fn vergeos_keys_follow_their_owner(f: Fixture) {
    let f = f.with(Preset::VergeOs);
    let (me, realm, one, alice) = (caller(), f.realm.clone(), slug("one"), slug("alice"));
    let set = |edit: OwnerEdit| f.registry.tenants(&realm).edit_owner(&me, &one, &alice, &edit).unwrap();
    let roles = |roles: &[&str]| OwnerEdit { roles: Some(roles.iter().map(|r| slug(r)).collect()), ..OwnerEdit::default() };
    set(roles(&["tenant-admin"]));
    let created = f.registry.keys(&f.realm).make(&me, &bare("ci")).unwrap();
    assert_eq!((created.key.roles.as_slice(), &created.secret[..4]), (&[slug("tenant-admin")][..], "vos_"));
    let asks = |permission| verdict(&mut edge(&f), &created.secret, None, Some(permission), 0);
    assert_eq!((asks("vm.start"), asks("system.update")), (Code::Valid, Code::PermissionDenied));
    let revision = f.registry.keys(&f.realm).get(created.key.key_id).unwrap().revision;
    // A role taken from the user is gone from the key with the next publish; so is everything once the user is disabled.
    set(roles(&["read-only"]));
    assert_eq!((asks("vm.start"), asks("vm.view")), (Code::PermissionDenied, Code::Valid));
    set(roles(&["system-admin"]));
    assert_eq!(asks("system.update"), Code::Valid);
    set(OwnerEdit { disabled: Some(true), ..OwnerEdit::default() });
    assert_eq!(asks("vm.view"), Code::OwnerDisabled);
    // A key's own roles would outlive that.
    refused(f.registry.keys(&f.realm).make(&me, &with_roles("x", &["system-admin"])), "not_allowed", "/roles", "owner");
    // An edit of the key leaves the owner's roles the owner's.
    set(OwnerEdit { disabled: Some(false), ..OwnerEdit::default() });
    f.registry.keys(&f.realm).edit(&me, created.key.key_id, &name("renamed")).unwrap();
    set(roles(&[]));
    assert_eq!(asks("vm.view"), Code::PermissionDenied);
    assert_eq!(f.registry.keys(&f.realm).get(created.key.key_id).unwrap().revision, revision + 1);
}

fn vergeos_revoking_is_deleting(f: Fixture) {
    let f = f.with(Preset::VergeOs);
    let [one, two] = ["one", "two"].map(|n| f.registry.keys(&f.realm).make(&caller(), &bare(n)).unwrap());
    let revoked = f.registry.keys(&f.realm).revoke(&caller(), one.key.key_id, None).unwrap();
    assert!(revoked.deleted && revoked.changed);
    // Deleting is confirmed: by the key's name or a yes, and not by another key's name.
    for confirm in [None, Some("one"), Some("Yes"), Some("")] {
        refused(f.registry.keys(&f.realm).delete(&caller(), two.key.key_id, confirm, None), "unconfirmed", "/confirm", "`yes`");
    }
    f.registry.keys(&f.realm).delete(&caller(), two.key.key_id, Some(CONFIRMED), None).unwrap();
    let named = f.registry.keys(&f.realm).make(&caller(), &bare("named")).unwrap().key;
    f.registry.keys(&f.realm).delete(&caller(), named.key_id, Some("named"), None).unwrap();
    for key in [&one, &two] {
        assert_eq!(f.registry.keys(&f.realm).get(key.key.key_id).unwrap_err().code(), "not_found");
        assert_eq!(verdict(&mut edge(&f), &key.secret, None, None, 0), Code::Unknown);
    }
    let key = f.registry.keys(&f.realm).make(&caller(), &bare("three")).unwrap().key;
    let rotate = Rotate::default();
    refused(f.registry.keys(&f.realm).renew(&caller(), key.key_id, &rotate), "not_allowed", "/overlap", "make another key");
    let deny_first = NewKey { ip: NewIpRules { order: Some(Order::DenyFirst), ..ip(&[], &["::1"]) }, ..bare("four") };
    refused(f.registry.keys(&f.realm).make(&caller(), &deny_first), "not_allowed", "/order", "allow_first");
}

fn vergecloud_keys_never_change(f: Fixture) {
    let f = f.with(Preset::VergeCloud);
    let me = caller();
    let mut new = with_roles("deploy", &["dns-manager", "cache-purger"]);
    new.scope = Scope::List(vec!["dns".parse().unwrap()]);
    let created = f.registry.keys(&f.realm).make(&me, &new).unwrap();
    let mut latch = edge(&f);
    let mut asks = |service: Option<&str>, permission: &str| {
        let requirement = latch.compile(service, Some(permission));
        latch.verify_key(created.secret.as_bytes(), None, requirement, NOW).code
    };
    assert_eq!(asks(Some("dns"), "dns.record.update"), Code::Valid);
    assert_eq!(asks(Some("dns"), "waf.rule.update"), Code::PermissionDenied);
    assert_eq!(asks(Some("cdn"), "cache.purge"), Code::ScopeDenied);
    assert_eq!(asks(None, "dns.record.update"), Code::ScopeDenied);
    for edit in [
        name("other"),
        KeyEdit { roles: Some(vec![slug("admin")]), ..KeyEdit::default() },
        KeyEdit { scope: Some(Scope::All), ..KeyEdit::default() },
        KeyEdit { status: Some(StatusEdit::Revoke), ..KeyEdit::default() },
        KeyEdit { expires_at: Some(Some(NOW + 9)), ..KeyEdit::default() },
    ] {
        let error = f.registry.keys(&f.realm).edit(&me, created.key.key_id, &edit).unwrap_err();
        assert_eq!(error.code(), "not_allowed");
        assert!(error.to_string().contains("make another key"), "{error}");
    }
    refused(f.registry.keys(&f.realm).make(&me, &bare("none")), "not_allowed", "/roles", "at least 1");
    refused(f.registry.keys(&f.realm).make(&me, &with_roles("deploy", &["admin"])), "name_taken", "/name", "`deploy`");
    let restricted = NewKey { ip: ip(&["10.0.0.0/8"], &[]), ..with_roles("ip", &["admin"]) };
    refused(f.registry.keys(&f.realm).make(&me, &restricted), "not_allowed", "/allow", "no IP lists");
    let ending = NewKey { expires_at: Some(NOW + DAY), ..with_roles("ends", &["admin"]) };
    refused(f.registry.keys(&f.realm).make(&me, &ending), "not_allowed", "/expires_at", "choose never");
    // Revoked for good; its name is free again, and another org's names are its own.
    f.registry.keys(&f.realm).revoke(&me, created.key.key_id, None).unwrap();
    assert_eq!(f.registry.keys(&f.realm).enable(&me, created.key.key_id, None).unwrap_err().code(), "not_allowed");
    refused(
        f.registry.keys(&f.realm).delete(&me, created.key.key_id, Some("deploy"), None),
        "not_allowed",
        "/status",
        "revoke",
    );
    f.registry.keys(&f.realm).make(&me, &with_roles("deploy", &["admin"])).unwrap();
    f.registry.keys(&f.realm).make(&me, &NewKey { org: slug("two"), ..with_roles("deploy", &["admin"]) }).unwrap();
    assert!(!f.registry.realm(&f.realm).unwrap().credentials.bearer);
}

fn ipaware_keys_have_one_role_and_a_plan(f: Fixture) {
    let f = f.with(Preset::IpAware);
    let me = caller();
    for (roles, words) in [(&[][..], "exactly 1"), (&["admin", "read-only"][..], "exactly 1")] {
        refused(f.registry.keys(&f.realm).make(&me, &with_roles("x", roles)), "not_allowed", "/roles", words);
    }
    let keys: Vec<_> = (0..10)
        .map(|i| f.registry.keys(&f.realm).make(&me, &with_roles(&format!("k{i}"), &["developer"])).unwrap().key)
        .collect();
    let full = f.registry.keys(&f.realm).make(&me, &with_roles("one more", &["developer"]));
    refused(full, "limit_reached", "/org", "limit of 10 active keys");
    let digest = Digest::parse("sha256", &"ab".repeat(32)).unwrap();
    let import = f.registry.keys(&f.realm).import(&me, &with_roles("legacy", &["developer"]), &digest);
    refused(import, "limit_reached", "/org", "limit of 10 active keys");
    // A revoked key counts no more, and leaves the table; it is there for whoever asks for it.
    f.registry.keys(&f.realm).revoke(&me, keys[0].key_id, None).unwrap();
    f.registry.keys(&f.realm).make(&me, &with_roles("one more", &["developer"])).unwrap();
    let listed = |state| f.registry.keys(&f.realm).all(&KeyFilter { state, ..KeyFilter::default() }).unwrap();
    assert!(!listed(None).iter().any(|key| key.key_id == keys[0].key_id));
    assert_eq!(listed(Some(State::Revoked)).len(), 1);
    // Reminders: production keys every 90 days.
    assert_eq!((keys[1].environment.as_ref(), keys[1].due_at), (Some(&slug("production")), Some(NOW + 90 * DAY)));
    let dev = NewKey { environment: Some(slug("development")), org: slug("two"), ..with_roles("dev", &["developer"]) };
    assert_eq!(f.registry.keys(&f.realm).make(&me, &dev).unwrap().key.due_at, Some(NOW + 180 * DAY));
    let nowhere = NewKey { environment: Some(slug("moon")), org: slug("two"), ..with_roles("dev", &["developer"]) };
    refused(f.registry.keys(&f.realm).make(&me, &nowhere), "not_allowed", "/environment", "production, staging, development");
    let edit = KeyEdit { roles: Some(vec![slug("read-only")]), ..name("renamed") };
    let edited = f.registry.keys(&f.realm).edit(&me, keys[1].key_id, &edit).unwrap().key;
    assert_eq!((edited.roles.as_slice(), edited.name.as_str()), (&[slug("read-only")][..], "renamed"));
    // A whitelist can be set up later, and taken away; an environment be another one of those that there are.
    let mut later = KeyEdit { environment: Some(Some(slug("staging"))), ..KeyEdit::default() };
    later.ip.allow = ListEdit::Replace(ip(&["10.0.0.0/8"], &[]).allow);
    let edited = f.registry.keys(&f.realm).edit(&me, keys[1].key_id, &later).unwrap().key;
    assert_eq!((edited.ip.allow().len(), edited.due_at), (1, Some(NOW + 180 * DAY)));
    let moon = KeyEdit { environment: Some(Some(slug("moon"))), ..KeyEdit::default() };
    refused(f.registry.keys(&f.realm).edit(&me, keys[1].key_id, &moon), "not_allowed", "/environment", "production, staging");
    later.ip.allow = ListEdit::Replace(Vec::new());
    let opened = f.registry.keys(&f.realm).edit(&me, keys[1].key_id, &later).unwrap();
    assert_eq!((opened.key.ip.policy(), opened.warnings[0].code()), (None, "opens_to_all"));
    let described = KeyEdit { description: Some("x".parse().unwrap()), ..KeyEdit::default() };
    refused(
        f.registry.keys(&f.realm).edit(&me, keys[1].key_id, &described),
        "not_allowed",
        "/description",
        "name, owner, roles",
    );
}

fn valar_keys_are_the_orgs(f: Fixture) {
    let f = f.with(Preset::Valar);
    let me = caller();
    let new = NewKey { expires_at: Some(NOW + 7 * DAY), ip: ip(&["10.0.0.0/24"], &[]), ..bare("Production API") };
    let created = f.registry.keys(&f.realm).make(&me, &new).unwrap();
    assert!(created.secret.starts_with("vsp_sk_") && created.warnings.is_empty());
    assert_eq!(created.key.days_left, Some(7));
    let asks = |ip| verdict(&mut edge(&f), &created.secret, Some(ip), Some("anything.at.all"), 0);
    assert_eq!((asks("10.0.0.1"), asks("10.0.1.1")), (Code::Valid, Code::IpDenied));
    // Status is a field; revoked and back.
    let id = created.key.key_id;
    let status = |status| KeyEdit { status: Some(status), ..KeyEdit::default() };
    let revoked = f.registry.keys(&f.realm).edit(&me, id, &status(StatusEdit::Revoke)).unwrap();
    assert_eq!((revoked.key.state, asks("10.0.0.1")), (State::Revoked, Code::Revoked));
    let back = f.registry.keys(&f.realm).edit(&me, id, &status(StatusEdit::Enable)).unwrap();
    assert_eq!((back.key.state, asks("10.0.0.1")), (State::Active, Code::Valid));
    let forever = KeyEdit { expires_at: Some(None), ..KeyEdit::default() };
    refused(f.registry.keys(&f.realm).edit(&me, id, &forever), "not_allowed", "/expires_at", "name, status, ip");
    let odd = NewKey { expires_at: Some(NOW + 5 * DAY), ..bare("odd") };
    refused(f.registry.keys(&f.realm).make(&me, &odd), "not_allowed", "/expires_at", "1d, 1w, 1mo, 3mo, 1y, never");
    let denying = NewKey { ip: ip(&[], &["10.0.0.0/8"]), ..bare("deny") };
    refused(f.registry.keys(&f.realm).make(&me, &denying), "not_allowed", "/deny", "allow list only");
    let entries: Vec<String> = (0..51).map(|i| format!("10.0.0.{i}")).collect();
    let texts: Vec<&str> = entries.iter().map(String::as_str).collect();
    f.registry.keys(&f.realm).make(&me, &NewKey { ip: ip(&texts[..50], &[]), ..bare("fifty") }).unwrap();
    let over = NewKey { ip: ip(&texts, &[]), ..bare("fifty-one") };
    refused(f.registry.keys(&f.realm).make(&me, &over), "limit_reached", "/allow", "limit of 50");
    // Twenty keys, revoked ones too.
    let left = 20 - f.registry.keys(&f.realm).count(&KeyFilter { org: Some(slug("one")), ..KeyFilter::default() }).unwrap();
    let more: Vec<_> = (0..left).map(|i| f.registry.keys(&f.realm).make(&me, &bare(&format!("n{i}"))).unwrap().key).collect();
    f.registry.keys(&f.realm).revoke(&me, more[0].key_id, None).unwrap();
    refused(f.registry.keys(&f.realm).make(&me, &bare("21")), "limit_reached", "/org", "limit of 20 keys");
    refused(f.registry.keys(&f.realm).delete(&me, more[0].key_id, None, None), "unconfirmed", "/confirm", "typed exactly");
    for confirm in ["N0", CONFIRMED] {
        refused(f.registry.keys(&f.realm).delete(&me, more[0].key_id, Some(confirm), None), "unconfirmed", "/confirm", "typed");
    }
    f.registry.keys(&f.realm).delete(&me, more[0].key_id, Some("n0"), None).unwrap();
    f.registry.keys(&f.realm).make(&me, &bare("21")).unwrap();
}

fn settings_are_the_orgs_own(f: Fixture) {
    let f = f.with(Preset::Valar);
    let me = caller();
    let edit = |settings| OrgEdit { settings: Some(settings), ..OrgEdit::default() };
    let set = |org: &str, settings| f.registry.tenants(&f.realm).edit_org(&me, &slug(org), &edit(settings));
    let changes = f.registry.ledger(&f.realm).changes().unwrap();
    assert_eq!(set("one", json!({ "max_keys": 1 })).unwrap().revision, 2);
    assert_eq!(f.registry.ledger(&f.realm).changes().unwrap(), changes);
    f.registry.keys(&f.realm).make(&me, &bare("a")).unwrap();
    refused(f.registry.keys(&f.realm).make(&me, &bare("b")), "limit_reached", "/org", "limit of 1 keys");
    f.registry.keys(&f.realm).make(&me, &NewKey { org: slug("two"), ..bare("b") }).unwrap();
    // Edges look where any org's keys are presented.
    set("two", json!({ "credentials": ["x-api-key"] })).unwrap();
    let headers = f.registry.realm(&f.realm).unwrap().credentials;
    assert!(headers.bearer && headers.x_api_key && f.registry.ledger(&f.realm).changes().unwrap() > changes);
    refused(set("one", json!({ "max_ip_entries": "many" })), "invalid", "/settings/max_ip_entries", "does not fit");
    // Another preset for one org brings that preset's roles to it alone.
    let cloud = NewOrg { org: slug("cloud"), name: "Cloud".parse().unwrap(), preset: Some(Preset::VergeCloud) };
    f.registry.tenants(&f.realm).create_org(&me, &cloud).unwrap();
    let theirs = f.registry.tenants(&f.realm).roles().unwrap();
    assert_eq!(theirs.iter().filter(|r| r.org == Some(slug("cloud")) && r.predefined).count(), 8);
    // Names become unique only if they are.
    set("one", json!({ "max_keys": null })).unwrap();
    f.registry.keys(&f.realm).make(&me, &bare("a")).unwrap();
    refused(set("one", json!({ "unique_names": true })), "invalid", "/settings/unique_names", "share a name");
    assert!(!f.registry.tenants(&f.realm).org(&slug("one")).unwrap().settings.unique_names);
    set("two", json!({ "unique_names": true })).unwrap();
    let again = NewKey { org: slug("two"), ..bare("b") };
    refused(f.registry.keys(&f.realm).make(&me, &again), "name_taken", "/name", "`b`");
    // Names that look alike are one: other case, Cyrillic letters, composed or not, wide or not.
    let named = |name: &str| NewKey { org: slug("two"), ..bare(name) };
    let first = f.registry.keys(&f.realm).make(&me, &named("scope caf\u{e9}")).unwrap();
    for name in ["Scope Caf\u{e9}", "scope cafe\u{301}", "ѕсоре caf\u{e9}", "ｓcope caf\u{e9}"] {
        refused(f.registry.keys(&f.realm).make(&me, &named(name)), "name_taken", "/name", "looks like it");
    }
    // So are capitals that look alike, though their small letters do not.
    f.registry.keys(&f.realm).make(&me, &named("BACKUP I")).unwrap();
    for name in ["ВACKUP I", "BACКUP I", "BACKUP l", "BACKUP 1"] {
        refused(f.registry.keys(&f.realm).make(&me, &named(name)), "name_taken", "/name", "looks like it");
    }
    let other = f.registry.keys(&f.realm).make(&me, &named("another")).unwrap();
    let renamed = KeyEdit { name: Some("SCOPE caf\u{e9}".parse().unwrap()), ..KeyEdit::default() };
    refused(f.registry.keys(&f.realm).edit(&me, other.key.key_id, &renamed), "name_taken", "/name", "looks like it");
    // Its own name in another case is nobody else's, and a name that is free again can be taken.
    f.registry.keys(&f.realm).edit(&me, first.key.key_id, &renamed).unwrap();
    f.registry.keys(&f.realm).revoke(&me, first.key.key_id, None).unwrap();
    f.registry.keys(&f.realm).make(&me, &named("scope cafe\u{301}")).unwrap();
    set("two", json!({ "unique_names": false })).unwrap();
    f.registry.keys(&f.realm).make(&me, &again).unwrap();
    let stale = OrgEdit { if_revision: Some(1), ..edit(json!({ "max_keys": 5 })) };
    assert_eq!(f.registry.tenants(&f.realm).edit_org(&me, &slug("one"), &stale).unwrap_err().code(), "stale");
    let name: Name = "Uno".parse().unwrap();
    let named = OrgEdit { name: Some(name.clone()), ..OrgEdit::default() };
    assert_eq!(f.registry.tenants(&f.realm).edit_org(&me, &slug("one"), &named).unwrap().name, name);
}

fn a_caller_of_one_org_sees_no_other(f: Fixture) {
    let f = f.with(Preset::Default);
    let two: Slug = slug("two");
    let me = caller().within(two.clone());
    let theirs = f.registry.keys(&f.realm).make(&caller(), &new_key("theirs")).unwrap().key;
    let id = theirs.key_id;
    let codes = [
        f.registry.keys(&f.realm).make(&me, &new_key("x")).unwrap_err().code(),
        f.registry.keys(&f.realm).edit(&me, id, &name("x")).unwrap_err().code(),
        f.registry.keys(&f.realm).revoke(&me, id, None).unwrap_err().code(),
        f.registry.keys(&f.realm).enable(&me, id, None).unwrap_err().code(),
        f.registry.keys(&f.realm).delete(&me, id, Some("theirs"), None).unwrap_err().code(),
        f.registry.keys(&f.realm).renew(&me, id, &Rotate::default()).unwrap_err().code(),
        f.registry.tenants(&f.realm).edit_owner(&me, &slug("one"), &slug("alice"), &OwnerEdit::default()).unwrap_err().code(),
    ];
    assert_eq!(codes, ["not_found"; 7]);
    let org = OrgEdit { settings: Some(json!({ "max_keys": 999 })), ..OrgEdit::default() };
    assert_eq!(f.registry.tenants(&f.realm).edit_org(&me, &two, &org).unwrap_err().code(), "forbidden");
    assert_eq!(
        f.registry.tenants(&f.realm).create_org(&me, &edgelatch_testkit::registry::new_org("three")).unwrap_err().code(),
        "forbidden"
    );
    // A bulk revocation without an org means theirs.
    f.registry.keys(&f.realm).make(&me, &NewKey { org: two, ..new_key("mine") }).unwrap();
    assert_eq!(f.registry.keys(&f.realm).revoke_all(&me, &KeyFilter::default(), None, &mut |_| {}).unwrap().matched, 1);
    let other = KeyFilter { org: Some(slug("one")), ..KeyFilter::default() };
    assert_eq!(f.registry.keys(&f.realm).revoke_all(&me, &other, Some(1), &mut |_| {}).unwrap_err().code(), "not_found");
    assert_eq!(f.registry.keys(&f.realm).get(id).unwrap(), theirs);
}

fn an_emptied_list_is_no_list_where_the_system_says_so(f: Fixture) {
    let f = f.with(Preset::VergeCloud);
    for (preset, code, warning) in
        [(Preset::Valar, Code::Valid, "opens_to_all"), (Preset::Default, Code::IpDenied, "refuses_everyone")]
    {
        let org = Slug::parse("org", &preset.to_string()).unwrap();
        let f = &f;
        let new = NewOrg { org: org.clone(), name: Name::parse("name", "x").unwrap(), preset: Some(preset) };
        f.registry.tenants(&f.realm).create_org(&caller(), &new).unwrap();
        let owner = edgelatch_registry::NewOwner {
            org: org.clone(),
            owner: slug("alice"),
            kind: edgelatch_registry::OwnerKind::User,
            name: Name::parse("name", "Alice").unwrap(),
            roles: Vec::new(),
        };
        f.registry.tenants(&f.realm).create_owner(&caller(), &owner).unwrap();
        let new = NewKey { org, ip: ip(&["10.0.0.0/8"], &[]), ..bare("ci") };
        let created = f.registry.keys(&f.realm).make(&caller(), &new).unwrap();
        let asks = || verdict(&mut edge(f), &created.secret, Some("192.0.2.1"), None, 0);
        assert_eq!(asks(), Code::IpDenied);
        let mut edit = KeyEdit::default();
        // Switched off, an entry is still there, and the list a list.
        edit.ip.allow = ListEdit::Change { add: vec![], remove: vec![], switch: vec![(new.ip.allow[0].cidr, false)] };
        f.registry.keys(&f.realm).edit(&caller(), created.key.key_id, &edit).unwrap();
        assert_eq!(asks(), Code::IpDenied);
        edit.ip.allow = ListEdit::Replace(vec![]);
        let changed = f.registry.keys(&f.realm).edit(&caller(), created.key.key_id, &edit).unwrap();
        assert_eq!((asks(), changed.warnings[0].code()), (code, warning), "{preset}");
    }
}

on_both_stores!(
    start: edgelatch_testkit::registry::Fixture::empty;
    an_emptied_list_is_no_list_where_the_system_says_so,
    vergeos_keys_follow_their_owner,
    vergeos_revoking_is_deleting,
    vergecloud_keys_never_change,
    ipaware_keys_have_one_role_and_a_plan,
    valar_keys_are_the_orgs,
    settings_are_the_orgs_own,
    a_caller_of_one_org_sees_no_other,
);
