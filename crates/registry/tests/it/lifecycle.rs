//! Keys from creation to revocation.

use edgelatch_core::key::{KeyId, KeyText};
use edgelatch_registry::{
    Digest, Env, FromText, IpEdit, KeyEdit, KeyFilter, KeyOrder, ListEdit, Origin, Paging, Scope, State, Warning,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, ip, new_key, slug};

fn a_secret_is_in_its_creation_and_nowhere_else(f: Fixture) {
    let created = f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap();
    let secret = created.secret.as_str();
    assert!(KeyText::parse(secret.as_bytes()).is_ok() && secret.starts_with("ek_"));
    let key = f.registry.keys(&f.realm).get(created.key.key_id).unwrap();
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
    let created = f.registry.keys(&f.realm).make(&caller(), &new).unwrap();
    assert_eq!(created.warnings.iter().map(Warning::code).collect::<Vec<_>>(), ["deny_ignored", "unknown_service"]);
    let again = f.open();
    let key = again.keys(&f.realm).get(created.key.key_id).unwrap();
    assert_eq!(key, created.key);
    assert_eq!((key.scope, key.ip.allow(), key.ip.deny()), (new.scope, &new.ip.allow[..], &new.ip.deny[..]));
    f.advance(60);
    assert_eq!(again.keys(&f.realm).get(created.key.key_id).unwrap().state, State::Expired);
}

fn an_edit_changes_what_it_names(f: Fixture) {
    let mut new = new_key("ci");
    new.ip = ip(&["10.0.0.0/8"], &[]);
    let before = f.registry.keys(&f.realm).make(&caller(), &new).unwrap().key;
    let changes = f.registry.ledger(&f.realm).changes().unwrap();
    f.advance(5);
    let add = ListEdit::Change { add: vec![FromText::parse("allow", "::1").unwrap()], remove: vec![], switch: vec![] };
    let edit = KeyEdit {
        name: Some("deploy".parse().unwrap()),
        ip: IpEdit { allow: add, ..IpEdit::default() },
        roles: Some(vec![slug("writer"), slug("reader"), slug("writer")]),
        expires_at: Some(Some(NOW + 100)),
        ..KeyEdit::default()
    };
    let after = f.registry.keys(&f.realm).edit(&caller(), before.key_id, &edit).unwrap();
    assert!(after.changed);
    let key = after.key;
    assert_eq!((key.name.as_str(), key.revision, key.updated_at), ("deploy", 2, NOW + 5));
    assert_eq!(key.roles, [slug("reader"), slug("writer")]);
    assert_eq!(key.ip.allow().len(), 2);
    assert_eq!((key.description, key.created_at, key.first_12), (before.description, before.created_at, before.first_12));
    assert_eq!(f.registry.ledger(&f.realm).changes().unwrap(), changes + 1);
    let again = f.registry.keys(&f.realm).edit(&caller(), before.key_id, &KeyEdit::default()).unwrap();
    assert!(!again.changed && again.key.revision == 2 && f.registry.ledger(&f.realm).changes().unwrap() == changes + 1);
}

fn a_refused_edit_changes_nothing(f: Fixture) {
    let key = f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap().key;
    let changes = f.registry.ledger(&f.realm).changes().unwrap();
    let past = KeyEdit { expires_at: Some(Some(NOW)), ..KeyEdit::default() };
    let unknown_role = KeyEdit { name: Some("x".parse().unwrap()), roles: Some(vec![slug("nobody")]), ..KeyEdit::default() };
    let crossed = KeyEdit { not_before: Some(Some(NOW + 9)), expires_at: Some(Some(NOW + 9)), ..KeyEdit::default() };
    let empty = KeyEdit { scope: Some(Scope::List(vec![])), ..KeyEdit::default() };
    for (edit, code) in [(past, "invalid"), (unknown_role, "not_found"), (crossed, "invalid"), (empty, "invalid")] {
        assert_eq!(f.registry.keys(&f.realm).edit(&caller(), key.key_id, &edit).unwrap_err().code(), code);
    }
    assert_eq!(f.registry.keys(&f.realm).get(key.key_id).unwrap(), key);
    assert_eq!(f.registry.ledger(&f.realm).changes().unwrap(), changes);
}

fn revocation_is_final_and_repeatable(f: Fixture) {
    let key = f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap().key;
    f.advance(7);
    let first = f.registry.keys(&f.realm).revoke(&caller(), key.key_id, None).unwrap();
    assert!(first.changed && first.key.state == State::Revoked && first.key.revoked_at == Some(NOW + 7));
    f.advance(7);
    let second = f.registry.keys(&f.realm).revoke(&caller(), key.key_id, None).unwrap();
    assert!(!second.changed && second.key == first.key);
    let unknown = f.registry.keys(&f.realm).revoke(&caller(), KeyId(1), None).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no key `key_00000000001`");
}

fn an_import_is_unique_and_marks_the_realm(f: Fixture) {
    assert!(!f.registry.realm(&f.realm).unwrap().imports);
    let digest = Digest::parse("sha256", &"ab".repeat(32)).unwrap();
    let key = f.registry.keys(&f.realm).import(&caller(), &new_key("legacy"), &digest).unwrap().key;
    assert_eq!((key.origin, key.first_12), (Origin::Imported, None));
    assert!(f.registry.realm(&f.realm).unwrap().imports);
    // The same, and one that a snapshot could not tell from it.
    let alike = format!("{}{}", "ab".repeat(16), "00".repeat(16));
    for text in ["ab".repeat(32), alike] {
        let digest = Digest::parse("sha256", &text).unwrap();
        let error = f.registry.keys(&f.realm).import(&caller(), &new_key("again"), &digest).unwrap_err();
        assert_eq!(error.code(), "digest_taken");
        assert!(!error.to_string().contains("abab"));
    }
    assert_eq!(f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap().len(), 1);
}

fn references_must_exist(f: Fixture) {
    let [mut org, mut owner, mut role] = [(); 3].map(|()| new_key("ci"));
    (org.org, owner.owner, role.roles) = (slug("nobody"), Some(slug("nobody")), vec![slug("nobody")]);
    for (new, kind) in [(org, "org"), (owner, "owner"), (role, "role")] {
        let error = f.registry.keys(&f.realm).make(&caller(), &new).unwrap_err().to_string();
        assert!(error.starts_with(&format!("there is no {kind} `nobody`")), "{error}");
    }
    assert!(f.registry.keys(&slug("elsewhere")).make(&caller(), &new_key("ci")).is_err());
    assert!(f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap().is_empty());
}

fn lists_page_filter_and_search(f: Fixture) {
    let mut ids = Vec::new();
    for i in 0..25 {
        let mut new = new_key(&format!("key {i:02}"));
        if i % 5 == 0 {
            (new.org, new.expires_at) = (slug("two"), Some(NOW + 50));
        }
        ids.push(f.registry.keys(&f.realm).make(&caller(), &new).unwrap().key.key_id);
    }
    f.registry.keys(&f.realm).revoke(&caller(), ids[3], None).unwrap();
    let list = |paging: &Paging| f.registry.keys(&f.realm).list(&KeyFilter::default(), KeyOrder::default(), paging);
    let mut paging = Paging::first(10);
    let mut seen = Vec::new();
    loop {
        let page = list(&paging).unwrap();
        seen.extend(page.keys.iter().map(|k| k.key_id));
        // A key made while paging neither repeats nor hides another.
        f.registry.keys(&f.realm).make(&caller(), &new_key("late")).unwrap();
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            break;
        }
    }
    ids.reverse();
    assert_eq!(seen, ids);
    let count = |filter: KeyFilter| f.registry.keys(&f.realm).all(&filter).unwrap().len();
    assert_eq!(count(KeyFilter { search: Some("KEY 1".into()), ..KeyFilter::default() }), 10);
    assert_eq!(count(KeyFilter { search: Some("%".into()), ..KeyFilter::default() }), 0);
    assert_eq!(count(KeyFilter { search: Some("key_".into()), state: Some(State::Revoked), ..KeyFilter::default() }), 1);
    assert_eq!(count(KeyFilter { org: Some(slug("two")), ..KeyFilter::default() }), 5);
    assert_eq!(count(KeyFilter { owner: Some(slug("alice")), state: Some(State::Revoked), ..KeyFilter::default() }), 1);
    assert_eq!(count(KeyFilter { state: Some(State::Expired), ..KeyFilter::default() }), 0);
    f.advance(50);
    assert_eq!(count(KeyFilter { state: Some(State::Expired), ..KeyFilter::default() }), 5);
    let bad = [Paging { cursor: Some("x".into()), ..Paging::default() }, Paging::first(501), Paging::first(0)];
    assert!(bad.iter().all(|paging| list(paging).is_err()));
}

fn a_key_may_begin_later(f: Fixture) {
    let mut new = new_key("later");
    new.not_before = Some(NOW + 10);
    let key = f.registry.keys(&f.realm).make(&caller(), &new).unwrap().key;
    assert_eq!(key.state, State::Pending);
    let pending = f.registry.keys(&f.realm).all(&KeyFilter { state: Some(State::Pending), ..KeyFilter::default() }).unwrap();
    assert_eq!(pending.len(), 1);
    f.advance(10);
    assert_eq!(f.registry.keys(&f.realm).get(key.key_id).unwrap().state, State::Active);
}

fn neither_a_dead_clock_nor_missing_randomness_makes_a_key(f: Fixture) {
    let dumb = f.open_with(Env::new(|| NOW, |_| false));
    assert_eq!(dumb.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap_err().code(), "no_randomness");
    let early = f.open_with(Env::new(|| 0, |_| true));
    assert_eq!(early.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap_err().code(), "clock");
    assert!(f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap().is_empty());
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
