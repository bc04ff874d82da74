//! Keys from creation to revocation.

use edgelatch_core::key::{KeyId, KeyText};
use edgelatch_registry::{Digest, Env, Filter, IpEdit, IpEntry, KeyEdit, ListEdit, Origin, Scope, State, Warning};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, NOW, caller, ip, new_key, slug};

fn a_secret_is_in_its_creation_and_nowhere_else(f: Fixture) {
    let created = f.registry.create_key(&caller(), &f.realm, &new_key("ci")).unwrap();
    let secret = created.secret.as_str();
    assert!(KeyText::parse(secret.as_bytes()).is_ok() && secret.starts_with("ek_"));
    let key = f.registry.key(&f.realm, created.key.key_id).unwrap();
    assert_eq!(key, created.key);
    assert_eq!(key.first_12.as_deref(), Some(&secret[..12]));
    assert!(!format!("{created:?}").contains(secret));
    assert!(!serde_json::to_string(&key).unwrap().contains(secret));
    // Neither in the database nor in its side files.
    let bytes = f.stored();
    assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()));
    assert!(!bytes.windows(30).any(|w| w == &secret.as_bytes()[3..33]));
    assert!(bytes.windows(12).any(|w| w == &secret.as_bytes()[..12]));
}

fn survives_reopening(f: Fixture) {
    let mut new = new_key("ci");
    new.ip = ip(&["10.0.0.0/8", "2001:db8::/32"], &["10.1.0.0/16"]);
    new.scope = Scope::List(vec!["cdn".parse().unwrap(), "dns".parse().unwrap()]);
    new.metadata = edgelatch_registry::Metadata::parse(r#"{"team":"web"}"#).unwrap();
    new.expires_at = Some(NOW + 60);
    let created = f.registry.create_key(&caller(), &f.realm, &new).unwrap();
    assert_eq!(created.warnings, [Warning::DenyIgnored { entries: 1 }]);
    let again = f.open();
    let key = again.key(&f.realm, created.key.key_id).unwrap();
    assert_eq!(key, created.key);
    assert_eq!((key.scope, key.ip), (new.scope, new.ip));
    f.advance(60);
    assert_eq!(again.key(&f.realm, created.key.key_id).unwrap().state, State::Expired);
}

fn an_edit_changes_what_it_names(f: Fixture) {
    let mut new = new_key("ci");
    new.ip = ip(&["10.0.0.0/8"], &[]);
    let before = f.registry.create_key(&caller(), &f.realm, &new).unwrap().key;
    let changes = f.registry.changes(&f.realm).unwrap();
    f.advance(5);
    let add = ListEdit::Change { add: vec![IpEntry::parse("allow", "::1").unwrap()], remove: vec![], switch: vec![] };
    let edit = KeyEdit {
        name: Some("deploy".parse().unwrap()),
        ip: IpEdit { allow: add, ..IpEdit::default() },
        roles: Some(vec![slug("writer"), slug("reader"), slug("writer")]),
        expires_at: Some(Some(NOW + 100)),
        ..KeyEdit::default()
    };
    let after = f.registry.edit_key(&caller(), &f.realm, before.key_id, &edit).unwrap();
    assert!(after.changed);
    let key = after.key;
    assert_eq!((key.name.as_str(), key.revision, key.updated_at), ("deploy", 2, NOW + 5));
    assert_eq!(key.roles, [slug("reader"), slug("writer")]);
    assert_eq!(key.ip.allow().len(), 2);
    assert_eq!((key.description, key.created_at, key.first_12), (before.description, before.created_at, before.first_12));
    assert_eq!(f.registry.changes(&f.realm).unwrap(), changes + 1);
    let again = f.registry.edit_key(&caller(), &f.realm, before.key_id, &KeyEdit::default()).unwrap();
    assert!(!again.changed && again.key.revision == 2 && f.registry.changes(&f.realm).unwrap() == changes + 1);
}

fn a_refused_edit_changes_nothing(f: Fixture) {
    let key = f.registry.create_key(&caller(), &f.realm, &new_key("ci")).unwrap().key;
    let changes = f.registry.changes(&f.realm).unwrap();
    let past = KeyEdit { expires_at: Some(Some(NOW)), ..KeyEdit::default() };
    let unknown_role = KeyEdit { name: Some("x".parse().unwrap()), roles: Some(vec![slug("nobody")]), ..KeyEdit::default() };
    let crossed = KeyEdit { not_before: Some(Some(NOW + 9)), expires_at: Some(Some(NOW + 9)), ..KeyEdit::default() };
    let empty = KeyEdit { scope: Some(Scope::List(vec![])), ..KeyEdit::default() };
    for (edit, code) in [(past, "invalid"), (unknown_role, "not_found"), (crossed, "invalid"), (empty, "invalid")] {
        assert_eq!(f.registry.edit_key(&caller(), &f.realm, key.key_id, &edit).unwrap_err().code(), code);
    }
    assert_eq!(f.registry.key(&f.realm, key.key_id).unwrap(), key);
    assert_eq!(f.registry.changes(&f.realm).unwrap(), changes);
}

fn revocation_is_final_and_repeatable(f: Fixture) {
    let key = f.registry.create_key(&caller(), &f.realm, &new_key("ci")).unwrap().key;
    f.advance(7);
    let first = f.registry.revoke_key(&caller(), &f.realm, key.key_id, None).unwrap();
    assert!(first.changed && first.key.state == State::Revoked && first.key.revoked_at == Some(NOW + 7));
    f.advance(7);
    let second = f.registry.revoke_key(&caller(), &f.realm, key.key_id, None).unwrap();
    assert!(!second.changed && second.key == first.key);
    let unknown = f.registry.revoke_key(&caller(), &f.realm, KeyId(1), None).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no key `key_00000000001`: list them with `edgelatch keys list`");
}

fn an_import_is_unique_and_marks_the_realm(f: Fixture) {
    assert!(!f.registry.realm(&f.realm).unwrap().imports);
    let digest = Digest::parse("sha256", &"ab".repeat(32)).unwrap();
    let key = f.registry.import_key(&caller(), &f.realm, &new_key("legacy"), &digest).unwrap().key;
    assert_eq!((key.origin, key.first_12), (Origin::Imported, None));
    assert!(f.registry.realm(&f.realm).unwrap().imports);
    // The same, and one that a snapshot could not tell from it.
    let alike = format!("{}{}", "ab".repeat(16), "00".repeat(16));
    for text in ["ab".repeat(32), alike] {
        let digest = Digest::parse("sha256", &text).unwrap();
        let error = f.registry.import_key(&caller(), &f.realm, &new_key("again"), &digest).unwrap_err();
        assert_eq!(error.code(), "digest_taken");
        assert!(!error.to_string().contains("abab"));
    }
    assert_eq!(f.registry.keys(&f.realm, &Filter::default()).unwrap().keys.len(), 1);
}

fn references_must_exist(f: Fixture) {
    let [mut org, mut owner, mut role] = [(); 3].map(|()| new_key("ci"));
    (org.org, owner.owner, role.roles) = (slug("nobody"), slug("nobody"), vec![slug("nobody")]);
    for (new, kind) in [(org, "org"), (owner, "owner"), (role, "role")] {
        let error = f.registry.create_key(&caller(), &f.realm, &new).unwrap_err().to_string();
        assert!(error.starts_with(&format!("there is no {kind} `nobody`: ")), "{error}");
    }
    assert!(f.registry.create_key(&caller(), &slug("elsewhere"), &new_key("ci")).is_err());
    assert!(f.registry.keys(&f.realm, &Filter::default()).unwrap().keys.is_empty());
}

fn lists_page_filter_and_search(f: Fixture) {
    let mut ids = Vec::new();
    for i in 0..25 {
        let mut new = new_key(&format!("key {i:02}"));
        if i % 5 == 0 {
            (new.org, new.expires_at) = (slug("two"), Some(NOW + 50));
        }
        ids.push(f.registry.create_key(&caller(), &f.realm, &new).unwrap().key.key_id);
    }
    f.registry.revoke_key(&caller(), &f.realm, ids[3], None).unwrap();
    let mut filter = Filter { limit: 10, ..Filter::default() };
    let mut seen = Vec::new();
    loop {
        let page = f.registry.keys(&f.realm, &filter).unwrap();
        seen.extend(page.keys.iter().map(|k| k.key_id));
        // A key made while paging neither repeats nor hides another.
        f.registry.create_key(&caller(), &f.realm, &new_key("late")).unwrap();
        filter.cursor = page.next;
        if filter.cursor.is_none() {
            break;
        }
    }
    ids.reverse();
    assert_eq!(seen, ids);
    let count = |filter: Filter| f.registry.keys(&f.realm, &Filter { limit: 100, ..filter }).unwrap().keys.len();
    assert_eq!(count(Filter { search: Some("KEY 1".into()), ..Filter::default() }), 10);
    assert_eq!(count(Filter { search: Some("%".into()), ..Filter::default() }), 0);
    assert_eq!(count(Filter { search: Some("_".into()), state: Some(State::Revoked), ..Filter::default() }), 1);
    assert_eq!(count(Filter { org: Some(slug("two")), ..Filter::default() }), 5);
    assert_eq!(count(Filter { owner: Some(slug("alice")), state: Some(State::Revoked), ..Filter::default() }), 1);
    assert_eq!(count(Filter { state: Some(State::Expired), ..Filter::default() }), 0);
    f.advance(50);
    assert_eq!(count(Filter { state: Some(State::Expired), ..Filter::default() }), 5);
    let bad = [Filter { cursor: Some("x".into()), ..Filter::default() }, Filter { limit: 501, ..Filter::default() }];
    assert!(bad.iter().all(|filter| f.registry.keys(&f.realm, filter).is_err()));
}

fn a_key_may_begin_later(f: Fixture) {
    let mut new = new_key("later");
    new.not_before = Some(NOW + 10);
    let key = f.registry.create_key(&caller(), &f.realm, &new).unwrap().key;
    assert_eq!(key.state, State::Pending);
    let page = f.registry.keys(&f.realm, &Filter { state: Some(State::Pending), ..Filter::default() }).unwrap();
    assert_eq!(page.keys.len(), 1);
    f.advance(10);
    assert_eq!(f.registry.key(&f.realm, key.key_id).unwrap().state, State::Active);
}

fn neither_a_dead_clock_nor_missing_randomness_makes_a_key(f: Fixture) {
    let dumb = f.open_with(Env::new(|| NOW, |_| false));
    assert_eq!(dumb.create_key(&caller(), &f.realm, &new_key("ci")).unwrap_err().code(), "no_randomness");
    let early = f.open_with(Env::new(|| 0, |_| true));
    assert_eq!(early.create_key(&caller(), &f.realm, &new_key("ci")).unwrap_err().code(), "clock");
    assert!(f.registry.keys(&f.realm, &Filter::default()).unwrap().keys.is_empty());
}

on_both_stores!(
    a_secret_is_in_its_creation_and_nowhere_else,
    survives_reopening,
    an_edit_changes_what_it_names,
    a_refused_edit_changes_nothing,
    revocation_is_final_and_repeatable,
    an_import_is_unique_and_marks_the_realm,
    references_must_exist,
    lists_page_filter_and_search,
    a_key_may_begin_later,
    neither_a_dead_clock_nor_missing_randomness_makes_a_key,
);
