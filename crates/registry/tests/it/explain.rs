//! Explanations agree with what a real edge says to the same key.

use edgelatch_core::ip::Ip;
use edgelatch_registry::{KeyFilter, NewKey, OwnerEdit, Paging, Question, Rotate, Scope};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::edge::edge;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, ip, new_key, slug};

fn address(text: &str) -> Ip {
    Ip::parse(text.as_bytes()).unwrap()
}

fn a_key_gets_what_it_is_said_to_get(f: Fixture) {
    let services = vec!["cdn".parse().unwrap()];
    let mut keys = Vec::new();
    for new in [
        new_key("plain"),
        NewKey { scope: Scope::List(services), ..new_key("scoped") },
        NewKey { ip: ip(&["10.0.0.0/8"], &[]), ..new_key("listed") },
        NewKey { expires_at: Some(NOW + 50), ..new_key("ending") },
        NewKey { not_before: Some(NOW + 50), ..new_key("beginning") },
        NewKey { org: slug("two"), ..new_key("disabled") },
    ] {
        keys.push(f.registry.keys(&f.realm).make(&caller(), &new).unwrap());
    }
    f.registry.keys(&f.realm).revoke(&caller(), keys[0].key.key_id, None).unwrap();
    keys.push(f.registry.keys(&f.realm).make(&caller(), &new_key("rotated")).unwrap());
    let rotate = Rotate { overlap: 10, ..Rotate::default() };
    let last = keys.last().unwrap().key.key_id;
    keys.push(f.registry.keys(&f.realm).renew(&caller(), last, &rotate).unwrap());
    keys.remove(keys.len() - 2);
    let off = OwnerEdit { disabled: Some(true), ..OwnerEdit::default() };
    f.registry.tenants(&f.realm).edit_owner(&caller(), &slug("two"), &slug("alice"), &off).unwrap();
    let mut latch = edge(&f);
    let mut verdicts = std::collections::BTreeSet::new();
    for created in &keys {
        for (service, permission, ip, at) in [
            (None, None, None, NOW),
            (Some("cdn"), Some("dns.view"), Some("10.1.1.1"), NOW),
            (Some("dns"), Some("dns.view"), Some("10.1.1.1"), NOW),
            (None, Some("dns.update"), Some("10.1.1.1"), NOW),
            (None, Some("dns.view"), Some("11.1.1.1"), NOW + 60),
            (Some("not a service"), None, Some("10.1.1.1"), NOW),
        ] {
            let question = Question {
                service: service.map(Into::into),
                permission: permission.map(Into::into),
                ip: ip.map(address),
                at: Some(at),
            };
            let told = f.registry.keys(&f.realm).explain(created.key.key_id, &question).unwrap();
            let requirement = latch.compile(service, permission);
            let seen = latch.verify_key(created.secret.as_bytes(), ip.map(str::as_bytes), requirement, at);
            assert_eq!((told.code, told.status), (seen.code.name(), seen.reply().status), "{} {question:?}", created.key.name);
            // The first that did not pass decides, and it is the last.
            let failed = told.steps.iter().position(|step| !step.passed);
            assert_eq!(failed.map(|at| at + 1), (told.status != 0).then_some(told.steps.len()), "{told:?}");
            assert_eq!(told.steps[0].name, "status");
            verdicts.insert(told.code);
        }
    }
    assert_eq!(verdicts.len(), 10, "{verdicts:?}");
    let unknown = f.registry.keys(&f.realm).explain(edgelatch_core::key::KeyId(1), &Question::default()).unwrap_err();
    assert_eq!(unknown.code(), "not_found");
}

fn an_address_finds_the_keys_it_may_use(f: Fixture) {
    for (name, allow, deny) in [
        ("any", &[][..], &[][..]),
        ("office", &["192.0.2.0/24"][..], &[][..]),
        ("elsewhere", &["198.51.100.0/24"][..], &[][..]),
        ("not here", &[][..], &["192.0.2.7"][..]),
        ("allow wins", &["192.0.2.7"][..], &["192.0.2.0/24"][..]),
    ] {
        f.registry.keys(&f.realm).make(&caller(), &NewKey { ip: ip(allow, deny), ..new_key(name) }).unwrap();
    }
    let gone = NewKey { ip: ip(&["192.0.2.7"], &[]), expires_at: Some(NOW + 5), ..new_key("gone") };
    f.registry.keys(&f.realm).make(&caller(), &gone).unwrap();
    f.advance(5);
    let asks = |ip: &str, listed| -> Vec<String> {
        let page =
            f.registry.keys(&f.realm).usable_from(address(ip), &KeyFilter::default(), listed, &Paging::default()).unwrap();
        page.keys.iter().map(|usable| usable.key.name.to_string()).collect()
    };
    assert_eq!(asks("192.0.2.7", false), ["allow wins", "office", "any"]);
    assert_eq!(asks("192.0.2.7", true), ["allow wins", "office"]);
    assert_eq!(asks("::ffff:192.0.2.7", true), ["allow wins", "office"]);
    assert_eq!(asks("203.0.113.1", false), ["not here", "any"]);
    // Page by page.
    let mut paging = Paging::first(1);
    let mut names = Vec::new();
    loop {
        let keys = f.registry.keys(&f.realm);
        let page = keys.usable_from(address("192.0.2.7"), &KeyFilter::default(), false, &paging).unwrap();
        names.extend(page.keys.into_iter().map(|usable| usable.key.name.to_string()));
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, ["allow wins", "office", "any"]);
    let off = OwnerEdit { disabled: Some(true), ..OwnerEdit::default() };
    f.registry.tenants(&f.realm).edit_owner(&caller(), &slug("one"), &slug("alice"), &off).unwrap();
    assert!(asks("192.0.2.7", false).is_empty());
}

on_both_stores!(a_key_gets_what_it_is_said_to_get, an_address_finds_the_keys_it_may_use);
